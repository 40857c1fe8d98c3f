/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Session affinity: which backend a client stays with. Dials and packets ask here, with the
 * client's address before any translation, so that all frontends of a service port agree. A new
 * flow recalls; one that had to draw remembers, and goes where `affinity_remember` says: another
 * CPU may have drawn for the same client just now.
 *
 * Whether a remembered backend may still be used is one look-up of (service, backend): slots move
 * when others leave, so a remembered slot would lose clients whose backend is still there.
 */
#pragma once

#include "bpf.h"
#include "maps.h"

struct affinity_request {
	__u8 client[16]; /* network order; IPv4 in the first 4 octets, the rest zero */
	__u32 service_id;
	__u32 timeout_s; /* never 0: a service without affinity does not ask */
	enum backend_set set; /* that this flow may use */
	bool is_ipv6;
	__u8 reserved[3]; /* zero */
};

static __always_inline struct affinity *affinity_lookup(const struct affinity_request *request)
{
	if (request->is_ipv6) {
		struct affinity_key6 key = { .service_id = request->service_id };

		__builtin_memcpy(key.client, request->client, 16);
		return bpf_map_lookup_elem(&affinity6, &key);
	}
	struct affinity_key4 key = { .service_id = request->service_id };

	__builtin_memcpy(key.client, request->client, 4);
	return bpf_map_lookup_elem(&affinity4, &key);
}

/* Whether the memory is young enough, of this time of the backend in the service, and allowed. */
static __always_inline bool affinity_holds(const struct affinity *memory,
					   const struct affinity_request *request, __u64 now_ns)
{
	__u64 last_used_ns = READ_ONCE(memory->last_used_ns);
	struct member_key key = {
		.service_id = request->service_id,
		.backend_id = memory->backend_id,
	};
	const struct member *member;

	/* Signed: another CPU may have written a later time since we read the clock. */
	if ((__s64)(now_ns - last_used_ns) > (__s64)(request->timeout_s * 1000000000ull))
		return false;
	member = bpf_map_lookup_elem(&affinity_members, &key);
	if (!member || last_used_ns < member->joined_ns)
		return false;
	return request->set == SET_LOCAL ? member->in_local_set : member->in_cluster_set;
}

/* The backend id that the client stays with, its time counted anew from now; 0: draw one.
 * verifier: a global function is verified once.
 */
__noinline __u32 affinity_recall(const struct affinity_request *request)
{
	struct affinity *memory;
	__u64 now_ns = bpf_ktime_get_ns();

	if (!request)
		return 0;
	memory = affinity_lookup(request);
	if (!memory || !affinity_holds(memory, request, now_ns))
		return 0;
	WRITE_ONCE(memory->last_used_ns, now_ns);
	return memory->backend_id;
}

/* Remembers what was drawn after `affinity_recall` gave 0. Returns the id that counts: the drawn
 * one, or what another CPU remembered meanwhile. Without room it is the drawn one all the same.
 */
__noinline __u32 affinity_remember(const struct affinity_request *request, __u32 backend_id)
{
	struct affinity fresh = { .backend_id = backend_id };
	struct affinity *memory;

	if (!request)
		return 0;
	fresh.last_used_ns = bpf_ktime_get_ns();
	memory = affinity_lookup(request);
	if (memory && affinity_holds(memory, request, fresh.last_used_ns))
		return memory->backend_id;

	/* One that no longer holds is replaced; where there was none, the first CPU wins. */
	__u64 flags = memory ? BPF_ANY : BPF_NOEXIST;
	long failure;

	if (request->is_ipv6) {
		struct affinity_key6 key = { .service_id = request->service_id };

		__builtin_memcpy(key.client, request->client, 16);
		failure = bpf_map_update_elem(&affinity6, &key, &fresh, flags);
	} else {
		struct affinity_key4 key = { .service_id = request->service_id };

		__builtin_memcpy(key.client, request->client, 4);
		failure = bpf_map_update_elem(&affinity4, &key, &fresh, flags);
	}
	if (!failure)
		return backend_id;
	memory = affinity_lookup(request);
	if (memory && affinity_holds(memory, request, fresh.last_used_ns))
		return memory->backend_id;
	return backend_id;
}
