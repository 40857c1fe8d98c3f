/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Makes a flow: both entries or none. The forward entry goes in first, pending, so that of two CPUs
 * with a packet of one flow a single one decides; the reply entry's BPF_NOEXIST is the lock of the
 * source port; then the forward entry is published.
 */
#pragma once

#include "conntrack.h"
#include "flow.h"
#include "report.h"

/* Source ports that are tried before the newcomer is refused. */
#define PORT_TRIES 32

/* asm-generic/errno-base.h; the C library's errno.h is not for this target. */
#define EEXIST 17

enum make_result {
	FLOW_MADE = 0,
	FLOW_EXISTS = 1, /* another CPU was first: look it up */
	/* From here on the reason why there is no flow, enum reason. */
};

/* This CPU's plan. Programs run to their end on their CPU with softirqs off: nobody else has it. */
static __always_inline struct flow_plan *flow_plan(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&flow_plans, &zero);
}

static __always_inline const struct settings *node_settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

/* Takes one from this CPU's allowance of new flows. */
static __always_inline bool flow_allowed(const struct settings *settings)
{
	__u32 zero = 0, limit = READ_ONCE(settings->new_flows_per_second);
	struct flow_allowance *allowance = bpf_map_lookup_elem(&new_flows, &zero);
	__u64 second;

	if (!limit || !allowance)
		return true;
	second = bpf_ktime_get_coarse_ns() / (1000ull * 1000 * 1000);
	if (allowance->second != second) {
		allowance->second = second;
		allowance->made = 0;
	}
	allowance->made += 1;
	return allowance->made <= limit;
}

static __always_inline void flow_fill(struct flow *flow, const struct flow_plan *plan,
				      enum flow_direction direction, __u64 now_ns)
{
	flow->last_seen_ns = now_ns;
	flow->created_ns = now_ns;
	flow->service_id = plan->service_id;
	flow->backend_id = plan->backend_id;
	flow->direction = direction;
	flow->masqueraded = plan->masqueraded;
	flow->fin_seen = false;
	if (direction == FLOW_FORWARD) {
		flow->state = FLOW_PENDING;
		flow->road = plan->forward_road;
		flow->ifindex = plan->forward_ifindex;
	} else {
		flow->state = FLOW_NEW;
		flow->road = plan->reply_road;
		flow->ifindex = plan->reply_ifindex;
	}
}

/* Inserts the forward entry. Returns 0 or the map's negative errno. */
static __always_inline long flow_insert_forward(struct flow_plan *plan, const struct packet *packet,
						__u64 now_ns)
{
	struct ends *ends = &plan->forward;

	if (packet->is_ipv6) {
		struct flow_key6 key;

		flow_key6_fill(&key, packet->source, packet->destination, packet->protocol,
			       packet->source_port, packet->destination_port);
		flow_fill(&plan->entry6.flow, plan, FLOW_FORWARD, now_ns);
		plan->entry6.flow.new_source_port = bpf_ntohs(ends->source_port);
		plan->entry6.flow.new_destination_port = bpf_ntohs(ends->destination_port);
		__builtin_memcpy(plan->entry6.new_source, ends->source, 16);
		__builtin_memcpy(plan->entry6.new_destination, ends->destination, 16);
		return bpf_map_update_elem(&flows6, &key, &plan->entry6, BPF_NOEXIST);
	}
	struct flow_key4 key;

	flow_key4_fill(&key, packet->source, packet->destination, packet->protocol,
		       packet->source_port, packet->destination_port);
	flow_fill(&plan->entry4.flow, plan, FLOW_FORWARD, now_ns);
	plan->entry4.flow.new_source_port = bpf_ntohs(ends->source_port);
	plan->entry4.flow.new_destination_port = bpf_ntohs(ends->destination_port);
	__builtin_memcpy(plan->entry4.new_source, ends->source, 4);
	__builtin_memcpy(plan->entry4.new_destination, ends->destination, 4);
	return bpf_map_update_elem(&flows4, &key, &plan->entry4, BPF_NOEXIST);
}

/* Prepares the reply's entry: everything but the port that its key will hold. */
static __always_inline void flow_prepare_reply(struct flow_plan *plan, const struct packet *packet,
					       __u64 now_ns)
{
	if (packet->is_ipv6) {
		flow_fill(&plan->entry6.flow, plan, FLOW_REPLY, now_ns);
		plan->entry6.flow.new_source_port = bpf_ntohs(packet->destination_port);
		plan->entry6.flow.new_destination_port = bpf_ntohs(packet->source_port);
		__builtin_memcpy(plan->entry6.new_source, packet->destination, 16);
		__builtin_memcpy(plan->entry6.new_destination, packet->source, 16);
		return;
	}
	flow_fill(&plan->entry4.flow, plan, FLOW_REPLY, now_ns);
	plan->entry4.flow.new_source_port = bpf_ntohs(packet->destination_port);
	plan->entry4.flow.new_destination_port = bpf_ntohs(packet->source_port);
	__builtin_memcpy(plan->entry4.new_source, packet->destination, 4);
	__builtin_memcpy(plan->entry4.new_destination, packet->source, 4);
}

/* Inserts the reply's entry under one source port. Returns 0 or the map's negative errno. */
static __always_inline long flow_insert_reply(struct flow_plan *plan, const struct packet *packet,
					      __be16 source_port)
{
	struct ends *ends = &plan->forward;

	if (packet->is_ipv6) {
		struct flow_key6 key;

		flow_key6_fill(&key, ends->destination, ends->source, packet->protocol,
			       ends->destination_port, source_port);
		return bpf_map_update_elem(&flows6, &key, &plan->entry6, BPF_NOEXIST);
	}
	struct flow_key4 key;

	flow_key4_fill(&key, ends->destination, ends->source, packet->protocol,
		       ends->destination_port, source_port);
	return bpf_map_update_elem(&flows4, &key, &plan->entry4, BPF_NOEXIST);
}

/* Publishes the forward entry with the port that was found, or deletes it. */
static __always_inline void flow_finish_forward(const struct packet *packet, __be16 source_port,
						bool is_made)
{
	struct flow *flow;

	if (is_made) {
		flow = flow_of(packet->source, packet->destination, packet->protocol,
			       packet->source_port, packet->destination_port, packet->is_ipv6);
		if (!flow)
			return;
		WRITE_ONCE(flow->new_source_port, bpf_ntohs(source_port));
		/* A full barrier: whoever sees the state sees the port. */
		__sync_lock_test_and_set((__u32 *)&flow->state, FLOW_NEW);
	} else if (packet->is_ipv6) {
		struct flow_key6 key;

		flow_key6_fill(&key, packet->source, packet->destination, packet->protocol,
			       packet->source_port, packet->destination_port);
		bpf_map_delete_elem(&flows6, &key);
	} else {
		struct flow_key4 key;

		flow_key4_fill(&key, packet->source, packet->destination, packet->protocol,
			       packet->source_port, packet->destination_port);
		bpf_map_delete_elem(&flows4, &key);
	}
}

/* Whether a socket of the host or the kernel's conntrack has the tuple of the replies: theirs would
 * be taken for ours, and ours for theirs. Ours is no such tuple yet.
 */
static __always_inline bool port_is_taken(CONTEXT *ctx, const struct flow_plan *plan,
					  const struct packet *packet, __be16 source_port)
{
	const struct ends *ends = &plan->forward;
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk = NULL;
	__u32 size;

	if (packet->is_ipv6) {
		__builtin_memcpy(tuple.ipv6.saddr, ends->destination, 16);
		__builtin_memcpy(tuple.ipv6.daddr, ends->source, 16);
		tuple.ipv6.sport = ends->destination_port;
		tuple.ipv6.dport = source_port;
		size = sizeof(tuple.ipv6);
	} else {
		__builtin_memcpy(&tuple.ipv4.saddr, ends->destination, 4);
		__builtin_memcpy(&tuple.ipv4.daddr, ends->source, 4);
		tuple.ipv4.sport = ends->destination_port;
		tuple.ipv4.dport = source_port;
		size = sizeof(tuple.ipv4);
	}
	if (conntrack_has(ctx, &tuple, size, packet->protocol, NULL))
		return true;
	if (packet->protocol == PROTOCOL_TCP)
		sk = bpf_skc_lookup_tcp(ctx, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	else if (packet->protocol == PROTOCOL_UDP)
		sk = bpf_sk_lookup_udp(ctx, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return false;
	bpf_sk_release(sk);
	return true;
}

/* Whether the client's own source port may be kept: always with its own address; behind the node's
 * only inside our range, which nobody else uses.
 */
static __always_inline bool port_may_be_kept(const struct flow_plan *plan,
					     const struct packet *packet,
					     const struct settings *settings)
{
	__u16 port = bpf_ntohs(packet->source_port);

	return !plan->source_is_ours || (port >= settings->masquerade_port_first &&
					 port <= settings->masquerade_port_last);
}

/* Makes the flow of this CPU's plan for the packet. Returns enum make_result, or the reason why
 * there is none.
 * verifier: global, hence the NULL checks; verified once.
 */
__noinline int flow_make(CONTEXT *ctx, const struct packet *packet)
{
	const struct settings *settings = node_settings();
	struct flow_plan *plan = flow_plan();
	__u64 now_ns = bpf_ktime_get_coarse_ns();
	__be16 port;
	__u32 first, ports, random = bpf_get_prandom_u32();
	/* An odd stride visits different ports, wherever it starts. */
	__u32 index = random & 0xffff, stride = random >> 16 | 1;
	long failed;

	if (!packet || !plan || !settings)
		return REASON_DROP_NO_ROAD;
	if (!flow_allowed(settings))
		return REASON_DROP_FLOW_RATE;

	first = READ_ONCE(settings->masquerade_port_first);
	ports = READ_ONCE(settings->masquerade_port_last) - first + 1;
	if (!ports)
		return REASON_DROP_NO_PORT; /* verifier: no division by zero */
	port = port_may_be_kept(plan, packet, settings) ? packet->source_port :
							  bpf_htons(first + index % ports);
	plan->forward.source_port = port;

	failed = flow_insert_forward(plan, packet, now_ns);
	if (failed == -EEXIST)
		return FLOW_EXISTS;
	if (failed)
		return REASON_DROP_FLOWS_FULL;

	flow_prepare_reply(plan, packet, now_ns);
	for (int try = 0; try < PORT_TRIES; try++) {
		failed = -EEXIST;
		if (!plan->source_is_ours || !port_is_taken(ctx, plan, packet, port))
			failed = flow_insert_reply(plan, packet, port);
		if (failed != -EEXIST)
			break;
		index += stride;
		port = bpf_htons(first + index % ports);
	}
	flow_finish_forward(packet, port, !failed);
	if (failed)
		return failed == -EEXIST ? REASON_DROP_NO_PORT : REASON_DROP_FLOWS_FULL;
	plan->forward.source_port = port;
	report(REASON_FLOW_MADE, 0);
	return FLOW_MADE;
}

/* Waits for another CPU to publish the flow. False: it took too long.
 * verifier: global, bounded, verified once. Returns whether the flow can be used.
 */
__noinline int flow_await(const struct packet *packet)
{
	if (!packet)
		return 0;
	for (int i = 0; i < FLOW_PENDING_READS; i++) {
		struct flow *flow = flow_of(packet->source, packet->destination, packet->protocol,
					    packet->source_port, packet->destination_port,
					    packet->is_ipv6);

		if (!flow)
			return 0;
		if (READ_ONCE(flow->state) != FLOW_PENDING)
			return 1;
	}
	return 0;
}
