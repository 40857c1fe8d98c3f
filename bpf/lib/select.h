/* SPDX-License-Identifier: GPL-2.0-only
 *
 * From what is dialled to a backend: the frontend's head, then a uniformly random slot of the set
 * that the policies allow.
 */
#pragma once

#include "dial.h"
#include "maps.h"

struct selection {
	__u8 address[16]; /* network order; IPv4 mapped */
	__u32 backend_id;
	__u16 port; /* host order */
};

/* The head at exactly this address, as a map key: `address` is NULL for the all-zero one. */
static __always_inline const struct service_head *head_at(const __u8 *address, __u16 port,
							  __u8 protocol, bool is_ipv6)
{
	if (is_ipv6) {
		struct frontend6 key = { .protocol = protocol, .port = port };

		if (address)
			__builtin_memcpy(key.address, address, 16);
		return bpf_map_lookup_elem(&services6, &key);
	}
	struct frontend4 key = { .protocol = protocol, .port = port };

	if (address)
		__builtin_memcpy(key.address, address + 12, 4);
	return bpf_map_lookup_elem(&services4, &key);
}

/* The entry of the dialled address if the host holds it. */
static __always_inline const struct local_address *local_address_of(const struct dial *dial)
{
	return dial->is_ipv6 ? bpf_map_lookup_elem(&local_addresses6, dial->address) :
			       bpf_map_lookup_elem(&local_addresses4, dial->address + 12);
}

/* The service that answers at what is dialled, NULL: none, or one that the host serves itself. */
static __always_inline const struct service_head *service_lookup(const struct dial *dial)
{
	const struct service_head *head =
		head_at(dial->address, dial->port, dial->protocol, dial->is_ipv6);
	const struct local_address *local;

	/* Whoever dials the all-zero address means itself, not the entry of all node ports. */
	if (head && head->kind == FRONTEND_NODE_PORT)
		return NULL;
	if (head && head->kind != FRONTEND_CLUSTER_IP)
		return head;

	local = local_address_of(dial);
	if (head) /* a node-local DNS cache has its service's address: it is the one that serves */
		return local ? NULL : head;
	if (!local || !local->accepts_node_ports)
		return NULL;
	return head_at(NULL, dial->port, dial->protocol, dial->is_ipv6);
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

/* Draws a backend from the `count` slots of a set; `count` is not 0. False when the slot or its
 * backend is gone by now.
 */
static __always_inline bool backend_draw(struct selection *selection, __u32 service_id,
					 enum backend_set set, __u32 count, bool is_ipv6)
{
	struct slot_key key = {
		.service_id = service_id,
		.set = set,
		.slot = bpf_get_prandom_u32() % count,
	};
	const struct slot *slot = bpf_map_lookup_elem(&service_slots, &key);

	return slot && backend_read(selection, slot->backend_id, is_ipv6);
}
