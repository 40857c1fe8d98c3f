/* SPDX-License-Identifier: GPL-2.0 */
/* Two programs for each hook, each counting at a place of its own: shows who ran. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

enum place {
	FIRST_PACKET,
	SECOND_PACKET,
	FIRST_DIAL,
	SECOND_DIAL,
	XDP_PACKET,
	PLACES,
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PLACES);
	__type(key, __u32);
	__type(value, __u64);
} hits SEC(".maps");

static __always_inline void hit(__u32 place)
{
	__u64 *count = bpf_map_lookup_elem(&hits, &place);

	if (count)
		__sync_fetch_and_add(count, 1);
}

SEC("tc")
int first_packet(struct __sk_buff *skb)
{
	hit(FIRST_PACKET);
	return skb->len ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

SEC("tc")
int second_packet(struct __sk_buff *skb)
{
	hit(SECOND_PACKET);
	return skb->len ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

SEC("cgroup/connect4")
int first_dial(struct bpf_sock_addr *address)
{
	hit(FIRST_DIAL);
	return address->user_port != 1;
}

SEC("cgroup/connect4")
int second_dial(struct bpf_sock_addr *address)
{
	hit(SECOND_DIAL);
	return address->user_port != 1;
}

SEC("cgroup/connect6")
int first_dial6(struct bpf_sock_addr *address)
{
	hit(FIRST_DIAL);
	return address->user_port != 1;
}

SEC("xdp")
int packet_xdp(struct xdp_md *packet)
{
	hit(XDP_PACKET);
	return packet->data < packet->data_end ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
