/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Gives a packet other ends: addresses, ports, TTL and every checksum over them, in as few writes
 * as there are places. By helper, not by direct write, for the reason in ttl.h.
 *
 * CHECKSUM_COMPLETE (skb->csum sums what lies behind the Ethernet header) must stay right, write by
 * write. IPv4: the header sums to the same before and after, since its own checksum makes up for
 * the addresses: no flag; the transport checksum's change is made up for by BPF_F_PSEUDO_HDR. IPv6:
 * nothing makes up for the addresses in the header, so they are stored with BPF_F_RECOMPUTE_CSUM,
 * and BPF_F_PSEUDO_HDR takes off what the transport checksum changed. Ports and the checksum that
 * covers them cancel out: no flag, both. CHECKSUM_PARTIAL: the field holds the pseudo-header's sum
 * alone, which is what BPF_F_PSEUDO_HDR changes; ports are summed later by whoever completes it.
 */
#pragma once

#include "flow_plan.h"
#include "packet.h"
#include "sctp.h"

/* Offset of the transport checksum in its header; 0: none that addresses enter. */
static __always_inline __u32 checksum_offset(__u8 protocol)
{
	if (protocol == PROTOCOL_TCP)
		return offsetof(struct tcphdr, check);
	if (protocol == PROTOCOL_UDP)
		return offsetof(struct udphdr, check);
	if (protocol == PROTOCOL_ICMPV6)
		return offsetof(struct icmp_header, checksum);
	return 0;
}

/* What remains of a sum in 32 bits: the value to add to a 16-bit checksum's complement. */
static __always_inline __u16 sum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* IPv4: TTL, protocol, checksum and both addresses are neighbours: one write. Returns 0 or a
 * negative errno, the difference that the transport checksum must follow in `difference`.
 */
static __always_inline int rewrite_addresses4(struct __sk_buff *skb, const struct packet *packet,
					      const struct ends *ends, __u8 ttl, __s64 *difference)
{
	struct {
		__u8 ttl;
		__u8 protocol;
		__u16 check;
		__u8 source[4];
		__u8 destination[4];
	} words = {.ttl = ttl, .protocol = packet->protocol};
	__be32 before[2], after[2];
	__u64 sum;

	__builtin_memcpy(&before[0], packet->source, 4);
	__builtin_memcpy(&before[1], packet->destination, 4);
	__builtin_memcpy(&after[0], ends->source, 4);
	__builtin_memcpy(&after[1], ends->destination, 4);
	/* RFC 1624: HC' = ~(~HC + ~m + m'), with 32-bit words folded later. */
	sum = (__u64)(__u32)~before[0] + (__u32)~before[1] + after[0] + after[1];
	*difference = sum_fold(sum);
	sum += (__u16)~packet->ipv4_check;
	sum += (__u16)~bpf_htons(packet->ttl << 8) + (__u64)bpf_htons(ttl << 8);
	words.check = ~sum_fold(sum);
	__builtin_memcpy(words.source, &after[0], 4);
	__builtin_memcpy(words.destination, &after[1], 4);
	return bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct iphdr, ttl), &words,
				   sizeof(words), 0);
}

/* IPv6: hop limit and both addresses are neighbours: one write. */
static __always_inline int rewrite_addresses6(struct __sk_buff *skb, const struct packet *packet,
					      const struct ends *ends, __u8 ttl, __s64 *difference)
{
	struct {
		__u8 next_header;
		__u8 hop_limit;
		__u8 source[16];
		__u8 destination[16];
	} words = {.next_header = packet->next_header, .hop_limit = ttl};

	__builtin_memcpy(words.source, ends->source, 16);
	__builtin_memcpy(words.destination, ends->destination, 16);
	*difference = bpf_csum_diff((__be32 *)packet->source, 32, (__be32 *)ends->source, 32, 0);
	return bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct ipv6hdr, nexthdr), &words,
				   sizeof(words), BPF_F_RECOMPUTE_CSUM);
}

/* Writes new ends and a TTL. Later fragments have addresses only. SCTP's checksum, a CRC over ports
 * but not addresses, has a header of its own. Returns 0, or a negative errno: the packet may then
 * be half rewritten and must be dropped.
 */
static __always_inline int packet_rewrite(struct __sk_buff *skb, const struct packet *packet,
					  const struct ends *ends, __u8 ttl)
{
	__u32 l4 = packet->l4_offset, check = checksum_offset(packet->protocol);
	__u64 udp = packet->protocol == PROTOCOL_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__s64 difference = 0;
	int failed;

	if (packet->is_ipv6)
		failed = rewrite_addresses6(skb, packet, ends, ttl, &difference);
	else
		failed = rewrite_addresses4(skb, packet, ends, ttl, &difference);
	if (failed)
		return failed;
	if (packet_is_later_fragment(packet))
		return 0;
	if (packet->protocol == PROTOCOL_SCTP)
		return sctp_ports_rewrite(skb, packet, ends->source_port, ends->destination_port);
	if (check) {
		failed = bpf_l4_csum_replace(skb, l4 + check, 0, difference,
					     BPF_F_PSEUDO_HDR | udp);
		if (failed)
			return failed;
	}
	if (ends->source_port == packet->source_port &&
	    ends->destination_port == packet->destination_port)
		return 0;

	__be16 ports[2] = {ends->source_port, ends->destination_port};
	__u64 sum = (__u64)(__u16)~packet->source_port + (__u16)~packet->destination_port +
		    ports[0] + ports[1];

	failed = bpf_skb_store_bytes(skb, l4, ports, sizeof(ports), 0);
	if (failed || !check)
		return failed;
	return bpf_l4_csum_replace(skb, l4 + check, 0, sum_fold(sum), udp);
}

/* Gives a packet new ends, with SCTP's checksum too. Returns 0 or a negative errno as above.
 * verifier: global, verified once, and one copy of the code in each program.
 */
__noinline int packet_translate(struct __sk_buff *skb, const struct packet *packet,
				const struct ends *ends, __u8 ttl)
{
	if (!packet || !ends)
		return -1;
	return packet_rewrite(skb, packet, ends, ttl);
}
