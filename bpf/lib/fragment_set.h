/* SPDX-License-Identifier: GPL-2.0-only
 *
 * The fragments of one packet as a set: what was decided for all of them, and which bytes of the
 * packet went by. It notices what overlaps as the kernel's inet_frag_queue_insert() does: inside a
 * run of known bytes it is a repetition, across its border it is an attack.
 */
#pragma once

#include "hold.h"

/* A set that no fragment joined for so long is over: its id may come back for another packet. */
#define FRAGMENT_SILENCE_NS (2000ull * 1000 * 1000)

/* Attempts to enter a set that another CPU changes; it needs some 50 ns. */
#define SET_LOCK_TRIES 64

/* The greatest packet that IP can put together again (RFC 791, RFC 8200). */
#define FRAGMENTED_MAX 65535

enum run_result {
	RUN_NEW,
	RUN_KNOWN, /* all of it went by before */
	RUN_OVERLAPS, /* a part of it did */
};

/* This CPU's work space with the name of the fragment's packet in it. Another fragment of the same
 * packet may use it while this one sends copies, no other.
 */
static __always_inline struct fragment_work *fragment_work(const struct __sk_buff *skb,
							   const struct packet *packet,
							   bool is_egress)
{
	__u32 zero = 0;
	struct fragment_work *work = bpf_map_lookup_elem(&fragment_works, &zero);
	const struct fragment_key6 *key;

	if (!work)
		return NULL;
	key = &work->name.key;
	fragment_name_fill(&work->name, skb, packet, is_egress);
	__builtin_memcpy(work->key4.source, key->source, 4);
	__builtin_memcpy(work->key4.destination, key->destination, 4);
	work->key4.id = key->id;
	work->key4.ifindex = key->ifindex;
	work->key4.protocol = key->protocol;
	work->key4.is_egress = key->is_egress;
	return work;
}

/* The set that the work space names, NULL without one. */
static __always_inline struct fragment_set *set_lookup(const struct fragment_work *work)
{
	if (work->name.family == FAMILY_IPV6)
		return bpf_map_lookup_elem(&fragments6, &work->name.key);
	return bpf_map_lookup_elem(&fragments4, &work->key4);
}

/* Stores the work space's set. `flags`: BPF_NOEXIST or BPF_ANY. Returns 0 or a negative errno. */
static __always_inline long set_store(const struct fragment_work *work, __u64 flags)
{
	if (work->name.family == FAMILY_IPV6)
		return bpf_map_update_elem(&fragments6, &work->name.key, &work->fresh, flags);
	return bpf_map_update_elem(&fragments4, &work->key4, &work->fresh, flags);
}

/* Enters a set. False: another CPU took too long. BPF's spin lock is not for LRU maps. */
static __always_inline bool set_lock(struct fragment_set *set)
{
	for (int try = 0; try < SET_LOCK_TRIES; try++) {
		if (!__sync_lock_test_and_set(&set->busy, 1))
			return true;
	}
	return false;
}

static __always_inline void set_unlock(struct fragment_set *set)
{
	__sync_lock_test_and_set(&set->busy, 0); /* a full barrier, on every CPU */
}

/* Whether all of the packet went by, or nothing for long: whoever has this id now begins anew. */
static __always_inline bool set_is_over(const struct fragment_set *set, __u64 now_ns)
{
	__u32 total = READ_ONCE(set->total);
	bool complete = false;

#pragma unroll
	for (int i = 0; i < FRAGMENT_RUNS; i++)
		complete |= !READ_ONCE(set->runs[i].start) && READ_ONCE(set->runs[i].end) == total;
	return (total && complete) || now_ns - READ_ONCE(set->last_seen_ns) > FRAGMENT_SILENCE_NS;
}

/* Where the fragment ends in the original payload, exclusive. May exceed FRAGMENTED_MAX. */
static __always_inline __u32 fragment_end(const struct packet *packet)
{
	return packet->fragment_offset + packet->payload_bytes;
}

/* No packet comes of it: empty, too far out, or one in the middle that is no multiple of 8. */
static __always_inline bool fragment_is_bad(const struct packet *packet)
{
	return !packet->payload_bytes || fragment_end(packet) > FRAGMENTED_MAX ||
	       (packet->has_more_fragments && (packet->payload_bytes & 7));
}

/* Adds the bytes from `start` to `end` to those of the set that went by. More runs than there is
 * room for are not remembered: then it is up to the receiver, as for whole packets.
 */
static __always_inline enum run_result set_add_run(struct fragment_set *set, __u32 start, __u32 end)
{
	bool touches = false, known = false;

#pragma unroll
	for (int i = 0; i < FRAGMENT_RUNS; i++) {
		__u32 from = set->runs[i].start, to = set->runs[i].end;

		touches |= from < end && start < to;
		known |= from <= start && end <= to;
	}
	if (touches)
		return known ? RUN_KNOWN : RUN_OVERLAPS;

	/* Runs never touch: at most one ends where this begins, and one the other way. */
#pragma unroll
	for (int i = 0; i < FRAGMENT_RUNS; i++) {
		__u32 from = set->runs[i].start, to = set->runs[i].end;

		if (from == to || (to != start && from != end))
			continue;
		if (to == start)
			start = from;
		else
			end = to;
		set->runs[i].start = 0;
		set->runs[i].end = 0;
	}
#pragma unroll
	for (int i = 0; i < FRAGMENT_RUNS; i++) {
		if (set->runs[i].end)
			continue;
		set->runs[i].start = start;
		set->runs[i].end = end;
		break;
	}
	return RUN_NEW;
}

/* Takes a fragment into a translated set. Returns enum run_result; RUN_OVERLAPS: the set is ruined.
 * verifier: global, verified once.
 */
__noinline int set_add(struct fragment_set *set, const struct packet *packet)
{
	bool is_beyond = false;
	__u32 start, end;
	if (!set || !packet)
		return RUN_OVERLAPS;
	start = packet->fragment_offset;
	end = fragment_end(packet);
	if (fragment_is_bad(packet) || (set->total && end > set->total))
		return RUN_OVERLAPS;
	if (!packet->has_more_fragments) {
#pragma unroll
		for (int i = 0; i < FRAGMENT_RUNS; i++)
			is_beyond |= set->runs[i].end > end;
		if (is_beyond || (set->total && set->total != end))
			return RUN_OVERLAPS;
		set->total = end;
	}
	return set_add_run(set, start, end);
}
