/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What goes to a pod, at the egress of its veth's host end, in front of the filters that others
 * have there. Whatever one of our ingress hooks sent here has its translation already.
 */
#include "conntrack.h"
#include "generation.h"
#include "handled.h"

SEC("tc")
int needletail_pod_out(struct __sk_buff *skb)
{
	const struct control *control = control_if_active();

	if (!control)
		return VERDICT_NEXT;
	handled_take(skb);
	return VERDICT_NEXT;
}

char LICENSE[] SEC("license") = "GPL";
