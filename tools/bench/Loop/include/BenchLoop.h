/* SPDX-License-Identifier: Apache-2.0
 *
 * The measuring loops. One thread owns both ends of every connection: the client socket belongs to
 * one network namespace, the server socket to another, and the whole way between them runs in
 * softirq inside send(), connect() or close(). Nobody is woken, so nothing waits for a scheduler.
 *
 * In C because an unoptimised loop around send() and recv() pulls every ratio towards 1: the
 * target is compiled with optimisation in every configuration.
 */
#ifndef BENCH_LOOP_H
#define BENCH_LOOP_H

#include <stdint.h>

/* Ports that the server listens on: the backends of the dialled service, on one pod. */
#define BENCH_PORTS 3

/* Bytes of a request and of a response in the RR and CRR loops. */
#define BENCH_MESSAGE 64

/* Bytes that one bulk step moves; below the default send buffer, so that one send() takes it. */
#define BENCH_CHUNK 65536

enum bench_load {
	BENCH_RR = 1,	   /* request and response on one connection */
	BENCH_CRR = 2,	   /* connect, request, response, close */
	BENCH_BULK = 3,	   /* one way, 64 KiB steps */
	BENCH_CONNECT = 4, /* connect() of a UDP socket: no packet, the socket hook's price only */
};

/* Where a client dials: network order address, host order ports. A service has one port; the
 * backends themselves are dialled in turn. */
struct bench_target {
	uint8_t address[16];
	uint16_t ports[BENCH_PORTS];
	uint16_t port_count; /* 1 or BENCH_PORTS */
	uint16_t family;     /* 4 or 6 */
};

/* What one run saw. Times in nanoseconds. */
struct bench_result {
	uint64_t count; /* transactions, or chunks */
	uint64_t bytes; /* received by the server */
	uint64_t wall_ns;
	uint64_t cpu_ns; /* of this thread, softirq inside its calls included */
	uint64_t min_ns; /* of one transaction, like the following */
	uint64_t p10_ns;
	uint64_t p50_ns;
	uint64_t p90_ns;
	uint64_t p99_ns;
	uint64_t stalls;  /* times that data was not there when the call that sent it returned */
	int32_t error;	  /* errno of the call that ended the run, or 0 */
	const char *call; /* its name, or NULL */
};

/* The listening sockets of one server; made in the server's namespace and cgroup. */
struct bench_server {
	int listeners[BENCH_PORTS];
};

/* Opens BENCH_PORTS TCP listeners at first_port and the ports after it. Returns 0 or -errno. */
int bench_listen(struct bench_server *server, const struct bench_target *address);

/* Pins the calling thread to one CPU and raises its priority as far as allowed. Returns 0 or
 * -errno of the pinning. */
int bench_pin(int cpu);

/* The compiler that made these loops, and whether it optimised. */
const char *bench_compiler(void);

/* Runs one load for `duration_ns`. What failed is in the result. */
struct bench_result bench_run(enum bench_load load, const struct bench_server *server,
			      const struct bench_target *target, uint64_t duration_ns);

#endif
