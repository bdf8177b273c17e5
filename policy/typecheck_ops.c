/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operators whose type depends on more than the kinds of their operands.
 */
#include "policy/ext.h"
#include "policy/typecheck.h"

static struct pol_answer answer(const struct pol_type *type, bool ok)
{
	return (struct pol_answer){type, ok, NULL};
}

/* The literal (not of an extension type) that an expression is, the action's variable included. */
static bool literal_of(const struct pol_check *c, const struct pol_node *n, struct pol_value *out)
{
	if (n->op == POL_OP_VAR && n->sub == POL_VAR_ACTION) {
		*out = pol_value_entity(&c->action->uid);
		return true;
	}
	if (n->op != POL_OP_LIT || n->lit.kind > POL_ENTITY)
		return false;
	*out = n->lit;
	return true;
}

/* In strict mode only what can be of one type may be compared. */
static bool compatible(struct pol_check *c, const struct pol_node *n, const struct pol_type *a,
    const struct pol_type *b)
{
	if (!c->strict || !a || !b || pol_types_lub(c->arena, a, b, true))
		return true;
	pol_typecheck_incompatible(c, n, a, b);
	return false;
}

struct pol_answer pol_typecheck_ops_eq(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior)
{
	struct pol_answer a = pol_typecheck_expr(c, n->a, prior);
	struct pol_answer b = pol_typecheck_expr(c, n->b, prior);
	bool ok = a.ok && b.ok, negate = n->op == POL_OP_NE;
	struct pol_value x, y;

	if (a.type && b.type && pol_types_disjoint(a.type, b.type))
		return answer(pol_types_singleton(negate), ok);
	if (literal_of(c, n->a, &x) && literal_of(c, n->b, &y))
		return answer(pol_types_singleton(pol_value_eq(&x, &y) != negate), ok);
	ok &= compatible(c, n, a.type, b.type);
	return answer(&pol_types_bool, ok);
}

static bool is_ordered(const struct pol_type *t)
{
	return t->kind == POL_TYPE_LONG || t->kind == POL_TYPE_DATETIME ||
	       t->kind == POL_TYPE_DURATION;
}

struct pol_answer pol_typecheck_ops_compare(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior)
{
	struct pol_answer a = pol_typecheck_expr(c, n->a, prior);
	struct pol_answer b = pol_typecheck_expr(c, n->b, prior);
	bool never_a, never_b;

	if (!a.type || !b.type)
		return answer(&pol_types_bool, false);
	never_a = a.type->kind == POL_TYPE_NEVER;
	never_b = b.type->kind == POL_TYPE_NEVER;
	if (never_a && never_b)
		return answer(&pol_types_bool, false);
	if (!never_a && !is_ordered(a.type))
		pol_typecheck_mismatch(c, n->a, "Long, datetime or duration", a.type);
	else if (!never_b && !is_ordered(b.type))
		pol_typecheck_mismatch(c, n->b, "Long, datetime or duration", b.type);
	else if (!never_a && !never_b && a.type->kind != b.type->kind)
		pol_typecheck_incompatible(c, n, a.type, b.type);
	else
		return answer(&pol_types_bool, a.ok && b.ok);
	return answer(&pol_types_bool, false);
}

/* Whether an entity of type `name` may be in one of type `in`, among entities or actions. */
static bool type_may_be_in(const struct pol_schema *s, struct or_slice name, struct or_slice in)
{
	const struct pol_entity_type *t = pol_schema_entity_find(s, name);

	if (or_slice_eq(name, in))
		return true;
	if (t)
		return pol_schema_may_be_in(t, in);
	for (size_t i = 0; i < pol_schema_action_count(s); i++) {
		const struct pol_action *a = pol_schema_action_at(s, i);

		for (size_t k = 0; or_slice_eq(a->uid.type, name) && k < a->n_ancestors; k++) {
			if (or_slice_eq(a->ancestors[k]->type, in))
				return true;
		}
	}
	return false;
}

static bool any_may_be_in(
    const struct pol_schema *s, const struct pol_type *a, const struct pol_type *b)
{
	const struct or_slice *x, *y;
	size_t n, m;

	pol_types_names(a, &x, &n);
	pol_types_names(b, &y, &m);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < m; k++) {
			if (type_may_be_in(s, x[i], y[k]))
				return true;
		}
	}
	return n == 0 || m == 0;
}

/* Whether the action is (in) the one; *known turns false where that is no declared action. */
static bool action_is_in(const struct pol_check *c, const struct pol_uid *uid,
    const struct pol_uid *in, bool *known, bool *any)
{
	const struct pol_action *a;

	/* An action is in no entity of another type. */
	if (!pol_schema_is_action_type(in->type))
		return false;
	*any = true;
	if (!pol_schema_action_find(c->schema, in)) {
		*known = false;
		return false;
	}
	if (pol_uid_eq(uid, in))
		return true;
	a = pol_schema_action_find(c->schema, uid);
	for (size_t i = 0; a && i < a->n_ancestors; i++) {
		if (pol_uid_eq(a->ancestors[i], in))
			return true;
	}
	return false;
}

/* An action in literals can be decided. False: right is not made of literals only. */
static bool action_in_literals(struct pol_check *c, const struct pol_uid *uid,
    const struct pol_node *right, struct pol_answer *out)
{
	bool in = false, known = true, any = false;
	struct pol_value v;

	if (literal_of(c, right, &v) && v.kind == POL_ENTITY) {
		in = action_is_in(c, uid, v.e, &known, &any);
	} else if (right->op == POL_OP_SET) {
		for (uint32_t i = 0; i < right->n; i++) {
			if (!literal_of(c, right->args[i], &v) || v.kind != POL_ENTITY)
				return false;
			in |= action_is_in(c, uid, v.e, &known, &any);
		}
	} else {
		return false;
	}
	*out =
	    any && !known ? answer(&pol_types_bool, false) : answer(pol_types_singleton(in), true);
	return true;
}

struct pol_answer pol_typecheck_ops_in(struct pol_check *c, const struct pol_node *n,
    struct pol_answer left, const struct pol_cap *prior)
{
	struct pol_answer right =
	    pol_typecheck_expect(c, n->b, prior, &pol_types_any_entity, &pol_types_entity_set);
	const struct pol_type *of = right.type;
	struct pol_answer out;
	struct pol_value v;

	if (!left.ok || !right.ok || !left.type || !of)
		return answer(&pol_types_bool, false);
	if (literal_of(c, n->a, &v) && v.kind == POL_ENTITY &&
	    pol_schema_is_action_type(v.e->type) && action_in_literals(c, v.e, n->b, &out))
		return out;
	if (of->kind == POL_TYPE_SET)
		of = of->elem ? of->elem : &pol_types_any_entity;
	if (of->kind != POL_TYPE_NEVER && !any_may_be_in(c->schema, left.type, of))
		return answer(&pol_types_false, true);
	return answer(&pol_types_bool, true);
}

struct pol_answer pol_typecheck_ops_contains(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior)
{
	struct pol_answer a = pol_typecheck_expect(c, n->a, prior, &pol_types_any_set, NULL), b;
	const struct pol_type *inner;
	bool ok;

	if (n->op == POL_OP_IS_EMPTY)
		return answer(&pol_types_bool, a.ok);
	if (n->op == POL_OP_CONTAINS) {
		b = pol_typecheck_expr(c, n->b, prior);
		inner = a.type && a.type->kind == POL_TYPE_SET ? a.type->elem : NULL;
		ok = compatible(c, n, inner, b.type);
	} else {
		b = pol_typecheck_expect(c, n->b, prior, &pol_types_any_set, NULL);
		ok = compatible(c, n, a.type, b.type);
	}
	return answer(&pol_types_bool, ok && a.ok && b.ok);
}

/* The type of the tags of entities of that type, NULL where none has tags; false: they differ so
 * that there is no common one. */
static bool tag_type(struct pol_check *c, const struct pol_type *of, const struct pol_type **out)
{
	const struct or_slice *names;
	size_t n, all = pol_schema_entity_count(c->schema);
	const struct pol_type *joined = NULL;

	pol_types_names(of, &names, &n);
	for (size_t i = 0; i < (n ? n : all); i++) {
		const struct pol_entity_type *t = n ? pol_schema_entity_find(c->schema, names[i])
						    : pol_schema_entity_at(c->schema, i);

		if (!t || !t->tags)
			continue;
		joined = joined ? pol_types_lub(c->arena, joined, t->tags, c->strict) : t->tags;
		if (!joined)
			return false;
	}
	*out = joined;
	return true;
}

struct pol_answer pol_typecheck_ops_tag(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior)
{
	struct pol_answer a = pol_typecheck_expect(c, n->a, prior, &pol_types_any_entity, NULL);
	struct pol_answer b = pol_typecheck_expect(c, n->b, prior, &pol_types_string, NULL);
	bool shown = pol_typecheck_caps_has(prior, n->a, OR_SLICE_NONE, n->b), joined;
	const struct pol_type *tags = NULL;
	struct pol_answer out;

	if (!a.type || (!b.type && n->op == POL_OP_GET_TAG))
		return answer(NULL, false);
	joined = tag_type(c, a.type, &tags);
	/* Where there are no tags the answer is known, whatever the tag is. */
	if (n->op == POL_OP_HAS_TAG) {
		out = answer(joined && !tags ? &pol_types_false
			     : shown         ? &pol_types_true
					     : &pol_types_bool,
		    a.ok && b.ok);
		out.caps = out.ok ? pol_typecheck_caps_one(c, n->a, OR_SLICE_NONE, n->b) : NULL;
		return out;
	}
	if (!shown) {
		pol_typecheck_fail(c, n, POL_FINDING_UNSAFE_TAG_ACCESS,
		    "the tag may be absent: ask with hasTag before");
		return answer(NULL, false);
	}
	if (!joined)
		pol_typecheck_fail(c, n, POL_FINDING_INCOMPATIBLE_TYPES,
		    "the tags of these entities have no common type");
	else if (!tags)
		pol_typecheck_fail(
		    c, n, POL_FINDING_UNSAFE_TAG_ACCESS, "entities of this type have no tags");
	return answer(tags, tags && a.ok && b.ok);
}

static const struct pol_type *type_of_kind(enum pol_kind kind)
{
	static const struct pol_type types[] = {[POL_BOOL] = {.kind = POL_TYPE_BOOL},
	    [POL_LONG] = {.kind = POL_TYPE_LONG},
	    [POL_STRING] = {.kind = POL_TYPE_STRING},
	    [POL_IP] = {.kind = POL_TYPE_IP},
	    [POL_DECIMAL] = {.kind = POL_TYPE_DECIMAL},
	    [POL_DATETIME] = {.kind = POL_TYPE_DATETIME},
	    [POL_DURATION] = {.kind = POL_TYPE_DURATION}};

	return &types[kind];
}

struct pol_answer pol_typecheck_ops_ext(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior)
{
	enum pol_ext_fn fn = (enum pol_ext_fn)n->sub;
	const struct pol_ext_signature *sig = pol_ext_signature(fn);
	struct pol_answer out = answer(type_of_kind(sig->result), true);

	if (n->n != sig->n_args) {
		pol_typecheck_fail(c, n, POL_FINDING_WRONG_NUMBER_ARGUMENTS,
		    "%s takes %u argument%s, not %u", sig->name, sig->n_args,
		    sig->n_args == 1 ? "" : "s", n->n);
		return answer(out.type, false);
	}
	/* What is left of a constructor after parsing has no literal, or one that is not valid. */
	if (fn < POL_EXT_CONSTRUCTORS && n->a->op == POL_OP_LIT) {
		if (n->a->lit.kind == POL_STRING)
			pol_typecheck_fail(c, n, POL_FINDING_FUNCTION_ARGUMENT_VALIDATION,
			    "this is not a valid %s", pol_value_kind_name(sig->result));
	} else if (fn < POL_EXT_CONSTRUCTORS && c->strict) {
		pol_typecheck_fail(
		    c, n, POL_FINDING_NON_LIT_EXT_CONSTRUCTOR, "%s needs a literal", sig->name);
		out.ok = false;
	}
	for (uint32_t i = 0; i < n->n; i++)
		out.ok &=
		    pol_typecheck_expect(c, n->args[i], prior, type_of_kind(sig->args[i]), NULL).ok;
	return out;
}
