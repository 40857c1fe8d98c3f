/* SPDX-License-Identifier: GPL-2.0-only
 *
 * rewrite.h for XDP: the same new ends and checksums by direct writes into the frame, for packets
 * without options or extension headers. There is no skb yet: no CHECKSUM_PARTIAL to mind on real
 * hardware (a veth's sender may have left one, which can't be seen here: docs/operations.md), and
 * no sum of the whole packet that would have to follow.
 */
#pragma once

#include "packet.h"
#include "rewrite.h"

/* A checksum after a difference of the sum it covers; UDP's 0 is written as all ones. */
static __always_inline __sum16 checksum_follow(__sum16 check, __u64 difference, bool is_udp)
{
	__u16 after = ~sum_fold((__u64)(__u16)~check + difference);

	return is_udp && !after ? 0xffff : after;
}

/* Ports and the transport checksum. Returns 0, or -1 when the frame is too short. */
static __always_inline int frame_rewrite_l4(void *l4, void *end, const struct packet *packet,
					    const struct ends *ends, __u64 difference)
{
	difference += (__u64)(__u16)~packet->source_port + (__u16)~packet->destination_port +
		      ends->source_port + ends->destination_port;
	if (packet->protocol == PROTOCOL_TCP) {
		struct tcphdr *tcp = l4;

		if ((void *)(tcp + 1) > end)
			return -1;
		tcp->source = ends->source_port;
		tcp->dest = ends->destination_port;
		tcp->check = checksum_follow(tcp->check, difference, false);
		return 0;
	}
	struct udphdr *udp = l4;

	if ((void *)(udp + 1) > end)
		return -1;
	udp->source = ends->source_port;
	udp->dest = ends->destination_port;
	if (udp->check || packet->is_ipv6)
		udp->check = checksum_follow(udp->check, difference, true);
	return 0;
}

/* Gives a TCP or UDP frame without doubt new ends, TTL and Ethernet addresses. Returns 0, or -1
 * with the frame as it was: it is too short.
 */
static __always_inline int frame_rewrite(struct xdp_md *ctx, const struct packet *packet,
					 const struct ends *ends, __u8 ttl, const __u8 *to,
					 const __u8 *from)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *ethernet = data;
	__u64 difference;

	if (packet->is_ipv6) {
		struct ipv6hdr *ip = data + ETH_HLEN;

		if ((void *)(ip + 1) > end)
			return -1;
		difference = (__u32)bpf_csum_diff((__be32 *)packet->source, 32,
						  (__be32 *)ends->source, 32, 0);
		if (frame_rewrite_l4(ip + 1, end, packet, ends, difference))
			return -1;
		__builtin_memcpy(&ip->saddr, ends->source, 16);
		__builtin_memcpy(&ip->daddr, ends->destination, 16);
		ip->hop_limit = ttl;
	} else {
		struct iphdr *ip = data + ETH_HLEN;
		__be32 before[2], after[2];

		if ((void *)(ip + 1) > end)
			return -1;
		__builtin_memcpy(&before[0], packet->source, 4);
		__builtin_memcpy(&before[1], packet->destination, 4);
		__builtin_memcpy(&after[0], ends->source, 4);
		__builtin_memcpy(&after[1], ends->destination, 4);
		difference = sum_fold((__u64)(__u32)~before[0] + (__u32)~before[1] + after[0] +
				      after[1]);
		if (frame_rewrite_l4(ip + 1, end, packet, ends, difference))
			return -1;
		ip->saddr = after[0];
		ip->daddr = after[1];
		ip->ttl = ttl;
		ip->check = checksum_follow(ip->check,
					    difference +
						    (__u16)~bpf_htons(packet->ttl << 8) +
						    bpf_htons(ttl << 8),
					    false);
	}
	__builtin_memcpy(ethernet->h_dest, to, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, from, ETH_ALEN);
	return 0;
}
