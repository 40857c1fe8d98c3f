/* SPDX-License-Identifier: GPL-2.0 */
/* A program that no verifier accepts, beside one that every verifier does. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int fine(struct __sk_buff *skb)
{
	return skb->len > 100;
}

/* Reads the packet without having looked where it ends. */
SEC("tc")
int careless(struct __sk_buff *skb)
{
	return *((__u8 *)(long)skb->data + 20);
}

char _license[] SEC("license") = "GPL";
