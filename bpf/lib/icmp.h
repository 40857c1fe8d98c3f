/* SPDX-License-Identifier: GPL-2.0-only
 *
 * ICMP errors about translated flows: what a router or a backend says about a packet that we have
 * translated is turned back, the quoted packet too, so that its sender finds the socket it means.
 * Outer addresses change as nf_nat_icmp_reply_translation() changes them, so that traceroute shows
 * what it always showed.
 */
#pragma once

#include "flow.h"
#include "packet.h"
#include "rewrite.h"

#define ICMP_DEST_UNREACHABLE 3
#define ICMP_TIME_EXCEEDED_TYPE 11
#define ICMP_PARAMETER_PROBLEM 12
#define ICMPV6_ERROR_LAST 4 /* unreachable, too big, time exceeded, parameter problem: 1...4 */

/* Octets of a transport header that a quote holds at least (RFC 792). */
#define QUOTE_TRANSPORT 8

/* The packet that an error quotes, as it stands in there. */
struct quote {
	struct ends ends;
	__u32 ip_offset; /* from the frame's start */
	__u32 l4_offset;
	__u8 protocol;
	__u8 reserved[3];
};

static __always_inline bool packet_is_icmp_error(const struct packet *packet)
{
	__u8 type = packet->icmp_type;

	if (packet->protocol == PROTOCOL_ICMPV6)
		return type >= 1 && type <= ICMPV6_ERROR_LAST;
	return packet->protocol == PROTOCOL_ICMP &&
	       (type == ICMP_DEST_UNREACHABLE || type == ICMP_TIME_EXCEEDED_TYPE ||
		type == ICMP_PARAMETER_PROBLEM);
}

/* Reads the quoted packet. Returns 0, or -1: truncated, not one with ports, a later fragment.
 * verifier: global, verified once.
 */
__noinline int quote_read(struct __sk_buff *skb, const struct packet *packet, struct quote *quote)
{
	__be16 ports[2];

	if (!packet || !quote)
		return -1;
	quote->ip_offset = packet->l4_offset + sizeof(struct icmp_header);
	if (packet->is_ipv6) {
		struct ipv6hdr ip;

		if (bpf_skb_load_bytes(skb, quote->ip_offset, &ip, sizeof(ip)) || ip.version != 6)
			return -1;
		__builtin_memcpy(quote->ends.source, &ip.saddr, 16);
		__builtin_memcpy(quote->ends.destination, &ip.daddr, 16);
		quote->protocol = ip.nexthdr;
		quote->l4_offset = quote->ip_offset + sizeof(ip);
	} else {
		struct iphdr ip;

		if (bpf_skb_load_bytes(skb, quote->ip_offset, &ip, sizeof(ip)) || ip.version != 4 ||
		    ip.ihl < 5 || (ip.frag_off & bpf_htons(IPV4_OFFSET_MASK)))
			return -1;
		__builtin_memcpy(quote->ends.source, &ip.saddr, 4);
		__builtin_memcpy(quote->ends.destination, &ip.daddr, 4);
		quote->protocol = ip.protocol;
		quote->l4_offset = quote->ip_offset + ip.ihl * 4;
	}
	if (quote->protocol != PROTOCOL_TCP && quote->protocol != PROTOCOL_UDP &&
	    quote->protocol != PROTOCOL_SCTP)
		return -1;
	if (bpf_skb_load_bytes(skb, quote->l4_offset, ports, sizeof(ports)))
		return -1;
	quote->ends.source_port = ports[0];
	quote->ends.destination_port = ports[1];
	return 0;
}

/* Writes 2 octets of the quote. Returns what it changes in a sum, or a negative number. */
static __always_inline __s64 quote_write16(struct __sk_buff *skb, __u32 offset, __u16 before,
					   __u16 after)
{
	if (bpf_skb_store_bytes(skb, offset, &after, sizeof(after), 0))
		return -1;
	return (__u64)(__u16)~before + after;
}

/* Puts `ends` into the quoted packet and follows with its checksums and ICMP's. Writes inside the
 * quote and the checksum over it cancel out: no flag, as for ports in rewrite.h. Returns 0, or -1
 * when it is half done: to be dropped.
 * verifier: global, verified once.
 */
__noinline int quote_rewrite(struct __sk_buff *skb, const struct packet *packet,
			     const struct quote *quote, const struct ends *ends)
{
	__be16 before[2], after[2];
	__u32 check;
	__s64 change, sum;
	__u16 old;

	if (!packet || !quote || !ends)
		return -1;

	/* Addresses: in IPv4 the header's checksum makes up for them. */
	if (packet->is_ipv6) {
		__u8 addresses[32];

		__builtin_memcpy(addresses, ends->source, 16);
		__builtin_memcpy(addresses + 16, ends->destination, 16);
		change = bpf_csum_diff((__be32 *)quote->ends.source, 32, (__be32 *)addresses, 32,
				       0);
		sum = change;
		if (bpf_skb_store_bytes(skb, quote->ip_offset + offsetof(struct ipv6hdr, saddr),
					addresses, sizeof(addresses), 0))
			return -1;
	} else {
		struct {
			__u16 check;
			__u8 source[4];
			__u8 destination[4];
		} words;
		__be32 from[2], to[2];

		__builtin_memcpy(&from[0], quote->ends.source, 4);
		__builtin_memcpy(&from[1], quote->ends.destination, 4);
		__builtin_memcpy(&to[0], ends->source, 4);
		__builtin_memcpy(&to[1], ends->destination, 4);
		change = sum_fold((__u64)(__u32)~from[0] + (__u32)~from[1] + to[0] + to[1]);
		sum = 0;
		if (bpf_skb_load_bytes(skb, quote->ip_offset + offsetof(struct iphdr, check), &old,
				       sizeof(old)))
			return -1;
		words.check = ~sum_fold((__u64)(__u16)~old + change);
		__builtin_memcpy(words.source, &to[0], 4);
		__builtin_memcpy(words.destination, &to[1], 4);
		if (bpf_skb_store_bytes(skb, quote->ip_offset + offsetof(struct iphdr, check),
					&words, sizeof(words), 0))
			return -1;
	}

	before[0] = quote->ends.source_port;
	before[1] = quote->ends.destination_port;
	after[0] = ends->source_port;
	after[1] = ends->destination_port;
	if (bpf_skb_store_bytes(skb, quote->l4_offset, after, sizeof(after), 0))
		return -1;
	__u64 ports = (__u64)(__u16)~before[0] + (__u16)~before[1] + after[0] + after[1];

	sum += ports;

	/* The quoted transport checksum, where it is quoted at all; UDP's 0 means there is none. */
	check = checksum_offset(quote->protocol);
	if (check && !bpf_skb_load_bytes(skb, quote->l4_offset + check, &old, sizeof(old)) &&
	    (old || quote->protocol != PROTOCOL_UDP)) {
		__u16 new = ~sum_fold((__u64)(__u16)~old + change + ports);

		if (!new && quote->protocol == PROTOCOL_UDP)
			new = 0xffff;
		change = quote_write16(skb, quote->l4_offset + check, old, new);
		if (change < 0)
			return -1;
		sum += change;
	}
	return bpf_l4_csum_replace(skb, packet->l4_offset + offsetof(struct icmp_header, checksum),
				   0, sum_fold(sum), 0);
}

/* The flow that an error is about: the quoted packet turned round has the key of the other
 * direction's entry. `view` then says what the error's own sender and receiver become.
 */
static __always_inline bool icmp_flow_find(struct flow_view *view, const struct quote *quote,
					   bool is_ipv6)
{
	return flow_lookup(view, quote->ends.destination, quote->ends.source, quote->protocol,
			   quote->ends.destination_port, quote->ends.source_port, is_ipv6) &&
	       READ_ONCE(view->flow->state) != FLOW_PENDING;
}

/* Turns the quote back and prepares `view` for the outer packet. Returns 0, or -1: to be dropped.
 */
static __always_inline int icmp_translate(struct __sk_buff *skb, const struct packet *packet,
					  const struct quote *quote, struct flow_view *view)
{
	struct ends turned = {
		.source_port = view->ends.destination_port,
		.destination_port = view->ends.source_port,
	};

	__builtin_memcpy(turned.source, view->ends.destination, 16);
	__builtin_memcpy(turned.destination, view->ends.source, 16);
	if (quote_rewrite(skb, packet, quote, &turned))
		return -1;
	/* A client that is not hidden is not spoken for, either. */
	if (view->flow->direction == FLOW_FORWARD && !view->flow->masqueraded)
		__builtin_memcpy(view->ends.source, packet->source, 16);
	view->ends.source_port = 0;
	view->ends.destination_port = 0;
	return 0;
}
