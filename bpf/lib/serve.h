/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Services for packets: what belongs to a flow follows it, what dials a frontend begins one, and
 * everything else is said to be none of ours.
 */
#pragma once

#include "fragment.h"
#include "icmp.h"
#include "roads.h"
#include "service.h"

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
		/* The stack tracks all that it sends, and the CNI gives what seems to leave the
		 * VPC the node's address. A pod's packet must not reach a backend so: it would
		 * pass every policy.
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

/* Whether a packet of this flow, from a pod that others watch, is translated at the pod's veth:
 * only where its client is hidden behind the node (bpf/README.md, "Watched pods").
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

/* Whether a first fragment that is too short for its transport header still says, by its ports,
 * that it is for us. Most such fragments are made to pass filters; the stack would answer them.
 * verifier: global, verified once.
 */
__noinline int stub_is_ours(struct __sk_buff *skb, struct packet *packet)
{
	const struct local_address *local;
	__be16 ports[2];

	if (!packet || bpf_skb_load_bytes(skb, packet->l4_offset, ports, sizeof(ports)))
		return 0;

	/* verifier: 6.1 takes no argument of a global function as a map's key */
	struct packet copy = *packet;

	packet->source_port = ports[0];
	packet->destination_port = ports[1];
	copy.source_port = ports[0];
	copy.destination_port = ports[1];
	local = local_address_lookup(copy.destination, copy.is_ipv6);
	return flow_of(copy.source, copy.destination, copy.protocol, ports[0], ports[1],
		       copy.is_ipv6) ||
	       frontend_of_packet(&copy, local);
}

/* What to do with a packet that `packet_parse` gave up on: TC_ACT_SHOT, counted, for a first
 * fragment without a transport header that is ours; else NOT_SERVED, and its later ones follow.
 */
static __always_inline int serve_unparsed(struct __sk_buff *skb, struct packet *packet, int why,
					  enum hook hook)
{
	int verdict;

	if (why != REASON_STACK_NOT_IP || !packet_is_piece(packet) ||
	    packet_is_later_fragment(packet))
		return NOT_SERVED;
	verdict = stub_is_ours(skb, packet) ? drop(skb, REASON_DROP_FRAGMENT) : NOT_SERVED;
	return fragment_settle(skb, packet, hook_is_egress(hook), verdict) ?: verdict;
}

/* Follows the packet's flow or begins one. Returns the hook's verdict, counted, or NOT_SERVED.
 * `may_begin`: new flows are made. `is_watched`: it comes from a pod that others watch.
 */
static __always_inline int serve(struct __sk_buff *skb, struct packet *packet, enum hook hook,
				 enum sender sender, bool may_begin, bool is_watched)
{
	const bool is_egress = hook_is_egress(hook);
	struct flow_view view = {};
	int verdict;

	if (packet_is_later_fragment(packet)) {
		verdict = fragment_arrive(skb, packet, is_egress);
		if (verdict)
			return verdict;
	}
	if (packet_is_icmp_error(packet))
		verdict = icmp_serve(skb, packet, &view, is_watched);
	else
		verdict = flow_serve(skb, packet, hook, sender, may_begin, is_watched, &view);
	/* verifier: read again; a value kept would have it walk the flow's search once for each. */
	if (READ_ONCE(packet->is_fragment)) {
		if (fragment_settle(skb, packet, is_egress, verdict))
			return TC_ACT_SHOT;
	}
	/* verifier: 6.1 does not remember of a verdict that it is not 0, hence the flow, too */
	if (verdict || !view.flow)
		return verdict;
	return road_take(skb, packet, &view, hook);
}
