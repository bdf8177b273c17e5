/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/alerts.h"

#include "base/jsonw.h"
#include "cli/api.h"
#include "cli/args.h"
#include "cli/term.h"

#include <stdio.h>

enum { COLS = 5, CELL_MAX = 4096 };

static struct or_slice text(const struct or_json *j, const char *key)
{
	struct or_slice s = or_json_get_str(j, key);

	return s.n ? s : OR_SLICE_LIT("-");
}

static size_t length(const struct or_json *list)
{
	return list && list->type == OR_JSON_ARRAY ? list->array.n : 0;
}

static bool is_firing(const struct or_json *alert)
{
	return or_slice_is(or_json_get_str(alert, "state"), "firing");
}

static enum ctl_term_style style_of_state(size_t col, struct or_slice cell)
{
	if (col != 0)
		return CTL_TERM_PLAIN;
	if (or_slice_is(cell, "firing"))
		return CTL_TERM_BAD;
	return or_slice_is(cell, "pending") ? CTL_TERM_WARN : CTL_TERM_GOOD;
}

/* "2026-11-24T11:18:28.123456Z" to "11-24 11:18:28". */
static struct or_slice short_time(struct or_arena *a, struct or_slice t)
{
	if (t.n < 19)
		return t;
	return or_slice_str(
	    or_arena_printf(a, "%.5s %.8s", (const char *)t.p + 5, (const char *)t.p + 11));
}

/* The labels but the name, as a=b; the longest part of a row, so the last one. */
static struct or_slice labels_of(struct or_arena *a, const struct or_json *alert)
{
	const struct or_json *labels = or_json_get_type(alert, "labels", OR_JSON_OBJECT);
	struct or_slice copy;
	struct or_buf b;

	or_buf_init(&b, CELL_MAX);
	for (size_t i = 0; labels && i < labels->object.n; i++) {
		const struct or_json_member *m = &labels->object.members[i];

		if (or_slice_is(m->key, "alertname") || m->value->type != OR_JSON_STR)
			continue;
		or_buf_printf(&b, "%s%.*s=%.*s", b.n ? " " : "", OR_SLICE_FMT(m->key),
		    OR_SLICE_FMT(m->value->s));
	}
	copy = b.n ? or_arena_dup(a, or_buf_slice(&b)) : OR_SLICE_LIT("-");
	or_buf_done(&b);
	return copy;
}

static void show_alerts(struct or_arena *a, const struct or_json *alerts, bool all)
{
	static const char *const head[COLS] = {"STATE", "ALERT", "SINCE", "UNTIL", "LABELS"};
	size_t n = length(alerts), rows = 0;
	struct or_slice *cells = or_arena_array(a, n * COLS, sizeof(*cells));

	OR_ASSERT(cells);
	for (size_t i = 0; i < n; i++) {
		const struct or_json *j = alerts->array.items[i];
		struct or_slice *row = &cells[rows * COLS];

		if (!all && or_slice_is(or_json_get_str(j, "state"), "resolved"))
			continue;
		row[0] = text(j, "state");
		row[1] = text(or_json_get(j, "labels"), "alertname");
		row[2] = short_time(a, text(j, "startsAt"));
		row[3] = short_time(a, text(j, "endsAt"));
		row[4] = labels_of(a, j);
		rows++;
	}
	if (rows)
		ctl_term_table(head, COLS, cells, rows, style_of_state);
	else
		printf("no alert %s\n", all ? "is known" : "fires");
}

/* What a receiver did not take. */
static void show_troubles(const struct or_json *answer)
{
	const struct or_json *notices = or_json_get(answer, "notices");
	struct or_slice error = or_json_get_str(answer, "error");

	for (size_t i = 0; i < length(notices); i++) {
		const struct or_json *j = notices->array.items[i];
		struct or_slice why = or_json_get_str(j, "error");

		if (!why.n)
			continue;
		ctl_term_printf(CTL_TERM_BAD,
		    "receiver %.*s %s: ", OR_SLICE_FMT(text(j, "receiver")),
		    or_slice_is(or_json_get_str(j, "state"), "refused") ? "refused a notice"
									: "was not reached");
		ctl_term_value(CTL_TERM_PLAIN, why); /* it has words of the receiver's */
		putchar('\n');
	}
	if (error.n) {
		ctl_term_put(CTL_TERM_BAD,
		    OR_SLICE_LIT("the rule file is wrong; the rules before it are in force:\n"));
		ctl_term_put(CTL_TERM_PLAIN, error);
		putchar('\n');
	}
}

static int show(struct or_arena *a, const struct or_json *answer, bool all)
{
	const struct or_json *alerts = or_json_get(answer, "alerts");
	size_t firing = 0;

	for (size_t i = 0; i < length(alerts); i++)
		firing += is_firing(alerts->array.items[i]);
	show_alerts(a, alerts, all);
	show_troubles(answer);
	ctl_term_printf(CTL_TERM_DIM, "%zu firing; %zu rules from %.*s\n", firing,
	    length(or_json_get(answer, "rules")), OR_SLICE_FMT(text(answer, "file")));
	return firing ? CTL_EXIT_NO : CTL_EXIT_YES;
}

/* One alert a line. */
static int show_json(const struct or_json *answer, bool all)
{
	const struct or_json *alerts = or_json_get(answer, "alerts");
	size_t firing = 0;

	for (size_t i = 0; i < length(alerts); i++) {
		const struct or_json *j = alerts->array.items[i];
		struct or_jsonw w;
		struct or_buf line;

		firing += is_firing(j);
		if (!all && or_slice_is(or_json_get_str(j, "state"), "resolved"))
			continue;
		or_buf_init(&line, OR_MIB);
		or_jsonw_init(&w, &line, 0);
		or_jsonw_tree(&w, j);
		puts(or_buf_text(&line));
		or_buf_done(&line);
	}
	return firing ? CTL_EXIT_NO : CTL_EXIT_YES;
}

static int run(const char *state, const char *collector, bool all, bool json)
{
	const struct or_json *answer;
	struct ctl_state s;
	struct ctl_api api;
	struct or_err err;
	enum or_code rc = ctl_state_open(&s, state, &err);
	int code;

	if (rc)
		return ctl_term_fail("alerts", &err);
	rc = ctl_api_open(&api, &s, collector, &err);
	if (rc == OR_OK)
		rc = ctl_api_get_json(&answer, &api, "/v1/alerts", &err);
	if (rc)
		code = ctl_term_fail("alerts", &err);
	else
		code = json ? show_json(answer, all) : show(s.arena, answer, all);
	ctl_state_close(&s);
	return code;
}

int ctl_alerts_main(int argc, char **argv)
{
	const char *state = NULL, *collector = NULL;
	bool json = false, all = false;
	const struct ctl_args_flag flags[] = {
	    {.name = "all", .help = "those that were resolved too", .on = &all},
	    {.name = "json", .help = "one alert a line, as JSON", .on = &json},
	    {.name = "collector",
		.metavar = "URL",
		.value = &collector,
		.help = "the collector (default: the one of outrider up)"},
	    {.name = "state",
		.metavar = "DIR",
		.value = &state,
		.help = "where outrider up keeps everything"}};
	const struct ctl_args spec = {.usage = "outrider alerts [flags]",
	    .about =
		"Shows the alerts that fire and those that are pending, and which receivers did\n"
		"not take their notices. The rules are a file of the collector: outrider up\n"
		"--alerts FILE. Exit code 1: something fires.",
	    .examples = "  outrider alerts\n  outrider alerts --all --json",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	size_t n_words;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (n_words)
		return ctl_args_misuse(&spec, "unexpected word \"%s\"", argv[0]);
	return run(state, collector, all, json);
}
