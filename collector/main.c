/* SPDX-License-Identifier: Apache-2.0 */
/* outrider-collector: configuration, signals, and a node on a loop. */
#include "base/log.h"
#include "base/sys.h"
#include "collector/alert/rule.h"
#include "collector/config.h"
#include "collector/node.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const int64_t DRAIN_NS = 10 * OR_NS_PER_S;

struct program {
	struct or_loop *loop;
	struct co_node *node;
	struct or_loop_timer *deadline;
	bool draining;
};

static void on_drained(void *arg)
{
	struct program *p = arg;

	or_loop_timer_cancel(p->deadline);
	p->deadline = NULL;
	or_loop_stop(p->loop);
}

static void on_deadline(void *arg)
{
	struct program *p = arg;

	p->deadline = NULL;
	OR_LOG(OR_LOG_WARN, "collector.cut");
	or_loop_stop(p->loop);
}

/* The first one lets requests end, the second one does not wait for them. */
static void on_signal(void *arg, int signo)
{
	struct program *p = arg;

	OR_LOG(OR_LOG_INFO, "collector.stopping", or_log_i64("signal", signo));
	if (p->draining) {
		or_loop_stop(p->loop);
		return;
	}
	p->draining = true;
	p->deadline = or_loop_timer_start(p->loop, DRAIN_NS, on_deadline, p);
	co_node_drain(p->node, on_drained, p);
}

static void on_hangup(void *arg, int signo)
{
	struct program *p = arg;

	(void)signo;
	co_node_reload(p->node);
}

static void tell_ready(int fd)
{
	static const char text[] = "ready\n";
	ssize_t n;

	if (fd < 0)
		return;
	do
		n = write(fd, text, sizeof(text) - 1);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(text) - 1)
		OR_LOG(OR_LOG_WARN, "ready.unheard", or_log_i64("fd", fd));
	close(fd);
}

static int serve(const struct co_config *config)
{
	struct program p = {0};
	struct or_loop_signal *term, *interrupt, *hangup;
	struct or_err err;
	enum or_code rc = or_loop_new(&p.loop, NULL, &err);

	if (rc == OR_OK)
		rc = co_node_open(&p.node, p.loop, config, &err);
	if (rc) {
		OR_LOG(OR_LOG_ERROR, "collector.failed", or_log_err(&err));
		or_loop_free(p.loop);
		return EXIT_FAILED;
	}
	term = or_loop_signal_start(p.loop, SIGTERM, on_signal, &p);
	interrupt = or_loop_signal_start(p.loop, SIGINT, on_signal, &p);
	hangup = or_loop_signal_start(p.loop, SIGHUP, on_hangup, &p);
	OR_LOG(OR_LOG_INFO, "collector.ready", or_log_text("url", co_node_url(p.node)),
	    or_log_text("state", config->state));
	tell_ready(config->ready_fd);
	or_loop_run(p.loop);
	or_loop_signal_cancel(term);
	or_loop_signal_cancel(interrupt);
	or_loop_signal_cancel(hangup);
	or_loop_timer_cancel(p.deadline);
	co_node_close(p.node);
	or_loop_free(p.loop);
	OR_LOG(OR_LOG_INFO, "collector.stopped");
	return EXIT_FINE;
}

/* --help, --reference and --print-config. */
static int show(const struct co_config *config)
{
	struct or_buf text;

	or_buf_init(&text, 65536);
	if (config->help)
		co_config_help(&text);
	else if (config->reference)
		co_config_reference(&text);
	else
		co_config_print(&text, config);
	fputs(or_buf_text(&text), stdout);
	or_buf_done(&text);
	return fflush(stdout) ? EXIT_FAILED : EXIT_FINE;
}

/* Ahead of everything else, for people who look at a terminal: with the query and its caret. */
static enum or_code check_rules(const struct co_config *config, struct or_err *err)
{
	struct co_rule_set *set;
	enum or_code rc;

	if (!config->alert_rules || !config->alert_rules[0] || config->help)
		return OR_OK;
	rc = co_rule_load(&set, config->alert_rules, err);
	if (rc == OR_OK)
		co_rule_free(set);
	return rc ? or_err_wrap(err, rc, "alert.rules") : OR_OK;
}

int main(int argc, char **argv)
{
	struct or_arena *a = or_arena_new(0);
	struct co_config config;
	struct or_err err;
	int code;

	signal(SIGPIPE, SIG_IGN);
	or_sys_no_core();
	if (co_config_load(&config, argc - 1, argv + 1, environ, a, &err) ||
	    check_rules(&config, &err)) {
		fprintf(stderr, "outrider-collector: %s\n", err.msg);
		or_arena_free(a);
		return EXIT_USAGE;
	}
	if (config.help || config.print || config.reference) {
		code = show(&config);
	} else {
		or_log_init(&(struct or_log_opt){.fd = STDERR_FILENO,
		    .level = (enum or_log_level)config.log_level,
		    .role = "collector"});
		code = serve(&config);
		or_log_done();
	}
	or_arena_free(a);
	return code;
}
