/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Where the packets of a new flow will go, planned once for both directions. Who carries them is
 * roads.h, or XDP.
 */
#pragma once

#include "flow_make.h"
#include "lookup.h"

/* Where a program sits; a constant in each, so that only its own branches remain. */
enum hook {
	HOOK_POD_IN, /* what a pod sends */
	HOOK_POD_OUT, /* what the stack sends to a pod */
	HOOK_ENI_IN, /* what an ENI receives */
	HOOK_ENI_OUT, /* what the stack sends by an ENI */
};

/* Fills the plan's roads. Returns 0 or the reason why there is none.
 * verifier: global, verified once.
 */
__noinline int roads_plan(const struct packet *packet, __u32 ifindex, enum hook hook)
{
	const struct settings *settings = node_settings();
	struct flow_plan *plan = flow_plan();
	const struct eni_egress *eni;
	const struct pod_veth *pod;
	__u8 source[16];

	if (!packet || !plan || !settings)
		return REASON_DROP_NO_ROAD;
	/* verifier: 6.1 takes no argument of a global function as a map's key */
	__builtin_memcpy(source, packet->source, 16);

	/* How the client gets its replies. */
	plan->reply_ifindex = 0;
	if (hook == HOOK_POD_IN) {
		plan->reply_road = ROAD_POD;
	} else {
		plan->reply_road = hook == HOOK_ENI_IN ? ROAD_ENI : ROAD_HOST;
		plan->reply_ifindex = ifindex;
	}

	plan->forward_ifindex = 0;
	pod = pod_lookup(plan->forward.destination, packet->is_ipv6);
	if (pod) {
		if (hook == HOOK_ENI_OUT) {
			/* The reply must be translated at the pod's veth, before its filters. */
			if (pod->watched && !pod->policed)
				return REASON_DROP_WATCHED;
			plan->forward_road = ROAD_POD_FILTERED;
		} else if (!pod->watched) {
			plan->forward_road = ROAD_POD;
		} else if (!plan->source_is_ours) {
			plan->forward_road = ROAD_STACK;
		} else if (pod->policed) {
			plan->forward_road = ROAD_POD_FILTERED;
		} else {
			return REASON_DROP_WATCHED;
		}
		return 0;
	}
	if (address_is_local(plan->forward.destination, packet->is_ipv6)) {
		/* On its way out a packet can't turn round into the host it comes from. */
		plan->forward_road = ROAD_STACK;
		return hook == HOOK_ENI_OUT ? REASON_DROP_NO_ROAD : 0;
	}

	plan->forward_road = ROAD_ENI;
	if (plan->source_is_ours) {
		plan->forward_ifindex = READ_ONCE(settings->primary_ifindex);
	} else if (hook == HOOK_ENI_OUT) {
		plan->forward_ifindex = ifindex;
	} else {
		eni = hook == HOOK_POD_IN ? eni_lookup(source, packet->is_ipv6) : NULL;
		if (eni)
			plan->forward_ifindex = eni->ifindex;
		else
			plan->forward_road = ROAD_STACK; /* the kernel's rules know the way */
	}
	return 0;
}
