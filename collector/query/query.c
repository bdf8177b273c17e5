/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recursive descent:  or := and { "or" and }   and := unary { ["and"] unary }
 *                     unary := "not" unary | "(" or ")" | range | FIELD comparison
 */
#include "collector/query/query.h"

#include "base/str.h"
#include "collector/query/expr.h"
#include "collector/query/lex.h"
#include "proto/name.h"

#include <stdio.h>

enum { NAME_SHOWN = 60 };

struct parser {
	struct co_lex lex;
	struct co_query *q;
	int64_t now_ns;
	int depth;    /* of parentheses and nots around the current place */
	bool in_or;   /* behind an "or" of the top level */
	bool ranged;  /* since= or until= has been read */
	bool limited; /* stages that were there already */
	bool projected;
};

static enum or_code parse_or(struct parser *p, const struct co_query_expr **out);

static enum or_code no_memory(struct parser *p)
{
	return or_err_set(p->lex.err, OR_FULL, "the query needs more memory than its budget");
}

static enum or_code fail_here(struct parser *p, const char *what)
{
	return co_lex_fail(&p->lex, p->lex.start, what);
}

/* "what "token"; did you mean "nearest"?" */
static enum or_code fail_name(
    struct parser *p, size_t at, const char *what, struct or_slice token, const char *nearest)
{
	char text[200];
	int shown = token.n < NAME_SHOWN ? (int)token.n : NAME_SHOWN;

	while (shown > 0 && (size_t)shown < token.n && (token.p[shown] & 0xC0) == 0x80)
		shown--;
	if (nearest)
		snprintf(text, sizeof(text), "%s \"%.*s\"; did you mean \"%s\"?", what, shown,
		    (const char *)token.p, nearest);
	else
		snprintf(text, sizeof(text), "%s \"%.*s\"", what, shown, (const char *)token.p);
	return co_lex_fail(&p->lex, at, text);
}

static struct co_query_expr *new_expr(struct parser *p, enum co_expr_kind kind,
    const struct co_query_expr *left, const struct co_query_expr *right)
{
	struct co_query_expr *e = or_arena_alloc(p->lex.arena, sizeof(*e));

	if (e) {
		e->kind = kind;
		e->left = left;
		e->right = right;
	}
	return e;
}

/* Words that join; where a field or a value is due, something is missing in front of them. */
static bool is_joint(const struct co_lex *l)
{
	return co_lex_is_word(l, "and") || co_lex_is_word(l, "or") || co_lex_is_word(l, "in") ||
	       co_lex_is_word(l, "not") || co_lex_is_word(l, "by");
}

static enum or_code parse_field(struct parser *p, struct co_query_field *out)
{
	const char *names[WIRE_FIELD_LIST_MAX];
	struct co_query_field f = {.name = p->lex.token};

	if (p->lex.kind != CO_LEX_WORD || is_joint(&p->lex))
		return fail_here(p, "expected the name of a field");
	f.field = wire_field_find(f.name);
	if (!f.field) {
		if (or_slice_is(f.name, "attributes") || or_slice_is(f.name, "attributes."))
			return fail_here(p, "name the attribute: attributes.KEY");
		wire_field_list(names);
		return fail_name(
		    p, p->lex.start, "no field is called", f.name, or_str_nearest(f.name, names));
	}
	*out = f;
	return co_lex_next(&p->lex);
}

static enum or_code parse_operand(struct parser *p, struct co_expr_operand **out)
{
	struct co_expr_operand *o;

	if (p->lex.kind != CO_LEX_WORD && p->lex.kind != CO_LEX_QUOTED)
		return fail_here(p, "expected a word or \"quoted text\"");
	o = or_arena_alloc(p->lex.arena, sizeof(*o));
	if (!o)
		return no_memory(p);
	o->text = p->lex.token;
	o->is_pattern = p->lex.kind == CO_LEX_WORD && or_str_find(o->text, '*', 0) < o->text.n;
	*out = o;
	return co_lex_next(&p->lex);
}

/* A moment: so long before now, or RFC 3339. */
static bool read_time(const struct parser *p, int64_t *out, struct or_slice text)
{
	int64_t ns;

	if (or_str_time_parse(out, text) == OR_OK)
		return true;
	if (or_str_duration_ns(&ns, text) != OR_OK)
		return false;
	*out = p->now_ns - ns;
	return true;
}

static bool read_number(
    const struct parser *p, uint64_t *out, const struct wire_field *f, struct or_slice text)
{
	int64_t i;

	if (wire_field_type(f) == WIRE_FIELD_TIME) {
		if (!read_time(p, &i, text))
			return false;
		*out = i < 0 ? 0 : (uint64_t)i;
		return true;
	}
	if (or_str_u64(out, text) == OR_OK)
		return true;
	if (!or_str_has_suffix(or_slice_str(wire_field_name(f)), "_ns") ||
	    or_str_duration_ns(&i, text) != OR_OK)
		return false;
	*out = (uint64_t)i;
	return true;
}

/* What the value means for its field, and whether it can ever be equal to one. */
static enum or_code check_operand(
    struct parser *p, size_t at, const struct wire_field *f, struct co_expr_operand *o)
{
	enum wire_field_type type = wire_field_type(f);
	int names = wire_field_names(f);
	unsigned int value;

	/* "unknown" is how a value of a newer schema reads. */
	if (o->is_pattern || o->text.n == 0 || (names >= 0 && or_slice_is(o->text, "unknown")))
		return OR_OK;
	if (names >= 0 && wire_name_find(&value, (enum wire_name_set)names, o->text) != OR_OK)
		return fail_name(p, at, "this field never has the value", o->text,
		    or_str_nearest(o->text, wire_name_list((enum wire_name_set)names)));
	if (type != WIRE_FIELD_INT && type != WIRE_FIELD_TIME)
		return OR_OK;
	o->has_number = read_number(p, &o->number, f, o->text);
	if (o->has_number)
		return OR_OK;
	return co_lex_fail(&p->lex, at,
	    type == WIRE_FIELD_INT
		? "expected a whole number"
		: "expected a time like 2026-11-24T11:00:00Z, or how long ago: 1h");
}

static enum or_code parse_value(
    struct parser *p, const struct wire_field *f, struct co_expr_operand **out)
{
	struct co_expr_operand *o;
	size_t at = p->lex.start;
	enum or_code rc = parse_operand(p, &o);

	if (rc == OR_OK)
		rc = check_operand(p, at, f, o);
	if (rc == OR_OK)
		*out = o;
	return rc;
}

/* "(" a, b, … ")" */
static enum or_code parse_list(
    struct parser *p, const struct wire_field *f, struct co_expr_operand **out)
{
	struct co_expr_operand *first = NULL, **last = &first;
	enum or_code rc;

	if (p->lex.kind != CO_LEX_OPEN)
		return fail_here(p, "expected ( after in");
	do {
		rc = co_lex_next(&p->lex);
		if (rc == OR_OK)
			rc = parse_value(p, f, last);
		if (rc)
			return rc;
		last = &(*last)->next;
	} while (p->lex.kind == CO_LEX_COMMA);
	if (p->lex.kind != CO_LEX_CLOSE)
		return fail_here(p, "expected , or )");
	*out = first;
	return co_lex_next(&p->lex);
}

static enum or_code parse_op(struct parser *p, enum co_expr_op *op)
{
	static const char *const ops[] = {"=", "!=", "<", "<=", ">", ">="};

	if (p->lex.kind != CO_LEX_OP)
		return fail_here(p, "expected =, !=, <, <=, >, >= or in (…)");
	for (size_t i = 0; i < OR_LEN(ops); i++) {
		if (or_slice_is(p->lex.token, ops[i]))
			*op = (enum co_expr_op)i;
	}
	return co_lex_next(&p->lex);
}

/* since= and until= narrow the time range of the whole query. */
static enum or_code parse_range(struct parser *p, bool since)
{
	enum co_expr_op op = CO_EXPR_EQ;
	size_t at = p->lex.start;
	struct co_expr_operand *o;
	int64_t t;
	enum or_code rc = co_lex_next(&p->lex);

	if (rc == OR_OK)
		rc = parse_op(p, &op);
	if (rc == OR_OK && op != CO_EXPR_EQ)
		rc = co_lex_fail(&p->lex, at, "since and until take =");
	if (rc == OR_OK && (p->depth > 0 || p->in_or))
		rc = co_lex_fail(&p->lex, at,
		    "since= and until= hold for the whole query: write them outside of or, not and "
		    "( )");
	if (rc)
		return rc;
	at = p->lex.start;
	rc = parse_operand(p, &o);
	if (rc)
		return rc;
	if (!read_time(p, &t, o->text))
		return co_lex_fail(&p->lex, at,
		    "expected how long ago, like 30s, 5m, 1h or 7d, or a time like "
		    "2026-11-24T11:00:00Z");
	if (since && t > p->q->since_ns)
		p->q->since_ns = t;
	if (!since && t < p->q->until_ns)
		p->q->until_ns = t;
	p->ranged = true;
	return OR_OK;
}

static enum or_code parse_ordered(struct parser *p, struct co_query_expr *e, size_t at)
{
	enum wire_field_type type = wire_field_type(e->field.field);
	struct co_expr_operand *o = NULL;
	size_t value_at = p->lex.start;
	enum or_code rc;

	if (type != WIRE_FIELD_INT && type != WIRE_FIELD_TIME)
		return co_lex_fail(
		    &p->lex, at, "only numbers and times have an order; use = or !=");
	rc = parse_value(p, e->field.field, &o);
	if (rc == OR_OK && !o->has_number)
		return co_lex_fail(&p->lex, value_at, "expected one value to compare with");
	e->operands = o;
	return rc;
}

static enum or_code parse_compare(struct parser *p, const struct co_query_expr **out)
{
	struct co_query_expr *e = new_expr(p, CO_EXPR_COMPARE, NULL, NULL);
	struct co_expr_operand *operands = NULL;
	size_t at;
	enum or_code rc;

	if (!e)
		return no_memory(p);
	rc = parse_field(p, &e->field);
	if (rc)
		return rc;
	*out = e;
	if (co_lex_is_word(&p->lex, "in")) {
		rc = co_lex_next(&p->lex);
		if (rc == OR_OK)
			rc = parse_list(p, e->field.field, &operands);
		e->operands = operands;
		return rc;
	}
	at = p->lex.start;
	rc = parse_op(p, &e->op);
	if (rc)
		return rc;
	if (e->op >= CO_EXPR_LT)
		return parse_ordered(p, e, at);
	rc = parse_value(p, e->field.field, &operands);
	e->operands = operands;
	return rc;
}

/* "not" unary, or "(" or ")"; stands on the first token. */
static enum or_code parse_nested(struct parser *p, const struct co_query_expr **out)
{
	bool is_not = p->lex.kind != CO_LEX_OPEN;
	const struct co_query_expr *inner = NULL;
	enum or_code rc;

	if (p->depth == CO_QUERY_DEPTH_MAX)
		return fail_here(p, "nested deeper than 64 levels");
	p->depth++;
	rc = co_lex_next(&p->lex);
	if (rc == OR_OK && !is_not) {
		rc = parse_or(p, &inner);
		if (rc == OR_OK && p->lex.kind != CO_LEX_CLOSE)
			rc = fail_here(p, "expected )");
		if (rc == OR_OK)
			rc = co_lex_next(&p->lex);
	} else if (rc == OR_OK) {
		rc = p->lex.kind == CO_LEX_OPEN || co_lex_is_word(&p->lex, "not")
			 ? parse_nested(p, &inner)
			 : parse_compare(p, &inner);
	}
	p->depth--;
	if (rc)
		return rc;
	*out = is_not ? new_expr(p, CO_EXPR_NOT, inner, NULL) : inner;
	return *out ? OR_OK : no_memory(p);
}

/* *out is NULL for since= and until=, which are no part of the filter. */
static enum or_code parse_unary(struct parser *p, const struct co_query_expr **out)
{
	bool since = co_lex_is_word(&p->lex, "since");

	*out = NULL;
	if (since || co_lex_is_word(&p->lex, "until"))
		return parse_range(p, since);
	if (p->lex.kind == CO_LEX_OPEN || co_lex_is_word(&p->lex, "not"))
		return parse_nested(p, out);
	return parse_compare(p, out);
}

static bool ends_and(const struct parser *p)
{
	return p->lex.kind == CO_LEX_END || p->lex.kind == CO_LEX_BAR ||
	       p->lex.kind == CO_LEX_CLOSE || co_lex_is_word(&p->lex, "or");
}

static enum or_code parse_and(struct parser *p, const struct co_query_expr **out)
{
	const struct co_query_expr *all = NULL, *one;
	bool first = true;
	enum or_code rc;

	do {
		rc = OR_OK;
		if (!first && co_lex_is_word(&p->lex, "and"))
			rc = co_lex_next(&p->lex);
		first = false;
		if (rc == OR_OK)
			rc = parse_unary(p, &one);
		if (rc)
			return rc;
		if (!one)
			continue;
		all = all ? new_expr(p, CO_EXPR_AND, all, one) : one;
		if (!all)
			return no_memory(p);
	} while (!ends_and(p));
	*out = all;
	return OR_OK;
}

static enum or_code parse_or(struct parser *p, const struct co_query_expr **out)
{
	const struct co_query_expr *any = NULL, *one = NULL;
	enum or_code rc = parse_and(p, &any);

	while (rc == OR_OK && co_lex_is_word(&p->lex, "or")) {
		if (p->ranged && p->depth == 0)
			return fail_here(p, "since= and until= hold for the whole query: put the "
					    "or in parentheses");
		p->in_or = p->in_or || p->depth == 0;
		rc = co_lex_next(&p->lex);
		if (rc == OR_OK)
			rc = parse_and(p, &one);
		if (rc)
			return rc;
		any = new_expr(p, CO_EXPR_OR, any, one);
		if (!any)
			return no_memory(p);
	}
	if (rc == OR_OK)
		*out = any;
	return rc;
}

static enum or_code parse_fields(struct parser *p)
{
	enum or_code rc;

	for (;;) {
		if (p->q->n_fields == CO_QUERY_FIELDS_MAX)
			return fail_here(p, "at most 8 fields");
		rc = parse_field(p, &p->q->fields[p->q->n_fields]);
		if (rc)
			return rc;
		p->q->n_fields++;
		if (p->lex.kind != CO_LEX_COMMA)
			return OR_OK;
		rc = co_lex_next(&p->lex);
		if (rc)
			return rc;
	}
}

static enum or_code parse_limit(struct parser *p)
{
	uint64_t n;

	if (p->lex.kind != CO_LEX_WORD || or_str_u64(&n, p->lex.token) || n < 1 ||
	    n > CO_QUERY_LIMIT_MAX)
		return fail_here(p, "expected a number from 1 to 100000");
	p->q->limit = n;
	p->limited = true;
	return co_lex_next(&p->lex);
}

/* The measure that a word names; false: none. */
static bool find_measure(const struct co_lex *l, enum co_query_measure *out)
{
	static const char *const names[] = {"count", "distinct", "sum", "min", "max", "avg"};

	for (size_t i = 0; i < OR_LEN(names); i++) {
		if (co_lex_is_word(l, names[i])) {
			*out = (enum co_query_measure)i;
			return true;
		}
	}
	return false;
}

/* The field that is measured: a number, but for distinct. */
static enum or_code parse_measured(struct parser *p)
{
	enum wire_field_type type;
	size_t at = p->lex.start;
	enum or_code rc;

	if (p->q->measure == CO_QUERY_COUNT)
		return OR_OK;
	rc = parse_field(p, &p->q->of);
	if (rc || p->q->measure == CO_QUERY_DISTINCT)
		return rc;
	type = wire_field_type(p->q->of.field);
	if (type == WIRE_FIELD_INT || (type == WIRE_FIELD_TIME && p->q->measure != CO_QUERY_SUM &&
					  p->q->measure != CO_QUERY_AVG))
		return OR_OK;
	return co_lex_fail(&p->lex, at, "this field is no number");
}

static enum or_code parse_measure(struct parser *p)
{
	char text[64];
	enum or_code rc;

	if (p->q->is_count || p->projected || p->limited) {
		snprintf(text, sizeof(text), "%.*s is the first stage", OR_SLICE_FMT(p->lex.token));
		return fail_here(p, text);
	}
	p->q->is_count = true;
	rc = co_lex_next(&p->lex);
	if (!rc)
		rc = parse_measured(p);
	if (rc || !co_lex_is_word(&p->lex, "by"))
		return rc;
	rc = co_lex_next(&p->lex);
	return rc ? rc : parse_fields(p);
}

static enum or_code fail_stage(struct parser *p)
{
	static const char *const stages[] = {
	    "count", "distinct", "sum", "min", "max", "avg", "top", "limit", "fields", NULL};

	if (p->lex.kind != CO_LEX_WORD)
		return fail_here(p, "expected a stage: count, top, limit or fields");
	return fail_name(p, p->lex.start, "no stage is called", p->lex.token,
	    or_str_nearest(p->lex.token, stages));
}

static enum or_code parse_projection(struct parser *p)
{
	enum or_code rc;

	if (p->q->is_count || p->projected)
		return fail_here(p, "fields stands once, and not behind count");
	p->projected = true;
	rc = co_lex_next(&p->lex);
	return rc ? rc : parse_fields(p);
}

static enum or_code parse_stage(struct parser *p)
{
	bool top = co_lex_is_word(&p->lex, "top");
	enum or_code rc;

	if (find_measure(&p->lex, &p->q->measure))
		return parse_measure(p);
	if (co_lex_is_word(&p->lex, "fields"))
		return parse_projection(p);
	if (!top && !co_lex_is_word(&p->lex, "limit"))
		return fail_stage(p);
	if (top && !p->q->is_count)
		return fail_here(p, "top stands behind count; for records write limit");
	if (p->limited)
		return fail_here(p, "the number of rows is limited already");
	rc = co_lex_next(&p->lex);
	return rc ? rc : parse_limit(p);
}

static enum or_code parse_all(struct parser *p)
{
	enum or_code rc = OR_OK;

	if (p->lex.kind != CO_LEX_END && p->lex.kind != CO_LEX_BAR)
		rc = parse_or(p, &p->q->filter);
	while (rc == OR_OK && p->lex.kind == CO_LEX_BAR) {
		rc = co_lex_next(&p->lex);
		if (rc == OR_OK)
			rc = parse_stage(p);
	}
	if (rc == OR_OK && p->lex.kind != CO_LEX_END)
		rc = fail_here(p, "expected | or the end of the query");
	return rc;
}

enum or_code co_query_parse(struct co_query *out, struct or_slice text, int64_t now_ns,
    struct or_arena *a, struct or_err *err)
{
	struct co_query q = {.since_ns = INT64_MIN, .until_ns = INT64_MAX, .limit = CO_QUERY_LIMIT};
	struct parser p = {.q = &q, .now_ns = now_ns};
	struct or_slice own;
	enum or_code rc;

	if (text.n > CO_QUERY_TEXT_MAX)
		return or_err_set(err, OR_FULL, "a query has at most %d bytes", CO_QUERY_TEXT_MAX);
	if (!or_str_is_utf8(text))
		return or_err_set(err, OR_PARSE, "the query is not UTF-8");
	own = or_arena_dup(a, text);
	if (!own.p)
		return or_err_set(err, OR_FULL, "the query needs more memory than its budget");
	rc = co_lex_init(&p.lex, own, a, err);
	if (rc == OR_OK)
		rc = parse_all(&p);
	if (rc == OR_OK)
		*out = q;
	return rc;
}
