/* SPDX-License-Identifier: GPL-2.0-only
 *
 * The only writer of counters. One count for each way out of a program: what is not counted here
 * did not happen.
 */
#pragma once

#include "bpf.h"
#include "maps.h"

/* Counts one packet of `bytes` (or one dial, bytes 0) that went the way of `why`. */
static __always_inline void report(enum reason why, __u64 bytes)
{
	__u32 key = why;
	struct counter *counter = bpf_map_lookup_elem(&counters, &key);

	if (!counter)
		return;
	/* Per CPU. A dial that another dial preempts right here loses its count: cheaper than an
	 * atomic on each packet, and nothing decides by these numbers.
	 */
	counter->packets += 1;
	counter->bytes += bytes;
}
