/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What programs count: every way out has a reason, and every reason a counter. Part of datapath.h,
 * which includes it.
 */
#pragma once

#include <linux/types.h>

/* Why a packet or a dial went where it went: the key of `counters`, one a way out. */
enum reason {
	/* socket */
	REASON_DIAL_TRANSLATED = 0, /* connect() to a service goes to a backend */
	REASON_SEND_TRANSLATED = 1, /* sendmsg() to a service goes to a backend */
	REASON_RECEIVE_RENAMED = 2, /* recvmsg() shows the service, not the backend */
	REASON_PEER_RENAMED = 3, /* getpeername() shows the service */
	REASON_REFUSED_NO_BACKEND = 4, /* ECONNREFUSED: nothing is usable anywhere */
	REASON_DECLINED = 5, /* left to the packet path: a policy or a source range forbids it */
	REASON_NAMES_FULL = 6, /* a socket that dials more services than it can remember */
	REASON_NAME_CONFLICT = 7, /* one socket, two names of one backend: replies look alike */
	REASON_SLOT_MISSING = 8, /* a head counts a slot that is not there */
	REASON_EXCLUDED = 9, /* left to the packet path: the operator says so for this dialler */
	/* pod, eni: shortcuts */
	REASON_POD_TO_POD = 16, /* redirected into the other pod */
	REASON_POD_TO_ENI = 17, /* redirected out of the pod's own ENI */
	REASON_ENI_TO_POD = 18, /* redirected from an ENI into the pod */
	/* pod, eni: left to the kernel's stack */
	REASON_STACK_NOT_IP = 32, /* ARP, VLAN tags, anything else, truncated headers */
	REASON_STACK_PROTOCOL = 33, /* neither TCP nor UDP: conntrack can't be asked */
	REASON_STACK_FRAGMENT = 34, /* all fragments of a packet take the same road */
	REASON_STACK_OPTIONS = 35, /* IP options and extension headers */
	REASON_STACK_TTL = 36, /* the stack answers time exceeded */
	REASON_STACK_OVERSIZE = 37, /* the stack answers or fragments */
	REASON_STACK_ADDRESS = 38, /* loopback, link-local, multicast, broadcast */
	REASON_STACK_SOURCE = 39, /* the source is not the pod that sits on this veth */
	REASON_STACK_LOCAL = 40, /* to an address of the host */
	REASON_STACK_NOT_A_POD = 41, /* on an ENI: to no pod of ours */
	REASON_STACK_OUTSIDE_VPC = 42, /* needs the CNI's SNAT or another road */
	REASON_STACK_WATCHED = 43, /* something else has hooks on a veth of this flow */
	REASON_STACK_NO_ENI = 44, /* the pod's ENI is not sure */
	REASON_STACK_NO_MAC = 45, /* the next hop is not resolved */
	REASON_STACK_CONNTRACK = 46, /* the kernel tracks this flow: it may translate it */
	/* pod, eni, xdp: translated, by where the packet went then */
	REASON_TRANSLATED_TO_POD = 64,
	REASON_TRANSLATED_TO_ENI = 65,
	REASON_TRANSLATED_TO_STACK = 66, /* local sockets, watched pods */
	REASON_TRANSLATED_TO_HOST = 67,
	REASON_FLOW_MADE = 68, /* counted beside where its first packet went */
	REASON_FLOW_REOPENED = 69, /* a SYN over a closed flow */
	REASON_ICMP_TRANSLATED = 70, /* an error about a translated flow */
	REASON_FRAGMENT_TRANSLATED = 71, /* a later fragment; counted beside where it went */
	REASON_FRAGMENT_HELD = 72, /* kept until the first of its packet comes, then sent again */
	/* answered in place of the backend */
	REASON_REJECTED_NO_BACKEND = 80, /* port unreachable */
	REASON_ANSWERED_TTL = 81, /* time exceeded, about a service packet */
	REASON_ANSWERED_OVERSIZE = 82, /* frag needed, packet too big, about a service packet */
	/* dropped */
	REASON_DROP_POLICY = 96, /* usable elsewhere, but the policy wants a local backend */
	REASON_DROP_SOURCE_RANGE = 97, /* loadBalancerSourceRanges do not name the sender */
	REASON_DROP_FLOWS_FULL = 98, /* the flow table: what exists lives, the newcomer does not */
	REASON_DROP_FLOW_RATE = 99, /* more new flows a second than this CPU may make */
	REASON_DROP_NO_PORT = 100, /* no free masquerade port in 32 tries */
	REASON_DROP_SPOOFED = 101, /* a pod sent with an address that is not its own */
	REASON_DROP_MARTIAN = 102, /* loopback or multicast where none may be */
	REASON_DROP_WATCHED = 103, /* would pass a filter on a pod's veth with the node's address */
	REASON_DROP_NO_ROAD = 104, /* translated, but the pod or next hop is unknown by now */
	REASON_DROP_FRAGMENT = 105, /* overlapping, overflowing, known, or its first was dropped */
	REASON_DROP_RACE = 106, /* two CPUs made one flow, and the other took too long */
	REASON_DROP_TRUNCATED = 107, /* a packet of a flow that is too short to be translated */
	REASON_DROP_ANSWER_RATE = 108, /* more ICMP errors a second than this CPU may send */
	REASON_DROP_UNANSWERED = 109, /* nothing may answer this packet, or nothing could */
	REASON_MAX = 128,
};

/* counters: per CPU. */
struct counter {
	__u64 packets; /* or dials */
	__u64 bytes; /* of packets, with the Ethernet header; 0 for dials */
};
_Static_assert(sizeof(struct counter) == 16, "counter");
