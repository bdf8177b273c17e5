/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/check/check.h"

#include "base/log.h"
#include "base/str.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { EXIT_GOOD = 0, EXIT_BAD = 1, EXIT_USAGE = 2, LINE_MAX_ = 2048 };

static const char usage[] =
    "Says what would keep an agent with this configuration from working.\n\n"
    "usage: outrider-agent check [--json] [--offline] --config FILE [flags]\n\n"
    "  --json      one JSON object a line: check, verdict (ok, warn, fail), detail\n"
    "  --offline   ask neither collector, Kafka, exporters nor the workload\n"
    "  and every flag of the agent itself: outrider-agent --help\n\n"
    "Looks at the configuration, the product's files, keys and certificates, the bundle, the "
    "spools\n"
    "and the disk under them, the ports, and who must be reached. Changes nothing, and leaves an\n"
    "agent that runs alone.\n\n"
    "exit codes: 0 nothing fails, 1 something does, 2 wrong usage\n";

void ag_check_say(
    struct ag_check *c, enum ag_check_verdict v, const char *what, const char *fmt, ...)
{
	static const char *const names[] = {"ok", "warn", "fail"};
	char detail[LINE_MAX_];
	struct or_buf line;
	struct or_jsonw w;
	va_list args;

	va_start(args, fmt);
	vsnprintf(detail, sizeof(detail), fmt, args);
	va_end(args);
	c->n[v]++;
	if (!c->json) {
		for (char *p = detail; *p; p++)
			*p = *p >= 0 && *p < ' ' ? '?' : *p; /* foreign text on a terminal */
		printf("%-4s  %-22s %s\n", names[v], what, detail);
		return;
	}
	or_buf_init(&line, 8 * LINE_MAX_);
	or_jsonw_init(&w, &line, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "check", what);
	or_jsonw_kv_text(&w, "verdict", names[v]);
	or_jsonw_kv_text(&w, "detail", detail);
	or_jsonw_end(&w);
	printf("%s\n", or_buf_text(&line));
	or_buf_done(&line);
}

/* Takes our own flags out of argv; those of the configuration stay. */
static int take_flags(struct ag_check *c, int argc, char **argv, bool *help)
{
	int kept = 0;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			c->json = true;
		else if (strcmp(argv[i], "--offline") == 0)
			c->offline = true;
		else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			*help = true;
		else
			argv[kept++] = argv[i];
	}
	return kept;
}

static int check_all(struct ag_check *c)
{
	struct or_err err;

	if (or_loop_new(&c->loop, NULL, &err)) {
		ag_check_say(c, AG_CHECK_FAIL, "system", "%s", err.msg);
		return EXIT_BAD;
	}
	ag_check_files_run(c);
	ag_check_net_run(c);
	or_loop_free(c->loop);
	if (!c->json)
		printf("%u ok, %u to look at, %u that fail\n", c->n[AG_CHECK_GOOD],
		    c->n[AG_CHECK_WARN], c->n[AG_CHECK_FAIL]);
	return c->n[AG_CHECK_FAIL] ? EXIT_BAD : EXIT_GOOD;
}

int ag_check_main(int argc, char **argv)
{
	static const struct or_log_opt quiet = {
	    .fd = STDERR_FILENO, .level = OR_LOG_ERROR, .role = "check"};
	struct ag_check c = {.arena = or_arena_new(64 * OR_MIB)};
	struct ag_config config;
	struct or_opt_seen seen;
	struct or_err err = {0};
	bool help = false;
	int code = EXIT_GOOD;

	signal(SIGPIPE, SIG_IGN);
	argc = take_flags(&c, argc, argv, &help);
	or_log_init(&quiet);
	if (help) {
		fputs(usage, stdout);
	} else if (argc && argv[0][0] != '-') {
		fprintf(stderr,
		    "outrider-agent check: unexpected word \"%s\"\nsee: outrider-agent check "
		    "--help\n",
		    argv[0]);
		code = EXIT_USAGE;
	} else if (ag_config_load(&config, &seen, argc, argv, c.arena, &err)) {
		ag_check_say(&c, AG_CHECK_FAIL, "configuration", "%s", err.msg);
		code = strncmp(err.msg, "--", 2) == 0 ? EXIT_USAGE : EXIT_BAD;
	} else {
		c.config = &config;
		ag_check_say(&c, AG_CHECK_GOOD, "configuration", "%s",
		    seen.file ? seen.file : "from environment and flags alone");
		code = check_all(&c);
	}
	or_log_done();
	or_arena_free(c.arena);
	return code;
}
