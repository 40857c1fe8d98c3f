/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What a socket dialled, kept on the socket: so that replies and getpeername show the service, and
 * so that datagrams of one socket to one service stay with one backend, as they do in a kernel
 * that tracks the flow. Nothing that is in use is evicted; it dies with the socket.
 */
#pragma once

#include "dial.h"
#include "maps.h"
#include "select.h"

/* A flow without traffic for so long is a new one: nf_conntrack_udp_timeout_stream's default. */
#define NAME_IDLE_NS (120ull * 1000 * 1000 * 1000)

/* In `last_used_ns`: another CPU is writing this place. The clock is never so young. */
#define NAME_CLAIMED 1

/* 16 octets as two words: one comparison is four instructions. */
static __always_inline bool address_equal(const __u8 *a, const __u8 *b)
{
	__u64 x[2], y[2];

	__builtin_memcpy(x, a, 16);
	__builtin_memcpy(y, b, 16);
	return x[0] == y[0] && x[1] == y[1];
}

/* Index of the name under which the socket reached this backend, -1 without one.
 * verifier: a global function is verified once, not in each state of each caller; it returns a
 * number since such a function may not return a pointer.
 */
__noinline int name_of_backend(const struct socket_services *services, const struct dial *from)
{
	if (!services || !from)
		return -1;
	for (int i = 0; i < SOCKET_NAMES_MAX; i++) {
		const struct socket_name *name = &services->names[i];

		if (READ_ONCE(name->last_used_ns) > NAME_CLAIMED &&
		    name->backend_port == from->port &&
		    address_equal(name->backend_address, from->address))
			return i;
	}
	return -1;
}

/* Index of the socket's name for the service that it dials, -1 without one. */
__noinline int name_of_service(const struct socket_services *services, const struct dial *to)
{
	if (!services || !to)
		return -1;
	for (int i = 0; i < SOCKET_NAMES_MAX; i++) {
		const struct socket_name *name = &services->names[i];

		if (READ_ONCE(name->last_used_ns) > NAME_CLAIMED &&
		    name->service_port == to->port &&
		    address_equal(name->service_address, to->address))
			return i;
	}
	return -1;
}

/* The name at an index from above, NULL for -1. */
static __always_inline struct socket_name *name_at(struct socket_services *services, int index)
{
	if (index < 0)
		return NULL;
	/* verifier: clang knows the callee's range and would drop the mask; it does not */
	asm volatile("" : "+r"(index));
	return &services->names[index & (SOCKET_NAMES_MAX - 1)];
}
_Static_assert((SOCKET_NAMES_MAX & (SOCKET_NAMES_MAX - 1)) == 0, "a mask bounds the index");

/* Claims a place for a new name, free or idle for longer than a flow lives, and returns its index;
 * -1 when all are in use. Threads that share a socket dial at once: hence compare-and-swap.
 */
__noinline int name_claim(struct socket_services *services, __u64 now_ns)
{
	if (!services)
		return -1;
	for (int i = 0; i < SOCKET_NAMES_MAX; i++) {
		struct socket_name *name = &services->names[i];
		__u64 used_ns = READ_ONCE(name->last_used_ns);

		if (used_ns == NAME_CLAIMED || (used_ns && now_ns - used_ns <= NAME_IDLE_NS))
			continue;
		if (__sync_val_compare_and_swap(&name->last_used_ns, used_ns, NAME_CLAIMED) ==
		    used_ns)
			return i;
	}
	return -1;
}

/* Gives a place back: claimed in vain, or its flow is over. */
static __always_inline void name_release(struct socket_name *name)
{
	WRITE_ONCE(name->last_used_ns, 0);
}

/* Fills a claimed place; the time stamp, written last, publishes it. */
static __always_inline void name_write(struct socket_name *name, const struct dial *to,
				       const struct selection *selection, __u64 now_ns)
{
	__builtin_memcpy(name->service_address, to->address, 16);
	__builtin_memcpy(name->backend_address, selection->address, 16);
	name->service_port = to->port;
	name->backend_port = selection->port;
	name->backend_id = selection->backend_id;
	WRITE_ONCE(name->last_used_ns, now_ns);
}
