/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/telemetry/sift.h"

#include "base/str.h"
#include "collector/query/lex.h"
#include "collector/query/match.h"
#include "proto/otlp_json.h"

#include <stdio.h>
#include <stdlib.h>

enum { RESOURCE_ATTRIBUTES = 1, TEXT_MAX = 1024 * 1024, NUMBER_MAX = 64 };

enum field {
	F_ATTRIBUTE = -1,
	F_PRODUCT,
	F_SERVICE,
	F_SCOPE,
	F_NAME,
	F_BODY,
	F_SEVERITY,
	F_TRACE,
	F_SPAN,
	F_UNIT,
	F_TYPE,
	F_VALUE,
};

static const char *const names[] = {[F_PRODUCT] = "product",
    [F_SERVICE] = "service",
    [F_SCOPE] = "scope",
    [F_NAME] = "name",
    [F_BODY] = "body",
    [F_SEVERITY] = "severity",
    [F_TRACE] = "trace_id",
    [F_SPAN] = "span_id",
    [F_UNIT] = "unit",
    [F_TYPE] = "type",
    [F_VALUE] = "value"};

/* ---- parsing */

static int find_field(struct or_slice name)
{
	for (size_t i = 0; i < OR_LEN(names); i++) {
		if (or_slice_is(name, names[i]))
			return (int)i;
	}
	return F_ATTRIBUTE;
}

static bool read_op(enum co_sift_op *op, struct or_slice token)
{
	static const struct {
		const char *text;
		enum co_sift_op op;
	} ops[] = {{"=", CO_SIFT_EQ}, {"!=", CO_SIFT_NE}, {"<", CO_SIFT_LT}, {"<=", CO_SIFT_LE},
	    {">", CO_SIFT_GT}, {">=", CO_SIFT_GE}};

	for (size_t i = 0; i < OR_LEN(ops); i++) {
		if (or_slice_is(token, ops[i].text)) {
			*op = ops[i].op;
			return true;
		}
	}
	return false;
}

static bool read_number(double *out, struct or_slice s)
{
	char text[NUMBER_MAX], *end;

	if (s.n == 0 || s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	*out = strtod(text, &end);
	return *end == 0;
}

static enum or_code set_range(
    struct co_sift *s, struct co_lex *l, size_t at, const struct co_sift_term *t, int64_t now_ns)
{
	int64_t ns;

	if (t->op != CO_SIFT_EQ)
		return co_lex_fail(l, at, "expected = here");
	if (or_slice_is(t->name, "limit")) {
		uint64_t limit;

		if (or_str_u64(&limit, t->text) || limit == 0 || limit > CO_SIFT_LIMIT_MAX)
			return co_lex_fail(l, at, "expected a number of rows from 1 to 10000");
		s->limit = limit;
		return OR_OK;
	}
	if (or_str_time_parse(&ns, t->text)) {
		if (or_str_duration_ns(&ns, t->text))
			return co_lex_fail(l, at,
			    "expected a time like 2026-11-24T11:00:00Z, or how long ago: 1h");
		ns = now_ns - ns;
	}
	*(or_slice_is(t->name, "since") ? &s->since_ns : &s->until_ns) = ns;
	return OR_OK;
}

static bool is_range(struct or_slice name)
{
	return or_slice_is(name, "since") || or_slice_is(name, "until") ||
	       or_slice_is(name, "limit");
}

/* What the value means for the field; a comparison must have a number to compare. */
static enum or_code read_value(struct co_sift_term *t, struct co_lex *l, size_t at)
{
	uint64_t severity;

	t->has_number = read_number(&t->number, t->text);
	if (t->field == F_SEVERITY && !t->has_number && !t->is_pattern) {
		if (wire_otlp_row_severity_find(&severity, t->text))
			return co_lex_fail(
			    l, at, "expected trace, debug, info, warn, error, fatal, or 1 to 24");
		t->number = (double)severity;
	}
	if (t->op >= CO_SIFT_LT && !t->has_number && t->field != F_SEVERITY)
		return co_lex_fail(l, at, "expected a number to compare with");
	return OR_OK;
}

static enum or_code add_term(struct co_sift *s, struct co_lex *l, const struct co_sift_term *t)
{
	if (s->n == CO_SIFT_TERMS_MAX)
		return or_err_set(l->err, OR_FULL, "more than %d terms", CO_SIFT_TERMS_MAX);
	s->terms[s->n++] = *t;
	return OR_OK;
}

/* The lexer stands on the operator behind a word. */
static enum or_code parse_field(
    struct co_sift *s, struct co_lex *l, struct co_sift_term *t, int64_t now_ns)
{
	enum or_code rc = co_lex_next(l);
	size_t at = l->start;

	if (rc)
		return rc;
	if (l->kind != CO_LEX_WORD && l->kind != CO_LEX_QUOTED)
		return co_lex_fail(l, at, "expected a word or \"quoted text\"");
	t->name = t->text;
	t->text = l->token;
	t->is_pattern = l->kind == CO_LEX_WORD && or_str_find(t->text, '*', 0) < t->text.n;
	if (is_range(t->name)) {
		rc = set_range(s, l, at, t, now_ns);
		return rc ? rc : co_lex_next(l);
	}
	if (or_slice_is(t->name, "iostream"))
		t->name = OR_SLICE_LIT("log.iostream");
	t->field = find_field(t->name);
	rc = read_value(t, l, at);
	if (rc == OR_OK)
		rc = co_lex_next(l);
	return rc ? rc : add_term(s, l, t);
}

/* The lexer stands on a word: an operator behind it makes it a field, else it is looked for. */
static enum or_code parse_term(struct co_sift *s, struct co_lex *l, int64_t now_ns)
{
	struct co_sift_term t = {.field = s->kind == WIRE_OTLP_LOGS ? F_BODY : F_NAME,
	    .op = CO_SIFT_HAS,
	    .text = l->token};
	bool is_word = l->kind == CO_LEX_WORD;
	enum or_code rc = co_lex_next(l);

	if (rc)
		return rc;
	if (is_word && l->kind == CO_LEX_OP && read_op(&t.op, l->token))
		return parse_field(s, l, &t, now_ns);
	return add_term(s, l, &t);
}

enum or_code co_sift_parse(struct co_sift *out, enum wire_otlp_kind kind, struct or_slice text,
    int64_t now_ns, struct or_arena *a, struct or_err *err)
{
	struct co_sift s = {
	    .kind = kind, .since_ns = INT64_MIN, .until_ns = INT64_MAX, .limit = CO_SIFT_LIMIT};
	struct or_slice copy = or_arena_dup(a, text);
	struct co_lex l;
	enum or_code rc;

	if (text.n > CO_SIFT_TEXT_MAX || !copy.p)
		return or_err_set(
		    err, OR_FULL, "the query is longer than %d bytes", CO_SIFT_TEXT_MAX);
	rc = co_lex_init(&l, copy, a, err);
	while (rc == OR_OK && l.kind != CO_LEX_END) {
		if (l.kind != CO_LEX_WORD && l.kind != CO_LEX_QUOTED)
			return co_lex_fail(&l, l.start, "expected a word, or FIELD=VALUE");
		rc = co_lex_is_word(&l, "and") ? co_lex_next(&l) : parse_term(&s, &l, now_ns);
	}
	if (rc == OR_OK)
		*out = s;
	return rc;
}

/* ---- matching */

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static bool starts(struct or_slice text, size_t at, struct or_slice word)
{
	for (size_t i = 0; i < word.n; i++) {
		if (lower(text.p[at + i]) != lower(word.p[i]))
			return false;
	}
	return true;
}

static bool contains(struct or_slice text, struct or_slice word)
{
	for (size_t at = 0; at + word.n <= text.n; at++) {
		if (starts(text, at, word))
			return true;
	}
	return false;
}

static bool is_ordered(double v, enum co_sift_op op, double bound)
{
	switch (op) {
	case CO_SIFT_LT: return v < bound;
	case CO_SIFT_LE: return v <= bound;
	case CO_SIFT_GT: return v > bound;
	case CO_SIFT_GE: return v >= bound;
	case CO_SIFT_EQ: return v == bound;
	case CO_SIFT_NE: return v != bound;
	case CO_SIFT_HAS: break;
	}
	return false;
}

static bool text_matches(const struct co_sift_term *t, struct or_slice text)
{
	bool is;
	double v;

	if (t->op == CO_SIFT_HAS)
		return contains(text, t->text);
	if (t->op >= CO_SIFT_LT)
		return read_number(&v, text) && is_ordered(v, t->op, t->number);
	is = t->is_pattern ? co_match_glob(t->text, text) : or_slice_eq(t->text, text);
	return is == (t->op == CO_SIFT_EQ);
}

static bool severity_matches(const struct co_sift_term *t, const struct wire_otlp_row *row)
{
	const char *name = wire_otlp_row_severity(row->severity);

	if (t->is_pattern)
		return text_matches(t, or_slice_str(name));
	if (t->op >= CO_SIFT_LT && (t->has_number || t->op == CO_SIFT_GE || t->op == CO_SIFT_LT))
		return is_ordered((double)row->severity, t->op, t->number);
	if (t->op >= CO_SIFT_LT) /* > and <= of a class mean its highest number */
		return is_ordered((double)row->severity, t->op, t->number + 3);
	if (t->has_number)
		return is_ordered((double)row->severity, t->op, t->number);
	return or_str_eq_nocase(t->text, or_slice_str(name)) == (t->op == CO_SIFT_EQ);
}

static bool value_matches(const struct co_sift_term *t, const struct wire_otlp_row *row)
{
	if (!row->has_value || !t->has_number)
		return false;
	return is_ordered(row->value, t->op, t->number);
}

/* Text as it is, anything else as JSON. */
static bool any_matches(const struct co_sift_term *t, struct or_slice any)
{
	struct or_slice text = wire_otlp_row_text(any);
	struct or_jsonw w;
	struct or_buf b;
	bool is;

	if (text.n || any.n == 0)
		return text_matches(t, text);
	or_buf_init(&b, TEXT_MAX);
	or_jsonw_init(&w, &b, 0);
	wire_otlp_json_any(&w, any);
	is = text_matches(t, or_buf_slice(&b));
	or_buf_done(&b);
	return is;
}

static bool attribute_matches(const struct co_sift_term *t, const struct wire_otlp_row *row)
{
	struct or_slice any = OR_SLICE_NONE;

	if (!wire_otlp_row_find(&any, row->message, row->attributes, t->name) &&
	    !wire_otlp_row_find(&any, row->resource, RESOURCE_ATTRIBUTES, t->name))
		any = OR_SLICE_NONE;
	return any_matches(t, any);
}

static bool id_matches(const struct co_sift_term *t, struct or_slice id)
{
	struct or_buf hex;
	bool is;

	or_buf_init(&hex, 2 * id.n + 1);
	or_str_hex_encode(&hex, id);
	is = text_matches(t, or_buf_slice(&hex));
	or_buf_done(&hex);
	return is;
}

static bool term_matches(
    const struct co_sift_term *t, const struct wire_otlp_row *row, struct or_slice product)
{
	switch ((enum field)t->field) {
	case F_PRODUCT: return text_matches(t, product);
	case F_SERVICE: return text_matches(t, row->service);
	case F_SCOPE: return text_matches(t, row->scope);
	case F_NAME: return text_matches(t, row->name);
	case F_BODY: return any_matches(t, row->body);
	case F_SEVERITY: return severity_matches(t, row);
	case F_TRACE: return id_matches(t, row->trace_id);
	case F_SPAN: return id_matches(t, row->span_id);
	case F_UNIT: return text_matches(t, row->unit);
	case F_TYPE: return text_matches(t, or_slice_str(row->type));
	case F_VALUE: return value_matches(t, row);
	case F_ATTRIBUTE: break;
	}
	return attribute_matches(t, row);
}

bool co_sift_matches(
    const struct co_sift *s, const struct wire_otlp_row *row, struct or_slice product)
{
	int64_t time = row->time_ns > INT64_MAX ? INT64_MAX : (int64_t)row->time_ns;

	if (time < s->since_ns || time >= s->until_ns)
		return false;
	for (size_t i = 0; i < s->n; i++) {
		if (!term_matches(&s->terms[i], row, product))
			return false;
	}
	return true;
}

/* ---- rows as JSON */

static void put_time(struct or_jsonw *w, const char *key, uint64_t ns)
{
	struct or_buf text;

	if (ns == 0 || ns > INT64_MAX)
		return;
	or_buf_init(&text, 64);
	or_str_time(&text, (int64_t)ns);
	or_jsonw_kv_str(w, key, or_buf_slice(&text));
	or_buf_done(&text);
}

static void put_text(struct or_jsonw *w, const char *key, struct or_slice text)
{
	if (text.n)
		or_jsonw_kv_str(w, key, text);
}

static void put_id(struct or_jsonw *w, const char *key, struct or_slice id)
{
	struct or_buf hex;

	or_buf_init(&hex, 2 * id.n + 1);
	or_str_hex_encode(&hex, id);
	put_text(w, key, or_buf_slice(&hex));
	or_buf_done(&hex);
}

static void put_log(struct or_jsonw *w, const struct wire_otlp_row *row)
{
	struct or_slice severity = row->severity_text.n
				       ? row->severity_text
				       : or_slice_str(wire_otlp_row_severity(row->severity));

	put_text(w, "severity", severity);
	if (row->severity)
		or_jsonw_kv_u64(w, "severity_number", row->severity);
	or_jsonw_key(w, "body");
	wire_otlp_json_any(w, row->body);
}

static void put_point(struct or_jsonw *w, const struct wire_otlp_row *row)
{
	put_text(w, "type", or_slice_str(row->type));
	put_text(w, "unit", row->unit);
	if (row->has_value && row->is_int) {
		or_jsonw_kv_i64(w, "value", row->i);
	} else if (row->has_value && row->value - row->value == 0) { /* finite */
		or_jsonw_key(w, "value");
		or_jsonw_real(w, row->value);
	}
	if (row->has_count)
		or_jsonw_kv_u64(w, "count", row->count & INT64_MAX);
	if (row->has_sum && row->sum - row->sum == 0) {
		or_jsonw_key(w, "sum");
		or_jsonw_real(w, row->sum);
	}
}

void co_sift_put(struct or_jsonw *w, const struct wire_otlp_row *row, struct or_slice product,
    int64_t received_ns)
{
	or_jsonw_object(w);
	put_time(w, "time", row->time_ns);
	put_time(w, "received", (uint64_t)received_ns);
	or_jsonw_kv_str(w, "product", product);
	put_text(w, "service", row->service);
	put_text(w, "scope", row->scope);
	put_text(w, "name", row->name);
	switch (row->kind) {
	case WIRE_OTLP_LOGS: put_log(w, row); break;
	case WIRE_OTLP_METRICS: put_point(w, row); break;
	case WIRE_OTLP_SPANS: put_time(w, "end", row->end_ns); break;
	}
	put_id(w, "trace_id", row->trace_id);
	put_id(w, "span_id", row->span_id);
	or_jsonw_key(w, "attributes");
	wire_otlp_json_pairs(w, row->message, row->attributes);
	or_jsonw_key(w, "resource");
	wire_otlp_json_pairs(w, row->resource, RESOURCE_ATTRIBUTES);
	or_jsonw_end(w);
}
