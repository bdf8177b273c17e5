/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit.h"

#include "base/buf.h"
#include "base/jsonw.h"
#include "base/str.h"
#include "cli/api.h"
#include "cli/args.h"
#include "cli/term.h"
#include "proto/field.h"

#include <stdarg.h>
#include <stdio.h>

enum { QUERY_MAX = 16 * 1024, COLS = 8, CELL_MAX = 512 };

/* One line of the collector's answer; the last one is the summary. */
struct answer {
	const struct or_json **rows;
	size_t n;
	const struct or_json *summary;
};

static enum or_code parse_lines(
    struct answer *out, struct or_slice text, struct or_arena *a, struct or_err *err)
{
	size_t lines = 0, at = 0;

	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	*out = (struct answer){.rows = or_arena_array(a, lines + 1, sizeof(*out->rows))};
	if (!out->rows)
		return or_err_set(err, OR_FULL, "the answer is too large; narrow the query");
	while (at < text.n) {
		size_t end = or_str_find(text, '\n', at);
		const struct or_json *row;
		enum or_code rc = or_json_parse(&row, or_slice(text.p + at, end - at), a, err);

		if (rc)
			return or_err_wrap(err, rc, "the collector's answer");
		if (or_json_get(row, "summary"))
			out->summary = or_json_get(row, "summary");
		else
			out->rows[out->n++] = row;
		at = end + 1;
	}
	return OR_OK;
}

static int64_t number(const struct or_json *j, const char *key)
{
	const struct or_json *v = or_json_get_type(j, key, OR_JSON_INT);

	return v ? v->i : 0;
}

static struct or_slice text(const struct or_json *j, const char *key)
{
	struct or_slice s = or_json_get_str(j, key);

	return s.n ? s : OR_SLICE_LIT("-");
}

/* A value as a cell: text as it is, the rest as JSON. */
static struct or_slice cell_of(struct or_arena *a, const struct or_json *v)
{
	struct or_jsonw w;
	struct or_slice text;
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

static enum ctl_term_style style_of_decision(size_t col, struct or_slice cell)
{
	if (col != 1)
		return CTL_TERM_PLAIN;
	if (or_slice_is(cell, "allow"))
		return CTL_TERM_GOOD;
	return or_slice_is(cell, "deny") || or_slice_is(cell, "error") ? CTL_TERM_BAD
								       : CTL_TERM_WARN;
}

/* "2026-11-24T11:18:28.123456Z" to "11-24 11:18:28.123". */
static struct or_slice short_time(struct or_slice t)
{
	static char ring[2][32];
	static unsigned int at;
	char *to = ring[at++ % 2];

	if (t.n < 23)
		return t;
	snprintf(to, sizeof(ring[0]), "%.5s %.12s", (const char *)t.p + 5, (const char *)t.p + 11);
	return or_slice_str(to);
}

static void show_records(struct or_arena *a, const struct answer *answer)
{
	static const char *const head[COLS] = {
	    "TIME (UTC)", "DECISION", "PRINCIPAL", "ACTION", "RESOURCE", "STATUS", "REASON", "ID"};
	static const char *const keys[COLS] = {"time", "decision", "principal.id", "action",
	    "resource.id", "request.status", "reason", NULL};
	struct or_slice *cells = or_arena_array(a, answer->n * COLS, sizeof(*cells));

	OR_ASSERT(cells);
	for (size_t r = 0; r < answer->n; r++) {
		const struct or_json *record = or_json_get(answer->rows[r], "record");

		for (size_t c = 0; c < COLS - 1; c++)
			cells[r * COLS + c] = cell_of(a, or_json_get(record, keys[c]));
		cells[r * COLS] = or_arena_dup(a, short_time(cells[r * COLS]));
		cells[r * COLS + COLS - 1] = cell_of(a, or_json_get(answer->rows[r], "id"));
	}
	ctl_term_table(head, COLS, cells, answer->n, style_of_decision);
}

/* What "| fields …" chose; the summary names it, since a record may lack some. */
static void show_fields(
    struct or_arena *a, const struct answer *answer, const struct or_json *fields)
{
	size_t n = fields->array.n < 15 ? fields->array.n : 15, cols = n + 1;
	struct or_slice *cells = or_arena_array(a, answer->n * cols, sizeof(*cells));
	const char *head[16];

	OR_ASSERT(cells);
	for (size_t c = 0; c < n; c++)
		head[c] = or_arena_strdup(a, fields->array.items[c]->s);
	head[n] = "ID";
	for (size_t r = 0; r < answer->n; r++) {
		const struct or_json *record = or_json_get(answer->rows[r], "record");

		for (size_t c = 0; c < n; c++)
			cells[r * cols + c] =
			    cell_of(a, or_json_get_slice(record, fields->array.items[c]->s));
		cells[r * cols + n] = cell_of(a, or_json_get(answer->rows[r], "id"));
	}
	ctl_term_table(head, cols, cells, answer->n, NULL);
}

/* Rows of any shape: the first one's keys are the columns. */
static void show_groups(struct or_arena *a, const struct answer *answer)
{
	const struct or_json *first = answer->rows[0];
	size_t n = first->object.n < 16 ? first->object.n : 16;
	const char *head[16];
	struct or_slice *cells = or_arena_array(a, answer->n * n, sizeof(*cells));

	OR_ASSERT(cells);
	for (size_t c = 0; c < n; c++)
		head[c] = or_arena_strdup(a, first->object.members[c].key);
	for (size_t r = 0; r < answer->n; r++) {
		for (size_t c = 0; c < n; c++)
			cells[r * n + c] = cell_of(
			    a, or_json_get_slice(answer->rows[r], first->object.members[c].key));
	}
	ctl_term_table(head, n, cells, answer->n, NULL);
}

static int show(struct or_arena *a, const struct answer *answer)
{
	int64_t matched = number(answer->summary, "matched");
	int64_t scanned = number(answer->summary, "scanned");
	const struct or_json *fields = or_json_get_type(answer->summary, "fields", OR_JSON_ARRAY);

	if (answer->n == 0)
		printf("nothing matches\n");
	else if (fields)
		show_fields(a, answer, fields);
	else if (or_json_get(answer->rows[0], "record"))
		show_records(a, answer);
	else
		show_groups(a, answer);
	ctl_term_printf(CTL_TERM_DIM, "%lld of %lld records match%s\n", (long long)matched,
	    (long long)scanned,
	    (int64_t)answer->n < matched && answer->n && or_json_get(answer->rows[0], "record")
		? "; the newest are shown, \"| limit N\" shows more"
		: "");
	if (number(answer->summary, "damaged"))
		ctl_term_printf(CTL_TERM_BAD,
		    "%lld records do not read back, the first %.*s; see: outrider verify\n",
		    (long long)number(answer->summary, "damaged"),
		    OR_SLICE_FMT(text(answer->summary, "damage")));
	return answer->n ? CTL_EXIT_YES : CTL_EXIT_NO;
}

static enum or_code fetch(struct or_buf *body, struct ctl_api *api, const char *prefix,
    struct or_slice tail, struct or_err *err)
{
	struct or_buf path;
	enum or_code rc;

	or_buf_init(&path, 4 * QUERY_MAX);
	or_buf_put_str(&path, prefix);
	ctl_api_escape(&path, tail);
	rc = or_buf_ok(&path) ? ctl_api_get(body, api, or_buf_text(&path), err)
			      : or_err_set(err, OR_FULL, "the query is too long");
	or_buf_done(&path);
	return rc;
}

/* As they came; all but the summary, the last line, are rows. */
static int pass_on(struct or_slice body)
{
	size_t lines = 0;

	for (size_t i = 0; i < body.n; i++)
		lines += body.p[i] == '\n';
	fwrite(body.p, 1, body.n, stdout);
	return lines > 1 ? CTL_EXIT_YES : CTL_EXIT_NO;
}

/* As they came, in a form that has no summary; head: lines that are no rows. */
static int pass_on_plain(struct or_slice body, size_t head)
{
	size_t lines = 0;

	for (size_t i = 0; i < body.n && lines <= head; i++)
		lines += body.p[i] == '\n';
	fwrite(body.p, 1, body.n, stdout);
	return lines > head ? CTL_EXIT_YES : CTL_EXIT_NO;
}

static int ask_for(
    struct ctl_api *api, struct or_slice query, const char *format, struct or_err *err)
{
	struct or_buf body, prefix;
	enum or_code rc;
	int code;

	or_buf_init(&body, CTL_API_BODY_MAX);
	or_buf_init(&prefix, 256);
	or_buf_printf(&prefix, "/v1/audit?format=%s&q=", format);
	rc = fetch(&body, api, or_buf_text(&prefix), query, err);
	code = rc ? ctl_term_fail("audit", err)
		  : pass_on_plain(or_buf_slice(&body), strcmp(format, "csv") == 0);
	or_buf_done(&prefix);
	or_buf_done(&body);
	return code;
}

static int ask(struct ctl_api *api, struct or_slice query, bool json, struct or_err *err)
{
	struct or_arena *a = or_arena_new(0);
	struct answer answer;
	struct or_buf body;
	enum or_code rc;
	int code;

	or_buf_init(&body, CTL_API_BODY_MAX);
	rc = fetch(&body, api, "/v1/audit?q=", query, err);
	if (rc == OR_OK && !json)
		rc = parse_lines(&answer, or_buf_slice(&body), a, err);
	if (rc)
		code = ctl_term_fail("audit", err);
	else
		code = json ? pass_on(or_buf_slice(&body)) : show(a, &answer);
	or_buf_done(&body);
	or_arena_free(a);
	return code;
}

static enum or_code open_both(struct ctl_state *s, struct ctl_api *api, const char *state,
    const char *collector, struct or_err *err)
{
	enum or_code rc = ctl_state_open(s, state, err);

	if (rc)
		return rc;
	rc = ctl_api_open(api, s, collector, err);
	if (rc)
		ctl_state_close(s);
	return rc;
}

/* The one table of fields says it, so that it stays true. */
static void put_fields_help(FILE *to)
{
	fprintf(to, "\nfields:\n");
	for (const struct wire_field *f = wire_field_next(NULL); f; f = wire_field_next(f))
		fprintf(to, "  %-22s%s\n", wire_field_name(f), wire_field_help(f));
}

static const char audit_about[] =
    "Searches the audit trail; the query is the rest of the line, best in quotes. "
    "Without one\n"
    "everything is shown, newest first.\n\n"
    "  FIELD=VALUE  FIELD!=VALUE   * in VALUE stands for any text\n"
    "  FIELD<VALUE  <=  >  >=      for numbers and times\n"
    "  FIELD ~ \"…\"  !~            a regular expression\n"
    "  FIELD in (A, B)             one of these; cidr(10.0.0.0/8) among them\n"
    "  and, or, not, ( )           standing side by side means and\n"
    "  since=1h until=2026-11-24T12:00:00Z\n\n"
    "Then, behind bars:\n"
    "  | fields FIELD, …           only these\n"
    "  | dedup FIELD, …            the newest of each\n"
    "  | count [by FIELD, 5m, …]   how many; or distinct, sum, min, max, avg FIELD,\n"
    "                              quantile(0.99, FIELD), several with commas\n"
    "  | where …                   a filter; behind groups, of what was measured\n"
    "  | sort FIELD [desc], …\n"
    "  | top N   | limit N         the largest groups; how many rows\n\n"
    "explain in front says how it is answered. All of it: docs/query.md.\n\n"
    "Exit code 1: nothing matches.";

int ctl_audit_main(int argc, char **argv)
{
	const char *state = NULL, *collector = NULL, *format = NULL;
	bool json = false;
	const struct ctl_args_flag flags[] = {
	    {.name = "json", .help = "one JSON object a line, the summary last", .on = &json},
	    {.name = "format",
		.metavar = "FORM",
		.value = &format,
		.help = "ocsf: an event of OCSF 1.8.0 a line; csv: a table with a head; json"},
	    {.name = "collector",
		.metavar = "URL",
		.value = &collector,
		.help = "the collector (default: the one of outrider up)"},
	    {.name = "state",
		.metavar = "DIR",
		.value = &state,
		.help = "where outrider up keeps everything"}};
	const struct ctl_args spec = {.usage = "outrider audit [flags] [QUERY]",
	    .about = audit_about,
	    .details = put_fields_help,
	    .examples = "  outrider audit 'decision=deny since=1h'\n"
			"  outrider audit 'principal.id=*alice* request.status>=400 | fields time, "
			"request.path'\n"
			"  outrider audit 'product=orders since=1d | count by principal.id, "
			"decision | top 10'",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	struct ctl_state s;
	struct ctl_api api;
	struct or_buf query;
	struct or_err err;
	size_t n_words;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	json = json || (format && strcmp(format, "json") == 0);
	if (format && !json && strcmp(format, "ocsf") != 0 && strcmp(format, "csv") != 0)
		return ctl_args_misuse(&spec, "--format is json, ocsf or csv, not %s", format);
	if (open_both(&s, &api, state, collector, &err))
		return ctl_term_fail("audit", &err);
	or_buf_init(&query, QUERY_MAX);
	for (size_t i = 0; i < n_words; i++) {
		or_buf_put_str(&query, i ? " " : "");
		or_buf_put_str(&query, argv[i]);
	}
	if (or_buf_ok(&query) && format && !json)
		code = ask_for(&api, or_buf_slice(&query), format, &err);
	else if (or_buf_ok(&query))
		code = ask(&api, or_buf_slice(&query), json, &err);
	else
		code = ctl_args_misuse(&spec, "the query is longer than %d bytes", QUERY_MAX);
	or_buf_done(&query);
	ctl_state_close(&s);
	return code;
}

/* ---- why ---- */

static void line(const char *label, struct or_slice value)
{
	printf("  %-10s", label);
	ctl_term_value(CTL_TERM_PLAIN, value);
	putchar('\n');
}

/* One line, whatever the values in it say. */
static void OR_PRINTF(1, 2) line_printf(const char *fmt, ...)
{
	char line[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	ctl_term_value(CTL_TERM_PLAIN, or_slice_str(line));
	putchar('\n');
}

static void lines_of_list(const char *label, const struct or_json *list, const char *none)
{
	if (!list || list->type != OR_JSON_ARRAY || list->array.n == 0) {
		if (none)
			line(label, or_slice_str(none));
		return;
	}
	for (size_t i = 0; i < list->array.n; i++) {
		const struct or_json *v = list->array.items[i];

		if (v->type == OR_JSON_STR)
			line(i ? "" : label, v->s);
	}
}

/* The groups, attributes and context that decided, which the collector keeps by their hash. */
static void show_inputs(struct ctl_api *api, struct or_slice sha256)
{
	const struct or_json *j;
	struct or_buf body, pretty;
	struct or_jsonw w;

	if (sha256.n != 64)
		return;
	or_buf_init(&body, OR_MIB);
	or_buf_init(&pretty, OR_MIB);
	if (fetch(&body, api, "/v1/inputs/", sha256, NULL) == OR_OK &&
	    or_json_parse(&j, or_buf_slice(&body), api->state->arena, NULL) == OR_OK &&
	    j->type == OR_JSON_OBJECT) {
		for (size_t i = 0; i < j->object.n; i++) {
			or_buf_clear(&pretty);
			or_jsonw_init(&w, &pretty, 0);
			or_buf_put_slice(&pretty, j->object.members[i].key);
			or_buf_put_str(&pretty, " ");
			or_jsonw_tree(&w, j->object.members[i].value);
			line(i ? "" : "saw", or_buf_slice(&pretty));
		}
	}
	or_buf_done(&body);
	or_buf_done(&pretty);
}

/* A record of the decision alone was written before there was an answer. */
static void show_request(const struct or_json *r)
{
	int64_t status = number(r, "request.status");

	if (!or_json_get(r, "request.method"))
		return;
	if (status)
		line_printf("  %-10s%.*s %.*s, answered %lld", "request",
		    OR_SLICE_FMT(text(r, "request.method")), OR_SLICE_FMT(text(r, "request.path")),
		    (long long)status);
	else
		line_printf("  %-10s%.*s %.*s, not answered yet", "request",
		    OR_SLICE_FMT(text(r, "request.method")), OR_SLICE_FMT(text(r, "request.path")));
}

/* What "because" says where no policy determined the decision; NULL: nothing. */
static const char *why_without_policy(const struct or_json *r, bool allow)
{
	struct or_slice reason = or_json_get_str(r, "reason");

	if (allow || or_str_has_prefix(reason, "policy_")) /* policy_error: "failed" names it */
		return NULL;
	if (or_slice_is(reason, "no_permit"))
		return "no policy permits it (what is not permitted is denied)";
	return "it was refused before any policy was asked";
}

/* Of what nobody decided: the kernel saw the workload do it, or the agent says how it is. */
static void show_attributes(const struct or_json *r)
{
	const struct or_json *all = or_json_get_type(r, "attributes", OR_JSON_OBJECT);

	for (size_t i = 0; all && i < all->object.n; i++) {
		const struct or_json_member *m = &all->object.members[i];

		if (m->value->type == OR_JSON_STR)
			line_printf("  %-10s%.*s = %.*s", i ? "" : "with", OR_SLICE_FMT(m->key),
			    OR_SLICE_FMT(m->value->s));
	}
}

static void show_decision(struct ctl_api *api, const struct or_json *row)
{
	static const char *const heads[] = {"principal", "action", "resource"};
	const struct or_json *r = or_json_get(row, "record");
	struct or_slice decision = text(r, "decision");
	bool allow = or_slice_is(decision, "allow"), is_decided = or_json_get(r, "decision");

	if (is_decided)
		ctl_term_value(allow ? CTL_TERM_GOOD : CTL_TERM_BAD, decision);
	else
		ctl_term_value(CTL_TERM_PLAIN, OR_SLICE_LIT("observed"));
	for (size_t i = 0; i < OR_LEN(heads); i++) {
		fputs(i ? " " : "  ", stdout);
		ctl_term_value(CTL_TERM_BOLD, text(r, heads[i]));
	}
	putchar('\n');
	lines_of_list("because", or_json_get(r, "policies"),
	    is_decided ? why_without_policy(r, allow) : "nobody was asked: it was seen");
	lines_of_list("failed", or_json_get(r, "policy_errors"), NULL);
	if (or_json_get(r, "reason"))
		line("reason", text(r, "reason"));
	lines_of_list("owed", or_json_get(r, "obligations"), NULL);
	if (!is_decided)
		show_attributes(r);
	show_inputs(api, or_json_get_str(r, "inputs"));
	show_request(r);
	line_printf("  %-10s%.*s from %.*s, phase %.*s", "when", OR_SLICE_FMT(text(r, "time")),
	    OR_SLICE_FMT(text(r, "peer")), OR_SLICE_FMT(text(r, "phase")));
	if (number(r, "bundle.revision"))
		line_printf("  %-10srevision %lld, SHA-256 %.*s", "bundle",
		    (long long)number(r, "bundle.revision"),
		    OR_SLICE_FMT(text(r, "bundle.sha256")));
	line_printf("  %-10sleaf %lld of shard %lld; prove it: outrider verify %.*s", "proof",
	    (long long)number(row, "index"), (long long)number(row, "shard"),
	    OR_SLICE_FMT(text(row, "id")));
}

static int why(struct ctl_api *api, const char *id, bool json)
{
	struct answer answer = {0};
	struct or_buf body;
	struct or_err err;
	enum or_code rc;
	int code = CTL_EXIT_YES;

	or_buf_init(&body, CTL_API_BODY_MAX);
	rc = fetch(&body, api, "/v1/audit/", or_slice_str(id), &err);
	if (rc == OR_OK)
		rc = parse_lines(&answer, or_buf_slice(&body), api->state->arena, &err);
	if (rc) {
		code = ctl_term_fail("why", &err);
	} else if (json) {
		fwrite(body.p, 1, body.n, stdout);
	} else {
		for (size_t i = 0; i < answer.n; i++)
			show_decision(api, answer.rows[i]);
	}
	or_buf_done(&body);
	return code;
}

int ctl_audit_why_main(int argc, char **argv)
{
	const char *state = NULL, *collector = NULL;
	bool json = false;
	const struct ctl_args_flag flags[] = {
	    {.name = "json", .help = "the record as JSON", .on = &json},
	    {.name = "collector",
		.metavar = "URL",
		.value = &collector,
		.help = "the collector (default: the one of outrider up)"},
	    {.name = "state",
		.metavar = "DIR",
		.value = &state,
		.help = "where outrider up keeps everything"}};
	const struct ctl_args spec = {.usage = "outrider why [flags] ID",
	    .about =
		"Explains one decision: the policies that determined it, what they saw, and where\n"
		"the record lies in the log. ID is the one outrider audit shows, or a trace id.",
	    .examples = "  outrider why 9f86d081884c7d659a2f",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	struct ctl_state s;
	struct ctl_api api;
	struct or_err err;
	size_t n_words;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (n_words != 1)
		return ctl_args_misuse(&spec, "which record? Give one id");
	if (open_both(&s, &api, state, collector, &err))
		return ctl_term_fail("why", &err);
	code = why(&api, argv[0], json);
	ctl_state_close(&s);
	return code;
}
