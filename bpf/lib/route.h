/* SPDX-License-Identifier: GPL-2.0-only
 *
 * The two shortcuts: into a pod on this node, and out of the ENI that owns a pod's address. Each
 * checks all that it needs before it writes a byte, so that "left to the stack" always means the
 * packet as it came. Returns the hook's verdict and counts it.
 */
#pragma once

#include "conntrack.h"
#include "lookup.h"
#include "packet.h"
#include "report.h"
#include "ttl.h"

/* Leaves the packet to the stack, unchanged, and says why. */
static __always_inline int to_stack(const struct __sk_buff *skb, enum reason why)
{
	report(why, skb->len);
	return VERDICT_NEXT;
}

/* Rewrites both MACs, by helper for the reason in ttl.h. Nothing sums over them: CHECKSUM_COMPLETE
 * starts behind.
 */
static __always_inline int rewrite_macs(struct __sk_buff *skb, const __u8 *to, const __u8 *from)
{
	__u8 macs[2 * ETH_ALEN];

	__builtin_memcpy(macs, to, ETH_ALEN);
	__builtin_memcpy(macs + ETH_ALEN, from, ETH_ALEN);
	return bpf_skb_store_bytes(skb, 0, macs, sizeof(macs), 0);
}

/* Into a pod of this node, straight behind its veth. `why` names the road: from a pod or an ENI. */
static __always_inline int route_to_pod(struct __sk_buff *skb, const struct packet *packet,
					const struct pod_veth *pod, enum reason why)
{
	if (pod->watched)
		return to_stack(skb, REASON_STACK_WATCHED);
	if (!pod->pod_mac_known)
		return to_stack(skb, REASON_STACK_NO_MAC);
	if (packet->ttl <= 1)
		return to_stack(skb, REASON_STACK_TTL);
	if (packet_exceeds(skb, packet, pod->mtu))
		return to_stack(skb, REASON_STACK_OVERSIZE);
	if (conntrack_knows(skb, packet))
		return to_stack(skb, REASON_STACK_CONNTRACK);

	if (ttl_decrement(skb, packet) || rewrite_macs(skb, pod->pod_mac, pod->host_mac))
		return VERDICT_NEXT;
	report(why, skb->len);
	return bpf_redirect_peer(pod->ifindex, 0);
}

/* Out of the ENI that owns the packet's source address. */
static __always_inline int route_to_eni(struct __sk_buff *skb, const struct packet *packet,
					const struct eni_egress *eni)
{
	if (!eni->next_hop_mac_known)
		return to_stack(skb, REASON_STACK_NO_MAC);
	if (packet->ttl <= 1)
		return to_stack(skb, REASON_STACK_TTL);
	if (packet_exceeds(skb, packet, eni->mtu))
		return to_stack(skb, REASON_STACK_OVERSIZE);
	if (conntrack_knows(skb, packet))
		return to_stack(skb, REASON_STACK_CONNTRACK);

	if (ttl_decrement(skb, packet) || rewrite_macs(skb, eni->next_hop_mac, eni->eni_mac))
		return VERDICT_NEXT;
	report(REASON_POD_TO_ENI, skb->len);
	return bpf_redirect(eni->ifindex, 0);
}
