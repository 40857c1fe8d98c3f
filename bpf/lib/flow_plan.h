/* SPDX-License-Identifier: GPL-2.0-only
 *
 * A flow that is being made, as the headers on its way hand it on. Seen by no user space.
 */
#pragma once

#include "bpf.h"
#include "datapath.h"

/* Both ends that a packet shall have. */
struct ends {
	__u8 source[16]; /* network order; IPv4 in the first 4 octets */
	__u8 destination[16];
	__be16 source_port;
	__be16 destination_port;
};

/* A flow that is to be made. Too large for the stack of a program: one a CPU. */
struct flow_plan {
	struct ends forward; /* what the client's packets become; source_port: set by the maker */
	__u32 service_id;
	__u32 backend_id;
	enum flow_road forward_road;
	__u32 forward_ifindex;
	enum flow_road reply_road;
	__u32 reply_ifindex;
	bool masqueraded;
	bool source_is_ours; /* the new source is the node's: its ports have other users */
	struct flow4 entry4;
	struct flow6 entry6;
};
