/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Answers packets with the error that `kind` names, as a router would that serves nobody, is the
 * last hop, or has a small link behind it; everything else passes. So tests can look at errors
 * without a service that causes them. For both directions of an interface.
 */
#include "answer.h"

const volatile __u32 kind = ANSWER_UNREACHABLE;
/* Of the next hop, bytes: what exceeds it is answered if `kind` is ANSWER_TOO_BIG. */
const volatile __u32 mtu = 1400;
/* Answered only if sent to this port, host order; 0: to any. */
const volatile __u32 port = 0;

static __always_inline bool is_answered(const struct __sk_buff *skb, const struct packet *packet)
{
	if (port && packet->destination_port != bpf_htons((__u16)port))
		return false;
	switch (kind) {
	case ANSWER_TTL:
		return packet->ttl <= 1;
	case ANSWER_TOO_BIG:
		return packet_exceeds(skb, packet, mtu);
	default:
		return true;
	}
}

static __always_inline int answer_some(struct __sk_buff *skb, bool is_egress)
{
	struct packet packet = {};

	if (packet_parse(skb, &packet) || !is_answered(skb, &packet))
		return VERDICT_NEXT;
	return answer_with_error(skb, &packet, kind, mtu, is_egress);
}

SEC("tc")
int answer_ingress(struct __sk_buff *skb)
{
	return answer_some(skb, false);
}

SEC("tc")
int answer_egress(struct __sk_buff *skb)
{
	return answer_some(skb, true);
}

char LICENSE[] SEC("license") = "GPL";
