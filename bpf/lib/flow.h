/* SPDX-License-Identifier: GPL-2.0-only
 *
 * The flow table: one entry a direction, each with the whole decision. This header finds entries
 * and follows their state; flow_make.h makes them; the agent collects them.
 */
#pragma once

#include "maps.h"
#include "packet.h"
#include "rewrite.h"

/* A time stamp is written at most so often: an established flow stays read-only between. */
#define FLOW_TOUCH_NS (1000ull * 1000 * 1000)

/* Reads of an entry that another CPU is making, each some 30 ns. It needs less than 2 µs. */
#define FLOW_PENDING_READS 128

/* One end's look at a flow: what the tuple of a packet leads to, copied out of the map. */
struct flow_view {
	struct ends ends; /* what the packet becomes */
	struct flow *flow; /* in the map; the common part */
};

static __always_inline void flow_key4_fill(struct flow_key4 *key, const __u8 *source,
					   const __u8 *destination, __u8 protocol,
					   __be16 source_port, __be16 destination_port)
{
	__builtin_memcpy(key->source, source, 4);
	__builtin_memcpy(key->destination, destination, 4);
	key->protocol = protocol;
	key->source_port = bpf_ntohs(source_port);
	key->destination_port = bpf_ntohs(destination_port);
}

static __always_inline void flow_key6_fill(struct flow_key6 *key, const __u8 *source,
					   const __u8 *destination, __u8 protocol,
					   __be16 source_port, __be16 destination_port)
{
	__builtin_memcpy(key->source, source, 16);
	__builtin_memcpy(key->destination, destination, 16);
	key->protocol = protocol;
	key->source_port = bpf_ntohs(source_port);
	key->destination_port = bpf_ntohs(destination_port);
}

/* The common part of the entry of a tuple, NULL without one. */
static __always_inline struct flow *flow_of(const __u8 *source, const __u8 *destination,
					    __u8 protocol, __be16 source_port,
					    __be16 destination_port, bool is_ipv6)
{
	if (is_ipv6) {
		struct flow_key6 key;

		flow_key6_fill(&key, source, destination, protocol, source_port, destination_port);
		return bpf_map_lookup_elem(&flows6, &key);
	}
	struct flow_key4 key;

	flow_key4_fill(&key, source, destination, protocol, source_port, destination_port);
	return bpf_map_lookup_elem(&flows4, &key);
}

/* Finds the entry of a tuple and copies the packet's new ends. False without one. A pending one
 * counts as found, with `state` FLOW_PENDING.
 */
static __always_inline bool flow_lookup(struct flow_view *view, const __u8 *source,
					const __u8 *destination, __u8 protocol,
					__be16 source_port, __be16 destination_port, bool is_ipv6)
{
	if (is_ipv6) {
		struct flow_key6 key;
		struct flow6 *entry;

		flow_key6_fill(&key, source, destination, protocol, source_port, destination_port);
		entry = bpf_map_lookup_elem(&flows6, &key);
		if (!entry)
			return false;
		__builtin_memcpy(view->ends.source, entry->new_source, 16);
		__builtin_memcpy(view->ends.destination, entry->new_destination, 16);
		view->flow = &entry->flow;
	} else {
		struct flow_key4 key;
		struct flow4 *entry;

		flow_key4_fill(&key, source, destination, protocol, source_port, destination_port);
		entry = bpf_map_lookup_elem(&flows4, &key);
		if (!entry)
			return false;
		__builtin_memcpy(view->ends.source, entry->new_source, 4);
		__builtin_memcpy(view->ends.destination, entry->new_destination, 4);
		view->flow = &entry->flow;
	}
	view->ends.source_port = bpf_htons(READ_ONCE(view->flow->new_source_port));
	view->ends.destination_port = bpf_htons(READ_ONCE(view->flow->new_destination_port));
	return true;
}

/* The flow of a packet, as it was seen here. */
static __always_inline bool flow_of_packet(struct flow_view *view, const struct packet *packet)
{
	return flow_lookup(view, packet->source, packet->destination, packet->protocol,
			   packet->source_port, packet->destination_port, packet->is_ipv6);
}

/* The other direction's entry: its key is the translated tuple, turned round. */
static __always_inline struct flow *flow_partner(const struct ends *ends, __u8 protocol,
						 bool is_ipv6)
{
	return flow_of(ends->destination, ends->source, protocol, ends->destination_port,
		       ends->source_port, is_ipv6);
}

/* Deletes the entry of a packet and its partner. */
static __always_inline void flow_delete(const struct packet *packet, const struct ends *ends)
{
	if (packet->is_ipv6) {
		struct flow_key6 key;

		flow_key6_fill(&key, packet->source, packet->destination, packet->protocol,
			       packet->source_port, packet->destination_port);
		bpf_map_delete_elem(&flows6, &key);
		flow_key6_fill(&key, ends->destination, ends->source, packet->protocol,
			       ends->destination_port, ends->source_port);
		bpf_map_delete_elem(&flows6, &key);
		return;
	}
	struct flow_key4 key;

	flow_key4_fill(&key, packet->source, packet->destination, packet->protocol,
		       packet->source_port, packet->destination_port);
	bpf_map_delete_elem(&flows4, &key);
	flow_key4_fill(&key, ends->destination, ends->source, packet->protocol,
		       ends->destination_port, ends->source_port);
	bpf_map_delete_elem(&flows4, &key);
}

/* Whether the packet is a SYN over a closed flow. */
static __always_inline bool flow_begins_anew(const struct packet *packet,
					     const struct flow_view *view)
{
	return packet->protocol == PROTOCOL_TCP && packet_may_begin_flow(packet) &&
	       READ_ONCE(view->flow->state) == FLOW_CLOSED;
}

/* Whether this packet may change the flow's state: few do, and only they look up the partner. */
static __always_inline bool flow_state_moves(const struct packet *packet, const struct flow *flow)
{
	__u32 state = READ_ONCE(flow->state);

	if (packet->protocol == PROTOCOL_TCP && (packet->tcp_flags & (TCP_FIN | TCP_RST)))
		return state != FLOW_CLOSED;
	return state == FLOW_NEW && flow->direction == FLOW_REPLY;
}

/* The state after a packet, the same for both entries.
 * verifier: global, so that it is verified once and not at each place that calls it. Returns 0.
 */
__noinline int flow_advance(const struct packet *packet)
{
	struct flow_view view = {};
	enum flow_state state;
	struct flow *partner;

	if (!packet || !flow_of_packet(&view, packet))
		return 0;
	partner = flow_partner(&view.ends, packet->protocol, packet->is_ipv6);
	state = FLOW_ESTABLISHED;
	if (packet->protocol == PROTOCOL_TCP) {
		if (packet->tcp_flags & TCP_RST) {
			state = FLOW_CLOSED;
		} else if (packet->tcp_flags & TCP_FIN) {
			WRITE_ONCE(view.flow->fin_seen, true);
			state = partner && READ_ONCE(partner->fin_seen) ? FLOW_CLOSED :
									  FLOW_CLOSE_WAIT;
		}
	}
	WRITE_ONCE(view.flow->state, state);
	if (partner)
		WRITE_ONCE(partner->state, state);
	return 0;
}

/* Notes that a packet of the flow went by. */
static __always_inline void flow_touch(const struct packet *packet, struct flow *flow)
{
	__u64 now_ns = bpf_ktime_get_coarse_ns();

	if (now_ns - READ_ONCE(flow->last_seen_ns) > FLOW_TOUCH_NS)
		WRITE_ONCE(flow->last_seen_ns, now_ns);
	if (flow_state_moves(packet, flow))
		flow_advance(packet);
}
