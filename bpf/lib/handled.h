/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What an ingress hook of ours has dealt with passes the egress hooks unseen: a packet is
 * translated once. The mark is skb->tc_index, which redirects keep and nobody else on a node uses
 * (its users are DSMARK and the ingress classifiers of old).
 */
#pragma once

#include <stdbool.h>

#include "bpf.h"

/* "nt", as the filters' preference and handle. */
#define HANDLED_INDEX 0x6e74

/* Says that the packet, which is about to be redirected, needs no egress hook of ours. */
static __always_inline void handled_set(struct __sk_buff *skb)
{
	skb->tc_index = HANDLED_INDEX;
}

/* Whether an ingress hook said so; takes the mark off, so that nobody behind us meets it. */
static __always_inline bool handled_take(struct __sk_buff *skb)
{
	if (skb->tc_index != HANDLED_INDEX)
		return false;
	skb->tc_index = 0;
	return true;
}
