/* What Swift sees of libbpf, and the little C it needs in between.
 *
 * Opts structs are filled here: Swift copies do not keep padding zero, and libbpf refuses an opts
 * struct with a non-zero byte that it does not know. Functions only forward, or ask what libbpf
 * can't: no state, no policy.
 * Constants newer than linux-libc-dev 6.1 are named here, with the kernel that brought them. */
#pragma once
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

/* Linux 6.6: traffic control's program chains without a qdisc. */
enum {
	BPFSHIM_TCX_INGRESS = 46,
	BPFSHIM_TCX_EGRESS = 47,
	BPFSHIM_LINK_TYPE_TCX = 11,
	BPFSHIM_F_BEFORE = 1 << 3,
	BPFSHIM_F_AFTER = 1 << 4,
};

/* The kernel's own ENOTSUPP (not POSIX's EOPNOTSUPP) escapes from map operations that a map type
 * does not have. */
enum { BPFSHIM_ENOTSUPP = 524 };

/* Both <linux/btf.h> and <bpf/btf.h> define these, which is one too many for Swift's importer. */
enum { BPFSHIM_BTF_FUNC = BTF_KIND_FUNC, BPFSHIM_BTF_DATASEC = BTF_KIND_DATASEC };

/* va_list differs between architectures, so the text is made here. Implemented in Swift
 * (LibraryLog.swift), which keeps all state. */
void bpf_swift_library_message(int level, const char *text);

static inline int bpfshim_print(enum libbpf_print_level level, const char *format,
				va_list arguments)
{
	char *text = NULL;
	int length = vasprintf(&text, format, arguments);

	if (length >= 0) {
		bpf_swift_library_message((int)level, text);
		free(text);
	}
	return length;
}

static inline void bpfshim_install_print(void)
{
	libbpf_set_print(bpfshim_print);
}

static inline struct bpf_object *bpfshim_object_open(const void *bytes, size_t count,
						     const char *name)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = name);

	return bpf_object__open_mem(bytes, count, &opts);
}

static inline int bpfshim_map_create(__u32 type, const char *name, __u32 key_size, __u32 value_size,
				     __u32 max_entries, __u32 flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags);

	return bpf_map_create((enum bpf_map_type)type, name, key_size, value_size, max_entries,
			      &opts);
}

static inline int bpfshim_map_update_batch(int fd, const void *keys, const void *values,
					   __u32 *count)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);

	return bpf_map_update_batch(fd, keys, values, count, &opts);
}

static inline int bpfshim_map_delete_batch(int fd, const void *keys, __u32 *count)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);

	return bpf_map_delete_batch(fd, keys, count, &opts);
}

static inline int bpfshim_map_lookup_batch(int fd, void *in_token, void *out_token, void *keys,
					   void *values, __u32 *count)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);

	return bpf_map_lookup_batch(fd, in_token, out_token, keys, values, count, &opts);
}

static inline int bpfshim_map_info(int fd, struct bpf_map_info *info)
{
	__u32 size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_obj_get_info_by_fd(fd, info, &size);
}

static inline int bpfshim_prog_info(int fd, struct bpf_prog_info *info)
{
	__u32 size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_obj_get_info_by_fd(fd, info, &size);
}

static inline int bpfshim_link_info(int fd, struct bpf_link_info *info)
{
	__u32 size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_obj_get_info_by_fd(fd, info, &size);
}

static inline int bpfshim_link_create(int program_fd, int target, __u32 attach_type, __u32 flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);

	return bpf_link_create(program_fd, target, (enum bpf_attach_type)attach_type, &opts);
}

/* expected_fd < 0: whatever runs now is replaced. */
static inline int bpfshim_link_update(int link_fd, int program_fd, int expected_fd)
{
	LIBBPF_OPTS(bpf_link_update_opts, opts);

	if (expected_fd >= 0) {
		opts.flags = BPF_F_REPLACE;
		opts.old_prog_fd = (__u32)expected_fd;
	}
	return bpf_link_update(link_fd, program_fd, &opts);
}

struct bpfshim_test_run {
	const void *input;
	__u32 input_size;
	void *output;
	__u32 output_size; /* in: room; out: bytes */
	const void *context_input;
	__u32 context_input_size;
	void *context_output;
	__u32 context_output_size; /* in: room; out: bytes */
	__u32 repeat;
	__u32 result;
	__u32 duration_ns;
};

static inline int bpfshim_run_test(int program_fd, struct bpfshim_test_run *run)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = run->input, .data_out = run->output,
		    .data_size_in = run->input_size, .data_size_out = run->output_size,
		    .ctx_in = run->context_input, .ctx_out = run->context_output,
		    .ctx_size_in = run->context_input_size,
		    .ctx_size_out = run->context_output_size, .repeat = (int)run->repeat);
	int error = bpf_prog_test_run_opts(program_fd, &opts);

	run->output_size = opts.data_size_out;
	run->context_output_size = opts.ctx_size_out;
	run->result = opts.retval;
	run->duration_ns = opts.duration;
	return error;
}

/* A program that returns 0, to try with what the kernel accepts. */
static inline int bpfshim_load_trivial(__u32 program_type)
{
	const struct bpf_insn instructions[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load((enum bpf_prog_type)program_type, "probe", "GPL", instructions, 2,
			     NULL);
}

static inline int bpfshim_tc_create(int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);

	return bpf_tc_hook_create(&hook);
}

/* Both attach points together name the qdisc itself. */
static inline int bpfshim_tc_destroy(int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = (enum bpf_tc_attach_point)(BPF_TC_INGRESS | BPF_TC_EGRESS));

	return bpf_tc_hook_destroy(&hook);
}

static inline int bpfshim_tc_attach(int ifindex, int egress, __u32 handle, __u32 priority,
				    int program_fd, int replace)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = program_fd, .handle = handle,
		    .flags = replace ? BPF_TC_F_REPLACE : 0, .priority = priority);

	return bpf_tc_attach(&hook, &opts);
}

static inline int bpfshim_tc_detach(int ifindex, int egress, __u32 handle, __u32 priority)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = priority);

	return bpf_tc_detach(&hook, &opts);
}

static inline int bpfshim_tc_query(int ifindex, int egress, __u32 handle, __u32 priority,
				   __u32 *program_id)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = priority);
	int error = bpf_tc_query(&hook, &opts);

	*program_id = opts.prog_id;
	return error;
}

/* libbpf asks for filters that it is told of, never for all. Counts those of one side. */
static inline int bpfshim_tc_count(int ifindex, int egress)
{
	struct {
		struct nlmsghdr header;
		struct tcmsg body;
	} request = {
		.header = {.nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETTFILTER,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.body = {.tcm_family = AF_UNSPEC, .tcm_ifindex = ifindex,
			 .tcm_parent = TC_H_MAKE(TC_H_CLSACT,
						 egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS)},
	};
	int number = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	/* As large as the kernel makes a datagram of a dump. */
	const size_t room = 32768;
	struct nlmsghdr *buffer = malloc(room);
	int count = 0, done = 0, error = 0;

	if (number < 0 || !buffer || send(number, &request, sizeof(request), 0) < 0)
		error = -errno;
	while (!error && !done) {
		ssize_t length = recv(number, buffer, room, 0);

		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0) {
			error = length < 0 ? -errno : -EIO;
			break;
		}
		for (struct nlmsghdr *message = buffer; NLMSG_OK(message, (size_t)length) && !done;
		     message = NLMSG_NEXT(message, length)) {
			if (message->nlmsg_type == RTM_NEWTFILTER)
				count++;
			else if (message->nlmsg_type == NLMSG_ERROR)
				error = ((struct nlmsgerr *)NLMSG_DATA(message))->error;
			done = error || message->nlmsg_type == NLMSG_DONE;
		}
	}
	free(buffer);
	if (number >= 0)
		close(number);
	return error ? error : count;
}

static inline int bpfshim_xdp_query(int ifindex, __u32 *native, __u32 *generic)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);
	int error = bpf_xdp_query(ifindex, 0, &opts);

	*native = opts.drv_prog_id;
	*generic = opts.skb_prog_id;
	return error;
}

/* Takes a program off that was attached without a link, if it is still this one. */
static inline int bpfshim_xdp_detach(int ifindex, int program_fd, __u32 flags)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = program_fd);

	return bpf_xdp_detach(ifindex, flags | XDP_FLAGS_REPLACE, &opts);
}

/* What a refusal of XDP usually hangs on. */
struct bpfshim_device {
	char driver[32];
	__u32 mtu; /* bytes */
	__u32 rx_queues; /* 0: the driver does not tell */
	__u32 tx_queues;
};

/* struct ifreq; its header brings a second if_nameindex into Swift. */
struct bpfshim_interface_request {
	char name[16];
	union {
		int number;
		void *data;
		char room[24];
	} value;
};

static inline int bpfshim_describe_device(int ifindex, struct bpfshim_device *device)
{
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct bpfshim_interface_request request = {.value = {.number = ifindex}};
	int number = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error = 0;

	if (number < 0)
		return -errno;
	if (ioctl(number, SIOCGIFNAME, &request) < 0 || ioctl(number, SIOCGIFMTU, &request) < 0)
		error = -errno;
	device->mtu = (__u32)request.value.number;
	request.value.data = &driver;
	if (!error && ioctl(number, SIOCETHTOOL, &request) == 0)
		memcpy(device->driver, driver.driver, sizeof(device->driver));
	request.value.data = &channels;
	if (!error && ioctl(number, SIOCETHTOOL, &request) == 0) {
		device->rx_queues = channels.rx_count + channels.combined_count;
		device->tx_queues = channels.tx_count + channels.combined_count;
	}
	close(number);
	return error;
}
