/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/eval.h"
#include "policy/ext.h"
#include "policy/reduce.h"

static const struct pol_term *compare(struct pol_reduce *r, const struct pol_term *t,
    const struct pol_value *a, const struct pol_value *b)
{
	bool yes;

	if (a->kind != POL_LONG && a->kind != POL_DATETIME && a->kind != POL_DURATION)
		return pol_reduce_fail_kind(r, t, "long, datetime or duration", a);
	if (b->kind != a->kind)
		return pol_reduce_fail_kind(r, t, pol_value_kind_name(a->kind), b);
	switch (t->op) {
	case POL_OP_LT: yes = a->i < b->i; break;
	case POL_OP_LE: yes = a->i <= b->i; break;
	case POL_OP_GT: yes = a->i > b->i; break;
	default: yes = a->i >= b->i; break;
	}
	return pol_term_bool(yes);
}

static const struct pol_term *arithmetic(struct pol_reduce *r, const struct pol_term *t,
    const struct pol_value *a, const struct pol_value *b)
{
	bool over;
	int64_t v;

	if (a->kind != POL_LONG)
		return pol_reduce_fail_kind(r, t, "long", a);
	if (b->kind != POL_LONG)
		return pol_reduce_fail_kind(r, t, "long", b);
	if (t->op == POL_OP_ADD)
		over = __builtin_add_overflow(a->i, b->i, &v);
	else if (t->op == POL_OP_SUB)
		over = __builtin_sub_overflow(a->i, b->i, &v);
	else
		over = __builtin_mul_overflow(a->i, b->i, &v);
	return over ? pol_reduce_fail(r, t, "integer overflow")
		    : pol_reduce_lit(r, pol_value_long(v));
}

static const struct pol_term *negate(
    struct pol_reduce *r, const struct pol_term *t, const struct pol_value *v)
{
	if (t->op == POL_OP_NOT)
		return v->kind == POL_BOOL ? pol_term_bool(!v->b)
					   : pol_reduce_fail_kind(r, t, "bool", v);
	if (v->kind != POL_LONG)
		return pol_reduce_fail_kind(r, t, "long", v);
	if (v->i == INT64_MIN)
		return pol_reduce_fail(r, t, "integer overflow");
	return pol_reduce_lit(r, pol_value_long(-v->i));
}

static bool has_all(const struct pol_set_value *a, const struct pol_set_value *b)
{
	size_t i = 0;

	while (i < b->n && pol_value_set_has(a, &b->items[i]))
		i++;
	return i == b->n;
}

static bool has_any(const struct pol_set_value *a, const struct pol_set_value *b)
{
	size_t i = 0;

	while (i < b->n && !pol_value_set_has(a, &b->items[i]))
		i++;
	return i < b->n;
}

static const struct pol_term *ask_set(struct pol_reduce *r, const struct pol_term *t,
    const struct pol_value *a, const struct pol_value *b)
{
	bool yes;

	if (a->kind != POL_SET)
		return pol_reduce_fail_kind(r, t, "set", a);
	if (b && b->kind != POL_SET && t->op != POL_OP_CONTAINS)
		return pol_reduce_fail_kind(r, t, "set", b);
	switch (t->op) {
	case POL_OP_CONTAINS: yes = pol_value_set_has(a->set, b); break;
	case POL_OP_CONTAINS_ALL: yes = has_all(a->set, b->set); break;
	case POL_OP_CONTAINS_ANY: yes = has_any(a->set, b->set); break;
	default: yes = a->set->n == 0; break;
	}
	return pol_term_bool(yes);
}

static const struct pol_term *call(
    struct pol_reduce *r, const struct pol_term *t, const struct pol_term *const *args)
{
	enum pol_ext_fn fn = (enum pol_ext_fn)t->sub;
	const struct pol_ext_signature *sig = pol_ext_signature(fn);
	struct pol_value v;
	enum or_code rc;

	if (t->n != sig->n_args)
		return pol_reduce_fail(r, t, "%s takes %u argument%s, not %u", sig->name,
		    sig->n_args, sig->n_args == 1 ? "" : "s", t->n);
	for (uint32_t i = 0; i < t->n; i++) {
		if (args[i]->lit.kind != sig->args[i])
			return pol_reduce_fail_kind(
			    r, t, pol_value_kind_name(sig->args[i]), &args[i]->lit);
	}
	if (fn < POL_EXT_CONSTRUCTORS)
		rc = pol_ext_construct(&v, fn, args[0]->lit.s, r->arena);
	else
		rc = pol_ext_call(&v, fn, &args[0]->lit, t->n > 1 ? &args[1]->lit : NULL);
	if (rc && or_arena_is_full(r->arena)) {
		r->full = true;
		return NULL;
	}
	if (rc)
		return pol_reduce_fail(r, t, "%s: %s", sig->name,
		    rc == OR_FULL ? "out of range" : "the text is not of its form");
	return pol_reduce_lit(r, v);
}

static const struct pol_term *build(
    struct pol_reduce *r, const struct pol_term *t, const struct pol_term *const *args)
{
	struct pol_field *fields = or_arena_array(r->arena, t->n, sizeof(*fields));
	struct pol_value *items = or_arena_array(r->arena, t->n, sizeof(*items)), v;
	const struct pol_record *rec = NULL;
	enum or_code rc = fields && items ? OR_OK : OR_FULL;

	for (uint32_t i = 0; rc == OR_OK && i < t->n; i++) {
		items[i] = args[i]->lit;
		if (t->op == POL_OP_RECORD)
			fields[i] = (struct pol_field){t->names[i], args[i]->lit};
	}
	if (rc == OR_OK && t->op == POL_OP_SET)
		rc = pol_value_set(&v, r->arena, items, t->n);
	else if (rc == OR_OK)
		rc = pol_value_record(&rec, r->arena, fields, t->n);
	if (rc) {
		r->full = true;
		return NULL;
	}
	return pol_reduce_lit(r, rec ? pol_value_rec(rec) : v);
}

const struct pol_term *pol_reduce_ops_apply(
    struct pol_reduce *r, const struct pol_term *t, const struct pol_term *const *args)
{
	const struct pol_value *a = t->n > 0 ? &args[0]->lit : NULL;
	const struct pol_value *b = t->n > 1 ? &args[1]->lit : NULL;

	switch ((int)t->op) {
	case POL_OP_SET:
	case POL_OP_RECORD: return build(r, t, args);
	case POL_OP_EXT: return call(r, t, args);
	case POL_OP_NOT:
	case POL_OP_NEG: return negate(r, t, a);
	case POL_OP_EQ: return pol_term_bool(pol_value_eq(a, b));
	case POL_OP_NE: return pol_term_bool(!pol_value_eq(a, b));
	case POL_OP_ADD:
	case POL_OP_SUB:
	case POL_OP_MUL: return arithmetic(r, t, a, b);
	case POL_OP_LIKE:
		return a->kind == POL_STRING ? pol_term_bool(pol_eval_ops_like(a->s, t->names[0]))
					     : pol_reduce_fail_kind(r, t, "string", a);
	case POL_OP_CONTAINS:
	case POL_OP_CONTAINS_ALL:
	case POL_OP_CONTAINS_ANY:
	case POL_OP_IS_EMPTY: return ask_set(r, t, a, b);
	default: return compare(r, t, a, b);
	}
}
