/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What a pod sends, at the ingress of its veth's host end: to a pod of this node, or out of the
 * ENI that owns the pod's address. Everything else is the stack's.
 */
#include "admit.h"
#include "lookup.h"
#include "route.h"

SEC("tc")
int needletail_pod(struct __sk_buff *skb)
{
	struct packet packet = {};

	if (!packet_admitted(skb, &packet))
		return VERDICT_NEXT;

	const struct pod_veth *self = pod_lookup(packet.source, packet.is_ipv6);

	if (!self || self->ifindex != skb->ifindex)
		return to_stack(skb, REASON_STACK_SOURCE);
	if (self->watched)
		return to_stack(skb, REASON_STACK_WATCHED);

	const struct pod_veth *other = pod_lookup(packet.destination, packet.is_ipv6);

	if (other)
		return route_to_pod(skb, &packet, other, REASON_POD_TO_POD);
	if (address_is_local(packet.destination, packet.is_ipv6))
		return to_stack(skb, REASON_STACK_LOCAL);
	if (!address_is_inside_vpc(packet.destination, packet.is_ipv6))
		return to_stack(skb, REASON_STACK_OUTSIDE_VPC);

	const struct eni_egress *eni = eni_lookup(packet.source, packet.is_ipv6);

	if (!eni)
		return to_stack(skb, REASON_STACK_NO_ENI);
	return route_to_eni(skb, &packet, eni);
}

char LICENSE[] SEC("license") = "GPL";
