/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/proc.h"

#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"

#include <arpa/inet.h>
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

enum { ARGV_MAX = 64, READY_FD = 3, LOG_MAX = 16 << 20 };

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
	int sys = errno;

	(void)!write(fd, &sys, sizeof(sys));
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
	/* The report pipe moves out of the ready pipe's way; both survive the closing of the rest.
	 */
	report = fcntl(report, F_DUPFD_CLOEXEC, READY_FD + 1);
	redirect_output(opt, report);
	if (ready >= 0 && ready != READY_FD && dup2(ready, READY_FD) < 0)
		report_and_exit(report);
	if (ready == READY_FD)
		fcntl(READY_FD, F_SETFD, 0);
	if (ready < 0)
		close(READY_FD);
	for (int fd = READY_FD + 1; fd < 1024; fd++) {
		if (fd != report)
			close(fd);
	}
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

/* 0 when exec succeeded (the pipe closed by itself), else the child's errno. */
static int read_report(int fd)
{
	int sys = 0;
	ssize_t n;

	do
		n = read(fd, &sys, sizeof(sys));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(sys) ? sys : 0;
}

enum or_code ctl_proc_start(
    pid_t *pid, int *ready_fd, const struct ctl_proc_opt *opt, struct or_err *err)
{
	int ready[2] = {-1, -1}, report[2];
	char fd_text[] = "3";
	char *argv[ARGV_MAX];
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
	errno = child < 0 ? errno : read_report(report[0]);
	close(report[0]);
	if (child < 0 || errno) {
		enum or_code rc = errno == ENOENT ? OR_ABSENT : OR_IO;

		or_err_sys(err, "start %s", argv[0]);
		if (child > 0)
			waitpid(child, NULL, 0);
		if (ready[0] >= 0)
			close(ready[0]);
		return rc;
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

enum or_code ctl_proc_free_port(uint16_t *port, struct or_err *err)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) < 0) {
		or_err_sys(err, "find a free port");
		if (fd >= 0)
			close(fd);
		return OR_IO;
	}
	close(fd);
	*port = ntohs(sin.sin_port);
	return OR_OK;
}
