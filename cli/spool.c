/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/spool.h"

#include "base/sys.h"
#include "cli/args.h"
#include "cli/proc.h"
#include "cli/state.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ARGV_MAX = 20 };

/* What the flags say. */
struct spool {
	const char *product, *state, *stream, *limit, *rate;
	bool json, pending, raw, dry, follow;
};

/* The directory of the product's agent, or of the only one there is. */
static enum or_code find_agent(
    const char **out, const struct spool *s, struct ctl_state *state, struct or_err *err)
{
	struct or_sys_names names;
	enum or_code rc = OR_OK;

	if (s->product) {
		*out = ctl_state_path(state, "agents/%s", s->product);
		return access(*out, F_OK) == 0 ? OR_OK
					       : or_err_set(err, OR_ABSENT,
						     "no agent of %s was started here", s->product);
	}
	if (or_sys_list(&names, ctl_state_path(state, "agents"), NULL))
		return or_err_set(err, OR_ABSENT, "no agent was started here: name a directory");
	if (names.n == 1)
		*out = ctl_state_path(state, "agents/%s", names.names[0]);
	else
		rc = or_err_set(
		    err, OR_INVAL, "%zu agents were started here: say --product", names.n);
	or_sys_names_free(&names);
	return rc;
}

/* Becomes the agent's program, which knows the format. */
static int become(const char *verb, const struct spool *s, const char *dir)
{
	static char spool[] = "spool", json[] = "--json", pending[] = "--pending", raw[] = "--raw",
		    dry[] = "--dry-run", stream[] = "--stream", limit[] = "--limit",
		    follow[] = "--follow", rate[] = "--rate";
	char program[PATH_MAX];
	const char *argv[ARGV_MAX] = {program, spool, verb};
	size_t n = 3;

	ctl_proc_find(program, sizeof(program), "outrider-agent");
	if (s->json)
		argv[n++] = json;
	if (s->pending)
		argv[n++] = pending;
	if (s->raw)
		argv[n++] = raw;
	if (s->dry)
		argv[n++] = dry;
	if (s->follow)
		argv[n++] = follow;
	if (s->rate) {
		argv[n++] = rate;
		argv[n++] = s->rate;
	}
	if (s->stream) {
		argv[n++] = stream;
		argv[n++] = s->stream;
	}
	if (s->limit) {
		argv[n++] = limit;
		argv[n++] = s->limit;
	}
	argv[n++] = dir;
	argv[n] = NULL;
	fflush(stdout);
	execv(program, (char *const *)(const void *)argv);
	fprintf(stderr, "outrider spool: %s: %s\n", program, strerror(errno));
	return CTL_EXIT_UNKNOWN;
}

static int run(const char *verb, struct ctl_args *spec, struct spool *s, int argc, char **argv)
{
	struct ctl_state state;
	struct or_err err;
	const char *dir = NULL;
	size_t n_words;
	int code;

	if (!ctl_args_parse(spec, argc, argv, &n_words, &code))
		return code;
	if (n_words > 1)
		return ctl_args_misuse(spec, "unexpected word \"%s\"", argv[1]);
	if (ctl_state_open(&state, s->state, &err))
		return ctl_term_fail("spool", &err);
	if (n_words)
		dir = argv[0];
	else if (find_agent(&dir, s, &state, &err))
		code = ctl_term_fail("spool", &err);
	if (dir)
		code = become(verb, s, dir);
	ctl_state_close(&state);
	return code;
}

#define COMMON(s)                                                                                  \
	{.name = "product",                                                                        \
	    .metavar = "ID",                                                                       \
	    .value = &(s).product,                                                                 \
	    .help = "whose agent, where several were started here"},                               \
	{                                                                                          \
		.name = "state", .metavar = "DIR", .value = &(s).state,                            \
		.help = "where everything is kept"                                                 \
	}

static int list(int argc, char **argv)
{
	struct spool s = {0};
	const struct ctl_args_flag flags[] = {
	    COMMON(s), {.name = "json", .help = "one JSON object a line", .on = &s.json}};
	struct ctl_args spec = {.usage = "outrider spool ls [flags] [DIR]",
	    .about =
		"Lists an agent's spools: streams, segments, what waits to be shipped. Reads\n"
		"only, also while the agent runs. DIR: a spool, or an agent's state directory.",
	    .examples = "  outrider spool ls\n  outrider spool ls --json --product orders",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};

	return run("ls", &spec, &s, argc, argv);
}

static int cat(int argc, char **argv)
{
	struct spool s = {0};
	const struct ctl_args_flag flags[] = {COMMON(s),
	    {.name = "stream",
		.metavar = "NAME",
		.value = &s.stream,
		.help = "only that stream, or all of a topic: otlp_logs, outrider.audit"},
	    {.name = "pending", .help = "only what is not acknowledged", .on = &s.pending},
	    {.name = "limit", .metavar = "N", .value = &s.limit, .help = "at most N records"},
	    {.name = "raw", .help = "records in base64, as they lie there", .on = &s.raw}};
	struct ctl_args spec = {.usage = "outrider spool cat [flags] [DIR]",
	    .about =
		"Writes the records of an agent's spools, one JSON object a line. Reads only,\n"
		"also while the agent runs.",
	    .examples = "  outrider spool cat --pending --stream otlp_logs | head",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};

	return run("cat", &spec, &s, argc, argv);
}

static int verify(int argc, char **argv)
{
	struct spool s = {0};
	const struct ctl_args_flag flags[] = {
	    COMMON(s), {.name = "json", .help = "one JSON object a line", .on = &s.json}};
	struct ctl_args spec = {.usage = "outrider spool verify [flags] [DIR]",
	    .about =
		"Reads all of an agent's spools and says what is damaged, and which numbers are\n"
		"missing. Exit code 1: something is.",
	    .examples = "  outrider spool verify",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};

	return run("verify", &spec, &s, argc, argv);
}

static int repair(int argc, char **argv)
{
	struct spool s = {0};
	const struct ctl_args_flag flags[] = {COMMON(s),
	    {.name = "json", .help = "one JSON object a line", .on = &s.json},
	    {.name = "dry-run", .help = "say what would be done", .on = &s.dry}};
	struct ctl_args spec = {.usage = "outrider spool repair [flags] [DIR]",
	    .about = "Takes damage out of an agent's spools. What is cut is kept in files beside\n"
		     "(*.cut, *.bad), and told. Refused while the agent runs.",
	    .examples = "  outrider spool repair --dry-run",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};

	return run("repair", &spec, &s, argc, argv);
}

/* "logs" is the stream otlp_logs. */
static const char *find_source(const char *name)
{
	static const struct {
		const char *name, *topic;
	} sources[] = {{"logs", "otlp_logs"}, {"metrics", "otlp_metrics"}, {"spans", "otlp_spans"},
	    {"lineage", "openlineage"}, {"audit", "outrider.audit"}};

	for (size_t i = 0; i < OR_LEN(sources); i++) {
		if (strcmp(name, sources[i].name) == 0)
			return sources[i].topic;
	}
	return NULL;
}

int ctl_spool_tap_main(int argc, char **argv)
{
	struct spool s = {.follow = true};
	const struct ctl_args_flag flags[] = {COMMON(s),
	    {.name = "limit", .metavar = "N", .value = &s.limit, .help = "end after N records"},
	    {.name = "rate",
		.metavar = "N",
		.value = &s.rate,
		.help = "at most N records a second (default 100); what is left out is told"}};
	struct ctl_args spec = {.usage = "outrider tap [flags] SOURCE",
	    .about =
		"Follows what passes through an agent from now on, one JSON object a line, as it "
		"is\n"
		"shipped: secrets are taken out already. SOURCE: logs, metrics, spans, lineage or\n"
		"audit. The agent is not disturbed; {\"type\":\"skipped\"} says what was not "
		"shown.",
	    .examples = "  outrider tap logs\n  outrider tap --rate 5 audit | jq .record",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	struct ctl_state state;
	struct or_err err;
	const char *dir;
	size_t n_words;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (n_words != 1 || !find_source(argv[0]))
		return ctl_args_misuse(&spec, "expected logs, metrics, spans, lineage or audit");
	s.stream = find_source(argv[0]);
	if (ctl_state_open(&state, s.state, &err))
		return ctl_term_fail("tap", &err);
	code = find_agent(&dir, &s, &state, &err) ? ctl_term_fail("tap", &err)
						  : become("cat", &s, dir);
	ctl_state_close(&state);
	return code;
}

int ctl_spool_main(int argc, char **argv)
{
	static const struct ctl_verb verbs[] = {
	    {"ls", "list streams and segments", list},
	    {"cat", "write the records", cat},
	    {"verify", "say what is damaged", verify},
	    {"repair", "take damage out, keeping it aside", repair},
	};

	return ctl_verb_run("outrider spool", "What an agent has captured and not yet shipped.",
	    verbs, OR_LEN(verbs), argc, argv);
}
