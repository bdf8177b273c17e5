/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/query/match.h"

#include "base/str.h"
#include "collector/query/expr.h"

bool co_match_glob(struct or_slice pattern, struct or_slice text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, mark = 0;

	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			mark = t;
		} else if (p < pattern.n && pattern.p[p] == text.p[t]) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

static bool text_is(const struct co_expr_operand *o, struct or_slice text)
{
	if (o->regex)
		return or_regex_match(o->regex, text);
	if (o->net)
		return co_net_has(o->net, text);
	return o->is_pattern ? co_match_glob(o->text, text) : or_slice_eq(o->text, text);
}

/* A pattern or an expression sees a number or a time as people write it: request.status=4*,
 * time=2026-11-24*. */
static bool number_is(const struct co_expr_operand *o, const struct wire_field_value *v)
{
	struct or_buf text;
	bool is;

	if (co_expr_is_plain(o))
		return o->has_number && o->number == v->i;
	or_buf_init(&text, 64);
	if (v->type == WIRE_FIELD_TIME)
		or_str_time(&text, (int64_t)v->i);
	else
		or_buf_put_u64(&text, v->i);
	is = text_is(o, or_buf_slice(&text));
	or_buf_done(&text);
	return is;
}

static bool value_is(const struct co_expr_operand *o, const struct wire_field_value *v)
{
	switch (v->type) {
	case WIRE_FIELD_INT:
	case WIRE_FIELD_TIME: return number_is(o, v);
	case WIRE_FIELD_TEXT: return text_is(o, v->s);
	case WIRE_FIELD_LIST:
		for (size_t i = 0; i < v->n; i++) {
			if (text_is(o, v->list[i]))
				return true;
		}
		return false;
	case WIRE_FIELD_NONE: break;
	}
	return (o->has_number && o->number == 0) || text_is(o, OR_SLICE_NONE);
}

static bool is_ordered(uint64_t v, enum co_expr_op op, uint64_t operand)
{
	switch (op) {
	case CO_EXPR_LT: return v < operand;
	case CO_EXPR_LE: return v <= operand;
	case CO_EXPR_GT: return v > operand;
	case CO_EXPR_GE: return v >= operand;
	case CO_EXPR_EQ:
	case CO_EXPR_NE: break;
	}
	return false;
}

bool co_match_compare(
    const struct co_query_expr *e, const struct wire_audit *record, struct or_buf *scratch)
{
	struct wire_field_value v;
	bool any = false;

	wire_field_get(&v, e->field.field, record, e->field.name, scratch);
	if (e->op != CO_EXPR_EQ && e->op != CO_EXPR_NE)
		return is_ordered(v.i, e->op, e->operands->number);
	for (const struct co_expr_operand *o = e->operands; o && !any; o = o->next)
		any = value_is(o, &v);
	return any == (e->op == CO_EXPR_EQ);
}

bool co_match_number(uint64_t v, const struct co_query_expr *e)
{
	if (e->op == CO_EXPR_EQ || e->op == CO_EXPR_NE)
		return (v == e->operands->number) == (e->op == CO_EXPR_EQ);
	return is_ordered(v, e->op, e->operands->number);
}

bool co_match_tree(const struct co_query_expr *e, co_match_leaf_fn *leaf, void *arg)
{
	enum co_expr_kind kind = e->kind;
	bool decisive = kind == CO_EXPR_OR; /* the value that ends a chain */

	if (kind == CO_EXPR_COMPARE)
		return leaf(arg, e);
	if (kind == CO_EXPR_NOT)
		return !co_match_tree(e->left, leaf, arg);
	for (; e->kind == kind; e = e->left) {
		if (co_match_tree(e->right, leaf, arg) == decisive)
			return decisive;
	}
	return co_match_tree(e, leaf, arg);
}

struct subject {
	const struct wire_audit *record;
	struct or_buf *scratch;
};

static bool compare(void *arg, const struct co_query_expr *e)
{
	const struct subject *s = arg;

	return co_match_compare(e, s->record, s->scratch);
}

bool co_match_record(
    const struct co_query *q, const struct wire_audit *record, struct or_buf *scratch)
{
	int64_t t = record->time_ns > INT64_MAX ? INT64_MAX : (int64_t)record->time_ns;
	struct subject s = {record, scratch};

	return t >= q->since_ns && t < q->until_ns &&
	       (!q->filter || co_match_tree(q->filter, compare, &s));
}
