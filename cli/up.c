/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/up.h"

#include "base/jsonw.h"
#include "base/sys.h"
#include "cli/args.h"
#include "cli/proc.h"
#include "cli/state.h"
#include "cli/term.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { READY_TIMEOUT_MS = 15000, STOP_TIMEOUT_MS = 15000 };

/* What the flags say about the collector; NULL where they say nothing. */
struct wanted {
	const char *listen, *config, *alerts;
};

static void put_flag(const char **argv, size_t *n, const char *flag, const char *value)
{
	if (!value)
		return;
	argv[(*n)++] = flag;
	argv[(*n)++] = value;
}

static enum or_code start(struct ctl_state *s, const struct wanted *w, struct or_err *err)
{
	char program[PATH_MAX];
	const char *argv[12] = {program, "--state", ctl_state_path(s, "collector")};
	const char *log = ctl_state_path(s, "collector/collector.log");
	struct ctl_proc_opt opt = {
	    .argv = argv, .log_path = log, .detached = true, .wants_ready = true};
	size_t n = 3, said;
	enum or_code rc;
	pid_t pid;
	int ready;

	ctl_proc_find(program, sizeof(program), "outrider-collector");
	put_flag(argv, &n, "--listen", w->listen);
	put_flag(argv, &n, "--config", w->config);
	put_flag(argv, &n, "--alert.rules", w->alerts);
	said = ctl_proc_log_end(log);
	rc = or_sys_mkdir(argv[2], 0700, err);
	if (rc == OR_OK)
		rc = ctl_proc_start(&pid, &ready, &opt, err);
	if (rc)
		return rc;
	rc = ctl_proc_wait_ready(ready, READY_TIMEOUT_MS, err);
	close(ready);
	return rc ? ctl_proc_log_why(log, said, "the collector", err) : OR_OK;
}

static int report(struct ctl_state *s, bool was_running, bool json)
{
	struct ctl_state_endpoint e;
	struct or_jsonw w;
	struct or_buf text;
	struct or_err err;

	if (ctl_state_endpoint(&e, s, "collector", &err) || !e.url)
		return ctl_term_fail("up", &err);
	if (json) {
		or_buf_init(&text, 16 * OR_KIB);
		or_jsonw_init(&w, &text, 0);
		or_jsonw_object(&w);
		or_jsonw_kv_text(&w, "url", e.url);
		or_jsonw_kv_i64(&w, "pid", e.pid);
		or_jsonw_kv_text(&w, "state", s->dir);
		or_jsonw_end(&w);
		printf("%s\n", or_buf_text(&text));
		or_buf_done(&text);
		return CTL_EXIT_YES;
	}
	ctl_term_printf(CTL_TERM_GOOD, "collector %s", was_running ? "already runs" : "runs");
	printf(" at %s (pid %d)\n  state  %s/collector\n  stop   outrider down\n", e.url,
	    (int)e.pid, s->dir);
	return CTL_EXIT_YES;
}

int ctl_up_main(int argc, char **argv)
{
	struct wanted w = {NULL, NULL, NULL};
	const char *state = NULL;
	bool json = false;
	const struct ctl_args_flag flags[] = {{.name = "state",
						  .metavar = "DIR",
						  .help = "where everything is kept",
						  .value = &state},
	    {.name = "listen",
		.metavar = "ADDR:PORT",
		.value = &w.listen,
		.help = "where it answers (default 127.0.0.1:8470; port 0: any)"},
	    {.name = "config",
		.metavar = "FILE",
		.value = &w.config,
		.help = "outrider-collector.yaml; see outrider-collector --help"},
	    {.name = "alerts",
		.metavar = "FILE",
		.value = &w.alerts,
		.help = "alert rules and receivers"},
	    {.name = "json", .help = "answer as JSON", .on = &json}};
	const struct ctl_args spec = {.usage = "outrider up [flags]",
	    .about =
		"Starts the collector of this machine in the background: no broker, no database\n"
		"server. A collector that already runs is left alone.",
	    .examples = "  outrider up\n  outrider up --state /tmp/try --listen 127.0.0.1:0",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	struct ctl_state_endpoint e;
	struct ctl_state s;
	struct or_err err;
	size_t n_words;
	bool running;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (n_words)
		return ctl_args_misuse(&spec, "unexpected word \"%s\"", argv[0]);
	if (ctl_state_open(&s, state, &err))
		return ctl_term_fail("up", &err);
	running = ctl_state_endpoint(&e, &s, "collector", NULL) == OR_OK && e.alive;
	code = CTL_EXIT_YES;
	if (!running && start(&s, &w, &err))
		code = ctl_term_fail("up", &err);
	if (code == CTL_EXIT_YES)
		code = report(&s, running, json);
	ctl_state_close(&s);
	return code;
}

/* A pidfd cannot hit a process that got the same number later. */
static enum or_code stop(pid_t pid, struct or_err *err)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n;

	if (fd < 0)
		return errno == ESRCH ? OR_OK : or_err_sys(err, "pid %d", (int)pid);
	if (syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) < 0 && errno != ESRCH) {
		or_err_sys(err, "stop pid %d", (int)pid);
		close(fd);
		return OR_IO;
	}
	do
		n = poll(&p, 1, STOP_TIMEOUT_MS);
	while (n < 0 && errno == EINTR);
	close(fd);
	return n > 0 ? OR_OK
		     : or_err_set(err, OR_TIMEOUT, "pid %d still runs after %d s", (int)pid,
			   STOP_TIMEOUT_MS / 1000);
}

int ctl_up_down_main(int argc, char **argv)
{
	const char *state = NULL;
	const struct ctl_args_flag flags[] = {{.name = "state",
	    .metavar = "DIR",
	    .help = "as given to outrider up",
	    .value = &state}};
	const struct ctl_args spec = {.usage = "outrider down [flags]",
	    .about = "Stops the collector that outrider up started. What it stored stays.",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	struct ctl_state_endpoint e;
	struct ctl_state s;
	struct or_err err;
	size_t n_words;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (n_words)
		return ctl_args_misuse(&spec, "unexpected word \"%s\"", argv[0]);
	if (ctl_state_open(&s, state, &err))
		return ctl_term_fail("down", &err);
	if (ctl_state_endpoint(&e, &s, "collector", &err) != OR_OK || !e.alive) {
		printf("no collector runs in %s\n", s.dir);
		code = CTL_EXIT_YES;
	} else if (stop(e.pid, &err)) {
		code = ctl_term_fail("down", &err);
	} else {
		printf("collector stopped\n");
		code = CTL_EXIT_YES;
	}
	ctl_state_close(&s);
	return code;
}
