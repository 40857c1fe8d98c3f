/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What a service's policies make of a new flow: refuse it, drop it, or which set it draws from and
 * whether the client is hidden. Both roads, dials and packets, decide here and nowhere else, so
 * that they can't disagree. Knows no addresses: who the sender is was found out before.
 */
#pragma once

#include "bpf.h"
#include "datapath.h"

/* Who begins a flow, as far as policies care. */
enum sender {
	SENDER_EXTERNAL, /* from elsewhere; with DETECT_NONE pods of this node, too */
	SENDER_POD, /* a pod of this node */
	SENDER_HOST, /* its source is an address of the node */
};

enum outcome {
	OUTCOME_FORWARD, /* draw a backend from `set` */
	OUTCOME_REJECT, /* nothing is usable on any node */
	OUTCOME_DROP, /* usable elsewhere, but the policy forbids to go there */
};

struct decision {
	enum outcome outcome;
	enum backend_set set;
	__u32 count; /* slots in that set, at least 1 when the outcome is to forward */
	bool masquerade; /* before the exceptions of the pick: hairpin, local backend */
};

/* Fills everything of `decision`. Source ranges were judged before: they drop first. */
static __always_inline void service_decide(struct decision *decision,
					   const struct service_head *head, enum sender sender,
					   enum local_detection detection, bool masquerade_all)
{
	__u32 cluster_count = READ_ONCE(head->cluster_count);
	__u32 local_count = READ_ONCE(head->local_count);

	decision->set = SET_CLUSTER;
	if (head->kind == FRONTEND_CLUSTER_IP) {
		if (head->internal_policy == POLICY_LOCAL)
			decision->set = SET_LOCAL;
		decision->masquerade =
			masquerade_all || (detection != DETECT_NONE && sender != SENDER_POD);
	} else if (head->external_policy == POLICY_CLUSTER) {
		decision->masquerade = true;
	} else {
		/* Local: outsiders stay with the pods of this node, so that these see who they
		 * are; senders on the node are short-circuited to all backends.
		 */
		if (sender == SENDER_EXTERNAL)
			decision->set = SET_LOCAL;
		decision->masquerade = sender == SENDER_HOST;
	}

	decision->count = decision->set == SET_LOCAL ? local_count : cluster_count;
	if (!head->usable_anywhere)
		decision->outcome = OUTCOME_REJECT;
	else
		decision->outcome = decision->count ? OUTCOME_FORWARD : OUTCOME_DROP;
}
