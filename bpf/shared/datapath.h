/* SPDX-License-Identifier: GPL-2.0-only
 *
 * The one description of every map's key and value, for the programs and for Swift (module
 * CDatapath). Addresses are octet arrays in network order, ports are in host order, protocols and
 * states are enums with exclusive values, so that `bpftool map dump` reads like a table.
 * Fixed width, explicit padding, no bitfields, no unions: three compilers must agree on it.
 * Long because a layout has one place, and whoever reads a map looks here.
 */
#pragma once

#include <linux/types.h>
#include <stdbool.h>

#include "reasons.h"

/* The pin directory's version: bumped whenever a layout below changes. */
#define DATAPATH_LAYOUT_VERSION 1

enum l4_protocol {
	PROTOCOL_ICMP = 1, /* in flow keys only; both ports are the echo's identifier */
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_ICMPV6 = 58, /* as ICMP */
	PROTOCOL_SCTP = 132,
};

/* Which of a service's two lists of backends a slot belongs to. */
enum backend_set {
	SET_CLUSTER = 0,
	SET_LOCAL = 1,
};

enum traffic_policy {
	POLICY_CLUSTER = 0,
	POLICY_LOCAL = 1,
};

enum backend_state {
	BACKEND_ACTIVE = 0,
	/* Keeps the flows that it has, gets no new ones. */
	BACKEND_DRAINING = 1,
};

/* How clients came to dial a frontend; decides which policy governs it. */
enum frontend_kind {
	FRONTEND_CLUSTER_IP = 0,
	FRONTEND_EXTERNAL_IP = 1,
	FRONTEND_LOAD_BALANCER = 2,
	/* The frontend's address is all zero: any local address that accepts node ports. */
	FRONTEND_NODE_PORT = 3,
};

/* services4/6: what a client dials. */
struct frontend4 {
	__u8 address[4]; /* network order */
	enum l4_protocol protocol;
	__u16 port; /* host order */
	__u8 reserved[2]; /* zero */
};
_Static_assert(sizeof(struct frontend4) == 12, "frontend4");

struct frontend6 {
	__u8 address[16]; /* network order */
	enum l4_protocol protocol;
	__u16 port; /* host order */
	__u8 reserved[2]; /* zero */
};
_Static_assert(sizeof(struct frontend6) == 24, "frontend6");

/* services4/6: everything that a new flow needs before it picks a slot. */
struct service_head {
	__u32 service_id; /* never 0 */
	__u32 cluster_count; /* slots 0..<count of SET_CLUSTER exist */
	__u32 local_count; /* the same of SET_LOCAL */
	__u32 affinity_timeout_s; /* 0: none */
	enum frontend_kind kind;
	enum traffic_policy internal_policy;
	enum traffic_policy external_policy;
	bool usable_anywhere; /* an empty set means reject if false, drop if true */
	bool has_source_ranges; /* source_ranges4/6 decides who may come; load balancer only */
	__u8 reserved[2]; /* zero */
};
_Static_assert(sizeof(struct service_head) == 32, "service_head");

/* service_slots: (service, set, slot) → backend id. */
struct slot_key {
	__u32 service_id;
	enum backend_set set;
	__u32 slot;
};
_Static_assert(sizeof(struct slot_key) == 12, "slot_key");

struct slot {
	__u32 backend_id; /* never 0 */
};
_Static_assert(sizeof(struct slot) == 4, "slot");

/* backends4/6: backend id → where a flow goes. */
struct backend4 {
	__u8 address[4]; /* network order */
	enum l4_protocol protocol;
	enum backend_state state;
	__u16 port; /* host order */
	__u8 reserved[2]; /* zero */
};
_Static_assert(sizeof(struct backend4) == 16, "backend4");

struct backend6 {
	__u8 address[16]; /* network order */
	enum l4_protocol protocol;
	enum backend_state state;
	__u16 port; /* host order */
	__u8 reserved[2]; /* zero */
};
_Static_assert(sizeof(struct backend6) == 28, "backend6");

/* Keys by plain address: pod_to_veth, pod_to_eni, local_addresses. */
struct address4 {
	__u8 address[4]; /* network order */
};
_Static_assert(sizeof(struct address4) == 4, "address4");

struct address6 {
	__u8 address[16]; /* network order */
};
_Static_assert(sizeof(struct address6) == 16, "address6");

/* pod_to_veth4/6: how a packet reaches a pod on this node. */
struct pod_veth {
	__u32 ifindex; /* of the host's end of the pair */
	__u32 mtu; /* bytes, without the Ethernet header */
	__u8 host_mac[6]; /* of the host's end: the source that the pod sees */
	__u8 pod_mac[6]; /* of the pod's end, valid if pod_mac_known */
	bool pod_mac_known; /* false: to the stack, which resolves it */
	bool watched; /* something else has hooks on the veth: to the stack */
	bool policed; /* watched by nothing but the AWS policy agent, which lets the node pass */
	__u8 reserved[1]; /* zero */
};
_Static_assert(sizeof(struct pod_veth) == 24, "pod_veth");

/* The part of pod_to_eni4/6 that a packet needs, the same in both families. */
struct eni_egress {
	__u32 ifindex;
	__u32 mtu; /* bytes, without the Ethernet header */
	__u8 eni_mac[6];
	__u8 next_hop_mac[6]; /* valid if next_hop_mac_known */
	bool next_hop_mac_known; /* false: to the stack, which resolves it */
	__u8 reserved[3]; /* zero */
};
_Static_assert(sizeof(struct eni_egress) == 24, "eni_egress");

/* pod_to_eni4/6: by which ENI a pod's packets must leave; the VPC drops them elsewhere. */
struct pod_eni4 {
	struct eni_egress egress;
	__u8 next_hop[4]; /* network order */
};
_Static_assert(sizeof(struct pod_eni4) == 28, "pod_eni4");

struct pod_eni6 {
	struct eni_egress egress;
	__u8 next_hop[16]; /* network order */
};
_Static_assert(sizeof(struct pod_eni6) == 40, "pod_eni6");

/* veths: the addresses that a pod on this veth may send from. A family without an address says
 * nothing: the agent has not seen the pod's yet. */
struct veth_addresses {
	__u8 address6[16]; /* network order */
	__u8 address4[4]; /* network order */
	bool has_address6;
	bool has_address4;
	__u8 reserved[2]; /* zero */
};
_Static_assert(sizeof(struct veth_addresses) == 24, "veth_addresses");

/* namespaces: cookie of a network namespace (SO_NETNS_COOKIE) → the addresses that its pod sends
 * from, for those who must know them before the kernel has chosen one.
 */
struct namespace_addresses {
	__u8 address6[16]; /* network order; valid if has_address6 */
	__u8 address4[4]; /* network order; valid if has_address4 */
	bool has_address6;
	bool has_address4;
	__u8 reserved[2]; /* zero */
};
_Static_assert(sizeof(struct namespace_addresses) == 24, "namespace_addresses");

/* enis: how a packet leaves by an ENI when the flow names it: → struct eni_egress. */
enum address_family {
	FAMILY_IPV4 = 4,
	FAMILY_IPV6 = 6,
};

struct eni_key {
	__u32 ifindex;
	enum address_family family;
};
_Static_assert(sizeof(struct eni_key) == 8, "eni_key");

/* local_addresses4/6: every address of the host's namespace. */
struct local_address {
	bool accepts_node_ports;
	__u8 reserved[3]; /* zero */
};
_Static_assert(sizeof(struct local_address) == 4, "local_address");

/* vpc_cidrs4/6: longest prefix match. */
struct prefix4 {
	__u32 prefix_length; /* bits, 0...32 */
	__u8 address[4]; /* network order */
};
_Static_assert(sizeof(struct prefix4) == 8, "prefix4");

struct prefix6 {
	__u32 prefix_length; /* bits, 0...128 */
	__u8 address[16]; /* network order */
};
_Static_assert(sizeof(struct prefix6) == 20, "prefix6");

struct prefix_class {
	bool inside_vpc;
	bool excluded_from_snat;
	__u8 reserved[2]; /* zero */
};
_Static_assert(sizeof(struct prefix_class) == 4, "prefix_class");

/* source_ranges4/6: longest prefix match; the first 32 bits are the service, always exact. */
struct source_range4 {
	__u32 prefix_length; /* bits, 32 + 0...32 */
	__u32 service_id;
	__u8 address[4]; /* network order */
};
_Static_assert(sizeof(struct source_range4) == 12, "source_range4");

struct source_range6 {
	__u32 prefix_length; /* bits, 32 + 0...128 */
	__u32 service_id;
	__u8 address[16]; /* network order */
};
_Static_assert(sizeof(struct source_range6) == 24, "source_range6");

struct source_verdict {
	bool allowed;
	__u8 reserved[3]; /* zero */
};
_Static_assert(sizeof(struct source_verdict) == 4, "source_verdict");

/* flows4/6: one entry for each direction of a translated flow, the whole decision in each. Key:
 * the packet as it is seen before the translation. The two keys of a flow: the reply's source is
 * the forward entry's new destination, its destination the forward entry's new source. */
struct flow_key4 {
	__u8 source[4]; /* network order */
	__u8 destination[4]; /* network order */
	enum l4_protocol protocol;
	__u16 source_port; /* host order */
	__u16 destination_port; /* host order */
};
_Static_assert(sizeof(struct flow_key4) == 16, "flow_key4");

struct flow_key6 {
	__u8 source[16]; /* network order */
	__u8 destination[16]; /* network order */
	enum l4_protocol protocol;
	__u16 source_port; /* host order */
	__u16 destination_port; /* host order */
};
_Static_assert(sizeof(struct flow_key6) == 40, "flow_key6");

enum flow_direction {
	FLOW_FORWARD = 0, /* from the client */
	FLOW_REPLY = 1,
};

/* The same in both entries of a flow. */
enum flow_state {
	FLOW_PENDING = 0, /* being made on another CPU, in microseconds: not usable yet */
	FLOW_NEW = 1, /* nothing came back yet */
	FLOW_ESTABLISHED = 2,
	FLOW_CLOSE_WAIT = 3, /* TCP: one end has sent FIN; SCTP: SHUTDOWN */
	FLOW_CLOSED = 4, /* TCP: both FINs, or a RST; SCTP: SHUTDOWN COMPLETE, ABORT */
};

/* Where a packet goes after its translation. */
enum flow_road {
	ROAD_STACK = 0, /* on through the kernel: local sockets, watched pods */
	ROAD_POD = 1, /* into the pod that has the new destination */
	ROAD_POD_FILTERED = 2, /* out of that pod's veth, so that its filters see the packet */
	ROAD_ENI = 3, /* out of `ifindex`, the ENI that owns the new source */
	ROAD_HOST = 4, /* up the host's stack, as if it had come in by `ifindex` */
};

/* The part of flows4/6 that is the same in both families. */
struct flow {
	__u64 last_seen_ns; /* CLOCK_MONOTONIC; of this direction, at most a second behind */
	__u64 created_ns; /* CLOCK_MONOTONIC */
	__u32 service_id;
	__u32 backend_id; /* may outlive the backend: the entry is complete without it */
	__u32 ifindex; /* of ROAD_ENI and ROAD_HOST, else 0 */
	enum flow_direction direction;
	enum flow_state state;
	enum flow_road road;
	__u16 new_source_port; /* host order */
	__u16 new_destination_port; /* host order */
	bool masqueraded; /* the client's address is hidden behind the node's */
	bool fin_seen; /* TCP: this direction has sent FIN */
	__u8 reserved[2]; /* zero */
};
_Static_assert(sizeof(struct flow) == 48, "flow");

struct flow4 {
	struct flow flow;
	__u8 new_source[4]; /* network order */
	__u8 new_destination[4]; /* network order */
};
_Static_assert(sizeof(struct flow4) == 56, "flow4");

struct flow6 {
	struct flow flow;
	__u8 new_source[16]; /* network order */
	__u8 new_destination[16]; /* network order */
};
_Static_assert(sizeof(struct flow6) == 80, "flow6");

/* fragments4/6: one packet that comes in pieces, as one hook sees it: what the stack forwards comes
 * by a second hook with the same addresses and id, and may go another road from there.
 */
struct fragment_key4 {
	__u8 source[4]; /* network order */
	__u8 destination[4]; /* network order */
	__u32 id; /* as in the header, network order */
	__u32 ifindex; /* of the interface whose hook sees it */
	__u8 protocol;
	bool is_egress; /* the hook is on the interface's way out */
	__u8 reserved[2]; /* zero */
};
_Static_assert(sizeof(struct fragment_key4) == 20, "fragment_key4");

struct fragment_key6 {
	__u8 source[16]; /* network order */
	__u8 destination[16]; /* network order */
	__u32 id; /* as in the header, network order */
	__u32 ifindex; /* of the interface whose hook sees it */
	__u8 protocol; /* behind the fragment header */
	bool is_egress; /* the hook is on the interface's way out */
	__u8 reserved[2]; /* zero */
};
_Static_assert(sizeof(struct fragment_key6) == 44, "fragment_key6");

/* What all fragments of one packet do. */
enum fragment_road {
	FRAGMENT_TO_STACK = 0,
	FRAGMENT_TRANSLATED = 1, /* by the flow of these ports */
	FRAGMENT_DROPPED = 2, /* overlapping, overflowing, too many too early, or its first was */
	FRAGMENT_HELD = 3, /* the first has not come; what came is in fragment_holds */
};

/* Bytes of the original payload that went by, without a gap. Start = end: none. */
struct fragment_run {
	__u16 start;
	__u16 end; /* exclusive */
};
_Static_assert(sizeof(struct fragment_run) == 4, "fragment_run");

/* Runs that one packet's fragments may form at a time before their order is lost track of. */
#define FRAGMENT_RUNS 4

struct fragment_set {
	__u64 last_seen_ns; /* CLOCK_MONOTONIC */
	__u32 busy; /* 1 while a CPU changes what follows */
	enum fragment_road road;
	__u16 source_port; /* host order */
	__u16 destination_port; /* host order */
	__u16 total; /* bytes of payload, known from the last fragment; 0: not yet */
	__u16 held; /* fragments in fragment_holds */
	bool first_seen; /* the first fragment went by: the road is final */
	__u8 reserved[7]; /* zero */
	struct fragment_run runs[FRAGMENT_RUNS]; /* of FRAGMENT_TRANSLATED only; in no order */
};
_Static_assert(sizeof(struct fragment_set) == 48, "fragment_set");

/* Which packet a fragment belongs to, in one form for both families. */
struct fragment_name {
	struct fragment_key6 key; /* IPv4 addresses in the first 4 octets, then zero */
	enum address_family family;
};
_Static_assert(sizeof(struct fragment_name) == 48, "fragment_name");

/* fragment_works: one a CPU, what a program needs while it deals with one fragment. BPF's stack is
 * too small for it.
 */
struct fragment_work {
	struct fragment_name name;
	struct fragment_key4 key4; /* the same, if the family is IPv4 */
	__u8 reserved[4]; /* zero */
	struct fragment_set fresh; /* a set that is to be stored */
};
_Static_assert(sizeof(struct fragment_work) == 120, "fragment_work");

enum hold_state {
	HOLD_FREE = 0,
	HOLD_BUSY = 1, /* a CPU fills, sends or empties it */
	HOLD_FULL = 2,
};

/* What fits: a jumbo frame's 9001 bytes. */
#define HOLD_BYTES 9216

/* fragment_holds: a fragment that came before the first of its packet. */
struct fragment_hold {
	__u64 held_ns; /* CLOCK_MONOTONIC */
	__u32 state; /* enum hold_state, exchanged atomically */
	__u32 bytes; /* of `packet` */
	struct fragment_name name;
	__u8 packet[HOLD_BYTES]; /* from the IP header on, as it came */
};
_Static_assert(sizeof(struct fragment_hold) == 9280, "fragment_hold");

/* settings: one entry; what a translation on this node needs to know of the node. */
enum local_detection {
	DETECT_NONE = 0, /* no sender is known to be a local pod */
	DETECT_INTERFACES = 1, /* what comes in by a pod's veth */
};

struct settings {
	__u8 masquerade6[16]; /* network order; the node's primary address */
	__u8 masquerade4[4]; /* network order */
	__u32 primary_ifindex; /* the ENI that owns both; 0: unknown, nothing is masqueraded */
	enum local_detection detect_local;
	__u32 new_flows_per_second; /* per CPU; 0: no limit */
	__u16 masquerade_port_first; /* host order */
	__u16 masquerade_port_last; /* host order, inclusive */
	bool has_masquerade4;
	bool has_masquerade6;
	bool masquerade_all;
	__u8 reserved[1]; /* zero */
};
_Static_assert(sizeof(struct settings) == 40, "settings");

/* new_flows: per CPU; how many flows were made in the current second. */
struct flow_allowance {
	__u64 second; /* of CLOCK_MONOTONIC */
	__u64 made;
};
_Static_assert(sizeof(struct flow_allowance) == 16, "flow_allowance");

/* answers_left: per CPU; how many ICMP errors may still be sent in place of packets. */
struct answer_allowance {
	__u64 refilled_ns; /* CLOCK_MONOTONIC; until when `answers` has been earned */
	__u64 answers;
};
_Static_assert(sizeof(struct answer_allowance) == 16, "answer_allowance");

/* answer_spaces: per CPU; where an ICMP error is written before it takes a packet's place. Means
 * nothing between two packets.
 */
#define ANSWER_HEADERS 48 /* IPv6 and ICMPv6; IPv4's and ICMP's fill the last 28 bytes */
#define ANSWER_QUOTE_MAX 1232 /* what is left of the 1280 bytes that IPv6 grants an error */

struct answer_space {
	__u8 headers[ANSWER_HEADERS];
	__u8 quote[ANSWER_QUOTE_MAX];
	__u8 reserved[296]; /* behind a quote; to here the verifier believes a sum to reach */
};
_Static_assert(sizeof(struct answer_space) == 1576, "answer_space");

/* affinity4/6: (service, client) → the backend that the client stays with, whichever frontend or
 * road it comes by. The client is the source before any translation.
 */
struct affinity_key4 {
	__u32 service_id;
	__u8 client[4]; /* network order */
};
_Static_assert(sizeof(struct affinity_key4) == 8, "affinity_key4");

struct affinity_key6 {
	__u32 service_id;
	__u8 client[16]; /* network order */
};
_Static_assert(sizeof(struct affinity_key6) == 20, "affinity_key6");

struct affinity {
	__u64 last_used_ns; /* CLOCK_MONOTONIC; when the client's last new flow began */
	__u32 backend_id;
	__u8 reserved[4]; /* zero */
};
_Static_assert(sizeof(struct affinity) == 16, "affinity");

/* affinity_members: which backends a service with affinity has now. What a client remembers counts
 * only if it is younger than `joined_ns`: so a backend that left and came back, a service whose
 * affinity was off in between, and a service id that had another owner need no cleaning up.
 */
struct member_key {
	__u32 service_id;
	__u32 backend_id;
};
_Static_assert(sizeof(struct member_key) == 8, "member_key");

struct member {
	__u64 joined_ns; /* CLOCK_MONOTONIC; since when it is in at least one of the two sets */
	bool in_cluster_set;
	bool in_local_set;
	__u8 reserved[6]; /* zero */
};
_Static_assert(sizeof(struct member) == 16, "member");

/* events: what an operator wants told, not just counted. */
struct event {
	__u8 source[16]; /* network order; IPv4 in the first 4 octets */
	__u8 destination[16];
	__u32 reason; /* enum reason */
	__u32 service_id; /* 0: none */
	__u32 ifindex;
	enum address_family family;
	__u8 protocol;
	__u8 reserved[3]; /* zero */
	__u16 source_port; /* host order */
	__u16 destination_port; /* host order */
};
_Static_assert(sizeof(struct event) == 56, "event");

/* socket_services: the service addresses that a socket dialled, by backend. IPv4 is stored as
 * IPv4-mapped IPv6, so that one form serves both hooks of a dual-stack socket. */
#define SOCKET_NAMES_MAX 8

struct socket_name {
	__u8 service_address[16]; /* network order */
	__u8 backend_address[16]; /* network order */
	__u64 last_used_ns; /* CLOCK_MONOTONIC; 0: the place is free */
	__u32 backend_id;
	__u16 service_port; /* host order */
	__u16 backend_port; /* host order */
};
_Static_assert(sizeof(struct socket_name) == 48, "socket_name");

struct socket_services {
	struct socket_name names[SOCKET_NAMES_MAX];
};
_Static_assert(sizeof(struct socket_services) == 384, "socket_services");

/* excluded_cgroups: id of a cgroup (its inode) → whether dials from it and below are left to the
 * packet path.
 */
struct exclusion {
	bool excluded;
	__u8 reserved[3]; /* zero */
};
_Static_assert(sizeof(struct exclusion) == 4, "exclusion");

/* control: one entry; its layout never changes, whatever the version. */
struct control {
	__u32 generation; /* programs of any other generation are inert; 0: all are */
	bool pod_routing; /* the pod and eni programs may shortcut */
	bool socket_lb; /* the socket programs may translate */
	bool services; /* the pod, eni and xdp programs may translate new flows */
	bool socket_lb_host_only; /* the socket programs leave pods' dials to the packet path */
	bool socket_lb_excludes; /* they ask excluded_cgroups, too */
	__u8 reserved[55]; /* zero; for switches to come */
};
_Static_assert(sizeof(struct control) == 64, "control");
