/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What arrives on the primary ENI, before the kernel makes an skb of it: dials whose backend is
 * elsewhere go straight back out, their replies too, and what policies drop is dropped here. The
 * flow table is the same as the other programs': a flow whose road needs an skb is made here, so
 * that its backend is drawn once, and carried by needletail_eni. Frames of several pages are taken
 * too ("frags"): a driver refuses a program that can't once the MTU is beyond one page.
 */
#define CONTEXT struct xdp_md
#define CONNTRACK_LOOKUP bpf_xdp_ct_lookup

#include "frame.h"
#include "generation.h"
#include "road_plan.h"
#include "service.h"

/* Drops the frame and says why. */
static __always_inline int frame_drop(__u64 bytes, enum reason why)
{
	report(why, bytes);
	return XDP_DROP;
}

/* A frame that begins no flow we know. Returns XDP_TX when its flow is there now. */
static __always_inline int frame_begin(struct xdp_md *ctx, const struct packet *packet, __u64 bytes)
{
	const struct local_address *local = local_address_lookup(packet->destination,
								 packet->is_ipv6);
	const struct service_head *head = frontend_of_packet(packet, local);
	int why;

	if (!head || (local && head->kind == FRONTEND_CLUSTER_IP))
		return XDP_PASS;
	if (packet->protocol != PROTOCOL_TCP && conntrack_knows(ctx, packet))
		return XDP_PASS; /* needletail_eni counts it */
	why = service_plan(packet, SENDER_EXTERNAL);
	if (why == REASON_REJECTED_NO_BACKEND)
		return XDP_PASS; /* needletail_eni answers it */
	if (!why)
		why = roads_plan(packet, ctx->ingress_ifindex, HOOK_ENI_IN);
	if (!why)
		why = flow_make(ctx, packet);
	return why > FLOW_EXISTS ? frame_drop(bytes, why) : XDP_TX;
}

SEC("xdp.frags")
int needletail_xdp(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct control *control = control_if_active();
	const struct eni_egress *eni;
	struct flow_view view = {};
	struct packet packet = {};
	__u64 bytes;

	if (!control || !control->services || packet_parse_frame(&packet, data, end) ||
	    packet.doubt || packet_has_special_address(&packet))
		return XDP_PASS;

	bytes = bpf_xdp_get_buff_len(ctx);
	if (!flow_of_packet(&view, &packet)) {
		int verdict;

		if (!packet_may_begin_flow(&packet))
			return XDP_PASS;
		verdict = frame_begin(ctx, &packet, bytes);
		if (verdict != XDP_TX)
			return verdict;
		if (!flow_of_packet(&view, &packet))
			return frame_drop(bytes, REASON_DROP_RACE);
	}
	/* What is rare or needs an skb: needletail_eni carries it. */
	if (view.flow->road != ROAD_ENI || view.flow->ifindex != ctx->ingress_ifindex ||
	    READ_ONCE(view.flow->state) == FLOW_PENDING ||
	    flow_begins_anew(&packet, &view) || packet.ttl <= 1)
		return XDP_PASS;
	eni = eni_by_index(view.flow->ifindex, packet.is_ipv6);
	if (!eni || !eni->next_hop_mac_known || bytes - ETH_HLEN > eni->mtu)
		return XDP_PASS;
	flow_touch(&packet, view.flow);
	if (frame_rewrite(ctx, &packet, &view.ends, packet.ttl - 1, eni->next_hop_mac,
			  eni->eni_mac))
		return frame_drop(bytes, REASON_DROP_TRUNCATED);
	report(REASON_TRANSLATED_TO_ENI, bytes);
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
