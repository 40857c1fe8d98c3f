/* SPDX-License-Identifier: GPL-2.0-only
 *
 * All fragments of one packet take one road. The first decides, since it alone has the ports: the
 * others follow its flow, or go to the stack, or are dropped, all of them. Those that come before
 * wait (hold.h). Where services are not ours to translate, nothing waits and nothing is noted.
 *
 * Ids are not translated, as netfilter does not either: clients behind one masquerade address that
 * send fragmented packets with one id to one backend at the same time are mixed up there, and the
 * transport checksum is what notices.
 */
#pragma once

#include "fragment_set.h"
#include "generation.h"
#include "roads.h"

/* Neither here nor there yet: `fragment_follow` knows no decision. No verdict has this number. */
#define FRAGMENT_UNDECIDED (-101)

/* Whether the packet is one of several that make up a packet with ports. An IPv6 fragment that is
 * the whole packet (RFC 6946) is not; nor one with extension headers behind the fragment header,
 * whose later fragments do not say what they carry.
 */
static __always_inline bool packet_is_piece(const struct packet *packet)
{
	return packet->is_fragment && (packet->fragment_offset || packet->has_more_fragments) &&
	       packet->fragment_protocol == packet->protocol &&
	       (packet->protocol == PROTOCOL_TCP || packet->protocol == PROTOCOL_UDP ||
		packet->protocol == PROTOCOL_SCTP);
}

/* Whether fragments could belong to a flow at all, and someone must decide for early ones. */
static __always_inline bool fragments_are_followed(void)
{
	const struct control *control = control_if_active();

	return control && control->services;
}

/* Does with a later fragment what was decided for its set. Returns 0 with the ports in `packet`: go
 * on by their flow; NOT_SERVED, a verdict, or FRAGMENT_UNDECIDED.
 * verifier: global, verified once.
 */
__noinline int fragment_follow(struct __sk_buff *skb, struct packet *packet, bool is_egress)
{
	__u64 now_ns = bpf_ktime_get_coarse_ns();
	enum run_result added = RUN_NEW;
	struct fragment_work *work;
	struct fragment_set *set;
	enum fragment_road road;

	if (!packet || !packet_is_piece(packet))
		return NOT_SERVED;
	work = fragment_work(skb, packet, is_egress);
	if (!work)
		return NOT_SERVED; /* verifier: an array entry always exists */
	set = set_lookup(work);
	if (!set || set_is_over(set, now_ns))
		return FRAGMENT_UNDECIDED;
	if (!set_lock(set))
		return drop(skb, REASON_DROP_RACE);
	set->last_seen_ns = now_ns;
	if (set->road == FRAGMENT_TRANSLATED) {
		added = set_add(set, packet);
		if (added == RUN_OVERLAPS)
			set->road = FRAGMENT_DROPPED;
		packet->source_port = bpf_htons(set->source_port);
		packet->destination_port = bpf_htons(set->destination_port);
	}
	road = set->road;
	set_unlock(set);
	switch (road) {
	case FRAGMENT_TRANSLATED:
		return added == RUN_KNOWN ? drop(skb, REASON_DROP_FRAGMENT) : 0;
	case FRAGMENT_TO_STACK:
		return NOT_SERVED;
	case FRAGMENT_HELD:
		return FRAGMENT_UNDECIDED;
	default:
		return drop(skb, REASON_DROP_FRAGMENT);
	}
}

/* Keeps a fragment that came before the first, or decides without it: one that can't be kept sends
 * its set to the stack, where all is well unless the first turns out to be ours; if others of the
 * set are kept already, the set is dropped. Returns as `fragment_follow`, which knows more if the
 * first came meanwhile: FRAGMENT_UNDECIDED.
 * verifier: global, verified once.
 */
__noinline int fragment_hold(struct __sk_buff *skb, const struct packet *packet, bool is_egress)
{
	__u64 now_ns = bpf_ktime_get_coarse_ns();
	struct fragment_hold *hold = NULL;
	struct fragment_work *work;
	struct fragment_set *set;
	enum fragment_road road;
	bool is_kept = false;
	int index = -1;

	if (!packet || !fragments_are_followed())
		return NOT_SERVED;
	work = fragment_work(skb, packet, is_egress);
	if (!work)
		return NOT_SERVED; /* verifier: an array entry always exists */
	set = set_lookup(work);
	if (!set || set_is_over(set, now_ns)) {
		__builtin_memset(&work->fresh, 0, sizeof(work->fresh));
		work->fresh.last_seen_ns = now_ns;
		work->fresh.road = FRAGMENT_HELD;
		set_store(work, set ? BPF_ANY : BPF_NOEXIST);
		set = set_lookup(work);
		if (!set)
			return drop(skb, REASON_DROP_FRAGMENT);
	}

	/* First the fragment is there to be found, then the set counts it: the first fragment looks
	 * the other way round, so that one of the two sees the other.
	 */
	if (!fragment_is_bad(packet))
		index = hold_acquire(now_ns);
	if (index >= 0)
		hold = bpf_map_lookup_elem(&fragment_holds, &index);
	if (hold) {
		is_kept = hold_fill(hold, skb, &work->name, now_ns);
		hold_release(hold, is_kept ? HOLD_FULL : HOLD_FREE);
	}
	if (!set_lock(set))
		return drop(skb, REASON_DROP_RACE);
	set->last_seen_ns = now_ns;
	if (set->road == FRAGMENT_HELD) {
		if (is_kept && set->held < HELD_MAX)
			set->held += 1;
		else
			set->road = set->held ? FRAGMENT_DROPPED : FRAGMENT_TO_STACK;
	}
	road = set->road;
	set_unlock(set);
	if (road == FRAGMENT_HELD) {
		report(REASON_FRAGMENT_HELD, skb->len);
		return TC_ACT_SHOT;
	}
	/* Decided: take it back. If it is gone, the first fragment's CPU has sent it on. */
	if (is_kept && hold && !hold_move(hold, HOLD_FULL, HOLD_FREE))
		return TC_ACT_SHOT;
	return FRAGMENT_UNDECIDED;
}

/* What a later fragment does, before its flow is looked for. Returns 0 (by the flow of its ports,
 * which are now in `packet`), NOT_SERVED or a verdict.
 */
static __always_inline int fragment_arrive(struct __sk_buff *skb, struct packet *packet,
					   bool is_egress)
{
	int verdict = fragment_follow(skb, packet, is_egress);

	if (verdict != FRAGMENT_UNDECIDED)
		return verdict;
	verdict = fragment_hold(skb, packet, is_egress);
	if (verdict != FRAGMENT_UNDECIDED)
		return verdict;
	verdict = fragment_follow(skb, packet, is_egress);
	return verdict == FRAGMENT_UNDECIDED ? drop(skb, REASON_DROP_RACE) : verdict;
}

/* What the first fragment makes of a set that is there; `fresh`: what it would be without it.
 * Returns the road for the first itself; FRAGMENT_HELD: others are kept, send them all again.
 */
static __always_inline enum fragment_road set_decide(struct fragment_set *set,
						     const struct packet *packet,
						     const struct fragment_set *fresh)
{
	const bool is_same = set->road == fresh->road && set->source_port == fresh->source_port &&
			     set->destination_port == fresh->destination_port;
	const bool is_held = set->road == FRAGMENT_HELD && set->held;
	enum fragment_road road = fresh->road;
	enum run_result added = RUN_NEW;

	set->last_seen_ns = fresh->last_seen_ns;
	/* Others of it went another way: to the stack as early ones, or by other ports. */
	if (set->road == FRAGMENT_DROPPED ||
	    (set->road == FRAGMENT_TO_STACK && !set->first_seen && road != FRAGMENT_TO_STACK) ||
	    (set->road == FRAGMENT_TRANSLATED && !is_same))
		road = FRAGMENT_DROPPED;
	set->road = road;
	set->source_port = fresh->source_port;
	set->destination_port = fresh->destination_port;
	set->held = 0;
	if (is_held) /* it comes again, too */
		return road == FRAGMENT_DROPPED ? road : FRAGMENT_HELD;
	set->first_seen = true;
	if (road == FRAGMENT_TRANSLATED) {
		added = set_add(set, packet);
		if (added == RUN_OVERLAPS)
			set->road = FRAGMENT_DROPPED;
	}
	return added == RUN_NEW ? road : FRAGMENT_DROPPED;
}

/* Notes for the later fragments what became of the first: `verdict` of its flow's search, 0 if it
 * has a flow. Returns 0 if that stands; TC_ACT_SHOT, counted, if the first is dropped instead, or
 * comes again.
 * verifier: global, verified once.
 */
__noinline int fragment_settle(struct __sk_buff *skb, const struct packet *packet, bool is_egress,
			       int verdict)
{
	__u64 now_ns = bpf_ktime_get_coarse_ns();
	const bool is_left = verdict == NOT_SERVED || verdict == VERDICT_NEXT;
	const bool is_ended = verdict && !is_left;
	enum fragment_road road = FRAGMENT_DROPPED;
	struct fragment_work *work;
	struct fragment_set *set;

	if (!packet || !packet_is_piece(packet))
		return 0;
	if (packet_is_later_fragment(packet)) {
		/* Its first had a flow; without one, nobody else could carry the rest. */
		if (verdict == NOT_SERVED)
			return drop(skb, REASON_DROP_FRAGMENT);
		if (!verdict)
			report(REASON_FRAGMENT_TRANSLATED, 0);
		return 0;
	}
	work = fragment_work(skb, packet, is_egress);
	if (!work)
		return 0; /* verifier: an array entry always exists */
	/* SCTP's checksum covers the whole message: one fragment's ports can't change alone. */
	if (!verdict && !fragment_is_bad(packet) && packet->protocol != PROTOCOL_SCTP)
		road = FRAGMENT_TRANSLATED;
	else if (is_left)
		road = FRAGMENT_TO_STACK;
	__builtin_memset(&work->fresh, 0, sizeof(work->fresh));
	work->fresh.last_seen_ns = now_ns;
	work->fresh.road = road;
	work->fresh.first_seen = true;
	work->fresh.source_port = bpf_ntohs(packet->source_port);
	work->fresh.destination_port = bpf_ntohs(packet->destination_port);
	work->fresh.runs[0].end = fragment_end(packet);

	set = set_lookup(work);
	if (!set && road == FRAGMENT_TO_STACK && !fragments_are_followed())
		return 0;
	if (!set || set_is_over(set, now_ns)) {
		__u64 flags = set ? BPF_ANY : BPF_NOEXIST;

		set = NULL;
		if (set_store(work, flags))
			set = set_lookup(work); /* an early one was faster */
	}
	if (set) {
		if (!set_lock(set))
			return drop(skb, REASON_DROP_RACE);
		road = set_decide(set, packet, &work->fresh);
		set_unlock(set);
	}
	if (road == FRAGMENT_TO_STACK || road == FRAGMENT_TRANSLATED)
		return 0;
	if (set)
		holds_empty(skb, &work->name, road == FRAGMENT_HELD);
	if (road == FRAGMENT_HELD)
		return TC_ACT_SHOT;
	/* Dropped or answered: counted already. */
	return is_ended ? 0 : drop(skb, REASON_DROP_FRAGMENT);
}
