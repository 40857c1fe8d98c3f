/* SPDX-License-Identifier: GPL-2.0-only
 *
 * A stand-in for whoever watches a pod: a classifier for both directions of its host veth, once
 * named as the AWS network policy agent's programs are, once as anybody's. It remembers every pair
 * of ends that it saw, and drops what it was told to drop but for a few admitted peers. Its verdict
 * is final, as theirs is.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define PAIRS_MAX 65536
#define ADMITTED_MAX 64

enum direction {
	TO_POD,
	FROM_POD,
	DIRECTIONS,
};

/* IPv4 as ::ffff:a.b.c.d. */
struct pair {
	__u8 source[16];
	__u8 destination[16];
	__u16 source_port; /* host order */
	__u16 destination_port; /* host order */
	__u8 protocol;
	__u8 direction;
	__u8 reserved[2]; /* zero */
};

struct address {
	__u8 octets[16];
};

/* Packets by who sent them to whom. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PAIRS_MAX);
	__type(key, struct pair);
	__type(value, __u64);
} pairs SEC(".maps");

/* By direction: whether all but the admitted is dropped. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DIRECTIONS);
	__type(key, __u32);
	__type(value, __u32);
} denied SEC(".maps");

/* Peers that pass all the same: the AWS agent admits the node always. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ADMITTED_MAX);
	__type(key, struct address);
	__type(value, __u32);
} admitted SEC(".maps");

static __always_inline int pair_read(struct __sk_buff *skb, struct pair *pair)
{
	__be16 ports[2] = {};
	__u32 l4;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		__u8 first;

		if (bpf_skb_load_bytes(skb, ETH_HLEN, &first, 1) ||
		    bpf_skb_load_bytes(skb, ETH_HLEN + 9, &pair->protocol, 1) ||
		    bpf_skb_load_bytes(skb, ETH_HLEN + 12, pair->source + 12, 4) ||
		    bpf_skb_load_bytes(skb, ETH_HLEN + 16, pair->destination + 12, 4))
			return -1;
		pair->source[10] = pair->source[11] = 0xff;
		pair->destination[10] = pair->destination[11] = 0xff;
		l4 = ETH_HLEN + (first & 15) * 4;
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		if (bpf_skb_load_bytes(skb, ETH_HLEN + 6, &pair->protocol, 1) ||
		    bpf_skb_load_bytes(skb, ETH_HLEN + 8, pair->source, 16) ||
		    bpf_skb_load_bytes(skb, ETH_HLEN + 24, pair->destination, 16))
			return -1;
		l4 = ETH_HLEN + 40;
	} else {
		return -1;
	}
	if (pair->protocol != 6 && pair->protocol != 17)
		return -1;
	if (bpf_skb_load_bytes(skb, l4, ports, sizeof(ports)))
		return -1;
	pair->source_port = bpf_ntohs(ports[0]);
	pair->destination_port = bpf_ntohs(ports[1]);
	return 0;
}

static __always_inline int watch(struct __sk_buff *skb, __u32 direction)
{
	struct pair pair = { .direction = direction };
	struct address peer;
	__u64 one = 1;
	__u64 *seen;
	__u32 *deny;

	/* Whatever has no ports: neighbour discovery, errors. */
	if (pair_read(skb, &pair))
		return TC_ACT_OK;
	seen = bpf_map_lookup_elem(&pairs, &pair);
	if (seen)
		__sync_fetch_and_add(seen, 1);
	else
		bpf_map_update_elem(&pairs, &pair, &one, BPF_ANY);
	deny = bpf_map_lookup_elem(&denied, &direction);
	if (!deny || !*deny)
		return TC_ACT_OK;
	__builtin_memcpy(peer.octets, direction == TO_POD ? pair.source : pair.destination, 16);
	return bpf_map_lookup_elem(&admitted, &peer) ? TC_ACT_OK : TC_ACT_SHOT;
}

SEC("tc")
int handle_ingress(struct __sk_buff *skb)
{
	return watch(skb, TO_POD);
}

SEC("tc")
int handle_egress(struct __sk_buff *skb)
{
	return watch(skb, FROM_POD);
}

SEC("tc")
int other_ingress(struct __sk_buff *skb)
{
	return watch(skb, TO_POD);
}

SEC("tc")
int other_egress(struct __sk_buff *skb)
{
	return watch(skb, FROM_POD);
}

char LICENSE[] SEC("license") = "GPL";
