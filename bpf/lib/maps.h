/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Every map, and nothing else. Sizes are the defaults of a full node: 64 Ki frontends, 256 Ki
 * slots and backends, 1024 pods of two addresses; what is preallocated is stated in bpf/README.md.
 * Maps that follow the cluster's size are not preallocated: memory follows what is in them.
 */
#pragma once

#include "bpf.h"
#include "datapath.h"
#include "flow_plan.h"

#define SERVICES_MAX 65536
#define SLOTS_MAX 262144
#define BACKENDS_MAX 262144
#define PODS_MAX 2048
#define NAMESPACES_MAX 2048
#define EXCLUDED_CGROUPS_MAX 4096
#define LOCAL_ADDRESSES_MAX 1024
#define PREFIXES_MAX 256
#define ENIS_MAX 128 /* 64 ENIs, two families */
#define SOURCE_RANGES_MAX 65536
/* 6 MiB a family: an LRU is preallocated. Each CPU evicts from a list of its own, so it is as large
 * as the services; a client that is evicted gets a new backend with its next flow.
 */
#define AFFINITY_MAX 65536
#define FRAGMENTS_MAX 8192
#define FRAGMENT_HOLDS_MAX 64 /* 580 KiB */
/* Two a flow. What tests get: the loader sets max_entries from --flow-memory. */
#define FLOWS_MAX 8192
#define EVENTS_BYTES (256 * 1024)

#define HASH_MAP(map_name, key_type, value_type, entries)     \
	struct {                                              \
		__uint(type, BPF_MAP_TYPE_HASH);              \
		__uint(map_flags, BPF_F_NO_PREALLOC);         \
		__uint(max_entries, entries);                 \
		__type(key, key_type);                        \
		__type(value, value_type);                    \
	} map_name SEC(".maps")

#define PREFIX_MAP(map_name, key_type, value_type, entries)   \
	struct {                                              \
		__uint(type, BPF_MAP_TYPE_LPM_TRIE);          \
		__uint(map_flags, BPF_F_NO_PREALLOC);         \
		__uint(max_entries, entries);                 \
		__type(key, key_type);                        \
		__type(value, value_type);                    \
	} map_name SEC(".maps")

/* Frontend → head. Written by the agent, read by socket. */
HASH_MAP(services4, struct frontend4, struct service_head, SERVICES_MAX);
HASH_MAP(services6, struct frontend6, struct service_head, SERVICES_MAX);

/* (service, set, slot) → backend id, both families. Written by the agent, read by socket. */
HASH_MAP(service_slots, struct slot_key, struct slot, SLOTS_MAX);

/* Backend id → address and port. Written by the agent, read by socket. */
HASH_MAP(backends4, __u32, struct backend4, BACKENDS_MAX);
HASH_MAP(backends6, __u32, struct backend6, BACKENDS_MAX);

/* Pod address → veth. Written by the agent, read by pod and eni. */
HASH_MAP(pod_to_veth4, struct address4, struct pod_veth, PODS_MAX);
HASH_MAP(pod_to_veth6, struct address6, struct pod_veth, PODS_MAX);

/* Pod address → the ENI that its packets must leave by. Written by the agent, read by pod. */
HASH_MAP(pod_to_eni4, struct address4, struct pod_eni4, PODS_MAX);
HASH_MAP(pod_to_eni6, struct address6, struct pod_eni6, PODS_MAX);

/* Every address of the host. Written by the agent, read by socket, pod and eni. */
HASH_MAP(local_addresses4, struct address4, struct local_address, LOCAL_ADDRESSES_MAX);
HASH_MAP(local_addresses6, struct address6, struct local_address, LOCAL_ADDRESSES_MAX);

/* Prefix → inside the VPC or not. Written by the agent, read by pod. */
PREFIX_MAP(vpc_cidrs4, struct prefix4, struct prefix_class, PREFIXES_MAX);
PREFIX_MAP(vpc_cidrs6, struct prefix6, struct prefix_class, PREFIXES_MAX);

/* Veth → the addresses that its pod may send from. Written by the agent, read by pod. */
HASH_MAP(veths, __u32, struct veth_addresses, PODS_MAX);

/* Network namespace → its pod's addresses. Written by the agent, read by socket. */
HASH_MAP(namespaces, __u64, struct namespace_addresses, NAMESPACES_MAX);

/* Cgroup id → excluded. Written by the agent, read by socket. */
HASH_MAP(excluded_cgroups, __u64, struct exclusion, EXCLUDED_CGROUPS_MAX);

/* (ENI, family) → MACs and size. Written by the agent, read by pod, eni and xdp. */
HASH_MAP(enis, struct eni_key, struct eni_egress, ENIS_MAX);

/* (service, prefix) → may it come. Written by the agent, read by socket, pod, eni and xdp. */
PREFIX_MAP(source_ranges4, struct source_range4, struct source_verdict, SOURCE_RANGES_MAX);
PREFIX_MAP(source_ranges6, struct source_range6, struct source_verdict, SOURCE_RANGES_MAX);

/* Tuple → translation, one entry a direction. Written by pod, eni and xdp, collected by the agent.
 * Preallocated and never LRU: an evicted half would hand replies to the wrong client.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FLOWS_MAX);
	__type(key, struct flow_key4);
	__type(value, struct flow4);
} flows4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FLOWS_MAX);
	__type(key, struct flow_key6);
	__type(value, struct flow6);
} flows6 SEC(".maps");

/* (service, client) → backend. Written and read by socket, pod, eni and xdp. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, AFFINITY_MAX);
	__type(key, struct affinity_key4);
	__type(value, struct affinity);
} affinity4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, AFFINITY_MAX);
	__type(key, struct affinity_key6);
	__type(value, struct affinity);
} affinity6 SEC(".maps");

/* (service, backend) → since when and in which sets; services with affinity only, both families.
 * Written by the agent, read by socket, pod, eni and xdp.
 */
HASH_MAP(affinity_members, struct member_key, struct member, SLOTS_MAX);

/* Fragmented packet → what its fragments do. Written and read by pod, pod_out, eni and eni_out; a
 * lost entry costs one datagram.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FRAGMENTS_MAX);
	__type(key, struct fragment_key4);
	__type(value, struct fragment_set);
} fragments4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FRAGMENTS_MAX);
	__type(key, struct fragment_key6);
	__type(value, struct fragment_set);
} fragments6 SEC(".maps");

/* Fragments that came before the first of their packet. Written and read by the same. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FRAGMENT_HOLDS_MAX);
	__type(key, __u32);
	__type(value, struct fragment_hold);
} fragment_holds SEC(".maps");

/* Work space, per CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fragment_work);
} fragment_works SEC(".maps");

/* What a translation needs to know of the node. Written by the agent, read by all. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
} settings SEC(".maps");

/* New flows of this second, per CPU. Written and read by pod, eni and xdp. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_allowance);
} new_flows SEC(".maps");

/* ICMP errors that may still be sent, per CPU. Written and read by pod and eni. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct answer_allowance);
} answers_left SEC(".maps");

/* Where an ICMP error is put together, per CPU. Written and read by pod and eni. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct answer_space);
} answer_spaces SEC(".maps");

/* The flow that is being made. Written and read by pod, eni and xdp. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_plan);
} flow_plans SEC(".maps");

/* What an operator wants told. Read by the agent; no program writes it yet. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENTS_BYTES);
} events SEC(".maps");

/* The names that a socket dialled. Written and read by socket; dies with the socket. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct socket_services);
} socket_services SEC(".maps");

/* The generation that acts, and switches. Written by the agent, read by all. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct control);
} control SEC(".maps");

/* enum reason → packets and bytes, per CPU. Written by report.h, read by the agent. The key is a
 * plain number since the kernel takes no other BTF for an array's key (array_map_check_btf).
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, REASON_MAX);
	__type(key, __u32);
	__type(value, struct counter);
} counters SEC(".maps");
