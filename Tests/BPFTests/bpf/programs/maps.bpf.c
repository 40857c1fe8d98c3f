/* SPDX-License-Identifier: GPL-2.0 */
/* One map of each kind that the tests need, constants, and a program that uses them on a packet:
 * what the C side declares and Swift must find. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

struct thing {
	__u64 count;
	__u32 color;
	__u32 size;
};

struct prefix {
	__u32 length_bits;
	__u8 address[4];
};

const volatile __u32 limit = 3;
const volatile bool loud = false;
const volatile __u64 generation = 1;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct thing);
} things SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 64);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u32);
} prefixes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} seen_generation SEC(".maps");

/* Counts, notes its generation, grows the packet's first byte and answers by the constants. */
SEC("tc")
int classify(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&counts, &zero);
	__u64 now = generation;
	struct thing *thing = bpf_map_lookup_elem(&things, &zero);

	if (count)
		*count += 1;
	if (thing)
		__sync_fetch_and_add(&thing->count, 1);
	bpf_map_update_elem(&seen_generation, &zero, &now, BPF_ANY);
	if (data + 1 > end)
		return TC_ACT_SHOT;
	*(__u8 *)data += 1;
	skb->mark = 7;
	return loud ? 100 + limit : limit;
}

/* Left out by a test. */
SEC("tc")
int other(struct __sk_buff *skb)
{
	return skb->len ? TC_ACT_OK : TC_ACT_SHOT;
}

char _license[] SEC("license") = "GPL";
