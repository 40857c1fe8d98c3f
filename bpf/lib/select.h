/* SPDX-License-Identifier: GPL-2.0-only
 *
 * From a frontend to a backend: the head, the set that its policy allows, a uniformly random slot.
 */
#pragma once

#include "dial.h"
#include "maps.h"

struct selection {
	__u8 address[16]; /* network order; IPv4 mapped */
	__u32 backend_id;
	__u16 port; /* host order */
};

static __always_inline const struct service_head *service_lookup(const struct dial *dial)
{
	if (dial->is_ipv6) {
		struct frontend6 key = { .protocol = dial->protocol, .port = dial->port };

		__builtin_memcpy(key.address, dial->address, 16);
		return bpf_map_lookup_elem(&services6, &key);
	}
	struct frontend4 key = { .protocol = dial->protocol, .port = dial->port };

	__builtin_memcpy(key.address, dial->address + 12, 4);
	return bpf_map_lookup_elem(&services4, &key);
}

/* Fills address and port from the backend `id`. False when there is no such backend. */
static __always_inline bool backend_read(struct selection *selection, __u32 id, bool is_ipv6)
{
	if (is_ipv6) {
		const struct backend6 *backend = bpf_map_lookup_elem(&backends6, &id);

		if (!backend)
			return false;
		__builtin_memcpy(selection->address, backend->address, 16);
		selection->port = backend->port;
	} else {
		const struct backend4 *backend = bpf_map_lookup_elem(&backends4, &id);
		__be32 ipv4;

		if (!backend)
			return false;
		__builtin_memcpy(&ipv4, backend->address, 4);
		address_map_ipv4(selection->address, ipv4);
		selection->port = backend->port;
	}
	selection->backend_id = id;
	return true;
}

/* The set that internal traffic to a ClusterIP may use. */
static __always_inline enum backend_set set_of(const struct service_head *head)
{
	return head->internal_policy == POLICY_LOCAL ? SET_LOCAL : SET_CLUSTER;
}

/* Slots of that set. */
static __always_inline __u32 set_count(const struct service_head *head)
{
	return head->internal_policy == POLICY_LOCAL ? READ_ONCE(head->local_count) :
						       READ_ONCE(head->cluster_count);
}

/* Draws a backend from the set. False when the set, the slot or its backend is gone by now. */
static __always_inline bool backend_draw(struct selection *selection,
					 const struct service_head *head, bool is_ipv6)
{
	__u32 count = set_count(head);

	if (!count)
		return false;
	struct slot_key key = {
		.service_id = head->service_id,
		.set = set_of(head),
		.slot = bpf_get_prandom_u32() % count,
	};
	const struct slot *slot = bpf_map_lookup_elem(&service_slots, &key);

	return slot && backend_read(selection, slot->backend_id, is_ipv6);
}
