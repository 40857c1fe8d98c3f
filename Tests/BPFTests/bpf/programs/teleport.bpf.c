/* SPDX-License-Identifier: GPL-2.0 */
/* Calls a kernel function that no kernel has. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern int bpf_teleport(struct __sk_buff *skb) __ksym;

SEC("tc")
int leap(struct __sk_buff *skb)
{
	return bpf_teleport(skb);
}

char _license[] SEC("license") = "GPL";
