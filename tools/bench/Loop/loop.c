/* SPDX-License-Identifier: Apache-2.0
 *
 * The loops of BenchLoop.h. Every socket is non-blocking from the second packet on: if data is not
 * there when the sending call has returned, softirq was put off, the step is counted as a stall,
 * and poll() waits for it. A run with many stalls did not measure what it says.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "BenchLoop.h"

/* 4 Mi samples of 4 bytes: 2 s of the cheapest loop, with room. A longer run ends early. */
#define MAX_SAMPLES (4u << 20)

/* A packet that does not arrive at all must not hang the run. */
#define STALL_LIMIT_MS 2000

struct run {
	struct bench_result result;
	uint32_t *samples;
	uint64_t started_ns;
	uint64_t started_cpu_ns;
	uint64_t until_ns;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int fail(struct run *run, const char *call)
{
	run->result.error = errno;
	run->result.call = call;
	return -1;
}

static int sample(struct run *run, uint64_t from_ns)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	uint64_t took = now - from_ns;

	run->samples[run->result.count++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
	return now < run->until_ns && run->result.count < MAX_SAMPLES;
}

static socklen_t socket_address(const struct bench_target *target, uint16_t port,
				struct sockaddr_storage *storage)
{
	memset(storage, 0, sizeof(*storage));
	if (target->family == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)storage;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, target->address, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)storage;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, target->address, 16);
	return sizeof(*in6);
}

int bench_listen(struct bench_server *server, const struct bench_target *address)
{
	int one = 1;

	for (int i = 0; i < BENCH_PORTS; i++) {
		struct sockaddr_storage storage;
		socklen_t length = socket_address(address, address->ports[i], &storage);
		int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		if (fd < 0)
			return -errno;
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		/* Accepted sockets inherit it. */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (bind(fd, (struct sockaddr *)&storage, length) || listen(fd, 128)) {
			int error = errno;

			close(fd);
			return -error;
		}
		server->listeners[i] = fd;
	}
	return 0;
}

const char *bench_compiler(void)
{
#ifdef __OPTIMIZE__
	return __VERSION__ ", optimised";
#else
	return __VERSION__ ", NOT optimised";
#endif
}

int bench_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* For profilers: the thread that is measured. */
	prctl(PR_SET_NAME, "bench-loop");
	/* Best effort: it only lowers the noise. */
	setpriority(PRIO_PROCESS, 0, -20);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

/* Waits for data that should have been there already. */
static int stall(struct run *run, int fd, short events, const char *call)
{
	struct pollfd wait = {.fd = fd, .events = events};
	int ready = poll(&wait, 1, STALL_LIMIT_MS);

	run->result.stalls++;
	if (ready > 0)
		return 0;
	if (ready == 0)
		errno = ETIMEDOUT;
	return fail(run, call);
}

static int send_all(struct run *run, int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN) {
			if (stall(run, fd, POLLOUT, "send"))
				return -1;
			continue;
		}
		if (n < 0)
			return fail(run, "send");
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

static int receive_all(struct run *run, int fd, char *data, size_t size)
{
	while (size) {
		ssize_t n = recv(fd, data, size, MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN) {
			if (stall(run, fd, POLLIN, "recv"))
				return -1;
			continue;
		}
		if (n == 0)
			errno = ECONNRESET;
		if (n <= 0)
			return fail(run, "recv");
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

/* Takes the connection from whichever listener has it: the same calls for every path. */
static int accept_any(struct run *run, const struct bench_server *server)
{
	for (;;) {
		for (int i = 0; i < BENCH_PORTS; i++) {
			int fd = accept4(server->listeners[i], NULL, NULL,
					 SOCK_NONBLOCK | SOCK_CLOEXEC);

			if (fd >= 0)
				return fd;
			if (errno != EAGAIN)
				return fail(run, "accept");
		}
		struct pollfd wait[BENCH_PORTS];

		for (int i = 0; i < BENCH_PORTS; i++)
			wait[i] = (struct pollfd){.fd = server->listeners[i], .events = POLLIN};
		run->result.stalls++;
		if (poll(wait, BENCH_PORTS, STALL_LIMIT_MS) <= 0) {
			errno = ETIMEDOUT;
			return fail(run, "accept");
		}
	}
}

static int dial(struct run *run, const struct bench_target *target, int type)
{
	struct sockaddr_storage storage;
	uint16_t port = target->ports[run->result.count % target->port_count];
	socklen_t length = socket_address(target, port, &storage);
	int fd = socket(storage.ss_family, type | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0)
		return fail(run, "socket");
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&storage, length)) {
		fail(run, "connect");
		close(fd);
		return -1;
	}
	return fd;
}

static void run_request_response(struct run *run, const struct bench_server *server,
				 const struct bench_target *target)
{
	char message[BENCH_MESSAGE] = {0};
	int client = dial(run, target, SOCK_STREAM);
	int peer = client < 0 ? -1 : accept_any(run, server);

	while (peer >= 0) {
		uint64_t from = clock_ns(CLOCK_MONOTONIC);

		if (send_all(run, client, message, sizeof(message)) ||
		    receive_all(run, peer, message, sizeof(message)) ||
		    send_all(run, peer, message, sizeof(message)) ||
		    receive_all(run, client, message, sizeof(message)))
			break;
		run->result.bytes += sizeof(message);
		if (!sample(run, from))
			break;
	}
	if (peer >= 0)
		close(peer);
	if (client >= 0)
		close(client);
}

static void run_connect_request_response(struct run *run, const struct bench_server *server,
					 const struct bench_target *target)
{
	char message[BENCH_MESSAGE] = {0};
	int failed = 0;

	while (!failed) {
		uint64_t from = clock_ns(CLOCK_MONOTONIC);
		int client = dial(run, target, SOCK_STREAM);
		int peer = client < 0 ? -1 : accept_any(run, server);

		failed = peer < 0 || send_all(run, client, message, sizeof(message)) ||
			 receive_all(run, peer, message, sizeof(message)) ||
			 send_all(run, peer, message, sizeof(message)) ||
			 receive_all(run, client, message, sizeof(message));
		/* The client closes first, as clients do; all of it inside close(). */
		if (client >= 0)
			close(client);
		if (peer >= 0)
			close(peer);
		if (failed)
			break;
		run->result.bytes += sizeof(message);
		if (!sample(run, from))
			break;
	}
}

static void run_bulk(struct run *run, const struct bench_server *server,
		     const struct bench_target *target)
{
	char *chunk = calloc(1, BENCH_CHUNK);
	int client = dial(run, target, SOCK_STREAM);
	int peer = client < 0 ? -1 : accept_any(run, server);

	if (!chunk && peer >= 0)
		fail(run, "calloc");
	while (chunk && peer >= 0) {
		uint64_t from = clock_ns(CLOCK_MONOTONIC);
		size_t moved = 0;
		ssize_t sent = send(client, chunk, BENCH_CHUNK, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno != EAGAIN) {
			fail(run, "send");
			break;
		}
		if (sent < 0 && stall(run, client, POLLOUT, "send"))
			break;
		for (;;) {
			ssize_t n = recv(peer, chunk, BENCH_CHUNK, MSG_DONTWAIT);

			if (n <= 0)
				break;
			moved += (size_t)n;
		}
		run->result.bytes += moved;
		if (!sample(run, from))
			break;
	}
	if (peer >= 0)
		close(peer);
	if (client >= 0)
		close(client);
	free(chunk);
}

static void run_connect(struct run *run, const struct bench_target *target)
{
	struct sockaddr_storage storage;
	socklen_t length = socket_address(target, target->ports[0], &storage);
	int fd = dial(run, target, SOCK_DGRAM);

	while (fd >= 0) {
		uint64_t from = clock_ns(CLOCK_MONOTONIC);

		if (connect(fd, (struct sockaddr *)&storage, length)) {
			fail(run, "connect");
			break;
		}
		if (!sample(run, from))
			break;
	}
	if (fd >= 0)
		close(fd);
}

static int compare_samples(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void summarise(struct run *run)
{
	struct bench_result *result = &run->result;
	uint64_t n = result->count;

	result->wall_ns = clock_ns(CLOCK_MONOTONIC) - run->started_ns;
	result->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - run->started_cpu_ns;
	if (!n)
		return;
	qsort(run->samples, n, sizeof(*run->samples), compare_samples);
	result->min_ns = run->samples[0];
	result->p10_ns = run->samples[n / 10];
	result->p50_ns = run->samples[n / 2];
	result->p90_ns = run->samples[n * 9 / 10];
	result->p99_ns = run->samples[n * 99 / 100];
}

struct bench_result bench_run(enum bench_load load, const struct bench_server *server,
			      const struct bench_target *target, uint64_t duration_ns)
{
	struct run run = {.samples = malloc(MAX_SAMPLES * sizeof(uint32_t))};

	if (!run.samples) {
		fail(&run, "malloc");
		return run.result;
	}
	run.started_ns = clock_ns(CLOCK_MONOTONIC);
	run.started_cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	run.until_ns = run.started_ns + duration_ns;
	switch (load) {
	case BENCH_RR:
		run_request_response(&run, server, target);
		break;
	case BENCH_CRR:
		run_connect_request_response(&run, server, target);
		break;
	case BENCH_BULK:
		run_bulk(&run, server, target);
		break;
	case BENCH_CONNECT:
		run_connect(&run, target);
		break;
	}
	summarise(&run);
	free(run.samples);
	return run.result;
}
