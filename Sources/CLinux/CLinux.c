/* Starting a program in a namespace and a cgroup, between clone and exec, and a few calls that
 * Swift can't name. Nothing here allocates or takes a lock after the child is born.
 */
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

const char *linux_errno_name(int number)
{
	return strerrorname_np(number);
}

const char *linux_errno_description(int number)
{
	return strerrordesc_np(number);
}

int linux_enter_network_namespace(int descriptor)
{
	return setns(descriptor, CLONE_NEWNET);
}

int linux_new_network_namespace(void)
{
	return unshare(CLONE_NEWNET);
}

int linux_open(const char *path, int flags, mode_t mode)
{
	return open(path, flags | O_CLOEXEC, mode);
}

int linux_duplicate(int descriptor)
{
	return fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
}

int linux_pipe(int ends[2])
{
	return pipe2(ends, O_CLOEXEC);
}

int linux_memory_file(const char *name)
{
	return memfd_create(name, MFD_CLOEXEC);
}

int linux_event(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

int64_t linux_file_system_type(const char *path)
{
	struct statfs status;

	return statfs(path, &status) ? -1 : (int64_t)status.f_type;
}

struct spawn_failure {
	int stage;
	int error;
};

/* Only async-signal-safe calls from here to exec. */
static void child_main(const struct linux_spawn_request *request, int report)
{
	struct spawn_failure failure = {.stage = SPAWN_STAGE_NAMESPACE};
	sigset_t none;
	int high[3];

	for (int number = 1; number < NSIG; number++) {
		struct sigaction standard = {.sa_handler = SIG_DFL};

		sigaction(number, &standard, NULL);
	}
	if (request->namespace_fd >= 0 && setns(request->namespace_fd, CLONE_NEWNET))
		goto failed;
	failure.stage = SPAWN_STAGE_DIRECTORY;
	if (request->directory && chdir(request->directory))
		goto failed;
	/* First out of the way, then into place: a source may itself be 0, 1 or 2. */
	failure.stage = SPAWN_STAGE_STDIO;
	for (int i = 0; i < 3; i++) {
		high[i] = fcntl(request->stdio[i], F_DUPFD_CLOEXEC, 3);
		if (high[i] < 0)
			goto failed;
	}
	for (int i = 0; i < 3; i++) {
		if (dup2(high[i], i) < 0)
			goto failed;
	}
	/* Descriptors that some library left inheritable do not leak either. */
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC))
		goto failed;
	failure.stage = SPAWN_STAGE_EXEC;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvpe(request->argv[0], request->argv, request->envp);
failed:
	failure.error = errno;
	while (write(report, &failure, sizeof(failure)) < 0 && errno == EINTR)
		;
	_exit(127);
}

int linux_spawn(const struct linux_spawn_request *request, struct linux_spawn_result *result)
{
	struct spawn_failure failure = {0};
	struct clone_args arguments = {0};
	sigset_t all, before;
	int report[2];
	ssize_t length;
	long pid;

	memset(result, 0, sizeof(*result));
	result->pidfd = -1;
	if (pipe2(report, O_CLOEXEC))
		return errno;
	arguments.flags = CLONE_PIDFD;
	arguments.pidfd = (uintptr_t)&result->pidfd;
	arguments.exit_signal = SIGCHLD;
	if (request->cgroup_fd >= 0) {
		arguments.flags |= CLONE_INTO_CGROUP;
		arguments.cgroup = request->cgroup_fd;
	}
	/* No handler of ours may run in the child. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = syscall(SYS_clone3, &arguments, sizeof(arguments));
	if (pid == 0)
		child_main(request, report[1]);
	failure.error = pid < 0 ? errno : 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(report[1]);
	if (pid < 0) {
		close(report[0]);
		return failure.error;
	}
	/* End of file: exec closed the child's end. */
	do {
		length = read(report[0], &failure, sizeof(failure));
	} while (length < 0 && errno == EINTR);
	close(report[0]);
	if (length == (ssize_t)sizeof(failure)) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		close(result->pidfd);
		result->pidfd = -1;
		result->stage = failure.stage;
		return failure.error;
	}
	result->pid = pid;
	return 0;
}

char *const *linux_environment(void)
{
	return environ;
}

int linux_reap(int pidfd, int *status)
{
	siginfo_t info = {0};

	if (waitid(P_PIDFD, pidfd, &info, WEXITED | WNOHANG))
		return -1;
	if (info.si_pid == 0)
		return 0;
	*status = info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0) : info.si_status;
	return 1;
}

int linux_signal(int pidfd, int signal)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}
