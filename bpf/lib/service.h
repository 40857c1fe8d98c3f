/* SPDX-License-Identifier: GPL-2.0-only
 *
 * From the first packet of a flow to a plan for both its directions: which frontend was dialled,
 * what its policies make of the sender, which backend, whose address the backend sees. Where the
 * packets then go is roads.h.
 */
#pragma once

#include "affinity.h"
#include "decide.h"
#include "flow_make.h"
#include "lookup.h"
#include "packet.h"
#include "range.h"

/* Picks that are tried: the agent may shrink a set between our two reads. */
#define PICK_TRIES 4

/* The frontend that a packet dials: its exact address first, then node ports on any address of the
 * node that accepts them. `is_local`: the destination is an address of the node.
 */
static __always_inline const struct service_head *
frontend_of_packet(const struct packet *packet, const struct local_address *local)
{
	const struct service_head *head;

	if (packet->is_ipv6) {
		struct frontend6 key = {.protocol = packet->protocol,
					.port = bpf_ntohs(packet->destination_port)};

		__builtin_memcpy(key.address, packet->destination, 16);
		head = bpf_map_lookup_elem(&services6, &key);
		if (head || !local || !local->accepts_node_ports)
			return head;
		__builtin_memset(key.address, 0, 16);
		return bpf_map_lookup_elem(&services6, &key);
	}
	struct frontend4 key = {.protocol = packet->protocol,
				.port = bpf_ntohs(packet->destination_port)};

	__builtin_memcpy(key.address, packet->destination, 4);
	head = bpf_map_lookup_elem(&services4, &key);
	if (head || !local || !local->accepts_node_ports)
		return head;
	__builtin_memset(key.address, 0, 4);
	return bpf_map_lookup_elem(&services4, &key);
}

/* Copies a backend's address and port into the plan. */
static __always_inline bool backend_plan(struct flow_plan *plan, __u32 id, bool is_ipv6)
{
	if (is_ipv6) {
		const struct backend6 *backend = bpf_map_lookup_elem(&backends6, &id);

		if (!backend)
			return false;
		__builtin_memcpy(plan->forward.destination, backend->address, 16);
		plan->forward.destination_port = bpf_htons(backend->port);
	} else {
		const struct backend4 *backend = bpf_map_lookup_elem(&backends4, &id);

		if (!backend)
			return false;
		__builtin_memcpy(plan->forward.destination, backend->address, 4);
		plan->forward.destination_port = bpf_htons(backend->port);
	}
	plan->backend_id = id;
	return true;
}

/* Draws a backend uniformly from the decision's set. */
static __always_inline bool backend_pick(struct flow_plan *plan, const struct service_head *head,
					 const struct decision *decision, bool is_ipv6)
{
	for (int try = 0; try < PICK_TRIES; try++) {
		struct slot_key key = {
			.service_id = head->service_id,
			.set = decision->set,
			.slot = bpf_get_prandom_u32() % decision->count,
		};
		const struct slot *slot = bpf_map_lookup_elem(&service_slots, &key);

		if (slot && backend_plan(plan, slot->backend_id, is_ipv6))
			return true;
	}
	return false;
}

/* The client's last backend if it still holds, else a new draw, which is remembered. */
static __always_inline bool backend_recall(struct flow_plan *plan, const struct service_head *head,
					   const struct decision *decision,
					   const struct packet *packet)
{
	struct affinity_request request = {
		.service_id = head->service_id,
		.timeout_s = head->affinity_timeout_s,
		.set = decision->set,
		.is_ipv6 = packet->is_ipv6,
	};
	__u32 kept;

	if (packet->is_ipv6)
		__builtin_memcpy(request.client, packet->source, 16);
	else
		__builtin_memcpy(request.client, packet->source, 4);
	kept = affinity_recall(&request);
	if (kept && backend_plan(plan, kept, packet->is_ipv6))
		return true;
	if (!backend_pick(plan, head, decision, packet->is_ipv6))
		return false;
	kept = affinity_remember(&request, plan->backend_id);
	return kept == plan->backend_id || backend_plan(plan, kept, packet->is_ipv6);
}

/* What the first packet of a flow to a frontend leads to: the reason to end it here, or 0 with the
 * plan's ends filled (not the source port, not the roads).
 * verifier: global, verified once.
 */
__noinline int service_plan(const struct packet *packet, enum sender sender)
{
	const struct settings *settings = node_settings();
	struct flow_plan *plan = flow_plan();
	const struct local_address *local;
	const struct service_head *head;
	struct decision decision = {};
	__u8 destination[16];
	bool masquerade;

	if (!packet || !plan || !settings)
		return REASON_DROP_NO_ROAD;
	/* verifier: 6.1 takes no argument of a global function as a map's key */
	__builtin_memcpy(destination, packet->destination, 16);
	local = local_address_lookup(destination, packet->is_ipv6);
	head = frontend_of_packet(packet, local);
	if (!head)
		return REASON_SLOT_MISSING; /* it was there a moment ago */
	if (head->has_source_ranges &&
	    !source_is_allowed(head->service_id, packet->source, packet->is_ipv6))
		return REASON_DROP_SOURCE_RANGE;
	if (sender == SENDER_POD && settings->detect_local == DETECT_NONE)
		sender = SENDER_EXTERNAL;
	service_decide(&decision, head, sender, settings->detect_local, settings->masquerade_all);
	if (decision.outcome == OUTCOME_REJECT)
		return REASON_REJECTED_NO_BACKEND;
	if (decision.outcome == OUTCOME_DROP)
		return REASON_DROP_POLICY;
	if (!decision.count)
		return REASON_SLOT_MISSING; /* verifier: no division by zero */
	if (head->affinity_timeout_s ? !backend_recall(plan, head, &decision, packet) :
				       !backend_pick(plan, head, &decision, packet->is_ipv6))
		return REASON_SLOT_MISSING;

	plan->service_id = head->service_id;
	masquerade = decision.masquerade ||
		     packet_address_equal(packet->source, plan->forward.destination,
					  packet->is_ipv6);
	/* A backend on an address of the node can't be reached with the node's address as source:
	 * the IP layer drops what comes in so. It sees the client.
	 */
	if (masquerade && local_address_lookup(plan->forward.destination, packet->is_ipv6))
		masquerade = false;
	plan->masqueraded = masquerade;
	plan->source_is_ours = masquerade && sender != SENDER_HOST;
	if (!plan->source_is_ours)
		__builtin_memcpy(plan->forward.source, packet->source, 16);
	else if (packet->is_ipv6 && settings->has_masquerade6)
		__builtin_memcpy(plan->forward.source, settings->masquerade6, 16);
	else if (!packet->is_ipv6 && settings->has_masquerade4)
		__builtin_memcpy(plan->forward.source, settings->masquerade4, 4);
	else
		return REASON_DROP_NO_ROAD;
	return 0;
}
