/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/proc.h"

#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "ebpf/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGV_MAX = 64, READY_FD = 3, PASSED_FD = 4, FIRST_FREE_FD, LOG_MAX = 16 << 20 };

/* What the child says where it does not become the program. */
struct report {
	int sys;    /* errno */
	int inside; /* 0: it could not enter the cgroup */
};

void ctl_proc_find(char *out, size_t n, const char *name)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (len > 0) {
		self[len] = 0;
		slash = strrchr(self, '/');
		if (slash) {
			slash[1] = 0;
			snprintf(out, n, "%s%s", self, name);
			if (access(out, X_OK) == 0)
				return;
		}
	}
	snprintf(out, n, "%s", name);
}

OR_NORETURN static void report_and_exit(int fd)
{
	struct report report = {.sys = errno, .inside = 1};

	(void)!write(fd, &report, sizeof(report));
	_exit(127);
}

static void redirect_log(const char *path, int report)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || in < 0 || dup2(in, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		report_and_exit(report);
}

static void redirect_output(const struct ctl_proc_opt *opt, int report)
{
	if (opt->log_path)
		redirect_log(opt->log_path, report);
	if (opt->out_fd && (dup2(opt->out_fd, 1) < 0 || dup2(opt->err_fd, 2) < 0))
		report_and_exit(report);
}

static void reset_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void enter_cgroup(int entrance, int report_fd)
{
	struct report report = {0};

	report.sys = entrance > 0 ? tap_cgroup_enter(entrance) : 0;
	if (!report.sys)
		return;
	(void)!write(report_fd, &report, sizeof(report));
	_exit(127);
}

/* The two that the child keeps get their numbers, everything else is closed but the report pipe,
 * whose new number is returned. All move out of the way first. */
static int arrange_fds(const struct ctl_proc_opt *opt, int ready, int report)
{
	int passed = opt->pass_fd > 0 ? fcntl(opt->pass_fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD) : -1;

	report = fcntl(report, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	if (ready >= 0)
		ready = fcntl(ready, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	redirect_output(opt, report);
	close(READY_FD);
	close(PASSED_FD);
	if ((ready >= 0 && dup2(ready, READY_FD) < 0) ||
	    (opt->pass_fd > 0 && dup2(passed, PASSED_FD) < 0))
		report_and_exit(report);
	for (int fd = FIRST_FREE_FD; fd < 1024; fd++) {
		if (fd != report)
			close(fd);
	}
	return report;
}

/* In the child, between fork and exec. report carries errno to the parent where exec fails. */
OR_NORETURN static void become(
    const struct ctl_proc_opt *opt, char *const *argv, int ready, int report, pid_t parent)
{
	reset_signals();
	if (opt->detached) {
		setsid();
	} else {
		if (opt->own_group)
			setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(127);
	}
	enter_cgroup(opt->entrance, report);
	report = arrange_fds(opt, ready, report);
	for (size_t i = 0; i < CTL_PROC_ENV_MAX && opt->env[i]; i++) {
		const char *equals = strchr(opt->env[i], '=');
		char name[128];

		OR_ASSERT(equals && (size_t)(equals - opt->env[i]) < sizeof(name));
		snprintf(name, sizeof(name), "%.*s", (int)(equals - opt->env[i]), opt->env[i]);
		setenv(name, equals + 1, 1);
	}
	execvp(argv[0], argv);
	report_and_exit(report);
}

static size_t copy_argv(char **to, const struct ctl_proc_opt *opt, char *fd_text)
{
	size_t n = 0;

	for (; opt->argv[n] && n < ARGV_MAX - 3; n++)
		memcpy(&to[n], &opt->argv[n], sizeof(to[n]));
	if (opt->wants_ready) {
		static char flag[] = "--ready-fd";

		to[n++] = flag;
		to[n++] = fd_text;
	}
	to[n] = NULL;
	return n;
}

/* sys is 0 when exec succeeded (the pipe closed by itself). */
static struct report read_report(int fd)
{
	struct report report = {0};
	ssize_t n;

	do
		n = read(fd, &report, sizeof(report));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(report) ? report : (struct report){0};
}

static enum or_code explain(struct or_err *err, const char *program, const struct report *report)
{
	errno = report->sys;
	if (!report->inside) {
		or_err_sys(err, "enter the cgroup for %s", program);
		return err ? err->code = OR_DENIED : OR_DENIED;
	}
	or_err_sys(err, "start %s", program);
	return report->sys == ENOENT ? OR_ABSENT : OR_IO;
}

enum or_code ctl_proc_start(
    pid_t *pid, int *ready_fd, const struct ctl_proc_opt *opt, struct or_err *err)
{
	int ready[2] = {-1, -1}, report[2];
	char fd_text[] = "3";
	char *argv[ARGV_MAX];
	struct report said;
	pid_t child, self = getpid();

	if (pipe2(report, O_CLOEXEC) < 0)
		return or_err_sys(err, "pipe");
	if (opt->wants_ready && pipe2(ready, O_CLOEXEC) < 0) {
		close(report[0]);
		close(report[1]);
		return or_err_sys(err, "pipe");
	}
	copy_argv(argv, opt, fd_text);
	fflush(NULL);
	child = fork();
	if (child == 0)
		become(opt, argv, ready[1], report[1], self);
	close(report[1]);
	if (ready[1] >= 0)
		close(ready[1]);
	said = child < 0 ? (struct report){.sys = errno, .inside = 1} : read_report(report[0]);
	close(report[0]);
	if (said.sys) {
		if (child > 0)
			waitpid(child, NULL, 0);
		if (ready[0] >= 0)
			close(ready[0]);
		return explain(err, argv[0], &said);
	}
	*pid = child;
	if (opt->wants_ready)
		*ready_fd = ready[0];
	return OR_OK;
}

enum or_code ctl_proc_wait_ready(int ready_fd, int timeout_ms, struct or_err *err)
{
	struct pollfd p = {.fd = ready_fd, .events = POLLIN};
	char byte;
	int n;

	do
		n = poll(&p, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return or_err_set(err, OR_TIMEOUT, "not ready within %d ms", timeout_ms);
	if (n < 0)
		return or_err_sys(err, "poll");
	if (read(ready_fd, &byte, 1) != 1)
		return or_err_set(err, OR_CLOSED, "it ended before it was ready");
	return OR_OK;
}

size_t ctl_proc_log_end(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_size > 0 ? (size_t)st.st_size : 0;
}

/* "outrider-agent: the message" is how programs of ours refuse their configuration. */
static struct or_slice without_program(struct or_slice line)
{
	size_t colon = or_str_find(line, ':', 0);

	return or_str_has_prefix(line, "outrider-") && colon + 2 < line.n
		   ? or_slice_from(line, colon + 2)
		   : line;
}

/* The text that tells most, in the arena. */
static struct or_slice find_reason(struct or_slice log, struct or_arena *a)
{
	struct or_slice reason = OR_SLICE_NONE;
	bool is_plain = false; /* the reason is text of the log, as it stands there */

	while (log.n) {
		size_t end = or_str_find(log, '\n', 0);
		struct or_slice line = or_slice(log.p, end);
		const struct or_json *j;

		log = or_slice_from(log, end < log.n ? end + 1 : end);
		if (is_plain && line.n && line.p[0] == ' ') { /* a message of several lines */
			reason.n = (size_t)(line.p + line.n - reason.p);
			continue;
		}
		is_plain = false;
		if (line.n && line.p[0] == '{' && or_json_parse(&j, line, a, NULL) == OR_OK)
			line = or_json_get_str(j, "error");
		else
			is_plain = true;
		if (is_plain)
			line = without_program(line);
		if (line.n && !or_str_has_prefix(line, "see: "))
			reason = line;
		else
			is_plain = false;
	}
	return reason;
}

enum or_code ctl_proc_log_why(const char *path, size_t from, const char *who, struct or_err *err)
{
	struct or_arena *a = or_arena_new(LOG_MAX);
	struct or_slice log, reason = OR_SLICE_NONE;
	struct or_buf b;

	or_buf_init(&b, LOG_MAX);
	if (or_sys_read_file(&b, path, NULL) == OR_OK) {
		log = or_buf_slice(&b);
		if (from < log.n)
			reason = find_reason(or_slice_from(log, from), a);
	}
	if (reason.n)
		or_err_set(err, OR_CLOSED, "%s did not start: %.*s", who, OR_SLICE_FMT(reason));
	else
		or_err_set(err, OR_CLOSED, "%s did not start; see %s", who, path);
	or_buf_done(&b);
	or_arena_free(a);
	return OR_CLOSED;
}
