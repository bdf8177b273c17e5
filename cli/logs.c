/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/logs.h"

#include "base/jsonw.h"
#include "base/str.h"
#include "cli/api.h"
#include "cli/args.h"
#include "cli/term.h"

#include <stdio.h>

enum { QUERY_MAX = 4096, COLS_MAX = 6, CELL_MAX = 4096 };

/* What one signal's rows look like as a table; a key "" is a cell of its own making. */
struct signal {
	const char *verb;
	const char *path;
	size_t n_cols;
	const char *head[COLS_MAX];
	const char *keys[COLS_MAX];
};

static const struct signal logs = {.verb = "logs",
    .path = "/v1/logs?q=",
    .n_cols = 5,
    .head = {"TIME", "SEVERITY", "PRODUCT", "FROM", "BODY"},
    .keys = {"time", "severity", "product", "", "body"}};

static const struct signal metrics = {.verb = "metrics",
    .path = "/v1/metrics?q=",
    .n_cols = 6,
    .head = {"TIME", "PRODUCT", "NAME", "VALUE", "UNIT", "ATTRIBUTES"},
    .keys = {"time", "product", "name", "", "unit", "attributes"}};

/* A value as a cell: text as it is, the rest as JSON. */
static struct or_slice cell_of(struct or_arena *a, const struct or_json *v)
{
	struct or_slice text;
	struct or_jsonw w;
	struct or_buf b;

	if (!v || v->type == OR_JSON_NULL)
		return OR_SLICE_LIT("-");
	if (v->type == OR_JSON_STR)
		return v->s.n ? v->s : OR_SLICE_LIT("-");
	or_buf_init(&b, CELL_MAX);
	or_jsonw_init(&w, &b, 0);
	or_jsonw_tree(&w, v);
	text = or_buf_ok(&b) ? or_arena_dup(a, or_buf_slice(&b)) : OR_SLICE_LIT("…");
	or_buf_done(&b);
	return text;
}

/* "2026-11-24T11:18:28.123456Z" to "11-24 11:18:28.123". */
static struct or_slice short_time(struct or_arena *a, struct or_slice t)
{
	if (t.n < 23)
		return t;
	return or_slice_str(
	    or_arena_printf(a, "%.5s %.12s", (const char *)t.p + 5, (const char *)t.p + 11));
}

/* Where a log comes from: stdout, stderr, or the logger's name. */
static struct or_slice source_of(struct or_arena *a, const struct or_json *row)
{
	const struct or_json *stream = or_json_get(or_json_get(row, "attributes"), "log.iostream");

	return cell_of(a, stream ? stream : or_json_get(row, "scope"));
}

/* A number point's value, else "count sum" of the others. */
static struct or_slice value_of(struct or_arena *a, const struct or_json *row)
{
	const struct or_json *value = or_json_get(row, "value");

	if (value || !or_json_get(row, "count"))
		return cell_of(a, value);
	return or_slice_str(or_arena_printf(a, "count %.*s, sum %.*s",
	    OR_SLICE_FMT(cell_of(a, or_json_get(row, "count"))),
	    OR_SLICE_FMT(cell_of(a, or_json_get(row, "sum")))));
}

static enum ctl_term_style style_of_severity(size_t col, struct or_slice cell)
{
	if (col != 1)
		return CTL_TERM_PLAIN;
	if (or_str_eq_nocase(cell, OR_SLICE_LIT("error")) ||
	    or_str_eq_nocase(cell, OR_SLICE_LIT("fatal")))
		return CTL_TERM_BAD;
	return or_str_eq_nocase(cell, OR_SLICE_LIT("warn")) ? CTL_TERM_WARN : CTL_TERM_PLAIN;
}

static void show_rows(
    struct or_arena *a, const struct signal *signal, const struct or_json *const *rows, size_t n)
{
	struct or_slice *cells = or_arena_array(a, n * signal->n_cols, sizeof(*cells));

	OR_ASSERT(cells);
	for (size_t r = 0; r < n; r++) {
		for (size_t c = 0; c < signal->n_cols; c++) {
			struct or_slice *cell = &cells[r * signal->n_cols + c];

			if (*signal->keys[c])
				*cell = cell_of(a, or_json_get(rows[r], signal->keys[c]));
			else
				*cell =
				    signal == &logs ? source_of(a, rows[r]) : value_of(a, rows[r]);
			if (c == 0)
				*cell = short_time(a, *cell);
		}
	}
	ctl_term_table(
	    signal->head, signal->n_cols, cells, n, signal == &logs ? style_of_severity : NULL);
}

/* Lines of JSON, the summary last. */
static enum or_code parse_lines(const struct or_json ***rows, size_t *n,
    const struct or_json **summary, struct or_slice text, struct or_arena *a, struct or_err *err)
{
	size_t lines = 1, at = 0;

	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	*rows = or_arena_array(a, lines, sizeof(**rows));
	*n = 0;
	*summary = NULL;
	while (at < text.n) {
		size_t end = or_str_find(text, '\n', at);
		const struct or_json *row;
		enum or_code rc = or_json_parse(&row, or_slice(text.p + at, end - at), a, err);

		if (rc)
			return or_err_wrap(err, rc, "the collector's answer");
		if (or_json_get(row, "summary"))
			*summary = or_json_get(row, "summary");
		else
			(*rows)[(*n)++] = row;
		at = end + 1;
	}
	return OR_OK;
}

static int64_t number(const struct or_json *j, const char *key)
{
	const struct or_json *v = or_json_get_type(j, key, OR_JSON_INT);

	return v ? v->i : 0;
}

static int show(struct ctl_api *api, const struct signal *signal, struct or_slice body, bool json)
{
	const struct or_json **rows, *summary;
	struct or_err err;
	size_t n;

	if (parse_lines(&rows, &n, &summary, body, api->state->arena, &err))
		return ctl_term_fail(signal->verb, &err);
	if (json) {
		fwrite(body.p, 1, body.n, stdout);
		return n ? CTL_EXIT_YES : CTL_EXIT_NO;
	}
	if (n)
		show_rows(api->state->arena, signal, rows, n);
	else
		printf("nothing matches\n");
	ctl_term_printf(CTL_TERM_DIM, "%lld of %lld rows match%s\n",
	    (long long)number(summary, "matched"), (long long)number(summary, "scanned"),
	    (int64_t)n < number(summary, "matched") ? "; the newest are shown, limit=N shows more"
						    : "");
	if (number(summary, "damaged"))
		ctl_term_printf(CTL_TERM_WARN, "%lld segments have damaged bytes\n",
		    (long long)number(summary, "damaged"));
	return n ? CTL_EXIT_YES : CTL_EXIT_NO;
}

static int ask(struct ctl_api *api, const struct signal *signal, struct or_slice query, bool json)
{
	struct or_buf path, body;
	struct or_err err;
	int code;

	or_buf_init(&path, 4 * QUERY_MAX);
	or_buf_init(&body, CTL_API_BODY_MAX);
	or_buf_put_str(&path, signal->path);
	ctl_api_escape(&path, query);
	if (ctl_api_get(&body, api, or_buf_text(&path), &err))
		code = ctl_term_fail(signal->verb, &err);
	else
		code = show(api, signal, or_buf_slice(&body), json);
	or_buf_done(&path);
	or_buf_done(&body);
	return code;
}

static int run_words(const struct signal *signal, const char *state, const char *collector,
    char **words, size_t n, bool json)
{
	struct or_buf query;
	struct ctl_state s;
	struct ctl_api api;
	struct or_err err;
	int code;

	if (ctl_state_open(&s, state, &err))
		return ctl_term_fail(signal->verb, &err);
	or_buf_init(&query, QUERY_MAX);
	for (size_t i = 0; i < n; i++) {
		or_buf_put_str(&query, i ? " " : "");
		or_buf_put_str(&query, words[i]);
	}
	if (!or_buf_ok(&query)) {
		or_err_set(&err, OR_INVAL, "the query is longer than %d bytes", QUERY_MAX);
		code = ctl_term_fail(signal->verb, &err);
	} else if (ctl_api_open(&api, &s, collector, &err)) {
		code = ctl_term_fail(signal->verb, &err);
	} else {
		code = ask(&api, signal, or_buf_slice(&query), json);
	}
	or_buf_done(&query);
	ctl_state_close(&s);
	return code;
}

static int run(const struct signal *signal, const char *usage, const char *about,
    const char *examples, int argc, char **argv)
{
	const char *state = NULL, *collector = NULL;
	bool json = false;
	const struct ctl_args_flag flags[] = {
	    {.name = "json", .help = "one JSON object a line, the summary last", .on = &json},
	    {.name = "collector",
		.metavar = "URL",
		.value = &collector,
		.help = "the collector (default: the one of outrider up)"},
	    {.name = "state",
		.metavar = "DIR",
		.value = &state,
		.help = "where outrider up keeps everything"}};
	const struct ctl_args spec = {.usage = usage,
	    .about = about,
	    .examples = examples,
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	size_t n_words;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	return run_words(signal, state, collector, argv, n_words, json);
}

int ctl_logs_main(int argc, char **argv)
{
	return run(&logs, "outrider logs [flags] QUERY",
	    "Searches the workloads' logs: what they wrote to stdout and stderr, and what came\n"
	    "over OTLP. All terms must hold.\n\n"
	    "  WORD or \"quoted text\"   the body contains it\n"
	    "  FIELD OP VALUE          OP is = != < <= > >=; * is a wildcard\n"
	    "  since=1h until=2026-11-24T12:00:00Z limit=200\n\n"
	    "Fields: product, service, scope, name, body, severity (warn, error…), trace_id,\n"
	    "span_id, iostream, and every attribute. Exit code 1: nothing matches.",
	    "  outrider logs 'product=orders iostream=stderr since=1h'\n"
	    "  outrider logs 'severity>=warn timeout limit=50'",
	    argc, argv);
}

int ctl_logs_metrics_main(int argc, char **argv)
{
	return run(&metrics, "outrider metrics [flags] QUERY",
	    "Searches the workloads' data points, as they came over OTLP. All terms must hold.\n\n"
	    "  WORD or \"quoted text\"   the metric's name contains it\n"
	    "  FIELD OP VALUE          OP is = != < <= > >=; * is a wildcard\n"
	    "  since=1h until=2026-11-24T12:00:00Z limit=200\n\n"
	    "Fields: product, service, scope, name, type (gauge, sum, histogram…), unit, value,\n"
	    "and every attribute. Exit code 1: nothing matches.",
	    "  outrider metrics 'product=orders name=http.* since=1h'", argc, argv);
}
