/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What every program on an interface asks first: may it act at all, and is this a packet that could
 * ever be ours? What is not goes to the stack, counted by its reason; what no router may pass is
 * dropped.
 */
#pragma once

#include "generation.h"
#include "packet.h"
#include "route.h"

/* Loopback on the wire, or a source that is many. */
static __always_inline bool packet_is_martian(const struct packet *packet)
{
	const __u8 *source = packet->source, *destination = packet->destination;

	if (!packet->is_ipv6)
		return source[0] == 127 || destination[0] == 127 || (source[0] & 0xf0) == 0xe0;
	if (source[0] == 0xff)
		return true;

	__u32 from[4], to[4];

	__builtin_memcpy(from, source, 16);
	__builtin_memcpy(to, destination, 16);
	return (!from[0] && !from[1] && !from[2] && from[3] == bpf_htonl(1)) ||
	       (!to[0] && !to[1] && !to[2] && to[3] == bpf_htonl(1));
}

/* Whether the IP header was read, so that the addresses mean something. */
static __always_inline bool packet_has_addresses(const struct packet *packet)
{
	return packet->l4_offset;
}
