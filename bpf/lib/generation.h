/* SPDX-License-Identifier: GPL-2.0-only
 *
 * All hooks of a flow or none: each program carries the generation that it was loaded for and acts
 * only while the control map names it. The agent attaches a new set inert, then writes one number.
 */
#pragma once

#include "bpf.h"
#include "maps.h"

/* Set by the loader; 0 would be inert for ever. */
const volatile __u32 generation = 0;

/* The control entry while this program may act, else NULL. */
static __always_inline const struct control *control_if_active(void)
{
	__u32 zero = 0;
	const struct control *entry = bpf_map_lookup_elem(&control, &zero);

	if (!entry)
		return NULL; /* verifier: an array entry always exists */
	__u32 active = READ_ONCE(entry->generation);

	return active != 0 && active == generation ? entry : NULL;
}
