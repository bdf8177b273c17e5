/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tap.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "ebpf/cgroup.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKOFF_MIN_NS (100 * OR_NS_PER_MS)
#define BACKOFF_MAX_NS (5 * OR_NS_PER_S)
#define STEADY_NS      (10 * OR_NS_PER_S) /* a life this long starts the back-off anew */
#define SETTLE_NS      (5 * OR_NS_PER_S)  /* the workload waits no longer than that */
#define END_NS         (3 * OR_NS_PER_S)
#define SOCKET_BYTES   (1024 * 1024)

enum { AGENT_END, TAP_END };
enum { EXIT_ABSENT = 4 }; /* AG_TAP_EXIT_ABSENT */

#define PREFIX "outrider-"

struct ctl_tap {
	struct ctl_tap_opt opt;
	struct or_loop *loop;
	struct tap_cgroup *cgroup; /* NULL: there is none, and absent says why */
	struct or_err absent;
	int ends[2]; /* the agent's, the tap's */
	pid_t pid;   /* 0: none */
	int ready_fd;
	struct or_loop_io *ready_io;
	struct or_loop_timer *settle, *restart, *kill;
	or_loop_fn *on_settled, *on_stopped;
	void *settled_arg, *stopped_arg;
	int64_t backoff_ns, started_ns;
	unsigned int restarts;
	bool is_refused; /* it ends because we told it to */
	char ended[64];
};

/* ---- the cgroup */

/* Those of runs that were killed; the name says whose they are. */
static void sweep(void)
{
	struct or_sys_names names;
	struct or_buf dir;
	uint64_t pid;

	or_buf_init(&dir, PATH_MAX);
	if (tap_cgroup_of(&dir, 0, NULL) == OR_OK &&
	    or_sys_list(&names, or_buf_text(&dir), NULL) == OR_OK) {
		size_t n = or_buf_slice(&dir).n;

		for (size_t i = 0; i < names.n; i++) {
			if (strncmp(names.names[i], PREFIX, strlen(PREFIX)) != 0 ||
			    or_str_u64(&pid, or_slice_str(names.names[i] + strlen(PREFIX))) ||
			    pid > INT_MAX || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
				continue;
			or_buf_printf(&dir, "/%s", names.names[i]);
			(void)!rmdir(or_buf_text(&dir));
			or_buf_cut(&dir, n);
		}
		or_sys_names_free(&names);
	}
	or_buf_done(&dir);
}

static void make_cgroup(struct ctl_tap *t)
{
	char name[32];

	if (t->opt.off) {
		or_err_set(&t->absent, OR_ABSENT, "switched off with --no-tap");
		return;
	}
	sweep();
	snprintf(name, sizeof(name), PREFIX "%d", (int)getpid());
	(void)!tap_cgroup_new(&t->cgroup, NULL, name, &t->absent);
}

static void remove_cgroup(struct ctl_tap *t)
{
	struct or_err err;

	if (t->cgroup && tap_cgroup_remove(t->cgroup, &err))
		fprintf(stderr, "outrider run: %s\n", err.msg);
	tap_cgroup_free(t->cgroup);
	t->cgroup = NULL;
}

int ctl_tap_entrance(const struct ctl_tap *t)
{
	return t->cgroup ? tap_cgroup_entrance(t->cgroup) : 0;
}

void ctl_tap_refuse(struct ctl_tap *t, const char *why)
{
	remove_cgroup(t);
	or_err_set(&t->absent, OR_DENIED, "%s", why);
	t->is_refused = t->pid > 0;
	if (t->pid)
		kill(t->pid, SIGTERM); /* it is started again, to say why */
	else
		ctl_tap_tell_again(t);
}

/* ---- the process */

static void start(void *arg);

static void settle(struct ctl_tap *t)
{
	or_loop_fn *fn = t->on_settled;

	or_loop_timer_cancel(t->settle);
	t->settle = NULL;
	t->on_settled = NULL;
	if (fn)
		or_loop_defer(t->loop, fn, t->settled_arg);
}

static void on_late(void *arg)
{
	struct ctl_tap *t = arg;

	t->settle = NULL;
	settle(t);
}

static void drop_ready(struct ctl_tap *t)
{
	or_loop_io_cancel(t->ready_io);
	t->ready_io = NULL;
	if (t->ready_fd >= 0)
		close(t->ready_fd);
	t->ready_fd = -1;
}

static void on_ready(void *arg, int fd, int what)
{
	struct ctl_tap *t = arg;

	(void)fd;
	(void)what;
	drop_ready(t);
	settle(t);
}

static void start(void *arg)
{
	struct ctl_tap *t = arg;
	char restarts[16];
	const char *argv[20] = {t->opt.program, "--role", "tap", "--config", t->opt.config,
	    "--tap.fd", CTL_PROC_PASSED_FD, "--tap.restarts", restarts};
	struct ctl_proc_opt proc = {
	    .argv = argv, .log_path = t->opt.log, .wants_ready = true, .pass_fd = t->ends[TAP_END]};
	struct or_err err;
	size_t n = 9;

	t->restart = NULL;
	snprintf(restarts, sizeof(restarts), "%u", t->restarts);
	argv[n++] = t->cgroup ? "--tap.cgroup" : "--tap.absent";
	argv[n++] = t->cgroup ? tap_cgroup_dir(t->cgroup) : t->absent.msg;
	if (t->ended[0]) {
		argv[n++] = "--tap.ended";
		argv[n] = t->ended;
	}
	if (ctl_proc_start(&t->pid, &t->ready_fd, &proc, &err)) {
		fprintf(stderr, "outrider run: no tap: %s\n", err.msg);
		t->pid = 0;
		t->ready_fd = -1;
		settle(t);
		return;
	}
	t->started_ns = or_loop_now_ns(t->loop);
	t->ready_io = or_loop_io_start(t->loop, t->ready_fd, OR_LOOP_READ, on_ready, t);
}

void ctl_tap_start(struct ctl_tap *t, struct or_loop *loop, or_loop_fn *on_settled, void *arg)
{
	t->loop = loop;
	t->on_settled = on_settled;
	t->settled_arg = arg;
	t->settle = or_loop_timer_start(loop, SETTLE_NS, on_late, t);
	start(t);
}

void ctl_tap_tell_again(struct ctl_tap *t)
{
	if (!t->pid && !t->restart && t->loop && !t->on_stopped)
		start(t);
}

static void start_again(struct ctl_tap *t, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_ABSENT)
		return;
	if (t->is_refused) {
		t->is_refused = false;
		start(t);
		return;
	}
	if (or_loop_now_ns(t->loop) - t->started_ns > STEADY_NS)
		t->backoff_ns = BACKOFF_MIN_NS;
	snprintf(t->ended, sizeof(t->ended), WIFSIGNALED(status) ? "signal %d" : "exit code %d",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	t->restarts++;
	fprintf(stderr, "outrider run: the tap ended and is started again: %s\n", t->ended);
	t->restart = or_loop_timer_start(t->loop, t->backoff_ns, start, t);
	t->backoff_ns = t->backoff_ns * 2 < BACKOFF_MAX_NS ? t->backoff_ns * 2 : BACKOFF_MAX_NS;
}

static void finish(struct ctl_tap *t)
{
	or_loop_fn *fn = t->on_stopped;

	or_loop_timer_cancel(t->kill);
	t->kill = NULL;
	t->on_stopped = NULL;
	t->loop = NULL;
	fn(t->stopped_arg);
}

bool ctl_tap_on_child(struct ctl_tap *t, pid_t pid, int status)
{
	if (!t->pid || pid != t->pid)
		return false;
	t->pid = 0;
	drop_ready(t);
	settle(t);
	if (t->on_stopped)
		finish(t);
	else
		start_again(t, status);
	return true;
}

static void on_slow_end(void *arg)
{
	struct ctl_tap *t = arg;

	t->kill = NULL;
	if (t->pid)
		kill(t->pid, SIGKILL);
}

void ctl_tap_stop(struct ctl_tap *t, or_loop_fn *on_stopped, void *arg)
{
	or_loop_timer_cancel(t->restart);
	or_loop_timer_cancel(t->settle);
	t->restart = t->settle = NULL;
	if (t->on_settled)
		or_loop_defer_cancel(t->loop, t->on_settled, t->settled_arg);
	t->on_settled = NULL;
	t->on_stopped = on_stopped;
	t->stopped_arg = arg;
	if (!t->pid) {
		finish(t);
		return;
	}
	kill(t->pid, SIGTERM);
	t->kill = or_loop_timer_start(t->loop, END_NS, on_slow_end, t);
}

/* ---- life */

int ctl_tap_agent_fd(const struct ctl_tap *t)
{
	return t->ends[AGENT_END];
}

/* Room for a burst; where it may not be raised, the tap counts for longer. */
static void widen(int fd)
{
	int bytes = SOCKET_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		(void)!setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

enum or_code ctl_tap_new(struct ctl_tap **out, const struct ctl_tap_opt *opt, struct or_err *err)
{
	struct ctl_tap *t = or_mem_new(sizeof(*t));

	t->opt = *opt;
	t->ready_fd = -1;
	t->backoff_ns = BACKOFF_MIN_NS;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, t->ends) < 0) {
		or_mem_free(t);
		return or_err_sys(err, "socketpair");
	}
	widen(t->ends[TAP_END]);
	make_cgroup(t);
	*out = t;
	return OR_OK;
}

void ctl_tap_free(struct ctl_tap *t)
{
	if (!t)
		return;
	remove_cgroup(t);
	close(t->ends[AGENT_END]);
	close(t->ends[TAP_END]);
	or_mem_free(t);
}
