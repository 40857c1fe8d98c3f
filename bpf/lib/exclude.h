/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Whose dials are left to the packet path although it is a service that they dial: pods that the
 * operator named by their cgroups, or all pods.
 */
#pragma once

#include "bpf.h"
#include "maps.h"

/* Levels below the root of the hierarchy that are looked at; Kubernetes uses four. */
#define CGROUP_LEVELS_MAX 12

/* Whether the process is in an excluded cgroup or below one: a container's group is made the moment
 * that it starts, its pod's, which the agent knows by then, well before.
 * verifier: global, verified once.
 */
__noinline int cgroup_is_excluded(struct bpf_sock_addr *ctx)
{
	if (!ctx)
		return 0;
	for (int level = 1; level <= CGROUP_LEVELS_MAX; level++) {
		__u64 id = bpf_get_current_ancestor_cgroup_id(level);

		if (!id)
			return 0; /* deeper than the process */
		if (bpf_map_lookup_elem(&excluded_cgroups, &id))
			return 1;
	}
	return 0;
}
