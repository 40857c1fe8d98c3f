/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What arrives on the primary ENI, before the kernel makes an skb of it. Frames of several pages
 * are taken too ("frags"): a driver refuses a program that can't once the MTU is beyond one page.
 */
#include <linux/if_ether.h>

#include "generation.h"
#include "report.h"

SEC("xdp.frags")
int needletail_xdp(struct xdp_md *ctx)
{
	const struct control *control = control_if_active();

	if (!control || !control->services)
		return XDP_PASS;

	__u64 bytes = bpf_xdp_get_buff_len(ctx);

	if (bytes < ETH_HLEN)
		report(REASON_STACK_NOT_IP, bytes);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
