/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What a pod sends, at the ingress of its veth's host end: what dials a service or belongs to a
 * translated flow goes where that leads; the rest to a pod of this node, or out of the ENI that
 * owns the pod's address. Everything else is the stack's.
 */
#include "admit.h"
#include "lookup.h"
#include "route.h"
#include "serve.h"
#include "source.h"

/* What is neither a service's nor a flow's. */
static __always_inline int pod_plain(struct __sk_buff *skb, const struct packet *packet)
{
	const struct pod_veth *other;
	const struct eni_egress *eni;

	if (packet->doubt)
		return to_stack(skb, packet->doubt);
	other = pod_lookup(packet->destination, packet->is_ipv6);
	if (other)
		return route_to_pod(skb, packet, other, REASON_POD_TO_POD);
	if (address_is_local(packet->destination, packet->is_ipv6))
		return to_stack(skb, REASON_STACK_LOCAL);
	if (!address_is_inside_vpc(packet->destination, packet->is_ipv6))
		return to_stack(skb, REASON_STACK_OUTSIDE_VPC);
	eni = eni_lookup(packet->source, packet->is_ipv6);
	if (!eni)
		return to_stack(skb, REASON_STACK_NO_ENI);
	return route_to_eni(skb, packet, eni);
}

SEC("tc")
int needletail_pod(struct __sk_buff *skb)
{
	const struct control *control = control_if_active();
	const struct pod_veth *self;
	struct packet packet = {};
	bool is_watched = false;
	int verdict;

	if (!control)
		return VERDICT_NEXT;
	handled_take(skb); /* a pod may have set it */

	int why = packet_parse(skb, &packet);

	if (packet_has_addresses(&packet)) {
		if (packet_is_martian(&packet))
			return drop(skb, REASON_DROP_MARTIAN);
		if (!why && packet_has_special_address(&packet))
			why = REASON_STACK_ADDRESS;
		self = pod_lookup(packet.source, packet.is_ipv6);
		if (!self || self->ifindex != skb->ifindex)
			return source_is_spoofed(&packet, skb->ifindex) ?
				       drop(skb, REASON_DROP_SPOOFED) :
				       to_stack(skb, why ?: REASON_STACK_SOURCE);
		is_watched = self->watched;
	}
	if (why) {
		verdict = serve_unparsed(skb, &packet, why, HOOK_POD_IN);
		return verdict == NOT_SERVED ? to_stack(skb, why) : verdict;
	}

	verdict = serve(skb, &packet, HOOK_POD_IN, SENDER_POD, control->services && !is_watched,
			is_watched);
	if (verdict != NOT_SERVED)
		return verdict;
	if (is_watched)
		return to_stack(skb, REASON_STACK_WATCHED);
	if (!control->pod_routing)
		return VERDICT_NEXT;
	return pod_plain(skb, &packet);
}

char LICENSE[] SEC("license") = "GPL";
