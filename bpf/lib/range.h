/* SPDX-License-Identifier: GPL-2.0-only
 *
 * loadBalancerSourceRanges: who may come to a load balancer's address.
 */
#pragma once

#include "maps.h"

/* Whether a range of the service names the client; `client`: network order, IPv4 in the first 4
 * octets. Only for services whose head says that they have ranges.
 */
static __always_inline bool source_is_allowed(__u32 service_id, const __u8 *client, bool is_ipv6)
{
	const struct source_verdict *verdict;

	if (is_ipv6) {
		struct source_range6 key = { .prefix_length = 32 + 128, .service_id = service_id };

		__builtin_memcpy(key.address, client, 16);
		verdict = bpf_map_lookup_elem(&source_ranges6, &key);
	} else {
		struct source_range4 key = { .prefix_length = 32 + 32, .service_id = service_id };

		__builtin_memcpy(key.address, client, 4);
		verdict = bpf_map_lookup_elem(&source_ranges4, &key);
	}
	return verdict && verdict->allowed;
}
