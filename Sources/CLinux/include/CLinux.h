/* C that Swift can't express: macros, variadics, calls its Glibc overlay hides, and the few lines
 * between clone and exec, where no Swift may run: the child of a threaded process owns no locks. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

/* "ENOENT", or NULL for a number that this libc does not know. */
const char *linux_errno_name(int number);
/* "No such file or directory", or NULL. */
const char *linux_errno_description(int number);

/* Join the network namespace of the descriptor with the calling thread. -1 and errno on failure. */
int linux_enter_network_namespace(int descriptor);
/* Give the calling thread a new, empty network namespace. -1 and errno on failure. */
int linux_new_network_namespace(void);

/* open(2) without variadics. */
int linux_open(const char *path, int flags, mode_t mode);
/* fcntl(F_DUPFD_CLOEXEC). */
int linux_duplicate(int descriptor);

/* Calls that the Glibc overlay leaves out; every descriptor is close-on-exec. -1 and errno. */
int linux_pipe(int ends[2]);
int linux_memory_file(const char *name);
/* An eventfd that does not block. */
int linux_event(void);
/* statfs(2)'s magic number of the file system that a path lies on; -1 and errno. */
int64_t linux_file_system_type(const char *path);

/* Where a child's start failed; written by the child, read by its parent. */
enum linux_spawn_stage {
	SPAWN_STAGE_CLONE = 0,
	SPAWN_STAGE_NAMESPACE = 1,
	SPAWN_STAGE_DIRECTORY = 2,
	SPAWN_STAGE_STDIO = 3,
	SPAWN_STAGE_EXEC = 4,
};

struct linux_spawn_request {
	char *const *argv;     /* NULL-terminated; argv[0] is looked up in PATH */
	char *const *envp;     /* NULL-terminated */
	const char *directory; /* working directory, NULL: the parent's */
	int stdio[3];	       /* descriptors that become 0, 1 and 2 */
	int namespace_fd;      /* network namespace to join, -1: the parent's */
	int cgroup_fd;	       /* cgroup directory to be born in, -1: the parent's */
};

struct linux_spawn_result {
	pid_t pid;
	int pidfd;		      /* close-on-exec */
	enum linux_spawn_stage stage; /* where it failed, when the call returns non-zero */
	int32_t padding;
};

/* Start a program. The child is born in its cgroup (CLONE_INTO_CGROUP, Linux 5.7), so no
 * instruction of it runs outside. Returns 0, or an errno with `stage` set and no child left. */
int linux_spawn(const struct linux_spawn_request *request, struct linux_spawn_result *result);
/* The process's environment: `environ`, which Swift 6 calls shared mutable state. */
char *const *linux_environment(void);
/* waitid(P_PIDFD, WEXITED) without blocking. 1: *status is waitpid's status word and the child is
 * reaped; 0: still running; -1 and errno on failure. */
int linux_reap(int pidfd, int *status);
/* pidfd_send_signal(2). */
int linux_signal(int pidfd, int signal);
