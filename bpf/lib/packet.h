/* SPDX-License-Identifier: GPL-2.0-only
 *
 * A packet as the rest of lib sees it, and the checked walk from Ethernet to ports: over IP
 * options, a bounded chain of IPv6 extension headers and fragment headers. What the stack would
 * forward without a second thought has `doubt` 0; what may be translated but never shortcut says
 * why. Reads by plain pointers, so that tc and XDP share it; nothing here writes.
 */
#pragma once

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "bpf.h"
#include "datapath.h"

#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV4_OFFSET_MASK 0x1fff /* in units of 8 bytes */
#define IPV6_MORE_FRAGMENTS 0x0001
#define IPV6_OFFSET_MASK 0xfff8 /* in bytes */

/* Bytes that extension headers may fill. */
#define EXTENSION_BYTES_MAX 256

/* Bytes that hold every header that the walk may reach: Ethernet, IPv6, extensions, TCP. */
#define HEADERS_MAX (ETH_HLEN + 40 + EXTENSION_BYTES_MAX + 20)

/* In skb->gso_size: segmented SCTP, whose segments differ in length (linux/skbuff.h). */
#define GSO_BY_FRAGS 0xffff

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define SCTP_INIT 1

struct packet {
	__u8 source[16]; /* network order; IPv4 in the first 4 octets */
	__u8 destination[16];
	__be16 source_port; /* 0 for ICMP and later fragments */
	__be16 destination_port;
	__u32 fragment_id; /* as in the header; valid if is_fragment */
	__u32 header_bytes; /* IP and transport headers, for the size of a segment */
	__u32 payload_bytes; /* behind IP and extension headers, as the IP header says */
	__u16 l4_offset; /* from the frame's start to the transport header */
	__u16 fragment_offset; /* in bytes of the original payload */
	__u8 protocol; /* of the transport header */
	__u8 ttl; /* or hop limit */
	__u8 doubt; /* enum reason to leave it to the stack unless a flow knows it; 0: none */
	__u8 tcp_flags; /* the 14th octet: FIN, SYN, RST, PSH, ACK, URG */
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 sctp_chunk; /* type of the first chunk */
	bool is_ipv6;
	bool is_fragment; /* any fragment, the first too */
	bool has_more_fragments;
	__u8 next_header; /* of the fixed IPv6 header, or IPv4's protocol */
	__u8 fragment_protocol; /* as each fragment says; not `protocol`: more extensions */
	__u8 reserved[2];
	__sum16 ipv4_check; /* the header's checksum as it stands in the packet; 0 in IPv6 */
};

/* The part of ICMP and ICMPv6 that both share; linux/icmp.h pulls in the C library, too. */
struct icmp_header {
	__u8 type;
	__u8 code;
	__sum16 checksum;
	__be32 rest; /* an echo's id and sequence, a next hop's MTU */
};

struct sctphdr {
	__be16 source;
	__be16 dest;
	__be32 tag;
	__le32 checksum;
};

struct ipv6_extension {
	__u8 next_header;
	__u8 length; /* in units of 8 bytes, the first not counted */
	__be16 fragment_offset; /* fragment header only */
	__be32 fragment_id;
};

/* The fragment is not the first: it has no transport header. */
static __always_inline bool packet_is_later_fragment(const struct packet *packet)
{
	return packet->is_fragment && packet->fragment_offset;
}

/* Whether this packet may begin a flow. What else has no entry belongs to a flow that others carry:
 * it must not be given a backend.
 */
static __always_inline bool packet_may_begin_flow(const struct packet *packet)
{
	if (packet_is_later_fragment(packet))
		return false;
	switch (packet->protocol) {
	case PROTOCOL_TCP:
		return (packet->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
	case PROTOCOL_UDP:
		return true;
	case PROTOCOL_SCTP:
		return packet->sctp_chunk == SCTP_INIT;
	default:
		return false;
	}
}

/* Reads the transport header at `l4`. Returns 0 or the reason to leave the packet to the stack. */
static __always_inline int packet_parse_l4(struct packet *packet, void *l4, void *end,
					   __u32 ip_bytes)
{
	packet->header_bytes = ip_bytes;
	if (packet_is_later_fragment(packet))
		return 0;
	switch (packet->protocol) {
	case PROTOCOL_TCP: {
		struct tcphdr *tcp = l4;

		if ((void *)(tcp + 1) > end || tcp->doff < 5)
			return REASON_STACK_NOT_IP;
		packet->source_port = tcp->source;
		packet->destination_port = tcp->dest;
		packet->tcp_flags = ((__u8 *)l4)[13];
		packet->header_bytes = ip_bytes + tcp->doff * 4;
		return 0;
	}
	case PROTOCOL_UDP: {
		struct udphdr *udp = l4;

		if ((void *)(udp + 1) > end)
			return REASON_STACK_NOT_IP;
		packet->source_port = udp->source;
		packet->destination_port = udp->dest;
		packet->header_bytes = ip_bytes + sizeof(*udp);
		return 0;
	}
	case PROTOCOL_SCTP: {
		struct sctphdr *sctp = l4;

		if ((void *)(sctp + 1) > end)
			return REASON_STACK_NOT_IP;
		packet->source_port = sctp->source;
		packet->destination_port = sctp->dest;
		packet->header_bytes = ip_bytes + sizeof(*sctp);
		if ((void *)(sctp + 1) + 1 <= end)
			packet->sctp_chunk = *(__u8 *)(sctp + 1);
		packet->doubt = REASON_STACK_PROTOCOL;
		return 0;
	}
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6: {
		struct icmp_header *icmp = l4;

		if ((packet->protocol == PROTOCOL_ICMPV6) != packet->is_ipv6)
			return REASON_STACK_PROTOCOL;
		if ((void *)(icmp + 1) > end)
			return REASON_STACK_NOT_IP;
		packet->icmp_type = icmp->type;
		packet->icmp_code = icmp->code;
		packet->header_bytes = ip_bytes + sizeof(*icmp);
		packet->doubt = REASON_STACK_PROTOCOL;
		return 0;
	}
	default:
		return REASON_STACK_PROTOCOL;
	}
}

static __always_inline int packet_parse_ipv4(struct packet *packet, void *l3, void *end)
{
	struct iphdr *ip = l3;
	__u32 ip_bytes, total;
	__u16 fragment;

	if ((void *)(ip + 1) > end || ip->version != 4)
		return REASON_STACK_NOT_IP;
	ip_bytes = ip->ihl * 4;
	total = bpf_ntohs(ip->tot_len);
	if (ip_bytes < sizeof(*ip) || total < ip_bytes)
		return REASON_STACK_NOT_IP;
	__builtin_memcpy(packet->source, &ip->saddr, 4);
	__builtin_memcpy(packet->destination, &ip->daddr, 4);
	packet->protocol = ip->protocol;
	packet->next_header = ip->protocol;
	packet->ttl = ip->ttl;
	packet->ipv4_check = ip->check;
	packet->payload_bytes = total - ip_bytes;
	packet->l4_offset = ETH_HLEN + ip_bytes;
	fragment = bpf_ntohs(ip->frag_off);
	if (fragment & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET_MASK)) {
		packet->is_fragment = true;
		packet->has_more_fragments = fragment & IPV4_MORE_FRAGMENTS;
		packet->fragment_offset = (fragment & IPV4_OFFSET_MASK) * 8;
		packet->fragment_id = ip->id;
		packet->fragment_protocol = ip->protocol;
		packet->doubt = REASON_STACK_FRAGMENT;
	}
	if (ip_bytes == sizeof(*ip))
		return packet_parse_l4(packet, ip + 1, end, sizeof(*ip));
	packet->doubt = REASON_STACK_OPTIONS;
	return packet_parse_l4(packet, l3 + ip_bytes, end, ip_bytes);
}

/* What one step of the walk over extension headers came to. */
enum extension_step {
	EXTENSION_WALKED,
	EXTENSIONS_ENDED, /* a transport header is next, or a later fragment's payload */
	EXTENSION_BAD, /* truncated */
	EXTENSIONS_TOO_LONG,
};

/* Walks over the extension header that is `*extensions` bytes behind the fixed one, if it is one.
 */
static __always_inline enum extension_step packet_walk_extension(struct packet *packet, void *l3,
								 void *end, __u32 *extensions)
{
	struct ipv6_extension *extension = l3 + sizeof(struct ipv6hdr) + *extensions;
	__u32 bytes = sizeof(*extension);

	if (packet->protocol != IPPROTO_HOPOPTS && packet->protocol != IPPROTO_ROUTING &&
	    packet->protocol != IPPROTO_DSTOPTS && packet->protocol != IPPROTO_FRAGMENT)
		return EXTENSIONS_ENDED;
	if ((void *)(extension + 1) > end)
		return EXTENSION_BAD;
	if (packet->protocol == IPPROTO_FRAGMENT) {
		__u16 fragment = bpf_ntohs(extension->fragment_offset);

		packet->is_fragment = true;
		packet->has_more_fragments = fragment & IPV6_MORE_FRAGMENTS;
		packet->fragment_offset = fragment & IPV6_OFFSET_MASK;
		packet->fragment_id = extension->fragment_id;
		packet->fragment_protocol = extension->next_header;
		packet->doubt = REASON_STACK_FRAGMENT;
	} else {
		bytes += extension->length * 8;
		packet->doubt = REASON_STACK_OPTIONS;
	}
	packet->protocol = extension->next_header;
	*extensions += bytes;
	if (*extensions > EXTENSION_BYTES_MAX || bytes > packet->payload_bytes)
		return EXTENSIONS_TOO_LONG;
	packet->payload_bytes -= bytes;
	return packet_is_later_fragment(packet) ? EXTENSIONS_ENDED : EXTENSION_WALKED;
}

static __always_inline int packet_parse_ipv6(struct packet *packet, void *l3, void *end)
{
	enum extension_step step;
	struct ipv6hdr *ip = l3;
	__u32 extensions = 0;

	if ((void *)(ip + 1) > end || ip->version != 6)
		return REASON_STACK_NOT_IP;
	__builtin_memcpy(packet->source, &ip->saddr, 16);
	__builtin_memcpy(packet->destination, &ip->daddr, 16);
	packet->protocol = ip->nexthdr;
	packet->next_header = ip->nexthdr;
	packet->ttl = ip->hop_limit;
	packet->is_ipv6 = true;
	packet->payload_bytes = bpf_ntohs(ip->payload_len);
	packet->l4_offset = ETH_HLEN + sizeof(*ip);
	if (packet->protocol == PROTOCOL_TCP || packet->protocol == PROTOCOL_UDP)
		return packet_parse_l4(packet, ip + 1, end, sizeof(*ip));

	/* verifier: no loop, since 6.1 refuses the one that clang 14 makes of it (a back edge by
	 * falling through). Four headers are more than any sender of services uses.
	 */
	step = packet_walk_extension(packet, l3, end, &extensions);
	if (step == EXTENSION_WALKED)
		step = packet_walk_extension(packet, l3, end, &extensions);
	if (step == EXTENSION_WALKED)
		step = packet_walk_extension(packet, l3, end, &extensions);
	if (step == EXTENSION_WALKED)
		step = packet_walk_extension(packet, l3, end, &extensions);
	if (step == EXTENSION_BAD)
		return REASON_STACK_NOT_IP;
	if (step == EXTENSIONS_TOO_LONG)
		return REASON_STACK_OPTIONS;
	packet->l4_offset = ETH_HLEN + sizeof(*ip) + extensions;
	return packet_parse_l4(packet, l3 + sizeof(*ip) + extensions, end,
			       sizeof(*ip) + extensions);
}

/* Fills `packet` from a frame. Returns 0, or the reason to leave the packet to the stack. */
static __always_inline int packet_parse_frame(struct packet *packet, void *data, void *end)
{
	if (data + ETH_HLEN > end)
		return REASON_STACK_NOT_IP;
	switch (((struct ethhdr *)data)->h_proto) {
	case bpf_htons(ETH_P_IP):
		return packet_parse_ipv4(packet, data + ETH_HLEN, end);
	case bpf_htons(ETH_P_IPV6):
		return packet_parse_ipv6(packet, data + ETH_HLEN, end);
	default:
		return REASON_STACK_NOT_IP;
	}
}

/* Fills `packet`, zero before. Returns 0, or the reason to leave the packet to the stack. */
static __always_inline int packet_parse(struct __sk_buff *skb, struct packet *packet)
{
	/* Headers that a driver left in pages are pulled in, never more: TCP keeps all payload in
	 * pages, so asking for one byte behind the headers would copy every segment's head.
	 */
	__u32 headers = ETH_HLEN + sizeof(struct iphdr) + sizeof(struct tcphdr);
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;

	if (skb->vlan_present)
		return REASON_STACK_NOT_IP;
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		headers += sizeof(struct ipv6hdr) - sizeof(struct iphdr);
	/* Nor from segmented SCTP: its packets follow each other as skbs, and no byte must change
	 * its packet. What is parsed of it, the sender had in the first one's head.
	 */
	if (data + headers > end && skb->gso_size != GSO_BY_FRAGS) {
		bpf_skb_pull_data(skb, skb->len < headers ? skb->len : headers);
		data = (void *)(long)skb->data;
		end = (void *)(long)skb->data_end;
	}
	return packet_parse_frame(packet, data, end);
}

/* Whether two addresses in a packet's form are the same. */
static __always_inline bool packet_address_equal(const __u8 *a, const __u8 *b, bool is_ipv6)
{
	__u64 x[2] = {}, y[2] = {};

	if (is_ipv6) {
		__builtin_memcpy(x, a, 16);
		__builtin_memcpy(y, b, 16);
	} else {
		__builtin_memcpy(x, a, 4);
		__builtin_memcpy(y, b, 4);
	}
	return x[0] == y[0] && x[1] == y[1];
}

/* Whether either end is loopback, link-local, multicast, broadcast or unspecified: never ours. */
static __always_inline bool packet_has_special_address(const struct packet *packet)
{
	const __u8 *source = packet->source, *destination = packet->destination;

	if (packet->is_ipv6) {
		/* ::/8 holds unspecified, loopback and IPv4-mapped; fe80::/10; ff00::/8. */
		return source[0] == 0 || destination[0] == 0 || source[0] == 0xff ||
		       destination[0] == 0xff ||
		       (source[0] == 0xfe && (source[1] & 0xc0) == 0x80) ||
		       (destination[0] == 0xfe && (destination[1] & 0xc0) == 0x80);
	}
	return source[0] == 0 || source[0] == 127 || source[0] >= 224 || destination[0] == 0 ||
	       destination[0] == 127 || destination[0] >= 224 ||
	       (source[0] == 169 && source[1] == 254) ||
	       (destination[0] == 169 && destination[1] == 254);
}

/* Whether the packet, or each segment of a GSO packet, is larger than `mtu` bytes. */
static __always_inline bool packet_exceeds(const struct __sk_buff *skb, const struct packet *packet,
					   __u32 mtu)
{
	__u32 segment = skb->gso_size, bytes = skb->len - ETH_HLEN;

	/* verifier: one load must not serve the context here and the packet's headers there */
	asm volatile("" : "+r"(bytes));
	if (segment == GSO_BY_FRAGS)
		return false; /* each is as long as the sender's path takes */
	return (segment ? packet->header_bytes + segment : bytes) > mtu;
}
