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
	return o->is_pattern ? co_match_glob(o->text, text) : or_slice_eq(o->text, text);
}

/* A pattern sees a number or a time as people write it: request.status=4*, time=2026-11-24*. */
static bool number_is(const struct co_expr_operand *o, const struct wire_field_value *v)
{
	struct or_buf text;
	bool is;

	if (!o->is_pattern)
		return o->has_number && o->number == v->i;
	or_buf_init(&text, 64);
	if (v->type == WIRE_FIELD_TIME)
		or_str_time(&text, (int64_t)v->i);
	else
		or_buf_put_u64(&text, v->i);
	is = co_match_glob(o->text, or_buf_slice(&text));
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

static bool eval(
    const struct co_query_expr *e, const struct wire_audit *record, struct or_buf *scratch)
{
	enum co_expr_kind kind = e->kind;
	bool decisive = kind == CO_EXPR_OR; /* the value that ends a chain */

	if (kind == CO_EXPR_COMPARE)
		return co_match_compare(e, record, scratch);
	if (kind == CO_EXPR_NOT)
		return !eval(e->left, record, scratch);
	for (; e->kind == kind; e = e->left) {
		if (eval(e->right, record, scratch) == decisive)
			return decisive;
	}
	return eval(e, record, scratch);
}

bool co_match_record(
    const struct co_query *q, const struct wire_audit *record, struct or_buf *scratch)
{
	int64_t t = record->time_ns > INT64_MAX ? INT64_MAX : (int64_t)record->time_ns;

	return t >= q->since_ns && t < q->until_ns &&
	       (!q->filter || eval(q->filter, record, scratch));
}
