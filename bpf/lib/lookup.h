/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Typed look-ups by plain address. One place knows which family's map holds what.
 */
#pragma once

#include "maps.h"
#include "packet.h"

static __always_inline const struct pod_veth *pod_lookup(const __u8 *address, bool is_ipv6)
{
	return is_ipv6 ? bpf_map_lookup_elem(&pod_to_veth6, address) :
			 bpf_map_lookup_elem(&pod_to_veth4, address);
}

static __always_inline const struct eni_egress *eni_lookup(const __u8 *address, bool is_ipv6)
{
	/* `egress` is the first member of both values. */
	return is_ipv6 ? bpf_map_lookup_elem(&pod_to_eni6, address) :
			 bpf_map_lookup_elem(&pod_to_eni4, address);
}

static __always_inline const struct local_address *local_address_lookup(const __u8 *address,
									bool is_ipv6)
{
	return is_ipv6 ? bpf_map_lookup_elem(&local_addresses6, address) :
			 bpf_map_lookup_elem(&local_addresses4, address);
}

static __always_inline bool address_is_local(const __u8 *address, bool is_ipv6)
{
	return local_address_lookup(address, is_ipv6);
}

/* How packets of a family leave by an ENI. */
static __always_inline const struct eni_egress *eni_by_index(__u32 ifindex, bool is_ipv6)
{
	struct eni_key key = {.ifindex = ifindex, .family = is_ipv6 ? FAMILY_IPV6 : FAMILY_IPV4};

	return bpf_map_lookup_elem(&enis, &key);
}

static __always_inline bool address_is_inside_vpc(const __u8 *address, bool is_ipv6)
{
	const struct prefix_class *prefix;

	if (is_ipv6) {
		struct prefix6 key = { .prefix_length = 128 };

		__builtin_memcpy(key.address, address, 16);
		prefix = bpf_map_lookup_elem(&vpc_cidrs6, &key);
	} else {
		struct prefix4 key = { .prefix_length = 32 };

		__builtin_memcpy(key.address, address, 4);
		prefix = bpf_map_lookup_elem(&vpc_cidrs4, &key);
	}
	return prefix && prefix->inside_vpc;
}
