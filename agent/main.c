/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"
#include "agent/check/check.h"
#include "agent/spool_verb.h"
#include "agent/tap/tap.h"

#include "base/mem.h"
#include "base/sys.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { HELP_MAX = 64 * 1024, EXIT_USAGE = 2, EXIT_FAILED = 3 };
/* A few batches on their way; the shipper gives it back when it rests. */
enum { KEEP = 2 * 1024 * 1024 };

static void put_help(struct or_buf *out)
{
	or_buf_put_str(out,
	    "The agent that runs beside a data product's workload: it decides each "
	    "request by policy,\nrecords the decision and ships the record.\n\n"
	    "usage: outrider-agent --config FILE [flags]\n"
	    "       outrider-agent check --config FILE         say what would not work\n"
	    "       outrider-agent print-config --config FILE  every value and its origin\n"
	    "       outrider-agent spool ls|cat|verify|repair DIR   look into spools\n"
	    "\n");
	ag_config_help(out);
}

static int show(void (*put)(struct or_buf *))
{
	struct or_buf text;

	or_buf_init(&text, HELP_MAX);
	put(&text);
	fputs(or_buf_text(&text), stdout);
	or_buf_done(&text);
	return 0;
}

static void say_ready(uint64_t fd)
{
	if (fd == 0)
		return;
	(void)!write((int)fd, "ready\n", 6);
	close((int)fd);
}

static int guard(struct or_loop *loop, const struct ag_agent_opt *opt)
{
	struct ag_agent *agent;
	struct or_err err = {0};

	if (ag_agent_new(&agent, loop, opt, &err)) {
		OR_LOG(OR_LOG_ERROR, "agent.failed", or_log_err(&err));
		return err.code == OR_INVAL || err.code == OR_PARSE ? EXIT_USAGE : EXIT_FAILED;
	}
	say_ready(opt->config->ready_fd);
	or_loop_run(loop);
	ag_agent_free(agent);
	return 0;
}

static void on_tap_ready(void *arg)
{
	const struct ag_config *config = arg;

	say_ready(config->ready_fd);
}

static int serve(struct ag_config *config, int argc, char **argv)
{
	const struct ag_agent_opt opt = {.config = config, .argc = argc, .argv = argv};
	bool tap = config->role == AG_ROLE_TAP;
	struct or_log_opt log = {.fd = STDERR_FILENO,
	    .level = (enum or_log_level)config->log_level,
	    .role = tap ? "tap" : "agent"};
	struct or_loop *loop;
	struct or_err err = {0};
	int code;

	signal(SIGPIPE, SIG_IGN);
	or_mem_keep(KEEP);
	or_sys_no_core();
	or_log_init(&log);
	if (or_loop_new(&loop, NULL, &err)) {
		OR_LOG(OR_LOG_ERROR, "agent.failed", or_log_err(&err));
		return EXIT_FAILED;
	}
	code = tap ? ag_tap_run(loop, config, on_tap_ready, config) : guard(loop, &opt);
	or_loop_free(loop);
	or_log_done();
	return code;
}

/* Secrets are left out with --redacted and without: there is no way to have them. */
static int print_config(int argc, char **argv)
{
	struct or_arena *a = or_arena_new(16 * OR_MIB);
	struct ag_config config;
	struct or_opt_seen seen;
	struct or_err err = {0};
	struct or_buf text;
	bool json = false;
	int kept = 0, code = 0;

	for (int i = 0; i < argc; i++) {
		json = json || strcmp(argv[i], "--json") == 0;
		if (strcmp(argv[i], "--json") != 0 && strcmp(argv[i], "--redacted") != 0)
			argv[kept++] = argv[i];
	}
	or_buf_init(&text, 8 * OR_MIB);
	if (ag_config_load(&config, &seen, kept, argv, a, &err)) {
		fprintf(stderr, "outrider-agent print-config: %s\n", err.msg);
		code = EXIT_USAGE;
	} else if (seen.help) {
		fputs(
		    "Shows every value that an agent would have, and where it came from: default,\n"
		    "FILE:LINE, a variable of the environment, or a flag. Secrets are left out.\n\n"
		    "usage: outrider-agent print-config [--redacted] [--json] --config FILE "
		    "[flags]\n\n"
		    "The output is YAML that the agent takes again; --json: an object a line.\n",
		    stdout);
	} else {
		ag_config_show(&text, &config, &seen, json);
		fputs(or_buf_text(&text), stdout);
	}
	or_buf_done(&text);
	or_arena_free(a);
	return code;
}

static int run(int argc, char **argv)
{
	struct or_arena *a = or_arena_new(16 * OR_MIB);
	struct ag_config config;
	struct or_opt_seen seen;
	struct or_err err = {0};
	int code;

	if (ag_config_load(&config, &seen, argc, argv, a, &err)) {
		fprintf(stderr, "outrider-agent: %s\nsee: outrider-agent --help\n", err.msg);
		or_arena_free(a);
		return EXIT_USAGE;
	}
	if (seen.help)
		code = show(put_help);
	else
		code = serve(&config, argc, argv);
	or_arena_free(a);
	return code;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (argc == 2 && strcmp(verb, "--reference") == 0)
		return show(ag_config_reference);
	if (strcmp(verb, "check") == 0)
		return ag_check_main(argc - 2, argv + 2);
	if (strcmp(verb, "spool") == 0)
		return ag_spool_verb_main(argc - 2, argv + 2);
	if (strcmp(verb, "print-config") == 0)
		return print_config(argc - 2, argv + 2);
	return run(argc - 1, argv + 1);
}
