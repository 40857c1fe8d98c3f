/* SPDX-License-Identifier: GPL-2.0-only
 *
 * A packet that goes no further: its sender gets an ICMP error instead (RFC 792, 1812, 4443), made
 * in place and sent back where the packet came from.
 *
 * The error is a new packet in an old skb. What the old one leaves to be done later must not be
 * done to it: a device that completes a CHECKSUM_PARTIAL would write into the quote and break the
 * sum over it, and one that segments would cut it. skb_become() gets rid of both.
 */
#pragma once

#include "handled.h"
#include "lookup.h"
#include "packet.h"
#include "report.h"

/* What the sender is told. */
enum answer_kind {
	ANSWER_UNREACHABLE, /* nobody serves that port */
	ANSWER_TTL, /* time exceeded */
	ANSWER_TOO_BIG, /* for the next hop */
};

/* As net.ipv4.icmp_msgs_per_sec and icmp_msgs_burst, but per CPU. */
#define ANSWER_INTERVAL_NS (1000 * 1000)
#define ANSWERS_BURST 50

#define ANSWER_HOP_LIMIT 64
#define IPV4_ANSWER_MAX 576 /* RFC 1812 §4.3.2.3; IPv6: 1280, RFC 4443 §3 */
#define IPV4_QUOTE_MAX (IPV4_ANSWER_MAX - sizeof(struct iphdr) - sizeof(struct icmp_header))
#define IPV4_HEADERS (sizeof(struct iphdr) + sizeof(struct icmp_header))

/* Octets of a transport header that a quote must hold at least: the sender looks for its socket
 * by the ports.
 */
#define QUOTED_TRANSPORT_MIN 8

/* Type and code by kind. */
#define ICMP_UNREACHABLE 3
#define ICMP_PORT_UNREACHABLE 3
#define ICMP_FRAGMENTATION_NEEDED 4
#define ICMP_TIME_EXCEEDED 11
#define ICMPV6_UNREACHABLE 1
#define ICMPV6_PORT_UNREACHABLE 4
#define ICMPV6_TOO_BIG 2
#define ICMPV6_TIME_EXCEEDED 3

/* skb_become() takes off so much more than the quote, to get past what a checksum starts at, ... */
#define BECOME_MORE 16
/* ... and leaves so much of the network packet, which bpf_skb_adjust_room insists on. */
#define BECOME_LEFT sizeof(struct ipv6hdr)

/* bpf_csum_diff takes so much at once (MAX_BPF_STACK, until Linux 6.13). */
#define SUM_PIECE 512

_Static_assert(IPV4_QUOTE_MAX <= ANSWER_QUOTE_MAX, "one space for both families");

static __always_inline __sum16 answer_sum_fold(__u64 sum)
{
	for (int i = 0; i < 4; i++)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* Whether RFC 1122 §3.2.2 and RFC 4443 §2.4 allow an error about this packet at all. */
static __always_inline bool packet_may_be_answered(const struct packet *packet)
{
	__u8 type = packet->icmp_type;

	if (packet_is_later_fragment(packet) || packet_has_special_address(packet))
		return false;
	/* No errors are echo and its like. Redirects count as errors, and so does the unknown. */
	if (packet->protocol == PROTOCOL_ICMPV6)
		return (type & 0x80) && type != 137;
	if (packet->protocol == PROTOCOL_ICMP)
		return type == 0 || type == 8 || (type >= 13 && type <= 18);
	return true;
}

/* Takes one of this CPU's answers, if there is one. */
static __always_inline bool answer_allowed(void)
{
	__u32 zero = 0;
	struct answer_allowance *left = bpf_map_lookup_elem(&answers_left, &zero);

	if (!left)
		return false; /* verifier: an array entry always exists */

	__u64 now_ns = bpf_ktime_get_coarse_ns();
	__u64 idle_ns = now_ns > left->refilled_ns ? now_ns - left->refilled_ns : 0;
	__u64 earned = idle_ns / ANSWER_INTERVAL_NS;

	if (left->answers + earned >= ANSWERS_BURST) {
		left->answers = ANSWERS_BURST;
		left->refilled_ns = now_ns;
	} else {
		left->answers += earned;
		left->refilled_ns += earned * ANSWER_INTERVAL_NS;
	}
	if (!left->answers)
		return false;
	left->answers -= 1;
	return true;
}

/* Who answers: the address that was dialled if it is the node's own, as the kernel does, else the
 * node's primary one, which policy agents let pass. Towards a process of this node the dialled
 * address in any case: a packet from ourselves would be dropped on its way up.
 */
static __always_inline void answer_source(__u8 *source, const struct packet *packet, bool is_egress)
{
	__u32 zero = 0;
	const struct settings *node = bpf_map_lookup_elem(&settings, &zero);

	/* verifier: a copy, since 6.1 takes no argument of a global function as a map's key. */
	__builtin_memcpy(source, packet->destination, 16);
	if (!node || is_egress || address_is_local(source, packet->is_ipv6))
		return;
	if (packet->is_ipv6 && node->has_masquerade6)
		__builtin_memcpy(source, node->masquerade6, 16);
	if (!packet->is_ipv6 && node->has_masquerade4)
		__builtin_memcpy(source, node->masquerade4, 4);
}

/* The part that both families share: type, code, MTU, and the sum over it and the quote. `sum`: of
 * what else the checksum covers.
 */
static __always_inline void answer_icmp(struct answer_space *space, __u8 type, __u8 code, __u32 mtu,
					__u32 quoted, __u64 sum)
{
	struct icmp_header *icmp = (void *)(space->headers + ANSWER_HEADERS - sizeof(*icmp));
	__u32 left = (sizeof(*icmp) + quoted + 3) & ~3u;

	/* Sums go by four bytes: what another packet left behind the quote would count. */
	for (int i = 0; i < 3; i++)
		space->quote[quoted + i] = 0;
	icmp->type = type;
	icmp->code = code;
	icmp->checksum = 0;
	icmp->rest = bpf_htonl(mtu); /* IPv4: the upper half is unused, and an MTU has 16 bits */
#pragma unroll
	for (int i = 0; i < 3; i++) {
		__u32 piece = left < SUM_PIECE ? left : SUM_PIECE;

		left -= piece;
		barrier_var(piece);
		if (piece > SUM_PIECE)
			break; /* verifier: never so */
		sum += (__u32)bpf_csum_diff(NULL, 0, (void *)icmp + i * SUM_PIECE, piece, 0);
	}
	icmp->checksum = answer_sum_fold(sum);
}

static __always_inline void answer_ipv4(struct answer_space *space, const struct packet *packet,
					enum answer_kind kind, __u32 mtu, __u32 quoted,
					bool is_egress)
{
	struct iphdr *ip = (void *)(space->headers + ANSWER_HEADERS - IPV4_HEADERS);
	const struct iphdr *old = (const void *)space->quote;
	__u8 source[16];

	answer_source(source, packet, is_egress);
	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->tos = 0xc0 | (old->tos & 0x1e); /* internetwork control, RFC 1812 §4.3.2.5 */
	ip->tot_len = bpf_htons(IPV4_HEADERS + quoted);
	ip->id = bpf_get_prandom_u32(); /* it may be fragmented, like the kernel's own */
	ip->frag_off = 0;
	ip->ttl = ANSWER_HOP_LIMIT;
	ip->protocol = PROTOCOL_ICMP;
	ip->check = 0;
	__builtin_memcpy(&ip->saddr, source, 4);
	__builtin_memcpy(&ip->daddr, packet->source, 4);
	ip->check = answer_sum_fold(bpf_csum_diff(NULL, 0, (void *)ip, sizeof(*ip), 0));

	if (kind == ANSWER_TTL)
		answer_icmp(space, ICMP_TIME_EXCEEDED, 0, 0, quoted, 0);
	else if (kind == ANSWER_TOO_BIG)
		answer_icmp(space, ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED, mtu, quoted, 0);
	else
		answer_icmp(space, ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE, 0, quoted, 0);
}

static __always_inline void answer_ipv6(struct answer_space *space, const struct packet *packet,
					enum answer_kind kind, __u32 mtu, __u32 quoted,
					bool is_egress)
{
	struct ipv6hdr *ip = (void *)space->headers;
	__u32 bytes = sizeof(struct icmp_header) + quoted;
	__u8 source[16];
	__u64 sum;

	answer_source(source, packet, is_egress);
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 6;
	ip->payload_len = bpf_htons(bytes);
	ip->nexthdr = PROTOCOL_ICMPV6;
	ip->hop_limit = ANSWER_HOP_LIMIT;
	__builtin_memcpy(&ip->saddr, source, 16);
	__builtin_memcpy(&ip->daddr, packet->source, 16);
	/* The pseudo-header. */
	sum = (__u32)bpf_csum_diff(NULL, 0, (void *)&ip->saddr, 32, 0);
	sum += bpf_htonl(bytes) + (__u64)bpf_htonl(PROTOCOL_ICMPV6);

	if (kind == ANSWER_TTL)
		answer_icmp(space, ICMPV6_TIME_EXCEEDED, 0, 0, quoted, sum);
	else if (kind == ANSWER_TOO_BIG)
		answer_icmp(space, ICMPV6_TOO_BIG, 0, mtu, quoted, sum);
	else
		answer_icmp(space, ICMPV6_UNREACHABLE, ICMPV6_PORT_UNREACHABLE, 0, quoted, sum);
}

/* Empties the skb to `bytes` of network packet, all zero, whose checksum nobody completes, checks
 * or knows (CHECKSUM_NONE) and that nobody segments. `quoted`: bytes of the old network packet,
 * whose checksum must start and end in there. Returns 0 or a negative errno; it may be half done
 * then, and must be dropped.
 *
 * CHECKSUM_PARTIAL is lifted by the kernel where the place that a checksum starts at (csum_start,
 * relative to skb->head) is pulled off the front (__skb_postpull_rcsum): so everything is pulled
 * off, and pushed again. That it starts within the quote, bpf_skb_change_tail has checked, which
 * refuses to cut it off. The same helper undoes segmentation and makes CHECKSUM_COMPLETE none when
 * it appends, bpf_skb_adjust_room does so to CHECKSUM_UNNECESSARY. Looked up in 6.1 to 6.18.
 */
static __always_inline int skb_become(struct __sk_buff *skb, __u32 quoted, __u32 bytes)
{
	__u32 off = quoted + BECOME_MORE;
	int failed;

	failed = bpf_skb_change_tail(skb, ETH_HLEN + quoted, 0);
	if (failed)
		return failed;
	failed = bpf_skb_change_tail(skb, ETH_HLEN + off + BECOME_LEFT, 0);
	if (failed)
		return failed;
	failed = bpf_skb_adjust_room(skb, -(__s32)off, BPF_ADJ_ROOM_MAC, 0);
	if (failed)
		return failed;
	return bpf_skb_adjust_room(skb, (__s32)bytes - BECOME_LEFT, BPF_ADJ_ROOM_MAC, 0);
}

/* Bytes of the packet that are quoted: all that IP says there is, padding not, up to the limit of
 * the family. 0: too few to be of use.
 */
static __always_inline __u32 answer_quoted(const struct __sk_buff *skb, const struct packet *packet)
{
	__u32 most = packet->is_ipv6 ? ANSWER_QUOTE_MAX : IPV4_QUOTE_MAX;
	__u32 bytes = packet->l4_offset - ETH_HLEN + packet->payload_bytes;
	__u32 least = packet->l4_offset - ETH_HLEN + QUOTED_TRANSPORT_MIN;

	if (bytes > skb->len - ETH_HLEN)
		bytes = skb->len - ETH_HLEN;
	if (bytes < least)
		return 0;
	return bytes < most ? bytes : most;
}

/* Puts the error together and into the skb. Returns 0, or a negative number: to be dropped. */
static __always_inline int answer_write(struct __sk_buff *skb, const struct packet *packet,
					enum answer_kind kind, __u32 mtu, bool is_egress)
{
	__u32 zero = 0;
	struct answer_space *space = bpf_map_lookup_elem(&answer_spaces, &zero);
	__u32 quoted = answer_quoted(skb, packet);
	__u8 macs[3 * ETH_ALEN]; /* theirs behind ours: swapped by reading from the middle */
	int failed;

	/* verifier: says again what answer_quoted() promises, in two comparisons that the compiler
	 * may not make one, of which 6.1 learns nothing.
	 */
	barrier_var(quoted);
	if (!space || quoted > ANSWER_QUOTE_MAX)
		return -1;
	barrier_var(quoted);
	if (quoted < sizeof(struct iphdr))
		return -1;
	if (bpf_skb_load_bytes(skb, 0, macs, 2 * ETH_ALEN) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, space->quote, quoted))
		return -1;
	if (macs[0] & 1)
		return -1; /* to a group, on the link */
	__builtin_memcpy(macs + 2 * ETH_ALEN, macs, ETH_ALEN);

	if (packet->is_ipv6) {
		answer_ipv6(space, packet, kind, mtu, quoted, is_egress);
		failed = skb_become(skb, quoted, ANSWER_HEADERS + quoted) ||
			 bpf_skb_store_bytes(skb, ETH_HLEN, space->headers,
					     ANSWER_HEADERS + quoted, 0);
	} else {
		answer_ipv4(space, packet, kind, mtu, quoted, is_egress);
		failed = skb_become(skb, quoted, IPV4_HEADERS + quoted) ||
			 bpf_skb_store_bytes(skb, ETH_HLEN,
					     space->headers + ANSWER_HEADERS - IPV4_HEADERS,
					     IPV4_HEADERS + quoted, 0);
	}
	return failed || bpf_skb_store_bytes(skb, 0, macs + ETH_ALEN, 2 * ETH_ALEN, 0) ? -1 : 0;
}

static __always_inline enum reason answer_reason(enum answer_kind kind)
{
	if (kind == ANSWER_TTL)
		return REASON_ANSWERED_TTL;
	return kind == ANSWER_TOO_BIG ? REASON_ANSWERED_OVERSIZE : REASON_REJECTED_NO_BACKEND;
}

/* Answers a packet instead of carrying it, as it came. `mtu`: of the next hop, for ANSWER_TOO_BIG.
 * `is_egress`: the sender is a process of this node. Returns the hook's verdict and counts it: the
 * error goes back, or the packet is dropped.
 * verifier: global, verified once, with the stack to itself.
 */
__noinline int answer_with_error(struct __sk_buff *skb, const struct packet *packet,
				 enum answer_kind kind, __u32 mtu, bool is_egress)
{
	enum reason why = answer_reason(kind);
	__u32 bytes = skb->len;

	if (!packet || !packet_may_be_answered(packet))
		why = REASON_DROP_UNANSWERED;
	else if (kind != ANSWER_TOO_BIG && !answer_allowed()) /* path MTU is never rationed */
		why = REASON_DROP_ANSWER_RATE;
	else if (answer_write(skb, packet, kind, mtu, is_egress))
		why = REASON_DROP_UNANSWERED;
	report(why, bytes);
	if (why == REASON_DROP_UNANSWERED || why == REASON_DROP_ANSWER_RATE)
		return TC_ACT_SHOT;
	bpf_set_hash_invalid(skb);
	if (is_egress)
		return bpf_redirect(skb->ifindex, BPF_F_INGRESS);
	handled_set(skb);
	return bpf_redirect(skb->ifindex, 0);
}
