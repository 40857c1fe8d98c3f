/* SPDX-License-Identifier: GPL-2.0-only
 *
 * The time to live, decremented as a router does. 1 and 0 are the stack's to answer: callers ask
 * before they touch the packet.
 */
#pragma once

#include "packet.h"

/* Takes one from the TTL or hop limit. Returns 0, or a negative errno with the packet unchanged.
 *
 * By helper, not by direct write: TCP sends clones, and a program with one direct write starts by
 * copying the whole linear part of every clone (bpf_unclone_prologue), which costs more than all
 * the rest of the road. The helper only asks for the header, which the sender left writable.
 */
static __always_inline int ttl_decrement(struct __sk_buff *skb, const struct packet *packet)
{
	__u8 ttl = packet->ttl - 1;

	if (packet->is_ipv6)
		/* No header checksum covers it, but CHECKSUM_COMPLETE does: hence the flag. */
		return bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct ipv6hdr, hop_limit),
					   &ttl, sizeof(ttl), BPF_F_RECOMPUTE_CSUM);

	/* TTL, protocol and checksum are neighbours: one write. RFC 1624: the TTL is the high half
	 * of its 16-bit word, so its decrement adds 0x0100 to the header's checksum with end-around
	 * carry. Both together leave the sum over the header as it was: CHECKSUM_COMPLETE stays
	 * right without the flag.
	 */
	__u32 check = (__u32)packet->ipv4_check + bpf_htons(0x0100);
	struct {
		__u8 ttl;
		__u8 protocol;
		__u16 check;
	} word = {ttl, packet->protocol, (__u16)(check + (check >= 0xffff))};

	return bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct iphdr, ttl), &word, sizeof(word),
				   0);
}
