/* SPDX-License-Identifier: GPL-2.0-only
 *
 * A process of this node dials a service: the socket goes to a backend, and keeps the service's
 * name for those who ask. It costs nothing for each packet. The hooks never return an error but
 * ECONNREFUSED for a service that is known to have no endpoint.
 */
#include "dial.h"
#include "report.h"
#include "translate.h"

static __always_inline int socket_dial(struct bpf_sock_addr *ctx, struct dial *to, bool is_hook6,
				       bool is_connect)
{
	struct selection selection = {};

	switch (dial_translate(ctx, to, &selection, is_connect)) {
	case DIAL_TRANSLATED:
		if (is_hook6)
			dial_write6(ctx, selection.address, selection.port);
		else
			dial_write4(ctx, selection.address, selection.port);
		report(is_connect ? REASON_DIAL_TRANSLATED : REASON_SEND_TRANSLATED, 0);
		return HOOK_ALLOW;
	case DIAL_REFUSED:
		bpf_set_retval(-ECONNREFUSED);
		return HOOK_DENY;
	default:
		return HOOK_ALLOW;
	}
}

/* What a socket is shown of its peer is renamed even while we are inert: it was dialled before. */
static __always_inline int socket_show(struct bpf_sock_addr *ctx, struct dial *peer, bool is_hook6,
				       enum reason why)
{
	if (!peer_rename(ctx, peer))
		return HOOK_ALLOW;
	if (is_hook6)
		dial_write6(ctx, peer->address, peer->port);
	else
		dial_write4(ctx, peer->address, peer->port);
	report(why, 0);
	return HOOK_ALLOW;
}

SEC("cgroup/connect4")
int socket_connect4(struct bpf_sock_addr *ctx)
{
	struct dial to;

	dial_read4(&to, ctx);
	return socket_dial(ctx, &to, false, true);
}

SEC("cgroup/connect6")
int socket_connect6(struct bpf_sock_addr *ctx)
{
	struct dial to;

	dial_read6(&to, ctx);
	return socket_dial(ctx, &to, true, true);
}

SEC("cgroup/sendmsg4")
int socket_sendmsg4(struct bpf_sock_addr *ctx)
{
	struct dial to;

	dial_read4(&to, ctx);
	return socket_dial(ctx, &to, false, false);
}

SEC("cgroup/sendmsg6")
int socket_sendmsg6(struct bpf_sock_addr *ctx)
{
	struct dial to;

	dial_read6(&to, ctx);
	return socket_dial(ctx, &to, true, false);
}

SEC("cgroup/recvmsg4")
int socket_recvmsg4(struct bpf_sock_addr *ctx)
{
	struct dial from;

	dial_read4(&from, ctx);
	return socket_show(ctx, &from, false, REASON_RECEIVE_RENAMED);
}

SEC("cgroup/recvmsg6")
int socket_recvmsg6(struct bpf_sock_addr *ctx)
{
	struct dial from;

	dial_read6(&from, ctx);
	return socket_show(ctx, &from, true, REASON_RECEIVE_RENAMED);
}

SEC("cgroup/getpeername4")
int socket_getpeername4(struct bpf_sock_addr *ctx)
{
	struct dial peer;

	dial_read4(&peer, ctx);
	return socket_show(ctx, &peer, false, REASON_PEER_RENAMED);
}

SEC("cgroup/getpeername6")
int socket_getpeername6(struct bpf_sock_addr *ctx)
{
	struct dial peer;

	dial_read6(&peer, ctx);
	return socket_show(ctx, &peer, true, REASON_PEER_RENAMED);
}

char LICENSE[] SEC("license") = "GPL";
