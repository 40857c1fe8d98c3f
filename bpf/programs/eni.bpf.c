/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What arrives on an ENI for a pod of this node: straight into the pod. Everything else is the
 * stack's.
 */
#include "admit.h"
#include "lookup.h"
#include "route.h"

SEC("tc")
int needletail_eni(struct __sk_buff *skb)
{
	struct packet packet = {};

	if (!packet_admitted(skb, &packet))
		return VERDICT_NEXT;

	const struct pod_veth *pod = pod_lookup(packet.destination, packet.is_ipv6);

	if (!pod)
		return to_stack(skb, REASON_STACK_NOT_A_POD);
	return route_to_pod(skb, &packet, pod, REASON_ENI_TO_POD);
}

char LICENSE[] SEC("license") = "GPL";
