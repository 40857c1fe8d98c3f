/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Fragments that came before the first of their packet: kept as they came in a few places that all
 * share, and sent again to the hook that met them once the first has said where they belong. What
 * finds no place is not kept; what nobody claims within HOLD_NS gives its place to the next.
 */
#pragma once

#include "maps.h"
#include "packet.h"

/* How long a fragment waits: what is out of order on one path is so by milliseconds. */
#define HOLD_NS (1000ull * 1000 * 1000)

/* Places that one fragment looks at: all, from a random one on. */
#define HOLD_TRIES FRAGMENT_HOLDS_MAX

/* An IPv4 header. verifier: a bound that 6.1 believes; it does not learn from "not 0". */
#define HOLD_BYTES_MIN 20

/* One packet's fragments may hold so many: 64 KiB in frames of 1500 bytes are 45. */
#define HELD_MAX 48

/* The name of a fragment's packet at this hook. */
static __always_inline void fragment_name_fill(struct fragment_name *name,
					       const struct __sk_buff *skb,
					       const struct packet *packet, bool is_egress)
{
	__builtin_memset(name, 0, sizeof(*name));
	if (packet->is_ipv6) {
		__builtin_memcpy(name->key.source, packet->source, 16);
		__builtin_memcpy(name->key.destination, packet->destination, 16);
		name->family = FAMILY_IPV6;
	} else {
		__builtin_memcpy(name->key.source, packet->source, 4);
		__builtin_memcpy(name->key.destination, packet->destination, 4);
		name->family = FAMILY_IPV4;
	}
	name->key.id = packet->fragment_id;
	name->key.ifindex = skb->ifindex;
	name->key.protocol = packet->protocol;
	name->key.is_egress = is_egress;
}

static __always_inline bool fragment_name_equal(const struct fragment_name *a,
						const struct fragment_name *b)
{
	const __u32 *x = (const __u32 *)a, *y = (const __u32 *)b;
	__u32 difference = 0;

#pragma unroll
	for (__u32 i = 0; i < sizeof(*a) / sizeof(__u32); i++) {
		difference |= x[i] ^ y[i];
		asm volatile("" : "+r"(difference)); /* verifier: no branch for each word */
	}
	return !difference;
}

/* Takes a place from one state to another. False: another CPU did. */
static __always_inline bool hold_move(struct fragment_hold *hold, enum hold_state from,
				      enum hold_state to)
{
	return __sync_val_compare_and_swap(&hold->state, from, to) == from;
}

/* Gives a place back, in whatever state its owner left it. A full barrier. */
static __always_inline void hold_release(struct fragment_hold *hold, enum hold_state state)
{
	__sync_lock_test_and_set(&hold->state, state);
}

/* Makes a place busy that is free, or whose fragment has waited too long. Returns its index, or -1.
 * verifier: global, verified once.
 */
__noinline int hold_acquire(__u64 now_ns)
{
	__u32 start = bpf_get_prandom_u32();

	for (__u32 try = 0; try < HOLD_TRIES; try++) {
		__u32 index = (start + try) % FRAGMENT_HOLDS_MAX;
		struct fragment_hold *hold = bpf_map_lookup_elem(&fragment_holds, &index);

		if (!hold)
			continue;
		if (hold_move(hold, HOLD_FREE, HOLD_BUSY))
			return index;
		if (READ_ONCE(hold->state) == HOLD_FULL &&
		    now_ns - READ_ONCE(hold->held_ns) > HOLD_NS &&
		    hold_move(hold, HOLD_FULL, HOLD_BUSY))
			return index;
	}
	return -1;
}

/* Copies the packet into a place of ours. False if it does not fit. */
static __always_inline bool hold_fill(struct fragment_hold *hold, const struct __sk_buff *skb,
				      const struct fragment_name *name, __u64 now_ns)
{
	__u32 bytes = skb->len - ETH_HLEN;

	/* verifier: the bound must hold for the register that the helper gets */
	asm volatile("" : "+r"(bytes));
	if (bytes < HOLD_BYTES_MIN || bytes > HOLD_BYTES)
		return false;
	if (bpf_skb_load_bytes(skb, ETH_HLEN, hold->packet, bytes))
		return false;
	hold->name = *name;
	hold->held_ns = now_ns;
	hold->bytes = bytes;
	return true;
}

/* Turns the frame into what the place holds. Nonlinear frames can't grow: they are pulled before.
 * The MACs stay: both came by this hook. CHECKSUM_COMPLETE follows, as far as the kernel keeps it.
 */
static __always_inline int hold_write(struct __sk_buff *skb, struct fragment_hold *hold)
{
	__u32 bytes = READ_ONCE(hold->bytes);

	asm volatile("" : "+r"(bytes));
	if (bytes < HOLD_BYTES_MIN || bytes > HOLD_BYTES)
		return -1;
	if (bpf_skb_change_tail(skb, ETH_HLEN + bytes, 0))
		return -1;
	return bpf_skb_store_bytes(skb, ETH_HLEN, hold->packet, bytes, BPF_F_RECOMPUTE_CSUM);
}

/* Empties a place if it holds a fragment of the packet called `name`; `is_sent`: sends it to this
 * hook again, in the frame of `skb`.
 * verifier: global, called once for each place, verified once. Returns 0.
 */
__noinline int hold_empty(struct __sk_buff *skb, const struct fragment_name *name, __u32 index,
			  bool is_sent)
{
	struct fragment_hold *hold;

	if (!name)
		return 0;
	hold = bpf_map_lookup_elem(&fragment_holds, &index);
	if (!hold || READ_ONCE(hold->state) != HOLD_FULL || !hold_move(hold, HOLD_FULL, HOLD_BUSY))
		return 0;
	if (!fragment_name_equal(&hold->name, name)) {
		hold_release(hold, HOLD_FULL);
		return 0;
	}
	if (is_sent && !hold_write(skb, hold))
		bpf_clone_redirect(skb, skb->ifindex, name->key.is_egress ? 0 : BPF_F_INGRESS);
	hold_release(hold, HOLD_FREE);
	return 0;
}

/* Sends the frame itself and then all that is held of its packet to this hook again: its own road
 * could be one that a copy can't take. What `skb` holds afterwards is nobody's: to be dropped.
 * Not `is_sent`: only forgets what is held.
 * verifier: global, verified once. Returns 0.
 */
__noinline int holds_empty(struct __sk_buff *skb, const struct fragment_name *name, bool is_sent)
{
	struct fragment_name copy;

	if (!name)
		return 0;
	copy = *name; /* its owner may use the place for the copies that are sent */
	if (is_sent) {
		bpf_clone_redirect(skb, skb->ifindex, name->key.is_egress ? 0 : BPF_F_INGRESS);
		bpf_skb_pull_data(skb, skb->len);
	}
	for (__u32 index = 0; index < FRAGMENT_HOLDS_MAX; index++)
		hold_empty(skb, &copy, index, is_sent);
	return 0;
}
