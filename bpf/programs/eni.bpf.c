/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What arrives on an ENI: what dials a node port, a load balancer's or an external address, or
 * belongs to a translated flow, goes where that leads; what is for a pod of this node straight into
 * the pod. Everything else is the stack's.
 */
#include "admit.h"
#include "lookup.h"
#include "route.h"
#include "serve.h"

SEC("tc")
int needletail_eni(struct __sk_buff *skb)
{
	const struct control *control = control_if_active();
	const struct pod_veth *pod;
	struct packet packet = {};
	int verdict;

	if (!control)
		return VERDICT_NEXT;
	handled_take(skb);

	int why = packet_parse(skb, &packet);

	if (packet_has_addresses(&packet)) {
		if (packet_is_martian(&packet))
			return drop(skb, REASON_DROP_MARTIAN);
		if (!why && packet_has_special_address(&packet))
			why = REASON_STACK_ADDRESS;
	}
	if (why) {
		verdict = serve_unparsed(skb, &packet, why, HOOK_ENI_IN);
		return verdict == NOT_SERVED ? to_stack(skb, why) : verdict;
	}

	verdict = serve(skb, &packet, HOOK_ENI_IN, SENDER_EXTERNAL, control->services, false);
	if (verdict != NOT_SERVED)
		return verdict;
	if (!control->pod_routing)
		return VERDICT_NEXT;
	if (packet.doubt)
		return to_stack(skb, packet.doubt);
	pod = pod_lookup(packet.destination, packet.is_ipv6);
	if (!pod)
		return to_stack(skb, REASON_STACK_NOT_A_POD);
	return route_to_pod(skb, &packet, pod, REASON_ENI_TO_POD);
}

char LICENSE[] SEC("license") = "GPL";
