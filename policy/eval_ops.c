/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/eval.h"
#include "policy/ext.h"

#define PATTERN_STAR 0xFF

bool pol_eval_ops_in(struct pol_eval *ev, const struct pol_node *n, const struct pol_value *a,
    const struct pol_value *b, bool *out)
{
	*out = false;
	if (a->kind != POL_ENTITY)
		return pol_eval_fail_kind(ev, n->a, "entity", a);
	if (b->kind == POL_ENTITY) {
		*out = pol_eval_is_in(ev, a->e, b->e);
		return true;
	}
	if (b->kind != POL_SET)
		return pol_eval_fail_kind(ev, n->b, "entity or set of entities", b);
	/* One element that is no entity is an error, whatever the others are. */
	for (size_t i = 0; i < b->set->n; i++) {
		if (b->set->items[i].kind != POL_ENTITY)
			return pol_eval_fail_kind(ev, n->b, "entity", &b->set->items[i]);
	}
	for (size_t i = 0; i < b->set->n && !*out; i++)
		*out = pol_eval_is_in(ev, a->e, b->set->items[i].e);
	return true;
}

bool pol_eval_ops_compare(struct pol_eval *ev, const struct pol_node *n, const struct pol_value *a,
    const struct pol_value *b, struct pol_value *out)
{
	static const char what[] = "long, datetime or duration";
	bool yes;

	if (a->kind != POL_LONG && a->kind != POL_DATETIME && a->kind != POL_DURATION)
		return pol_eval_fail_kind(ev, n->a, what, a);
	if (b->kind != a->kind)
		return pol_eval_fail_kind(ev, n->b, pol_value_kind_name(a->kind), b);
	switch (n->op) {
	case POL_OP_LT: yes = a->i < b->i; break;
	case POL_OP_LE: yes = a->i <= b->i; break;
	case POL_OP_GT: yes = a->i > b->i; break;
	default: yes = a->i >= b->i; break;
	}
	*out = pol_value_bool(yes);
	return true;
}

bool pol_eval_ops_arith(struct pol_eval *ev, const struct pol_node *n, const struct pol_value *a,
    const struct pol_value *b, struct pol_value *out)
{
	bool over;
	int64_t v;

	if (a->kind != POL_LONG)
		return pol_eval_fail_kind(ev, n->a, "long", a);
	if (b->kind != POL_LONG)
		return pol_eval_fail_kind(ev, n->b, "long", b);
	if (n->op == POL_OP_ADD)
		over = __builtin_add_overflow(a->i, b->i, &v);
	else if (n->op == POL_OP_SUB)
		over = __builtin_sub_overflow(a->i, b->i, &v);
	else
		over = __builtin_mul_overflow(a->i, b->i, &v);
	if (over)
		return pol_eval_fail(ev, n, "integer overflow");
	*out = pol_value_long(v);
	return true;
}

static bool has_all(const struct pol_set_value *a, const struct pol_set_value *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (!pol_value_set_has(a, &b->items[i]))
			return false;
	}
	return true;
}

static bool has_any(const struct pol_set_value *a, const struct pol_set_value *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (pol_value_set_has(a, &b->items[i]))
			return true;
	}
	return false;
}

bool pol_eval_ops_set(struct pol_eval *ev, const struct pol_node *n, const struct pol_value *a,
    const struct pol_value *b, struct pol_value *out)
{
	bool yes;

	if (a->kind != POL_SET)
		return pol_eval_fail_kind(ev, n->a, "set", a);
	if (b->kind != POL_SET && (n->op == POL_OP_CONTAINS_ALL || n->op == POL_OP_CONTAINS_ANY))
		return pol_eval_fail_kind(ev, n->b, "set", b);
	switch (n->op) {
	case POL_OP_CONTAINS: yes = pol_value_set_has(a->set, b); break;
	case POL_OP_CONTAINS_ALL: yes = has_all(a->set, b->set); break;
	case POL_OP_CONTAINS_ANY: yes = has_any(a->set, b->set); break;
	default: yes = a->set->n == 0; break;
	}
	*out = pol_value_bool(yes);
	return true;
}

static bool construct(struct pol_eval *ev, const struct pol_node *n, const struct pol_value *arg,
    struct pol_value *out)
{
	enum pol_ext_fn fn = (enum pol_ext_fn)n->sub;
	enum or_code rc = pol_ext_construct(out, fn, arg->s, ev->arena);

	if (rc == OR_OK)
		return true;
	return pol_eval_fail(ev, n, "%s: the text is not a valid %s%s", pol_ext_name(fn),
	    pol_value_kind_name(pol_ext_signature(fn)->result),
	    rc == OR_FULL ? ": out of range" : "");
}

bool pol_eval_ops_ext(struct pol_eval *ev, const struct pol_node *n, struct pol_value *out)
{
	enum pol_ext_fn fn = (enum pol_ext_fn)n->sub;
	const struct pol_ext_signature *sig = pol_ext_signature(fn);
	struct pol_value args[2], unused;

	/* The arguments come first, as their errors do. */
	for (uint32_t i = 0; i < n->n; i++) {
		if (!pol_eval_expr(ev, n->args[i], i < 2 ? &args[i] : &unused))
			return false;
	}
	if (n->n != sig->n_args)
		return pol_eval_fail(ev, n, "%s takes %u argument%s, not %u", sig->name,
		    sig->n_args, sig->n_args == 1 ? "" : "s", n->n);
	for (uint32_t i = 0; i < n->n; i++) {
		if (args[i].kind != sig->args[i])
			return pol_eval_fail_kind(
			    ev, n->args[i], pol_value_kind_name(sig->args[i]), &args[i]);
	}
	if (fn < POL_EXT_CONSTRUCTORS)
		return construct(ev, n, &args[0], out);
	if (pol_ext_call(out, fn, &args[0], n->n > 1 ? &args[1] : NULL))
		return pol_eval_fail(ev, n, "%s: overflow", sig->name);
	return true;
}

/* Greedy with one point to come back to: a later star never needs an earlier one to give in. */
bool pol_eval_ops_like(struct or_slice s, struct or_slice pattern)
{
	size_t i = 0, p = 0, star = SIZE_MAX, mark = 0;

	while (i < s.n) {
		if (p < pattern.n && pattern.p[p] == PATTERN_STAR) {
			star = p++;
			mark = i;
		} else if (p < pattern.n && pattern.p[p] == s.p[i]) {
			i++;
			p++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			i = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == PATTERN_STAR)
		p++;
	return p == pattern.n;
}
