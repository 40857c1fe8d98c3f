/* SPDX-License-Identifier: GPL-2.0-only
 *
 * New ports for SCTP. Its CRC32c (RFC 9260 appendix A) covers ports and chunks, but no addresses,
 * and it is linear: what changes in the CRC is the CRC of the change, which is the changed word
 * followed by as many zero bytes as the packet has behind it. Zero bytes are a multiplication by
 * x^8 each, and powers of x multiply: so the cost is the logarithm of the length, and no byte of
 * the packet is read but the header's.
 */
#pragma once

#include "packet.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the CRC's first byte is the lowest");

/* x^32 + x^28 + x^27 + ... + 1, the lowest bit the highest power, x^32 left out. */
#define CRC32C_POLYNOMIAL 0x82f63b78

/* Bits of a length in bytes: an IP packet has at most 65,535. */
#define SCTP_LENGTH_BITS 16

/* x^(8 * 2^k) modulo the polynomial: 2^k zero bytes. A test makes them anew. */
static const __u32 crc32c_powers[SCTP_LENGTH_BITS] = {
	0x00800000, 0x00008000, 0x82f63b78, 0x6ea2d55c, 0x18b8ea18, 0x510ac59a,
	0xb82be955, 0xb8fdb1e7, 0x88e56f72, 0x74c360a4, 0xe4172b16, 0x0d65762a,
	0x35d73a62, 0x28461564, 0xbf455269, 0xe2ea32dc,
};

/* The product of two polynomials modulo the CRC's. No branches: the verifier walks one way. */
static __always_inline __u32 crc32c_multiply(__u32 a, __u32 b)
{
	__u32 product = 0;

	for (int i = 0; i < 32; i++) {
		product ^= b & -(a >> 31);
		a <<= 1;
		b = (b >> 1) ^ (CRC32C_POLYNOMIAL & -(b & 1));
	}
	return product;
}

/* What a change of a packet's first four bytes, `word`, changes in its CRC. `bytes`: of the whole
 * packet, those four included. Some 70 ns for each bit that is set in `bytes`.
 * verifier: global, verified once for all words and lengths.
 */
__noinline __u32 sctp_crc_change(__u32 word, __u32 bytes)
{
	for (int k = 0; k < SCTP_LENGTH_BITS; k++) {
		if (bytes >> k & 1)
			word = crc32c_multiply(word, crc32c_powers[k]);
	}
	return word;
}

/* Whether somebody after us writes the CRC (CHECKSUM_PARTIAL with csum_not_inet). The sender leaves
 * 0 in its place, but one CRC in 2^32 is 0 in earnest, and a retransmission has the same again. BPF
 * does not show ip_summed, but bpf_l4_csum_replace goes by it: a change outside of pseudo-headers
 * leaves a checksum alone that is still to be completed, and is applied to any other. Call it while
 * the field is 0; where it returns false, the field may be anything afterwards.
 */
static __always_inline bool sctp_crc_is_partial(struct __sk_buff *skb, __u32 offset)
{
	__u16 probe = 0;

	if (bpf_l4_csum_replace(skb, offset, 0, 1, sizeof(probe)))
		return false;
	if (bpf_skb_load_bytes(skb, offset, &probe, sizeof(probe)))
		return false;
	return !probe;
}

/* Gives an SCTP packet, which is no later fragment, new ports and the CRC that goes with them.
 * Returns 0 or a negative number: it must be dropped then. A first fragment can't be done, since
 * its CRC covers bytes that have not come yet: only senders that ignore the path's MTU make one.
 *
 * Both writes recompute CHECKSUM_COMPLETE: a CRC does not cancel out in an internet checksum.
 */
__noinline int sctp_ports_rewrite(struct __sk_buff *skb, const struct packet *packet,
				  __be16 source_port, __be16 destination_port)
{
	__u32 before, after, crc, at;

	if (!packet)
		return -1;
	before = packet->source_port | (__u32)packet->destination_port << 16;
	after = source_port | (__u32)destination_port << 16;
	if (before == after)
		return 0;
	if (packet->is_fragment)
		return -1;
	at = packet->l4_offset + offsetof(struct sctphdr, checksum);
	if (bpf_skb_load_bytes(skb, at, &crc, sizeof(crc)))
		return -1;
	if (crc || !sctp_crc_is_partial(skb, at)) {
		if (!crc && bpf_skb_store_bytes(skb, at, &crc, sizeof(crc), 0))
			return -1; /* undoes the question */
		crc ^= sctp_crc_change(before ^ after, packet->payload_bytes);
		if (bpf_skb_store_bytes(skb, at, &crc, sizeof(crc), BPF_F_RECOMPUTE_CSUM))
			return -1;
	}
	return bpf_skb_store_bytes(skb, packet->l4_offset, &after, sizeof(after),
				   BPF_F_RECOMPUTE_CSUM);
}
