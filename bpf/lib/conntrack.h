/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Asks the kernel whether it tracks a flow. An entry, translated or not, means that the stack
 * carries this flow: its replies may need an un-NAT that the packet does not show, and a road once
 * taken is kept for both directions. A flow that we carry from its first packet on has no entry.
 */
#pragma once

#include "packet.h"

/* Set by the loader: false where the kernel has no conntrack, then nothing can be tracked. */
const volatile bool conntrack_lookup = true;

/* What we read of the kernel's entry; where each field is, libbpf finds out at load (CO-RE). */
union nf_inet_addr {
	__u32 all[4]; /* network order; IPv4 in the first */
} __attribute__((preserve_access_index));

struct nf_conntrack_man {
	union nf_inet_addr u3;
} __attribute__((preserve_access_index));

struct nf_conntrack_tuple {
	struct nf_conntrack_man src;
} __attribute__((preserve_access_index));

struct nf_conntrack_tuple_hash {
	struct nf_conntrack_tuple tuple;
} __attribute__((preserve_access_index));

struct nf_conn {
	struct nf_conntrack_tuple_hash tuplehash[2]; /* original, reply */
	unsigned long status;
} __attribute__((preserve_access_index));

/* net/netfilter/nf_conntrack_bpf.c, the 12-byte form of 6.1 that all later kernels accept. */
struct bpf_ct_opts {
	__s32 netns_id;
	__s32 error;
	__u8 l4proto;
	__u8 dir;
	__u8 reserved[2];
};
_Static_assert(sizeof(struct bpf_ct_opts) == 12, "bpf_ct_opts");

extern struct nf_conn *CONNTRACK_LOOKUP(CONTEXT *ctx, struct bpf_sock_tuple *tuple,
					__u32 tuple_size, struct bpf_ct_opts *opts,
					__u32 opts_size) __ksym __weak;
extern void bpf_ct_release(struct nf_conn *entry) __ksym __weak;

/* IPS_SRC_NAT | IPS_DST_NAT (linux/netfilter/nf_conntrack_common.h). */
#define CONNTRACK_NAT 0x30

/* What the kernel knows of a tuple, in either direction. */
enum tracked {
	TRACKED_NOT = 0,
	TRACKED_PLAIN = 1,
	TRACKED_TRANSLATED = 2,
};

/* Asks for a tuple. `original`: NULL, or where the source goes that the flow's first packet had
 * before the kernel translated it.
 */
static __always_inline enum tracked conntrack_has(CONTEXT *ctx, struct bpf_sock_tuple *tuple,
						  __u32 size, __u8 protocol, __u8 *original)
{
	enum tracked tracked;
	struct bpf_ct_opts opts = {.netns_id = BPF_F_CURRENT_NETNS, .l4proto = protocol};
	struct nf_conn *entry;

	/* The kernel's look-up knows these two (bpf_ct_opts: -EPROTO for others). */
	if (!conntrack_lookup || (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP))
		return TRACKED_NOT;
	entry = CONNTRACK_LOOKUP(ctx, tuple, size, &opts, sizeof(opts));
	if (!entry)
		return TRACKED_NOT;
	if (original) {
		__u32 words[4] = {
			entry->tuplehash[0].tuple.src.u3.all[0],
			entry->tuplehash[0].tuple.src.u3.all[1],
			entry->tuplehash[0].tuple.src.u3.all[2],
			entry->tuplehash[0].tuple.src.u3.all[3],
		};

		__builtin_memcpy(original, words, 16);
	}
	tracked = entry->status & CONNTRACK_NAT ? TRACKED_TRANSLATED : TRACKED_PLAIN;
	bpf_ct_release(entry);
	return tracked;
}

/* Asks for the packet's tuple, or the one that answers it. */
static __always_inline enum tracked conntrack_asked(CONTEXT *ctx, const struct packet *packet,
						    bool answered, __u8 *original)
{
	const __u8 *source = answered ? packet->destination : packet->source;
	const __u8 *destination = answered ? packet->source : packet->destination;
	__be16 source_port = answered ? packet->destination_port : packet->source_port;
	__be16 destination_port = answered ? packet->source_port : packet->destination_port;
	struct bpf_sock_tuple tuple = {};

	if (packet->is_ipv6) {
		__builtin_memcpy(tuple.ipv6.saddr, source, 16);
		__builtin_memcpy(tuple.ipv6.daddr, destination, 16);
		tuple.ipv6.sport = source_port;
		tuple.ipv6.dport = destination_port;
		return conntrack_has(ctx, &tuple, sizeof(tuple.ipv6), packet->protocol, original);
	}
	__builtin_memcpy(&tuple.ipv4.saddr, source, 4);
	__builtin_memcpy(&tuple.ipv4.daddr, destination, 4);
	tuple.ipv4.sport = source_port;
	tuple.ipv4.dport = destination_port;
	return conntrack_has(ctx, &tuple, sizeof(tuple.ipv4), packet->protocol, original);
}

/* What the kernel knows of a packet that it is about to send, and who sent it originally. Behind
 * the kernel's SNAT a packet's own tuple is in no entry: what will answer it is.
 */
static __always_inline enum tracked conntrack_original(CONTEXT *ctx, const struct packet *packet,
						       __u8 *original)
{
	return conntrack_asked(ctx, packet, true, original);
}

/* What the kernel knows of the packet's tuple. */
static __always_inline enum tracked conntrack_knows(CONTEXT *ctx, const struct packet *packet)
{
	return conntrack_asked(ctx, packet, false, NULL);
}
