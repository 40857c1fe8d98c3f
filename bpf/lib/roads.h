/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Where translated packets go, taken by each packet as road_plan.h planned it. Everything a packet
 * needs is looked up and checked before the first byte is written, so that what can't be carried is
 * answered or dropped as it came.
 */
#pragma once

#include "answer.h"
#include "flow.h"
#include "flow_make.h"
#include "handled.h"
#include "lookup.h"
#include "report.h"
#include "road_plan.h"
#include "route.h"

/* `serve` leaves the packet to others. No verdict of tc has this number. */
#define NOT_SERVED (-100)

/* Drops the packet and says why. */
static __always_inline int drop(const struct __sk_buff *skb, enum reason why)
{
	report(why, skb->len);
	return TC_ACT_SHOT;
}

/* Whether what the hook sees comes from the node's own stack. */
static __always_inline bool hook_is_egress(enum hook hook)
{
	return hook == HOOK_POD_OUT || hook == HOOK_ENI_OUT;
}

/* Up the stack as it would be without us, but with its new ends. */
static __always_inline int road_to_stack(struct __sk_buff *skb, const struct packet *packet,
					 const struct ends *ends, enum reason why)
{
	if (packet_translate(skb, packet, ends, packet->ttl))
		return drop(skb, REASON_DROP_TRUNCATED);
	report(why, skb->len);
	return VERDICT_NEXT;
}

/* Into a pod of this node. `is_filtered`: out of its veth, past its filters. */
static __always_inline int road_to_pod(struct __sk_buff *skb, const struct packet *packet,
				       const struct ends *ends, const struct pod_veth *pod,
				       bool is_filtered, bool is_forwarded)
{
	if (!pod->pod_mac_known)
		return drop(skb, REASON_DROP_NO_ROAD);
	if (is_forwarded && packet->ttl <= 1)
		return answer_with_error(skb, packet, ANSWER_TTL, 0, !is_forwarded);
	if (packet_exceeds(skb, packet, pod->mtu))
		return answer_with_error(skb, packet, ANSWER_TOO_BIG, pod->mtu, !is_forwarded);
	if (packet_translate(skb, packet, ends, packet->ttl - is_forwarded) ||
	    rewrite_macs(skb, pod->pod_mac, pod->host_mac))
		return drop(skb, REASON_DROP_TRUNCATED);
	report(REASON_TRANSLATED_TO_POD, skb->len);
	if (!is_filtered)
		return bpf_redirect_peer(pod->ifindex, 0);
	handled_set(skb);
	return bpf_redirect(pod->ifindex, 0);
}

/* Out of the ENI that owns the new source. */
static __always_inline int road_to_eni(struct __sk_buff *skb, const struct packet *packet,
				       const struct ends *ends, __u32 ifindex, bool is_forwarded)
{
	const struct eni_egress *eni = eni_by_index(ifindex, packet->is_ipv6);

	if (!eni || !eni->next_hop_mac_known)
		return drop(skb, REASON_DROP_NO_ROAD);
	if (is_forwarded && packet->ttl <= 1)
		return answer_with_error(skb, packet, ANSWER_TTL, 0, !is_forwarded);
	if (packet_exceeds(skb, packet, eni->mtu))
		return answer_with_error(skb, packet, ANSWER_TOO_BIG, eni->mtu, !is_forwarded);
	if (packet_translate(skb, packet, ends, packet->ttl - is_forwarded) ||
	    rewrite_macs(skb, eni->next_hop_mac, eni->eni_mac))
		return drop(skb, REASON_DROP_TRUNCATED);
	report(REASON_TRANSLATED_TO_ENI, skb->len);
	handled_set(skb);
	return bpf_redirect(ifindex, 0);
}

/* Up the host's stack as if it had come in by `ifindex`, which the kernel's source check expects.
 */
static __always_inline int road_to_host(struct __sk_buff *skb, const struct packet *packet,
					const struct ends *ends, __u32 ifindex)
{
	const struct eni_egress *eni = eni_by_index(ifindex, packet->is_ipv6);

	if (!eni)
		return drop(skb, REASON_DROP_NO_ROAD);
	if (packet_translate(skb, packet, ends, packet->ttl) ||
	    rewrite_macs(skb, eni->eni_mac, eni->next_hop_mac))
		return drop(skb, REASON_DROP_TRUNCATED);
	report(REASON_TRANSLATED_TO_HOST, skb->len);
	return bpf_redirect(ifindex, BPF_F_INGRESS);
}

/* Up the stack from an ingress hook. The kernel's source check (rp_filter) asks which way the
 * translated destination would answer: by the primary ENI, whatever ENI was dialled. So it comes in
 * there, where the CNI has the check loose.
 */
static __always_inline int road_up(struct __sk_buff *skb, const struct packet *packet,
				   const struct ends *ends, enum hook hook)
{
	const struct settings *settings = node_settings();
	__u32 primary = settings ? READ_ONCE(settings->primary_ifindex) : 0;

	if (hook == HOOK_ENI_IN && primary && primary != skb->ifindex &&
	    eni_by_index(primary, packet->is_ipv6))
		return road_to_host(skb, packet, ends, primary);
	return road_to_stack(skb, packet, ends, REASON_TRANSLATED_TO_STACK);
}

/* Carries a packet of a flow. */
static __always_inline int road_take(struct __sk_buff *skb, const struct packet *packet,
				     const struct flow_view *view, enum hook hook)
{
	const bool is_out = hook_is_egress(hook);
	const struct flow *flow = view->flow;
	const struct pod_veth *pod;
	__u32 ifindex = flow->ifindex;
	enum flow_road road = flow->road;

	/* What leaves by the right interface already just goes on. */
	if (hook == HOOK_POD_OUT || (hook == HOOK_ENI_OUT && road == ROAD_ENI &&
				     ifindex == skb->ifindex))
		return road_to_stack(skb, packet, &view->ends, REASON_TRANSLATED_TO_STACK);

	switch (road) {
	case ROAD_POD:
	case ROAD_POD_FILTERED:
		pod = pod_lookup(view->ends.destination, packet->is_ipv6);
		if (!pod)
			return drop(skb, REASON_DROP_NO_ROAD);
		/* A filter may have come since the flow was made. */
		if (!is_out && pod->watched && !flow->masqueraded)
			return road_up(skb, packet, &view->ends, hook);
		if (pod->watched && !pod->policed)
			return drop(skb, REASON_DROP_WATCHED);
		return road_to_pod(skb, packet, &view->ends, pod, is_out || pod->watched, !is_out);
	case ROAD_ENI:
		return road_to_eni(skb, packet, &view->ends, ifindex, !is_out);
	case ROAD_HOST:
		if (hook == HOOK_ENI_IN && ifindex == skb->ifindex)
			return road_to_stack(skb, packet, &view->ends, REASON_TRANSLATED_TO_HOST);
		return road_to_host(skb, packet, &view->ends, ifindex);
	default:
		return road_up(skb, packet, &view->ends, hook);
	}
}
