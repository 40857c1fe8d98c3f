/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Does the packet come from the pod that sits on this veth? A pod that sends with another address
 * could pass for a neighbour, and its packets would be taken for the neighbour's flows.
 */
#pragma once

#include "lookup.h"
#include "packet.h"

/* Sources that a host uses before it has an address, and on its own link: never routed. */
static __always_inline bool source_is_unrouted(const struct packet *packet)
{
	const __u8 *source = packet->source;

	if (!packet->is_ipv6)
		return source[0] == 0 || (source[0] == 169 && source[1] == 254);
	return source[0] == 0 || (source[0] == 0xfe && (source[1] & 0xc0) == 0x80);
}

/* Whether the veth has an address of the family, and it is not the packet's source. Without one
 * nothing is known: the agent may not have seen the pod yet.
 */
static __always_inline bool source_is_spoofed(const struct packet *packet, __u32 ifindex)
{
	const struct veth_addresses *veth = bpf_map_lookup_elem(&veths, &ifindex);

	if (!veth || source_is_unrouted(packet))
		return false;
	if (packet->is_ipv6)
		return veth->has_address6 &&
		       !packet_address_equal(veth->address6, packet->source, true);
	return veth->has_address4 && !packet_address_equal(veth->address4, packet->source, false);
}
