/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Services for packets: what belongs to a flow follows it, what dials a frontend begins one, and
 * everything else is said to be none of ours.
 */
#pragma once

#include "icmp.h"
#include "roads.h"
#include "service.h"

/* `serve` leaves the packet to others. No verdict of tc has this number. */
#define NOT_SERVED (-100)

/* A packet that begins no flow we know. Returns 0 when its flow was made, by us or meanwhile by
 * another CPU; else the hook's verdict, or NOT_SERVED.
 */
static __always_inline int flow_begin(struct __sk_buff *skb, const struct packet *packet,
				      enum hook hook, enum sender sender)
{
	const struct local_address *local = local_address_lookup(packet->destination,
								 packet->is_ipv6);
	const struct service_head *head = frontend_of_packet(packet, local);
	int why;

	if (!head)
		return NOT_SERVED;
	/* A ClusterIP on an interface of the host is served there (NodeLocal DNSCache). */
	if (local && head->kind == FRONTEND_CLUSTER_IP)
		return NOT_SERVED;
	if (hook == HOOK_ENI_OUT) {
		/* The stack tracks all that it sends, and the CNI gives what seems to leave the VPC the
		 * node's address. A pod's packet must not reach a backend so: it would pass every policy.
		 */
		__u8 original[16];

		if (conntrack_original(skb, packet, original) == TRACKED_TRANSLATED &&
		    !address_is_local(original, packet->is_ipv6))
			return drop(skb, REASON_DROP_WATCHED);
	} else if (packet->protocol != PROTOCOL_TCP && conntrack_knows(skb, packet)) {
		report(REASON_STACK_CONNTRACK, skb->len);
		return VERDICT_NEXT;
	}
	why = service_plan(packet, sender);
	if (why == REASON_REJECTED_NO_BACKEND)
		return answer_with_error(skb, packet, ANSWER_UNREACHABLE, 0, hook_is_egress(hook));
	if (!why)
		why = roads_plan(packet, skb->ifindex, hook);
	if (!why)
		why = flow_make(skb, packet);
	return why > FLOW_EXISTS ? drop(skb, why) : 0;
}

/* Removes a closed flow for a SYN, so that its port can be used again at once. */
static __always_inline bool flow_is_reopened(const struct packet *packet,
					     const struct flow_view *view)
{
	if (!flow_begins_anew(packet, view))
		return false;
	flow_delete(packet, &view->ends);
	report(REASON_FLOW_REOPENED, 0);
	return true;
}

/* Whether a packet of this flow, from a pod that others watch, is translated at the pod's veth: only
 * where its client is hidden behind the node (bpf/README.md, "Watched pods").
 */
static __always_inline bool flow_ends_here(const struct flow *flow)
{
	return flow->masqueraded && flow->direction == FLOW_REPLY;
}

/* Finds the flow that an ICMP error is about and turns its quote back. Returns as `flow_serve`. */
static __always_inline int icmp_serve(struct __sk_buff *skb, const struct packet *packet,
				      struct flow_view *view, bool is_watched)
{
	struct quote quote = {};

	if (quote_read(skb, packet, &quote) || !icmp_flow_find(view, &quote, packet->is_ipv6) ||
	    (is_watched && !flow_ends_here(view->flow)))
		return NOT_SERVED;
	if (icmp_translate(skb, packet, &quote, view))
		return drop(skb, REASON_DROP_TRUNCATED);
	report(REASON_ICMP_TRANSLATED, skb->len);
	return 0;
}

/* Finds the packet's flow or makes it. Returns 0 with the flow in `view`, or the hook's verdict,
 * counted, or NOT_SERVED.
 */
static __always_inline int flow_serve(struct __sk_buff *skb, const struct packet *packet,
				      enum hook hook, enum sender sender, bool may_begin,
				      bool is_watched, struct flow_view *view)
{
	bool found = flow_of_packet(view, packet);

	if (found && READ_ONCE(view->flow->state) == FLOW_PENDING) {
		if (!flow_await(packet))
			return drop(skb, REASON_DROP_RACE);
		found = false;
	} else if (!found || flow_is_reopened(packet, view)) {
		int verdict;

		if (!may_begin || !packet_may_begin_flow(packet))
			return NOT_SERVED;
		verdict = flow_begin(skb, packet, hook, sender);
		if (verdict)
			return verdict;
		found = false;
	}
	if (!found && !flow_of_packet(view, packet))
		return drop(skb, REASON_DROP_RACE);
	if (is_watched && !flow_ends_here(view->flow))
		return NOT_SERVED;
	flow_touch(packet, view->flow);
	return 0;
}

/* Follows the packet's flow or begins one. Returns the hook's verdict, counted, or NOT_SERVED.
 * `may_begin`: new flows are made. `is_watched`: it comes from a pod that others watch.
 */
static __always_inline int serve(struct __sk_buff *skb, const struct packet *packet, enum hook hook,
				 enum sender sender, bool may_begin, bool is_watched)
{
	struct flow_view view = {};
	int verdict;

	if (packet_is_icmp_error(packet))
		verdict = icmp_serve(skb, packet, &view, is_watched);
	else
		verdict = flow_serve(skb, packet, hook, sender, may_begin, is_watched, &view);
	return verdict ? verdict : road_take(skb, packet, &view, hook);
}
