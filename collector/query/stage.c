/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stages behind the filter. Their order is the order of the work: where, then groups (and where
 * over them) or dedup, then sort, then fields and limit.
 */
#include "base/str.h"
#include "collector/query/parser.h"

#include <stdio.h>

static const char *const measure_names[] = {
    "count", "distinct", "sum", "min", "max", "avg", "quantile", NULL};

/* ---- measures */

static bool find_kind(const struct co_lex *l, enum co_query_kind *out)
{
	for (size_t i = 0; measure_names[i]; i++) {
		if (co_lex_is_word(l, measure_names[i])) {
			*out = (enum co_query_kind)i;
			return true;
		}
	}
	return false;
}

bool co_stage_millionths(uint32_t *out, struct or_slice text)
{
	size_t dot = or_str_find(text, '.', 0);
	uint64_t whole, part = 0, scale = 1000000;

	if (or_str_u64(&whole, or_slice(text.p, dot)) || whole > 1)
		return false;
	for (size_t i = dot + 1; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9' || scale == 1)
			return false;
		scale /= 10;
		part += scale * (uint64_t)(text.p[i] - '0');
	}
	if (dot + 1 == text.n || whole * 1000000 + part > 1000000)
		return false;
	*out = (uint32_t)(whole * 1000000 + part);
	return true;
}

/* P and a comma, in front of the field. */
static enum or_code parse_share(struct co_parser *p, struct co_query_measure *m)
{
	enum or_code rc;

	if (p->lex.kind != CO_LEX_WORD || !co_stage_millionths(&m->millionths, p->lex.token))
		return co_parser_fail_here(
		    p, "expected a share from 0 to 1, like 0.99, of at most six digits");
	rc = co_lex_next(&p->lex);
	if (!rc && p->lex.kind != CO_LEX_COMMA)
		rc = co_parser_fail_here(p, "expected , and the field");
	return rc ? rc : co_lex_next(&p->lex);
}

/* The field that is measured: a number, but for distinct. */
static enum or_code parse_measured(struct co_parser *p, struct co_query_measure *m)
{
	enum wire_field_type type;
	size_t at = p->lex.start;
	enum or_code rc = co_parser_field(p, &m->of);

	if (rc || m->kind == CO_QUERY_DISTINCT)
		return rc;
	type = wire_field_type(m->of.field);
	if (type == WIRE_FIELD_INT ||
	    (type == WIRE_FIELD_TIME && m->kind != CO_QUERY_SUM && m->kind != CO_QUERY_AVG))
		return OR_OK;
	return co_lex_fail(&p->lex, at, "this field is no number");
}

/* KIND FIELD, KIND(FIELD), quantile(P, FIELD), count; stands on the kind. */
static enum or_code parse_call(struct co_parser *p, struct co_query_measure *m)
{
	bool is_open;
	enum or_code rc = co_lex_next(&p->lex);

	if (rc || m->kind == CO_QUERY_COUNT)
		return rc;
	is_open = p->lex.kind == CO_LEX_OPEN;
	if (!is_open && m->kind == CO_QUERY_QUANTILE)
		return co_parser_fail_here(
		    p, "expected (P, FIELD), like (0.99, request.duration_ns)");
	if (is_open)
		rc = co_lex_next(&p->lex);
	if (!rc && m->kind == CO_QUERY_QUANTILE)
		rc = parse_share(p, m);
	if (!rc)
		rc = parse_measured(p, m);
	if (!rc && is_open && p->lex.kind != CO_LEX_CLOSE)
		rc = co_parser_fail_here(p, "expected )");
	return rc || !is_open ? rc : co_lex_next(&p->lex);
}

/* count, sum(request.bytes_out), quantile(0.99,request.duration_ns) */
static enum or_code name_full(struct co_parser *p, struct co_query_measure *m)
{
	char share[16] = "";
	const char *text;

	if (m->kind == CO_QUERY_COUNT) {
		m->full = OR_SLICE_LIT("count");
		return OR_OK;
	}
	if (m->kind == CO_QUERY_QUANTILE) {
		size_t n = (size_t)snprintf(share, sizeof(share), "%u.%06u",
		    m->millionths / 1000000, m->millionths % 1000000);

		while (share[n - 1] == '0' && share[n - 2] != '.')
			n--;
		share[n] = ',';
		share[n + 1] = 0;
	}
	text = or_arena_printf(
	    p->lex.arena, "%s(%s%.*s)", measure_names[m->kind], share, OR_SLICE_FMT(m->of.name));
	if (!text)
		return co_parser_no_memory(p);
	m->full = or_slice_str(text);
	return OR_OK;
}

static enum or_code parse_alias(struct co_parser *p, struct co_query_measure *m)
{
	enum or_code rc;

	if (!co_lex_is_word(&p->lex, "as"))
		return OR_OK;
	rc = co_lex_next(&p->lex);
	if (!rc && p->lex.kind != CO_LEX_WORD)
		rc = co_parser_fail_here(p, "expected a name for this column");
	if (rc)
		return rc;
	m->name = p->lex.token;
	return co_lex_next(&p->lex);
}

static enum or_code parse_one_measure(struct co_parser *p)
{
	struct co_query_measure m = {.kind = CO_QUERY_COUNT};
	enum or_code rc;

	if (!find_kind(&p->lex, &m.kind))
		return co_parser_fail_name(p, p->lex.start, "no measure is called", p->lex.token,
		    or_str_nearest(p->lex.token, measure_names));
	if (p->q->n_measures == CO_QUERY_MEASURES_MAX)
		return co_parser_fail_here(p, "at most 8 measures");
	rc = parse_call(p, &m);
	if (!rc)
		rc = name_full(p, &m);
	if (!rc)
		rc = parse_alias(p, &m);
	if (!rc)
		p->q->measures[p->q->n_measures++] = m;
	return rc;
}

/* A column is called as its kind where it is the only one of it; never as another column. */
static enum or_code name_columns(struct co_parser *p, size_t at)
{
	struct co_query *q = p->q;

	for (size_t i = 0; i < q->n_measures; i++) {
		bool is_only = true;

		for (size_t k = 0; k < q->n_measures; k++)
			is_only = is_only && (k == i || q->measures[k].kind != q->measures[i].kind);
		if (!q->measures[i].name.n)
			q->measures[i].name = is_only
						  ? or_slice_str(measure_names[q->measures[i].kind])
						  : q->measures[i].full;
	}
	for (size_t i = 0; i < q->n_measures; i++) {
		bool again = false;

		for (size_t k = 0; k < i; k++)
			again = again || or_slice_eq(q->measures[k].name, q->measures[i].name);
		for (size_t k = 0; k < q->n_fields; k++)
			again = again || or_slice_eq(q->fields[k].name, q->measures[i].name);
		if (again)
			return co_parser_fail_name(
			    p, at, "two columns are called", q->measures[i].name, NULL);
	}
	return OR_OK;
}

/* 5m, minute, hour, day: the time, rounded down. */
static bool find_bucket(const struct co_lex *l, int64_t *ns)
{
	static const struct {
		const char *name;
		int64_t ns;
	} named[] = {{"minute", 60 * OR_NS_PER_S}, {"hour", 3600 * OR_NS_PER_S},
	    {"day", 86400 * OR_NS_PER_S}};

	for (size_t i = 0; i < OR_LEN(named); i++) {
		if (co_lex_is_word(l, named[i].name)) {
			*ns = named[i].ns;
			return true;
		}
	}
	return l->kind == CO_LEX_WORD && or_str_duration_ns(ns, l->token) == OR_OK && *ns > 0;
}

static enum or_code parse_by_one(struct co_parser *p, struct co_query_field *out)
{
	int64_t ns;

	if (!find_bucket(&p->lex, &ns))
		return co_parser_field(p, out);
	out->name = OR_SLICE_LIT("time");
	out->field = wire_field_find(out->name);
	out->bucket_ns = ns;
	return co_lex_next(&p->lex);
}

typedef enum or_code parse_one_fn(struct co_parser *p, struct co_query_field *out);

static enum or_code parse_fields(
    struct co_parser *p, parse_one_fn *one, struct co_query_field *out, size_t *n)
{
	enum or_code rc;

	for (;;) {
		if (*n == CO_QUERY_FIELDS_MAX)
			return co_parser_fail_here(p, "at most 8 fields");
		rc = one(p, &out[*n]);
		if (rc)
			return rc;
		(*n)++;
		if (p->lex.kind != CO_LEX_COMMA)
			return OR_OK;
		rc = co_lex_next(&p->lex);
		if (rc)
			return rc;
	}
}

static enum or_code check_buckets(struct co_parser *p, size_t at)
{
	size_t times = 0;

	for (size_t i = 0; i < p->q->n_fields; i++)
		times += p->q->fields[i].bucket_ns != 0;
	for (size_t i = 0; i < p->q->n_fields; i++)
		times += times && !p->q->fields[i].bucket_ns &&
			 or_slice_is(p->q->fields[i].name, "time");
	return times > 1 ? co_lex_fail(&p->lex, at, "the time stands once behind by") : OR_OK;
}

static enum or_code parse_by(struct co_parser *p)
{
	size_t at = p->lex.start;
	enum or_code rc = co_lex_next(&p->lex);

	if (!rc)
		rc = parse_fields(p, parse_by_one, p->q->fields, &p->q->n_fields);
	return rc ? rc : check_buckets(p, at);
}

static enum or_code parse_measures(struct co_parser *p)
{
	size_t at = p->lex.start;
	char text[64];
	enum or_code rc = OR_OK;

	if (p->q->is_count || p->projected || p->limited || p->sorted || p->q->n_dedup) {
		snprintf(text, sizeof(text), "%.*s is the first stage but where",
		    OR_SLICE_FMT(p->lex.token));
		return co_parser_fail_here(p, text);
	}
	p->q->is_count = true;
	rc = parse_one_measure(p);
	while (!rc && p->lex.kind == CO_LEX_COMMA) {
		rc = co_lex_next(&p->lex);
		if (!rc)
			rc = parse_one_measure(p);
	}
	if (!rc && co_lex_is_word(&p->lex, "by"))
		rc = parse_by(p);
	return rc ? rc : name_columns(p, at);
}

/* ---- names of measures behind groups */

static enum or_code fail_column(struct co_parser *p, size_t at, struct or_slice token)
{
	const char *names[CO_QUERY_MEASURES_MAX + 1];
	size_t n = 0;

	for (; n < p->q->n_measures; n++) {
		names[n] = or_arena_strdup(p->lex.arena, p->q->measures[n].name);
		if (!names[n])
			return co_parser_no_memory(p);
	}
	names[n] = NULL;
	return co_parser_fail_name(
	    p, at, "no measure of these groups is called", token, or_str_nearest(token, names));
}

enum or_code co_stage_measure(struct co_parser *p, size_t *out)
{
	struct co_query_measure m = {.kind = CO_QUERY_COUNT};
	struct or_slice name = p->lex.token;
	size_t at = p->lex.start;
	bool is_kind = find_kind(&p->lex, &m.kind);
	enum or_code rc;

	if (p->lex.kind != CO_LEX_WORD)
		return co_parser_fail_here(p, "expected a measure of these groups, like count");
	rc = co_lex_next(&p->lex);
	if (!rc && is_kind && p->lex.kind == CO_LEX_OPEN) {
		/* Back to the kind: the call is read whole. */
		p->lex.at = at;
		rc = co_lex_next(&p->lex);
		if (!rc)
			rc = parse_call(p, &m);
		if (!rc)
			rc = name_full(p, &m);
		name = m.full;
	}
	if (rc)
		return rc;
	for (size_t i = 0; i < p->q->n_measures; i++) {
		if (or_slice_eq(name, p->q->measures[i].name) ||
		    or_slice_eq(name, p->q->measures[i].full)) {
			*out = i;
			return OR_OK;
		}
	}
	return fail_column(p, at, name);
}

/* ---- the other stages */

static enum or_code parse_where(struct co_parser *p)
{
	const struct co_query_expr *e = NULL;
	struct co_query_expr *both;
	const struct co_query_expr **to = p->q->is_count ? &p->q->having : &p->q->filter;
	enum or_code rc;

	if (p->limited || p->sorted || p->projected || p->q->n_dedup)
		return co_parser_fail_here(
		    p, "where stands in front of dedup, sort, fields, top and limit");
	p->in_having = p->q->is_count;
	rc = co_lex_next(&p->lex);
	if (!rc)
		rc = co_filter_parse(p, &e);
	p->in_having = false;
	if (rc || !e || !*to) {
		*to = e ? e : *to;
		return rc;
	}
	both = or_arena_alloc(p->lex.arena, sizeof(*both));
	if (!both)
		return co_parser_no_memory(p);
	/* Chains lean left: a conjunction on the right would nest. */
	*both = (struct co_query_expr){.kind = CO_EXPR_AND, .left = *to, .right = e};
	*to = both;
	return OR_OK;
}

/* Of groups: a measure, or one of the fields behind by. */
static enum or_code parse_sort_group(struct co_parser *p, struct co_query_sort *s)
{
	size_t measure = 0;
	enum or_code rc;

	for (size_t i = 0; i < p->q->n_fields; i++) {
		if (!or_slice_eq(p->q->fields[i].name, p->lex.token))
			continue;
		s->field = p->q->fields[i];
		return co_lex_next(&p->lex);
	}
	rc = co_stage_measure(p, &measure);
	s->measure = (int)measure;
	return rc;
}

static enum or_code parse_sort_one(struct co_parser *p)
{
	struct co_query_sort s = {.measure = -1};
	enum or_code rc;

	if (p->q->n_sorts == CO_QUERY_SORTS_MAX)
		return co_parser_fail_here(p, "at most 4 fields to sort by");
	if (p->lex.kind != CO_LEX_WORD)
		return co_parser_fail_here(p, "expected the name of a field");
	rc = p->q->is_count ? parse_sort_group(p, &s) : co_parser_field(p, &s.field);
	if (rc)
		return rc;
	s.descending = co_lex_is_word(&p->lex, "desc");
	if (s.descending || co_lex_is_word(&p->lex, "asc"))
		rc = co_lex_next(&p->lex);
	p->q->sorts[p->q->n_sorts++] = s;
	return rc;
}

static enum or_code parse_sort(struct co_parser *p)
{
	enum or_code rc;

	if (p->sorted || p->limited)
		return co_parser_fail_here(p, "sort stands once, in front of top and limit");
	p->sorted = true;
	do {
		rc = co_lex_next(&p->lex);
		if (!rc)
			rc = parse_sort_one(p);
	} while (!rc && p->lex.kind == CO_LEX_COMMA);
	return rc;
}

static enum or_code parse_dedup(struct co_parser *p)
{
	enum or_code rc;

	if (p->q->is_count || p->limited || p->sorted || p->q->n_dedup)
		return co_parser_fail_here(
		    p, "dedup stands once, of records, in front of sort and limit");
	rc = co_lex_next(&p->lex);
	return rc ? rc : parse_fields(p, co_parser_field, p->q->dedup, &p->q->n_dedup);
}

static enum or_code parse_projection(struct co_parser *p)
{
	enum or_code rc;

	if (p->q->is_count || p->projected)
		return co_parser_fail_here(p, "fields stands once, and not behind count");
	p->projected = true;
	rc = co_lex_next(&p->lex);
	return rc ? rc : parse_fields(p, co_parser_field, p->q->fields, &p->q->n_fields);
}

static enum or_code parse_limit(struct co_parser *p)
{
	bool top = co_lex_is_word(&p->lex, "top");
	uint64_t n;
	enum or_code rc;

	if (top && (!p->q->is_count || p->sorted))
		return co_parser_fail_here(
		    p, p->sorted ? "behind sort write limit: top is the order of the first measure"
				 : "top stands behind count; for records write limit");
	if (p->limited)
		return co_parser_fail_here(p, "the number of rows is limited already");
	rc = co_lex_next(&p->lex);
	if (rc)
		return rc;
	if (p->lex.kind != CO_LEX_WORD || or_str_u64(&n, p->lex.token) || n < 1 ||
	    n > CO_QUERY_LIMIT_MAX)
		return co_parser_fail_here(p, "expected a number from 1 to 100000");
	p->q->limit = n;
	p->limited = true;
	return co_lex_next(&p->lex);
}

enum or_code co_stage_parse(struct co_parser *p)
{
	static const struct {
		const char *name;
		enum or_code (*parse)(struct co_parser *p);
	} stages[] = {{"where", parse_where}, {"sort", parse_sort}, {"dedup", parse_dedup},
	    {"fields", parse_projection}, {"top", parse_limit}, {"limit", parse_limit},
	    {"head", parse_limit}};
	const char *names[OR_LEN(stages) + OR_LEN(measure_names)];
	enum co_query_kind kind;

	if (find_kind(&p->lex, &kind))
		return parse_measures(p);
	for (size_t i = 0; i < OR_LEN(stages); i++) {
		if (co_lex_is_word(&p->lex, stages[i].name))
			return stages[i].parse(p);
		names[i] = stages[i].name;
	}
	if (p->lex.kind != CO_LEX_WORD)
		return co_parser_fail_here(
		    p, "expected a stage: where, count, dedup, sort, top, limit or fields");
	memcpy(names + OR_LEN(stages), measure_names, sizeof(measure_names));
	return co_parser_fail_name(p, p->lex.start, "no stage is called", p->lex.token,
	    or_str_nearest(p->lex.token, names));
}
