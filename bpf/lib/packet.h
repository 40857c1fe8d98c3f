/* SPDX-License-Identifier: GPL-2.0-only
 *
 * A packet as the rest of lib sees it, and the checked walk from Ethernet to ports. Only what the
 * stack would forward without a second thought parses as `reason` 0: IP options, extension
 * headers, fragments, VLAN tags and other protocols come back with the reason to leave them alone.
 */
#pragma once

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "bpf.h"
#include "datapath.h"

/* linux/in.h and linux/socket.h pull in the C library's headers on some distributions. */
#define IPPROTO_TCP PROTOCOL_TCP
#define IPPROTO_UDP PROTOCOL_UDP

#define IPV4_FRAGMENT_MASK 0x3fff /* more-fragments, and the offset in units of 8 bytes */

struct packet {
	__u8 source[16]; /* network order; IPv4 in the first 4 octets */
	__u8 destination[16];
	__be16 source_port;
	__be16 destination_port;
	__u32 header_bytes; /* IP and transport headers, for the size of a segment */
	__u8 protocol;
	__u8 ttl; /* or hop limit */
	bool is_ipv6;
	__sum16 ipv4_check; /* the header's checksum as it stands in the packet; 0 in IPv6 */
};

/* Reads the transport header at `l4`. Returns 0 or the reason to leave the packet to the stack. */
static __always_inline int packet_parse_l4(struct packet *packet, void *l4, void *end,
					   __u32 ip_bytes)
{
	if (packet->protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = l4;

		if ((void *)(tcp + 1) > end)
			return REASON_STACK_NOT_IP;
		packet->source_port = tcp->source;
		packet->destination_port = tcp->dest;
		packet->header_bytes = ip_bytes + tcp->doff * 4;
		return 0;
	}
	if (packet->protocol == IPPROTO_UDP) {
		struct udphdr *udp = l4;

		if ((void *)(udp + 1) > end)
			return REASON_STACK_NOT_IP;
		packet->source_port = udp->source;
		packet->destination_port = udp->dest;
		packet->header_bytes = ip_bytes + sizeof(*udp);
		return 0;
	}
	return REASON_STACK_PROTOCOL;
}

static __always_inline int packet_parse_ipv4(struct packet *packet, void *l3, void *end)
{
	struct iphdr *ip = l3;

	if ((void *)(ip + 1) > end || ip->version != 4)
		return REASON_STACK_NOT_IP;
	if (ip->ihl != 5)
		return REASON_STACK_OPTIONS;
	if (ip->frag_off & bpf_htons(IPV4_FRAGMENT_MASK))
		return REASON_STACK_FRAGMENT;
	__builtin_memcpy(packet->source, &ip->saddr, 4);
	__builtin_memcpy(packet->destination, &ip->daddr, 4);
	packet->protocol = ip->protocol;
	packet->ttl = ip->ttl;
	packet->ipv4_check = ip->check;
	return packet_parse_l4(packet, ip + 1, end, sizeof(*ip));
}

static __always_inline int packet_parse_ipv6(struct packet *packet, void *l3, void *end)
{
	struct ipv6hdr *ip = l3;

	if ((void *)(ip + 1) > end || ip->version != 6)
		return REASON_STACK_NOT_IP;
	__builtin_memcpy(packet->source, &ip->saddr, 16);
	__builtin_memcpy(packet->destination, &ip->daddr, 16);
	packet->protocol = ip->nexthdr;
	packet->ttl = ip->hop_limit;
	packet->is_ipv6 = true;
	/* An extension header, the fragment header among them, is an unknown protocol here. */
	return packet_parse_l4(packet, ip + 1, end, sizeof(*ip));
}

/* Fills `packet`. Returns 0, or the reason to leave the packet to the stack. */
static __always_inline int packet_parse(struct __sk_buff *skb, struct packet *packet)
{
	/* Headers that a driver left in pages are pulled in, never more: TCP keeps all payload in
	 * pages, so asking for one byte behind the headers would copy every segment's head.
	 */
	__u32 headers = ETH_HLEN + sizeof(struct iphdr) + sizeof(struct tcphdr);
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;

	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		headers += sizeof(struct ipv6hdr) - sizeof(struct iphdr);
	if (data + headers > end) {
		bpf_skb_pull_data(skb, skb->len < headers ? skb->len : headers);
		data = (void *)(long)skb->data;
		end = (void *)(long)skb->data_end;
	}
	if (data + ETH_HLEN > end || skb->vlan_present)
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
	if (skb->gso_size)
		return packet->header_bytes + skb->gso_size > mtu;
	return skb->len - ETH_HLEN > mtu;
}
