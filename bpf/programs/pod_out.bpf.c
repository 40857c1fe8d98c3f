/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What the stack sends to a pod, at the egress of its veth's host end, in front of the filters that
 * others have there: replies of a backend that was reached through the stack must show the service
 * that the pod dialled. Whatever one of our ingress hooks sent here has its translation already.
 */
#include "admit.h"
#include "handled.h"
#include "serve.h"

SEC("tc")
int needletail_pod_out(struct __sk_buff *skb)
{
	const struct control *control = control_if_active();
	struct packet packet = {};
	int verdict;

	if (!control || handled_take(skb))
		return VERDICT_NEXT;

	int why = packet_parse(skb, &packet);

	if (packet_has_special_address(&packet))
		return VERDICT_NEXT;
	verdict = why ? serve_unparsed(skb, &packet, why, HOOK_POD_OUT) :
		serve(skb, &packet, HOOK_POD_OUT, SENDER_EXTERNAL, false, false);
	return verdict == NOT_SERVED ? VERDICT_NEXT : verdict;
}

char LICENSE[] SEC("license") = "GPL";
