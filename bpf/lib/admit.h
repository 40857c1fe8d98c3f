/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What every program on an interface asks first: may it act at all, and is this a packet that could
 * ever be ours? What is not goes to the stack, counted by its reason.
 */
#pragma once

#include "generation.h"
#include "packet.h"
#include "route.h"

/* Fills `packet`. False: the packet is the stack's, and counted unless the program is inert. */
static __always_inline bool packet_admitted(struct __sk_buff *skb, struct packet *packet)
{
	const struct control *control = control_if_active();

	if (!control || !control->pod_routing)
		return false;

	int why = packet_parse(skb, packet);

	if (!why && packet_has_special_address(packet))
		why = REASON_STACK_ADDRESS;
	if (why)
		to_stack(skb, why);
	return !why;
}
