/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What leaves by an ENI, at its egress: replies and the node's own packets. Whatever one of our
 * ingress hooks sent here has its translation already.
 */
#include "conntrack.h"
#include "generation.h"
#include "handled.h"

SEC("tc")
int needletail_eni_out(struct __sk_buff *skb)
{
	const struct control *control = control_if_active();

	if (!control)
		return VERDICT_NEXT;
	handled_take(skb);
	return VERDICT_NEXT;
}

char LICENSE[] SEC("license") = "GPL";
