/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Gives SCTP packets new ports, and does nothing else to them. For single packets by test run, and
 * between two ends of a real association.
 */
#include "sctp.h"

/* The port of the server as its clients know it, and the one that it listens to; host order. */
#define DIALLED_PORT 7001
#define REAL_PORT 7000

static __always_inline int rewrite(struct __sk_buff *skb, __u16 from, __u16 to)
{
	struct packet packet = {};
	__be16 source, destination;

	if (packet_parse(skb, &packet) || packet.protocol != PROTOCOL_SCTP)
		return VERDICT_NEXT;
	source = packet.source_port;
	destination = packet.destination_port;
	if (source == bpf_htons(from))
		source = bpf_htons(to);
	if (destination == bpf_htons(from))
		destination = bpf_htons(to);
	return sctp_ports_rewrite(skb, &packet, source, destination) ? TC_ACT_SHOT : VERDICT_NEXT;
}

SEC("tc")
int sctp_to_server(struct __sk_buff *skb)
{
	return rewrite(skb, DIALLED_PORT, REAL_PORT);
}

SEC("tc")
int sctp_to_client(struct __sk_buff *skb)
{
	return rewrite(skb, REAL_PORT, DIALLED_PORT);
}

/* cb[0]: a changed word, cb[1]: the packet's length; cb[2] becomes what that changes in the CRC. */
SEC("tc")
int sctp_change(struct __sk_buff *skb)
{
	skb->cb[2] = sctp_crc_change(skb->cb[0], skb->cb[1]);
	return VERDICT_NEXT;
}

char LICENSE[] SEC("license") = "GPL";
