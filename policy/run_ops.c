/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/run.h"

#include "policy/ext.h"

bool pol_run_ops_attr(const struct pol_run *r, const struct pol_value *on, struct or_slice name,
    const struct pol_value **out)
{
	const struct pol_entity *e;

	if (on->kind == POL_RECORD) {
		*out = pol_value_field(on->rec, name);
		return true;
	}
	if (on->kind != POL_ENTITY)
		return false;
	e = pol_eval_entity(r->ev, on->e);
	*out = e ? pol_value_field(e->attrs, name) : NULL;
	return true;
}

bool pol_run_ops_tag(const struct pol_run *r, enum pol_op op, const struct pol_value *on,
    const struct pol_value *key, struct pol_value *out)
{
	const struct pol_value *found;
	const struct pol_entity *e;

	if (on->kind != POL_ENTITY || key->kind != POL_STRING)
		return false;
	e = pol_eval_entity(r->ev, on->e);
	found = e ? pol_value_field(e->tags, key->s) : NULL;
	if (op == POL_OP_HAS_TAG)
		*out = pol_value_bool(found != NULL);
	else if (found)
		*out = *found;
	return op == POL_OP_HAS_TAG || found;
}

static bool is_in_set(
    const struct pol_run *r, const struct pol_uid *uid, const struct pol_set_value *set, bool *out)
{
	const struct pol_entity *e;

	*out = false;
	if (set->n == 0)
		return true;
	/* Sorted by kind first: one that is no entity is the first or the last. */
	if (set->items[0].kind != POL_ENTITY || set->items[set->n - 1].kind != POL_ENTITY)
		return false;
	e = pol_eval_entity(r->ev, uid);
	for (size_t i = 0; i < set->n && !*out; i++)
		*out = pol_uid_eq(set->items[i].e, uid) ||
		       (e && pol_entities_has_ancestor(e, set->items[i].e));
	return true;
}

static bool is_in(const struct pol_run *r, const struct pol_value *a, const struct pol_value *b,
    struct pol_value *out)
{
	bool yes = false;

	if (a->kind != POL_ENTITY || (b->kind != POL_ENTITY && b->kind != POL_SET))
		return false;
	if (b->kind == POL_ENTITY)
		yes = pol_eval_is_in(r->ev, a->e, b->e);
	else if (!is_in_set(r, a->e, b->set, &yes))
		return false;
	*out = pol_value_bool(yes);
	return true;
}

static bool compare(
    enum pol_op op, const struct pol_value *a, const struct pol_value *b, struct pol_value *out)
{
	bool yes;

	if ((a->kind != POL_LONG && a->kind != POL_DATETIME && a->kind != POL_DURATION) ||
	    b->kind != a->kind)
		return false;
	if (op == POL_OP_LT)
		yes = a->i < b->i;
	else if (op == POL_OP_LE)
		yes = a->i <= b->i;
	else if (op == POL_OP_GT)
		yes = a->i > b->i;
	else
		yes = a->i >= b->i;
	*out = pol_value_bool(yes);
	return true;
}

static bool arith(
    enum pol_op op, const struct pol_value *a, const struct pol_value *b, struct pol_value *out)
{
	int64_t v;
	bool over;

	if (a->kind != POL_LONG || b->kind != POL_LONG)
		return false;
	if (op == POL_OP_ADD)
		over = __builtin_add_overflow(a->i, b->i, &v);
	else if (op == POL_OP_SUB)
		over = __builtin_sub_overflow(a->i, b->i, &v);
	else
		over = __builtin_mul_overflow(a->i, b->i, &v);
	*out = pol_value_long(v);
	return !over;
}

static bool contains_items(
    enum pol_op op, const struct pol_value *a, const struct pol_value *b, struct pol_value *out)
{
	bool all = op == POL_OP_CONTAINS_ALL, yes = all;

	if (a->kind != POL_SET || b->kind != POL_SET)
		return false;
	for (size_t i = 0; i < b->set->n && yes == all; i++)
		yes = pol_value_set_has(a->set, &b->set->items[i]);
	*out = pol_value_bool(yes);
	return true;
}

static bool contains(const struct pol_value *a, const struct pol_value *b, struct pol_value *out)
{
	if (a->kind != POL_SET)
		return false;
	*out = pol_value_bool(pol_value_set_has(a->set, b));
	return true;
}

bool pol_run_ops_binary(struct pol_run *r, enum pol_op op, const struct pol_value *a,
    const struct pol_value *b, struct pol_value *out)
{
	switch ((int)op) {
	case POL_OP_EQ:
	case POL_OP_NE: *out = pol_value_bool(pol_value_eq(a, b) == (op == POL_OP_EQ)); return true;
	case POL_OP_IN: return is_in(r, a, b, out);
	case POL_OP_ADD:
	case POL_OP_SUB:
	case POL_OP_MUL: return arith(op, a, b, out);
	case POL_OP_CONTAINS: return contains(a, b, out);
	case POL_OP_CONTAINS_ALL:
	case POL_OP_CONTAINS_ANY: return contains_items(op, a, b, out);
	default: return compare(op, a, b, out);
	}
}

bool pol_run_ops_ext(struct pol_run *r, enum pol_ext_fn fn, const struct pol_value *args,
    uint32_t n, struct pol_value *out)
{
	const struct pol_ext_signature *sig = pol_ext_signature(fn);
	struct pol_value v;

	if (n != sig->n_args)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (args[i].kind != sig->args[i])
			return false;
	}
	if (fn < POL_EXT_CONSTRUCTORS ? pol_ext_construct(&v, fn, args[0].s, r->ev->arena)
				      : pol_ext_call(&v, fn, &args[0], n > 1 ? &args[1] : NULL)) {
		r->full |= or_arena_is_full(r->ev->arena);
		return false;
	}
	*out = v;
	return true;
}
