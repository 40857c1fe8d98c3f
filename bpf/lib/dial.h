/* SPDX-License-Identifier: GPL-2.0-only
 *
 * A dial as both families' socket hooks see it: who is dialled, in one form. A dual-stack socket
 * that dials ::ffff:10.0.0.1 dials IPv4, so addresses are IPv4-mapped IPv6 here and in the socket's
 * memory, and the family is a property of the address, not of the hook.
 */
#pragma once

#include "bpf.h"
#include "datapath.h"

struct dial {
	__u8 address[16]; /* network order; IPv4 as ::ffff:a.b.c.d */
	__u16 port; /* host order */
	__u8 protocol;
	bool is_ipv6; /* false: IPv4, mapped or not */
};

static __always_inline void address_map_ipv4(__u8 *address, __be32 ipv4)
{
	__builtin_memset(address, 0, 10);
	address[10] = 0xff;
	address[11] = 0xff;
	__builtin_memcpy(address + 12, &ipv4, 4);
}

/* Fills `dial` from an IPv4 hook's context. */
static __always_inline void dial_read4(struct dial *dial, const struct bpf_sock_addr *ctx)
{
	address_map_ipv4(dial->address, ctx->user_ip4);
	dial->port = bpf_ntohs((__be16)ctx->user_port);
	dial->protocol = ctx->protocol;
	dial->is_ipv6 = false;
}

/* Fills `dial` from an IPv6 hook's context. */
static __always_inline void dial_read6(struct dial *dial, const struct bpf_sock_addr *ctx)
{
	/* verifier: the context's words are read one by one, at constant offsets */
	__u32 words[4] = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3] };

	__builtin_memcpy(dial->address, words, 16);
	dial->port = bpf_ntohs((__be16)ctx->user_port);
	dial->protocol = ctx->protocol;
	dial->is_ipv6 = words[0] || words[1] || words[2] != bpf_htonl(0xffff);
}

/* 127.0.0.0/8 and ::1. */
static __always_inline bool dial_is_loopback(const struct dial *dial)
{
	__u32 words[4];

	if (!dial->is_ipv6)
		return dial->address[12] == 127;
	__builtin_memcpy(words, dial->address, 16);
	return !words[0] && !words[1] && !words[2] && words[3] == bpf_htonl(1);
}

static __always_inline void dial_write4(struct bpf_sock_addr *ctx, const __u8 *address, __u16 port)
{
	__be32 ipv4;

	__builtin_memcpy(&ipv4, address + 12, 4);
	ctx->user_ip4 = ipv4;
	ctx->user_port = bpf_htons(port);
}

static __always_inline void dial_write6(struct bpf_sock_addr *ctx, const __u8 *address, __u16 port)
{
	__u32 words[4];

	__builtin_memcpy(words, address, 16);
	ctx->user_ip6[0] = words[0];
	ctx->user_ip6[1] = words[1];
	ctx->user_ip6[2] = words[2];
	ctx->user_ip6[3] = words[3];
	ctx->user_port = bpf_htons(port);
}
