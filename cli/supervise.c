/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/supervise.h"

#include "base/loop.h"
#include "cli/pump.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKOFF_MIN_NS  (100 * OR_NS_PER_MS)
#define BACKOFF_MAX_NS  (5 * OR_NS_PER_S)
#define STEADY_NS       (10 * OR_NS_PER_S) /* a life this long starts the back-off anew */
#define READY_NS        (20 * OR_NS_PER_S)
#define AGENT_DRAIN_NS  (15 * OR_NS_PER_S)
#define WORKLOAD_END_NS (30 * OR_NS_PER_S)

enum state { STARTING, RUNNING, STOPPING };

struct supervisor {
	const struct ctl_supervise_opt *opt;
	struct or_loop *loop;
	enum state state;
	struct ctl_pump *pump; /* NULL: none */
	pid_t agent, workload; /* 0: none */
	int ready_fd;          /* -1: none */
	struct or_loop_io *ready_io;
	struct or_loop_timer *deadline;     /* of the agent's readiness, or of its end */
	struct or_loop_timer *workload_end; /* after which it is killed */
	struct or_loop_timer *restart;
	int64_t backoff_ns, agent_started_ns;
	bool agent_was_ready, tap_is_settled, tap_is_stopped;
	int exit_code;
	enum or_code rc;
	struct or_err *err;
	size_t log_from; /* where the agent's log ended before it started */
};

static void say(const char *what, const char *detail)
{
	fprintf(stderr, "outrider run: %s%s%s\n", what, *detail ? ": " : "", detail);
}

static void drop_ready(struct supervisor *s)
{
	or_loop_io_cancel(s->ready_io);
	s->ready_io = NULL;
	if (s->ready_fd >= 0)
		close(s->ready_fd);
	s->ready_fd = -1;
}

static void set_deadline(struct supervisor *s, int64_t ns, or_loop_fn *fn)
{
	or_loop_timer_cancel(s->deadline);
	s->deadline = ns ? or_loop_timer_start(s->loop, ns, fn, s) : NULL;
}

static void kill_agent(void *arg)
{
	struct supervisor *s = arg;

	s->deadline = NULL;
	if (s->agent) {
		say("the agent did not end in time and is killed; what it holds is shipped when it "
		    "starts again",
		    "");
		kill(s->agent, SIGKILL);
	}
}

static void kill_workload(void *arg)
{
	struct supervisor *s = arg;

	s->workload_end = NULL;
	if (s->workload)
		kill(s->workload, SIGKILL);
}

static void end_workload(struct supervisor *s, int signo)
{
	kill(s->workload, signo);
	or_loop_timer_cancel(s->workload_end);
	s->workload_end = or_loop_timer_start(s->loop, WORKLOAD_END_NS, kill_workload, s);
}

static void stop_agent(void *arg)
{
	struct supervisor *s = arg;

	s->tap_is_stopped = true;
	if (!s->agent) {
		set_deadline(s, 0, NULL);
		or_loop_stop(s->loop);
		return;
	}
	kill(s->agent, SIGTERM);
	set_deadline(s, AGENT_DRAIN_NS, kill_agent);
}

/* The workload has ended (or never ran): the tap tells the agent what it still has and goes, then
 * the agent ships what it has and goes. */
static void stop_rest(struct supervisor *s)
{
	if (s->state == STOPPING)
		return;
	s->state = STOPPING;
	or_loop_timer_cancel(s->restart);
	s->restart = NULL;
	if (s->opt->tap)
		ctl_tap_stop(s->opt->tap, stop_agent, s);
	else
		stop_agent(s);
}

static void give_up(struct supervisor *s, enum or_code rc)
{
	if (s->rc == OR_OK)
		s->rc = rc;
	if (s->workload) {
		end_workload(s, SIGTERM);
	} else {
		stop_rest(s);
	}
}

static enum or_code open_pump(struct supervisor *s, struct ctl_proc_opt *workload)
{
	const struct ctl_pump_opt opt = {.loop = s->loop,
	    .origin = s->opt->intake,
	    .service = s->opt->service,
	    .out_fd = STDOUT_FILENO,
	    .err_fd = STDERR_FILENO};
	enum or_code rc;

	if (!s->opt->intake)
		return OR_OK;
	signal(SIGPIPE, SIG_IGN); /* who reads our stdout may end; the workload goes on */
	rc = ctl_pump_new(&s->pump, &opt, s->err);
	if (rc)
		return rc;
	workload->out_fd = ctl_pump_child_fd(s->pump, 0);
	workload->err_fd = ctl_pump_child_fd(s->pump, 1);
	return OR_OK;
}

static void on_pumped(void *arg)
{
	struct supervisor *s = arg;
	struct ctl_pump_stats stats;
	char text[64];

	ctl_pump_stats(&stats, s->pump);
	if (stats.dropped) {
		snprintf(text, sizeof(text), "%" PRIu64 " of %" PRIu64, stats.dropped, stats.lines);
		say("lines of the workload that did not reach the agent", text);
	}
	if (s->state != STOPPING)
		stop_rest(s);
}

/* Where the workload may not enter its cgroup it runs all the same, unwatched. */
static enum or_code start_watched(struct supervisor *s, struct ctl_proc_opt *workload)
{
	struct or_err err;
	enum or_code rc;

	workload->entrance = s->opt->tap ? ctl_tap_entrance(s->opt->tap) : 0;
	if (!workload->entrance)
		return ctl_proc_start(&s->workload, NULL, workload, s->err);
	rc = ctl_proc_start(&s->workload, NULL, workload, &err);
	if (rc == OR_DENIED) {
		ctl_tap_refuse(s->opt->tap, err.msg);
		workload->entrance = 0;
		return ctl_proc_start(&s->workload, NULL, workload, s->err);
	}
	if (rc && s->err)
		*s->err = err;
	return rc;
}

static void start_workload(struct supervisor *s)
{
	struct ctl_proc_opt workload = s->opt->workload;
	enum or_code rc;

	if (s->state != STARTING || !s->agent_was_ready || (s->opt->tap && !s->tap_is_settled))
		return;
	rc = open_pump(s, &workload);
	if (rc == OR_OK)
		rc = start_watched(s, &workload);
	if (rc == OR_OK && s->pump)
		ctl_pump_start(s->pump);
	if (rc) {
		s->workload = 0;
		give_up(s, rc);
		return;
	}
	s->state = RUNNING;
	if (s->opt->on_ready)
		s->opt->on_ready(s->opt->arg, s->agent, s->workload);
}

static void on_ready(void *arg, int fd, int what)
{
	struct supervisor *s = arg;
	char byte;
	bool ready = read(fd, &byte, 1) == 1;

	(void)what;
	drop_ready(s);
	if (!ready)
		return; /* it died: SIGCHLD tells */
	set_deadline(s, 0, NULL);
	if (s->agent_was_ready && s->opt->tap)
		ctl_tap_tell_again(s->opt->tap);
	s->agent_was_ready = true;
	start_workload(s);
}

static void on_tap_settled(void *arg)
{
	struct supervisor *s = arg;

	s->tap_is_settled = true;
	start_workload(s);
}

static void on_not_ready(void *arg)
{
	struct supervisor *s = arg;

	s->deadline = NULL;
	say("the agent is not ready in time; see", s->opt->agent_log);
	if (s->agent)
		kill(s->agent, SIGKILL);
}

static void start_agent(void *arg)
{
	struct supervisor *s = arg;
	enum or_code rc;

	s->restart = NULL;
	s->log_from = ctl_proc_log_end(s->opt->agent_log);
	rc = ctl_proc_start(&s->agent, &s->ready_fd, &s->opt->agent, s->err);
	if (rc) {
		s->agent = 0;
		s->ready_fd = -1;
		give_up(s, rc);
		return;
	}
	s->agent_started_ns = or_loop_now_ns(s->loop);
	s->ready_io = or_loop_io_start(s->loop, s->ready_fd, OR_LOOP_READ, on_ready, s);
	set_deadline(s, READY_NS, on_not_ready);
}

static void on_agent_end(struct supervisor *s, int status)
{
	char how[64];

	s->agent = 0;
	drop_ready(s);
	set_deadline(s, 0, NULL);
	if (s->state == STOPPING) {
		if (s->tap_is_stopped)
			or_loop_stop(s->loop);
		return;
	}
	if (!s->agent_was_ready) {
		give_up(s, ctl_proc_log_why(s->opt->agent_log, s->log_from, "the agent", s->err));
		return;
	}
	if (or_loop_now_ns(s->loop) - s->agent_started_ns > STEADY_NS)
		s->backoff_ns = BACKOFF_MIN_NS;
	snprintf(how, sizeof(how), WIFSIGNALED(status) ? "signal %d" : "exit code %d",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	say("the agent ended and is started again", how);
	s->restart = or_loop_timer_start(s->loop, s->backoff_ns, start_agent, s);
	s->backoff_ns = s->backoff_ns * 2 < BACKOFF_MAX_NS ? s->backoff_ns * 2 : BACKOFF_MAX_NS;
}

static void on_child(void *arg, int signo)
{
	struct supervisor *s = arg;
	int status;
	pid_t pid;

	(void)signo;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->agent) {
			on_agent_end(s, status);
		} else if (pid == s->workload) {
			s->workload = 0;
			s->exit_code =
			    WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
			or_loop_timer_cancel(s->workload_end);
			s->workload_end = NULL;
			if (s->pump)
				ctl_pump_finish(s->pump, on_pumped, s);
			else
				stop_rest(s);
		} else if (s->opt->tap) {
			ctl_tap_on_child(s->opt->tap, pid, status);
		}
	}
}

static void on_end_signal(void *arg, int signo)
{
	struct supervisor *s = arg;

	if (s->workload) {
		end_workload(s, signo);
	} else if (s->state != STOPPING) {
		s->exit_code = 128 + signo;
		stop_rest(s);
	}
}

enum or_code ctl_supervise(int *exit_code, const struct ctl_supervise_opt *opt, struct or_err *err)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	struct or_loop_signal *signals[OR_LEN(ends) + 1];
	struct supervisor s = {
	    .opt = opt, .ready_fd = -1, .backoff_ns = BACKOFF_MIN_NS, .err = err};
	enum or_code rc = or_loop_new(&s.loop, NULL, err);

	if (rc)
		return rc;
	signals[OR_LEN(ends)] = or_loop_signal_start(s.loop, SIGCHLD, on_child, &s);
	for (size_t i = 0; i < OR_LEN(ends); i++)
		signals[i] = or_loop_signal_start(s.loop, ends[i], on_end_signal, &s);
	if (opt->tap)
		ctl_tap_start(opt->tap, s.loop, on_tap_settled, &s);
	start_agent(&s);
	or_loop_run(s.loop);
	for (size_t i = 0; i < OR_LEN(signals); i++)
		or_loop_signal_cancel(signals[i]);
	drop_ready(&s);
	ctl_pump_free(s.pump);
	or_loop_timer_cancel(s.deadline);
	or_loop_timer_cancel(s.workload_end);
	or_loop_timer_cancel(s.restart);
	or_loop_free(s.loop);
	if (s.rc == OR_OK)
		*exit_code = s.exit_code;
	return s.rc;
}
