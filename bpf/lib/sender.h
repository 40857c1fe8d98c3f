/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Who dials: the host or a pod, and from which address. A dial's source address is chosen by the
 * kernel after the hook, unless the program bound one; what decides by the client's address knows
 * it beforehand, or leaves the dial to the packet path.
 */
#pragma once

#include "decide.h"
#include "dial.h"
#include "maps.h"

/* The cookie of the node's own network namespace. Set by the loader; 0: nobody is the host. */
const volatile __u64 host_namespace = 0;

/* The address that a new flow of a socket will come from. */
struct client {
	__u8 address[16]; /* network order; IPv4 in the first 4 octets */
	bool is_known;
};

static __always_inline const struct settings *settings_read(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

/* Whether the socket is one of the host's own: of its network namespace, not of a pod. */
static __always_inline bool dialler_is_host(struct bpf_sock_addr *ctx)
{
	return bpf_get_netns_cookie(ctx) == host_namespace;
}

/* The dialler as policies see it. */
static __always_inline enum sender dialler_sender(bool is_host, enum local_detection detection)
{
	if (is_host)
		return SENDER_HOST;
	return detection == DETECT_NONE ? SENDER_EXTERNAL : SENDER_POD;
}

/* The address that the program bound its socket to. False without one. */
static __always_inline bool client_read_bound(struct client *client, struct bpf_sock_addr *ctx,
					      bool is_ipv6)
{
	if (!is_ipv6) {
		__u32 bound = ctx->sk->src_ip4;

		__builtin_memcpy(client->address, &bound, 4);
		return bound;
	}
	__u32 words[4] = { ctx->sk->src_ip6[0], ctx->sk->src_ip6[1], ctx->sk->src_ip6[2],
			   ctx->sk->src_ip6[3] };

	__builtin_memcpy(client->address, words, 16);
	return words[0] || words[1] || words[2] || words[3];
}

/* The address of the pod whose network namespace the socket is in. False while unknown. */
static __always_inline bool client_read_pod(struct client *client, struct bpf_sock_addr *ctx,
					    bool is_ipv6)
{
	__u64 cookie = bpf_get_netns_cookie(ctx);
	const struct namespace_addresses *pod = bpf_map_lookup_elem(&namespaces, &cookie);

	if (!pod)
		return false;
	if (is_ipv6)
		__builtin_memcpy(client->address, pod->address6, 16);
	else
		__builtin_memcpy(client->address, pod->address4, 4);
	return is_ipv6 ? pod->has_address6 : pod->has_address4;
}

/* The node's own address, which the kernel picks for what leaves it. False while unknown. */
static __always_inline bool client_read_host(struct client *client,
					     const struct settings *settings, bool is_ipv6)
{
	if (is_ipv6)
		__builtin_memcpy(client->address, settings->masquerade6, 16);
	else
		__builtin_memcpy(client->address, settings->masquerade4, 4);
	return is_ipv6 ? settings->has_masquerade6 : settings->has_masquerade4;
}

/* Fills `client`, all zero before, for a dial to an address of the named family. */
static __always_inline void client_find(struct client *client, struct bpf_sock_addr *ctx,
					const struct settings *settings, bool is_host,
					bool is_ipv6)
{
	client->is_known = client_read_bound(client, ctx, is_ipv6) ||
			   (is_host ? client_read_host(client, settings, is_ipv6) :
				      client_read_pod(client, ctx, is_ipv6));
}
