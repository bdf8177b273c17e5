/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recursive descent:  or := and { "or" and }   and := unary { ["and"] unary }
 *                     unary := "not" unary | "(" or ")" | range | FIELD comparison
 */
#include "base/str.h"
#include "collector/query/parser.h"
#include "proto/name.h"

static enum or_code parse_or(struct co_parser *p, const struct co_query_expr **out);

static struct co_query_expr *new_expr(struct co_parser *p, enum co_expr_kind kind,
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

static enum or_code parse_operand(struct co_parser *p, struct co_expr_operand **out)
{
	struct co_expr_operand *o;

	if (p->lex.kind != CO_LEX_WORD && p->lex.kind != CO_LEX_QUOTED)
		return co_parser_fail_here(p, "expected a word or \"quoted text\"");
	o = or_arena_alloc(p->lex.arena, sizeof(*o));
	if (!o)
		return co_parser_no_memory(p);
	o->text = p->lex.token;
	o->is_pattern = p->lex.kind == CO_LEX_WORD && or_str_find(o->text, '*', 0) < o->text.n;
	*out = o;
	return co_lex_next(&p->lex);
}

/* Behind ~: what stands between the quotes is the expression as it is written. */
static enum or_code parse_regex(struct co_parser *p, struct co_expr_operand **out)
{
	bool is_quoted = p->lex.kind == CO_LEX_QUOTED && p->lex.text.p[p->lex.start] == '"';
	struct co_expr_operand *o = or_arena_alloc(p->lex.arena, sizeof(*o));
	struct or_regex *re;
	struct or_err why = {.msg = ""};
	enum or_code rc;
	size_t at;

	if (!is_quoted && p->lex.kind != CO_LEX_WORD)
		return co_parser_fail_here(p, "expected an expression in \"quotes\"");
	if (!o)
		return co_parser_no_memory(p);
	o->text = is_quoted ? p->lex.raw : p->lex.token;
	rc = or_regex_compile(&re, o->text, p->lex.arena, &at, &why);
	if (rc)
		return co_lex_fail(&p->lex, p->lex.start + is_quoted + at, why.msg);
	o->regex = re;
	*out = o;
	return co_lex_next(&p->lex);
}

/* "(" NET ")" behind cidr. */
static enum or_code parse_net(struct co_parser *p, struct co_expr_operand *o)
{
	struct co_net *net = or_arena_alloc(p->lex.arena, sizeof(*net));
	enum or_code rc = co_lex_next(&p->lex);

	if (!net)
		return co_parser_no_memory(p);
	if (!rc && !co_net_parse(net, p->lex.token))
		rc = co_parser_fail_here(p,
		    "expected a range of addresses like 10.0.0.0/8 or 2001:db8::/32, all bits "
		    "behind its length 0");
	if (!rc)
		rc = co_lex_next(&p->lex);
	if (!rc && p->lex.kind != CO_LEX_CLOSE)
		rc = co_parser_fail_here(p, "expected )");
	o->net = net;
	return rc ? rc : co_lex_next(&p->lex);
}

/* A moment: so long before now, or RFC 3339. */
static bool read_time(const struct co_parser *p, int64_t *out, struct or_slice text)
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
    const struct co_parser *p, uint64_t *out, const struct wire_field *f, struct or_slice text)
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
    struct co_parser *p, size_t at, const struct wire_field *f, struct co_expr_operand *o)
{
	enum wire_field_type type = wire_field_type(f);
	int names = wire_field_names(f);
	unsigned int value;

	/* "unknown" is how a value of a newer schema reads. */
	if (!co_expr_is_plain(o) || o->text.n == 0 ||
	    (names >= 0 && or_slice_is(o->text, "unknown")))
		return OR_OK;
	if (names >= 0 && wire_name_find(&value, (enum wire_name_set)names, o->text) != OR_OK)
		return co_parser_fail_name(p, at, "this field never has the value", o->text,
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
    struct co_parser *p, const struct wire_field *f, struct co_expr_operand **out)
{
	struct co_expr_operand *o;
	size_t at = p->lex.start;
	bool is_cidr = co_lex_is_word(&p->lex, "cidr");
	enum or_code rc = parse_operand(p, &o);

	if (rc == OR_OK && is_cidr && p->lex.kind == CO_LEX_OPEN)
		rc = parse_net(p, o);
	if (rc == OR_OK)
		rc = check_operand(p, at, f, o);
	if (rc == OR_OK)
		*out = o;
	return rc;
}

/* "(" a, b, … ")" */
static enum or_code parse_list(
    struct co_parser *p, const struct wire_field *f, struct co_expr_operand **out)
{
	struct co_expr_operand *first = NULL, **last = &first;
	enum or_code rc;

	if (p->lex.kind != CO_LEX_OPEN)
		return co_parser_fail_here(p, "expected ( after in");
	do {
		rc = co_lex_next(&p->lex);
		if (rc == OR_OK)
			rc = parse_value(p, f, last);
		if (rc)
			return rc;
		last = &(*last)->next;
	} while (p->lex.kind == CO_LEX_COMMA);
	if (p->lex.kind != CO_LEX_CLOSE)
		return co_parser_fail_here(p, "expected , or )");
	*out = first;
	return co_lex_next(&p->lex);
}

/* ~ and !~ are = and != of what the expression matches. */
static enum or_code parse_op(struct co_parser *p, enum co_expr_op *op, bool *is_regex)
{
	static const char *const ops[] = {"=", "!=", "<", "<=", ">", ">=", "~", "!~"};

	if (p->lex.kind != CO_LEX_OP)
		return co_parser_fail_here(p, "expected =, !=, <, <=, >, >=, ~, !~ or in (…)");
	for (size_t i = 0; i < OR_LEN(ops); i++) {
		if (!or_slice_is(p->lex.token, ops[i]))
			continue;
		*is_regex = i >= 6;
		*op = (enum co_expr_op)(*is_regex ? i - 6 : i);
	}
	return co_lex_next(&p->lex);
}

/* since= and until= narrow the time range of the whole query. */
static enum or_code parse_range(struct co_parser *p, bool since)
{
	enum co_expr_op op = CO_EXPR_EQ;
	size_t at = p->lex.start;
	struct co_expr_operand *o;
	bool is_regex = false;
	int64_t t;
	enum or_code rc = co_lex_next(&p->lex);

	if (rc == OR_OK)
		rc = parse_op(p, &op, &is_regex);
	if (rc == OR_OK && (op != CO_EXPR_EQ || is_regex))
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

static enum or_code parse_ordered(struct co_parser *p, struct co_query_expr *e, size_t at)
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

/* Of groups: MEASURE OP NUMBER, or a duration where it is one. */
static enum or_code parse_having(struct co_parser *p, struct co_query_expr *e)
{
	struct co_expr_operand *o = NULL;
	bool is_regex = false;
	int64_t ns;
	size_t at;
	enum or_code rc = co_stage_measure(p, &e->measure);

	if (!rc)
		rc = parse_op(p, &e->op, &is_regex);
	at = p->lex.start;
	if (!rc)
		rc = parse_operand(p, &o);
	if (rc)
		return rc;
	o->has_number = or_str_u64(&o->number, o->text) == OR_OK;
	if (!o->has_number && or_str_duration_ns(&ns, o->text) == OR_OK) {
		o->has_number = true;
		o->number = (uint64_t)ns;
	}
	if (!o->has_number || is_regex)
		return co_lex_fail(&p->lex, at, "expected a whole number to compare with");
	e->operands = o;
	return OR_OK;
}

/* What stands behind the field. */
static enum or_code parse_test(struct co_parser *p, struct co_query_expr *e)
{
	struct co_expr_operand *operands = NULL;
	bool is_regex = false;
	size_t at = p->lex.start;
	enum or_code rc;

	if (co_lex_is_word(&p->lex, "in")) {
		rc = co_lex_next(&p->lex);
		if (rc == OR_OK)
			rc = parse_list(p, e->field.field, &operands);
		e->operands = operands;
		return rc;
	}
	rc = parse_op(p, &e->op, &is_regex);
	if (rc)
		return rc;
	if (e->op >= CO_EXPR_LT)
		return parse_ordered(p, e, at);
	rc = is_regex ? parse_regex(p, &operands) : parse_value(p, e->field.field, &operands);
	e->operands = operands;
	return rc;
}

static enum or_code parse_compare(struct co_parser *p, const struct co_query_expr **out)
{
	struct co_query_expr *e = new_expr(p, CO_EXPR_COMPARE, NULL, NULL);
	enum or_code rc;

	if (!e)
		return co_parser_no_memory(p);
	*out = e;
	if (p->in_having)
		return parse_having(p, e);
	rc = co_parser_field(p, &e->field);
	return rc ? rc : parse_test(p, e);
}

/* "not" unary, or "(" or ")"; stands on the first token. */
static enum or_code parse_nested(struct co_parser *p, const struct co_query_expr **out)
{
	bool is_not = p->lex.kind != CO_LEX_OPEN;
	const struct co_query_expr *inner = NULL;
	enum or_code rc;

	if (p->depth == CO_QUERY_DEPTH_MAX)
		return co_parser_fail_here(p, "nested deeper than 64 levels");
	p->depth++;
	rc = co_lex_next(&p->lex);
	if (rc == OR_OK && !is_not) {
		rc = parse_or(p, &inner);
		if (rc == OR_OK && p->lex.kind != CO_LEX_CLOSE)
			rc = co_parser_fail_here(p, "expected )");
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
	return *out ? OR_OK : co_parser_no_memory(p);
}

/* *out is NULL for since= and until=, which are no part of the filter. */
static enum or_code parse_unary(struct co_parser *p, const struct co_query_expr **out)
{
	bool since = co_lex_is_word(&p->lex, "since");

	*out = NULL;
	if (!p->in_having && (since || co_lex_is_word(&p->lex, "until")))
		return parse_range(p, since);
	if (p->lex.kind == CO_LEX_OPEN || co_lex_is_word(&p->lex, "not"))
		return parse_nested(p, out);
	return parse_compare(p, out);
}

static bool ends_and(const struct co_parser *p)
{
	return p->lex.kind == CO_LEX_END || p->lex.kind == CO_LEX_BAR ||
	       p->lex.kind == CO_LEX_CLOSE || co_lex_is_word(&p->lex, "or");
}

static enum or_code parse_and(struct co_parser *p, const struct co_query_expr **out)
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
			return co_parser_no_memory(p);
	} while (!ends_and(p));
	*out = all;
	return OR_OK;
}

static enum or_code parse_or(struct co_parser *p, const struct co_query_expr **out)
{
	const struct co_query_expr *any = NULL, *one = NULL;
	enum or_code rc = parse_and(p, &any);

	while (rc == OR_OK && co_lex_is_word(&p->lex, "or")) {
		if (p->ranged && p->depth == 0)
			return co_parser_fail_here(p,
			    "since= and until= hold for the whole query: put the "
			    "or in parentheses");
		p->in_or = p->in_or || p->depth == 0;
		rc = co_lex_next(&p->lex);
		if (rc == OR_OK)
			rc = parse_and(p, &one);
		if (rc)
			return rc;
		any = new_expr(p, CO_EXPR_OR, any, one);
		if (!any)
			return co_parser_no_memory(p);
	}
	if (rc == OR_OK)
		*out = any;
	return rc;
}

enum or_code co_filter_parse(struct co_parser *p, const struct co_query_expr **out)
{
	p->in_or = p->ranged = false;
	return parse_or(p, out);
}
