/* SPDX-License-Identifier: GPL-2.0 */
/* Sends one numbered record a run, and counts those for which the ring had no room. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct event {
	__u64 number;
	__u32 length;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096 * 16);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} tally SEC(".maps");

SEC("tc")
int emit(struct __sk_buff *skb)
{
	__u32 sent_key = 0, lost_key = 1;
	__u64 *sent = bpf_map_lookup_elem(&tally, &sent_key);
	__u64 *lost = bpf_map_lookup_elem(&tally, &lost_key);
	struct event *event;

	if (!sent || !lost)
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		*lost += 1;
		return 1;
	}
	event->number = *sent;
	event->length = skb->len;
	event->pad = 0;
	*sent += 1;
	bpf_ringbuf_submit(event, 0);
	return 2;
}

char _license[] SEC("license") = "GPL";
