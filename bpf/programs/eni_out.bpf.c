/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What leaves by an ENI, at its egress: replies of local sockets and of watched pods that must show
 * the service again, and what the node itself or a watched pod dials. Whatever one of our ingress
 * hooks sent here has its translation already.
 */
#include "admit.h"
#include "handled.h"
#include "lookup.h"
#include "serve.h"

/* The node itself, a pod that came through the stack, or somebody whose packets we forward. */
static __always_inline enum sender sender_of(const struct packet *packet)
{
	if (address_is_local(packet->source, packet->is_ipv6))
		return SENDER_HOST;
	return pod_lookup(packet->source, packet->is_ipv6) ? SENDER_POD : SENDER_EXTERNAL;
}

SEC("tc")
int needletail_eni_out(struct __sk_buff *skb)
{
	const struct control *control = control_if_active();
	struct packet packet = {};
	int verdict;

	if (!control || handled_take(skb))
		return VERDICT_NEXT;

	int why = packet_parse(skb, &packet);

	if (packet_has_special_address(&packet))
		return VERDICT_NEXT;
	verdict = why ? serve_unparsed(skb, &packet, why, HOOK_ENI_OUT) :
		serve(skb, &packet, HOOK_ENI_OUT, sender_of(&packet), control->services, false);
	return verdict == NOT_SERVED ? VERDICT_NEXT : verdict;
}

char LICENSE[] SEC("license") = "GPL";
