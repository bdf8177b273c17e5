/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/typecheck.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void pol_typecheck_fail(
    struct pol_check *c, const struct pol_node *n, enum pol_finding finding, const char *fmt, ...)
{
	char msg[384];
	va_list ap;

	c->errors++;
	for (size_t i = 0; i < c->n_reported; i++) {
		if (c->reported[i] == n)
			return;
	}
	if (c->n_reported < OR_LEN(c->reported))
		c->reported[c->n_reported++] = n;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	pol_diag_find(c->diags, c->src, n->at, n->len, finding, "%s", msg);
}

/* A type as text for a message, cut. */
static void describe(char *to, size_t size, const struct pol_type *t)
{
	struct or_buf b;

	or_buf_init(&b, 65536);
	pol_schema_type_print(&b, t);
	snprintf(to, size, "%.*s%s", b.n < size - 8 ? (int)b.n : (int)size - 8, or_buf_text(&b),
	    b.n < size - 8 ? "" : "...");
	or_buf_done(&b);
}

void pol_typecheck_mismatch(struct pol_check *c, const struct pol_node *n, const char *expected,
    const struct pol_type *found)
{
	char text[128];

	describe(text, sizeof(text), found);
	pol_typecheck_fail(
	    c, n, POL_FINDING_UNEXPECTED_TYPE, "expected %s, found %s", expected, text);
}

void pol_typecheck_incompatible(struct pol_check *c, const struct pol_node *n,
    const struct pol_type *a, const struct pol_type *b)
{
	char x[128], y[128];

	describe(x, sizeof(x), a);
	describe(y, sizeof(y), b);
	pol_typecheck_fail(
	    c, n, POL_FINDING_INCOMPATIBLE_TYPES, "the types %s and %s are not compatible", x, y);
}

struct pol_answer pol_typecheck_expect(struct pol_check *c, const struct pol_node *n,
    const struct pol_cap *prior, const struct pol_type *type, const struct pol_type *other)
{
	struct pol_answer a = pol_typecheck_expr(c, n, prior);
	char text[128];

	/* Permissive in any mode: to be a record or an entity is meant, not to be that very one. */
	if (!a.type || pol_types_subtype(a.type, type, false) ||
	    (other && pol_types_subtype(a.type, other, false)))
		return a.type ? a : (struct pol_answer){NULL, false, NULL};
	if (type->kind == POL_TYPE_SET)
		snprintf(text, sizeof(text), "a set");
	else if (type->kind == POL_TYPE_RECORD)
		snprintf(text, sizeof(text), "a record");
	else
		describe(text, sizeof(text), type);
	if (other)
		strncat(text, other->kind == POL_TYPE_RECORD ? " or record" : " or a set of them",
		    sizeof(text) - strlen(text) - 1);
	pol_typecheck_mismatch(c, n, text, a.type);
	return (struct pol_answer){NULL, false, NULL};
}

static struct pol_answer expect_bool(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior)
{
	return pol_typecheck_expect(c, n, prior, &pol_types_bool, NULL);
}

static bool is_kind(struct pol_answer a, enum pol_type_kind kind)
{
	return a.type && a.type->kind == kind;
}

struct pol_answer pol_typecheck_and(struct pol_check *c, struct pol_answer left,
    const struct pol_node *right, const struct pol_cap *prior)
{
	const struct pol_cap *known = left.ok ? left.caps : NULL;
	struct pol_answer r, out;

	/* What never comes to be evaluated is not looked at. */
	if (is_kind(left, POL_TYPE_FALSE))
		return (struct pol_answer){left.type, left.ok, NULL};
	r = expect_bool(c, right, pol_typecheck_caps_union(c, prior, known));
	out = (struct pol_answer){&pol_types_bool, left.ok && r.ok, NULL};
	if (!left.type || !r.type) {
		out.ok = false;
		return out;
	}
	if (is_kind(r, POL_TYPE_FALSE)) {
		out.type = r.type;
		return out;
	}
	if (is_kind(r, POL_TYPE_TRUE))
		out.type = left.type;
	else if (is_kind(left, POL_TYPE_TRUE))
		out.type = r.type;
	out.caps = out.ok ? pol_typecheck_caps_union(c, known, r.caps) : NULL;
	return out;
}

static struct pol_answer check_or(struct pol_check *c, struct pol_answer left,
    const struct pol_node *right, const struct pol_cap *prior)
{
	struct pol_answer r, out;

	if (is_kind(left, POL_TYPE_TRUE))
		return left;
	r = expect_bool(c, right, prior);
	out = (struct pol_answer){&pol_types_bool, left.ok && r.ok, NULL};
	if (!left.type || !r.type) {
		out.ok = false;
	} else if (is_kind(r, POL_TYPE_TRUE)) {
		out.type = r.type;
		out.caps = r.caps;
	} else if (is_kind(r, POL_TYPE_FALSE)) {
		out.type = left.type;
		out.caps = left.caps;
	} else if (is_kind(left, POL_TYPE_FALSE)) {
		out.type = r.type;
		out.caps = r.caps;
	} else {
		out.caps = pol_typecheck_caps_both(c, r.caps, left.caps);
	}
	if (!out.ok)
		out.caps = NULL;
	return out;
}

static struct pol_answer check_chain(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior)
{
	struct pol_answer a = expect_bool(c, n->args[0], prior);

	for (uint32_t i = 1; i < n->n; i++)
		a = n->op == POL_OP_AND ? pol_typecheck_and(c, a, n->args[i], prior)
					: check_or(c, a, n->args[i], prior);
	return a;
}

static struct pol_answer check_if(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior)
{
	struct pol_answer test = expect_bool(c, n->a, prior), yes, no, out;
	const struct pol_cap *known = test.ok ? test.caps : NULL;

	if (is_kind(test, POL_TYPE_TRUE)) {
		out = pol_typecheck_expr(c, n->b, pol_typecheck_caps_union(c, prior, known));
		out.caps = pol_typecheck_caps_union(c, out.caps, known);
	} else if (is_kind(test, POL_TYPE_FALSE)) {
		out = pol_typecheck_expr(c, n->c, prior);
	} else {
		yes = pol_typecheck_expr(c, n->b, pol_typecheck_caps_union(c, prior, known));
		no = pol_typecheck_expr(c, n->c, prior);
		out = (struct pol_answer){NULL, yes.ok && no.ok, NULL};
		if (yes.type && no.type)
			out.type = pol_types_lub(c->arena, yes.type, no.type, c->strict);
		if (yes.type && no.type && !out.type)
			pol_typecheck_incompatible(c, n, yes.type, no.type);
		if (!out.type)
			out.ok = false;
		else
			out.caps = pol_typecheck_caps_both(
			    c, no.caps, pol_typecheck_caps_union(c, yes.caps, known));
	}
	out.ok &= test.ok;
	if (!out.ok)
		out.caps = NULL;
	return out;
}

static struct pol_answer check_literal(struct pol_check *c, const struct pol_value *v)
{
	static const struct pol_type types[] = {[POL_LONG] = {.kind = POL_TYPE_LONG},
	    [POL_STRING] = {.kind = POL_TYPE_STRING},
	    [POL_IP] = {.kind = POL_TYPE_IP},
	    [POL_DECIMAL] = {.kind = POL_TYPE_DECIMAL},
	    [POL_DATETIME] = {.kind = POL_TYPE_DATETIME},
	    [POL_DURATION] = {.kind = POL_TYPE_DURATION}};
	bool known;

	if (v->kind == POL_BOOL)
		return pol_typecheck_ok(pol_types_singleton(v->b));
	if (v->kind != POL_ENTITY)
		return pol_typecheck_ok(&types[v->kind]);
	/* An entity whose type or action is not declared is reported by another check. */
	known = pol_schema_is_action_type(v->e->type)
		    ? pol_schema_action_find(c->schema, v->e) != NULL
		    : pol_schema_entity_find(c->schema, v->e->type) != NULL;
	if (!known)
		return (struct pol_answer){NULL, false, NULL};
	return pol_typecheck_ok(pol_types_entity(c->arena, v->e->type));
}

static struct pol_answer check_attr(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior)
{
	struct pol_answer on =
	    pol_typecheck_expect(c, n->a, prior, &pol_types_any_entity, &pol_types_any_record);
	struct pol_attr attr;
	char text[96];

	if (!on.type)
		return (struct pol_answer){NULL, false, NULL};
	if (!pol_types_attr(c->arena, c->schema, on.type, n->name, &attr)) {
		describe(text, sizeof(text), on.type);
		pol_typecheck_fail(c, n, POL_FINDING_UNSAFE_ATTRIBUTE_ACCESS,
		    "%s has no attribute `%.*s`", text, OR_SLICE_FMT(n->name));
		return (struct pol_answer){NULL, false, NULL};
	}
	if (!attr.required && !pol_typecheck_caps_has(prior, n->a, n->name, NULL)) {
		pol_typecheck_fail(c, n, POL_FINDING_UNSAFE_OPTIONAL_ATTRIBUTE_ACCESS,
		    "the attribute `%.*s` may be absent: ask with `has` before",
		    OR_SLICE_FMT(n->name));
		return (struct pol_answer){attr.type, false, NULL};
	}
	return (struct pol_answer){attr.type, on.ok, NULL};
}

/* One step of `has`: is the attribute there in a value of that type. */
static const struct pol_type *has_step(struct pol_check *c, const struct pol_type *on,
    const struct pol_node *expr, struct or_slice name, const struct pol_cap *prior,
    struct pol_attr *attr, bool *found)
{
	bool shown = pol_typecheck_caps_has(prior, expr, name, NULL);

	*found = pol_types_attr(c->arena, c->schema, on, name, attr);
	if (!*found)
		return pol_types_may_have(c->schema, on, name) ? &pol_types_bool : &pol_types_false;
	/* An entity need not exist, so that even a required attribute may be missing. */
	if (shown || (attr->required && on->kind == POL_TYPE_RECORD))
		return &pol_types_true;
	return &pol_types_bool;
}

/* The expression of the next step, for the capabilities: on.name */
static const struct pol_node *step_expr(
    struct pol_check *c, const struct pol_node *on, struct or_slice name)
{
	struct pol_node *n = or_arena_alloc(c->arena, sizeof(*n));

	if (!n) {
		c->full = true;
		return on;
	}
	n->op = POL_OP_ATTR;
	n->at = on->at;
	n->len = on->len;
	n->a = on;
	n->name = name;
	return n;
}

/* e has a.b.c means e has a && e.a has b && e.a.b has c. */
static struct pol_answer check_has(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior)
{
	struct pol_answer on =
	    pol_typecheck_expect(c, n->a, prior, &pol_types_any_entity, &pol_types_any_record);
	struct pol_answer out = {&pol_types_true, on.ok, NULL};
	const struct pol_type *at = on.type;
	const struct pol_node *expr = n->a;

	if (!at)
		return (struct pol_answer){&pol_types_bool, false, NULL};
	for (uint32_t i = 0; i < n->n; i++) {
		const struct pol_type *step;
		struct pol_attr attr;
		bool found;

		if (i && !pol_types_subtype(at, &pol_types_any_entity, false) &&
		    !pol_types_subtype(at, &pol_types_any_record, false)) {
			pol_typecheck_mismatch(c, n, "entity or record", at);
			return (struct pol_answer){&pol_types_bool, false, NULL};
		}
		step = has_step(c, at, expr, n->names[i], prior, &attr, &found);
		if (step->kind == POL_TYPE_FALSE)
			return (struct pol_answer){step, out.ok, NULL};
		if (step->kind == POL_TYPE_BOOL)
			out.type = step;
		if (found)
			out.caps = pol_typecheck_caps_union(
			    c, out.caps, pol_typecheck_caps_one(c, expr, n->names[i], NULL));
		if (i + 1 == n->n)
			break;
		if (!found) {
			pol_typecheck_fail(c, n, POL_FINDING_UNSAFE_ATTRIBUTE_ACCESS,
			    "`%.*s` may be there, but its type is not known",
			    OR_SLICE_FMT(n->names[i]));
			return (struct pol_answer){&pol_types_bool, false, NULL};
		}
		expr = step_expr(c, expr, n->names[i]);
		at = attr.type;
	}
	return out;
}

static struct pol_answer is_of(const struct pol_type *t, struct or_slice name, bool ok)
{
	const struct or_slice *names;
	bool found = false;
	size_t n;

	pol_types_names(t, &names, &n);
	for (size_t i = 0; i < n; i++)
		found |= or_slice_eq(names[i], name);
	if (n == 0 || (found && n > 1))
		return (struct pol_answer){&pol_types_bool, ok, NULL};
	return (struct pol_answer){pol_types_singleton(found), ok, NULL};
}

/* e is T in x means e is T && e in x. */
static struct pol_answer check_is(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior)
{
	struct pol_answer e = pol_typecheck_expect(c, n->a, prior, &pol_types_any_entity, NULL);
	struct pol_answer is, in;

	if (!e.type || e.type->kind == POL_TYPE_NEVER)
		return (struct pol_answer){&pol_types_bool, false, NULL};
	is = is_of(e.type, n->name, e.ok);
	if (!n->b || is.type->kind == POL_TYPE_FALSE)
		return is;
	in = pol_typecheck_ops_in(c, n, e, prior);
	in.ok &= is.ok;
	if (in.type && in.type->kind == POL_TYPE_TRUE)
		in.type = is.type;
	return in;
}

static struct pol_answer check_set(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior)
{
	const struct pol_type *elem = &pol_types_never;
	struct pol_answer out = {NULL, true, NULL};
	bool known = true, failed = false;

	if (c->strict && n->n == 0) {
		pol_typecheck_fail(
		    c, n, POL_FINDING_EMPTY_SET_FORBIDDEN, "the type of an empty set is not known");
		return (struct pol_answer){NULL, false, NULL};
	}
	for (uint32_t i = 0; i < n->n; i++) {
		struct pol_answer a = pol_typecheck_expr(c, n->args[i], prior);
		const struct pol_type *joined = NULL;

		out.ok &= a.ok;
		known &= a.type != NULL;
		if (!a.type || !known || failed)
			continue;
		joined = pol_types_lub(c->arena, elem, a.type, c->strict);
		if (!joined) {
			pol_typecheck_incompatible(c, n, elem, a.type);
			failed = true;
		} else {
			elem = joined;
		}
	}
	if (known && !failed)
		out.type = pol_types_set(c->arena, elem);
	out.ok &= out.type != NULL;
	return out;
}

static int on_attrs(const void *a, const void *b)
{
	const struct pol_attr *x = a, *y = b;

	return or_slice_cmp(x->name, y->name);
}

static struct pol_answer check_record(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior)
{
	struct pol_type *t = or_arena_alloc(c->arena, sizeof(*t));
	struct pol_attr *attrs = or_arena_array(c->arena, n->n, sizeof(*attrs));
	struct pol_answer out = {t, true, NULL};

	if (!t || !attrs) {
		c->full = true;
		return (struct pol_answer){NULL, false, NULL};
	}
	for (uint32_t i = 0; i < n->n; i++) {
		struct pol_answer a = pol_typecheck_expr(c, n->fields[i].value, prior);

		attrs[i] = (struct pol_attr){n->fields[i].key, true, a.type};
		out.ok &= a.ok;
		if (!a.type)
			out.type = NULL;
	}
	if (n->n > 1)
		qsort(attrs, n->n, sizeof(*attrs), on_attrs);
	t->kind = POL_TYPE_RECORD;
	t->attrs = attrs;
	t->n_attrs = n->n;
	out.ok &= out.type != NULL;
	return out;
}

static struct pol_answer check_not(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior)
{
	struct pol_answer a = expect_bool(c, n->a, prior);

	if (is_kind(a, POL_TYPE_TRUE) || is_kind(a, POL_TYPE_FALSE))
		return (struct pol_answer){
		    pol_types_singleton(a.type->kind == POL_TYPE_FALSE), a.ok, NULL};
	return (struct pol_answer){&pol_types_bool, a.ok, NULL};
}

static struct pol_answer check_arith(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior)
{
	struct pol_answer a = pol_typecheck_expect(c, n->a, prior, &pol_types_long, NULL), b = a;

	if (n->b)
		b = pol_typecheck_expect(c, n->b, prior, &pol_types_long, NULL);
	return (struct pol_answer){&pol_types_long, a.ok && b.ok, NULL};
}

static struct pol_answer check_like(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior)
{
	struct pol_answer a = pol_typecheck_expect(c, n->a, prior, &pol_types_string, NULL);

	return (struct pol_answer){&pol_types_bool, a.ok, NULL};
}

static struct pol_answer check_in(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior)
{
	return pol_typecheck_ops_in(
	    c, n, pol_typecheck_expect(c, n->a, prior, &pol_types_any_entity, NULL), prior);
}

static struct pol_answer check_structure(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior)
{
	switch (n->op) {
	case POL_OP_ATTR: return check_attr(c, n, prior);
	case POL_OP_HAS: return check_has(c, n, prior);
	case POL_OP_LIKE: return check_like(c, n, prior);
	case POL_OP_IS: return check_is(c, n, prior);
	case POL_OP_IN: return check_in(c, n, prior);
	case POL_OP_SET: return check_set(c, n, prior);
	case POL_OP_RECORD: return check_record(c, n, prior);
	case POL_OP_HAS_TAG:
	case POL_OP_GET_TAG: return pol_typecheck_ops_tag(c, n, prior);
	case POL_OP_EXT: return pol_typecheck_ops_ext(c, n, prior);
	default: return pol_typecheck_ops_contains(c, n, prior);
	}
}

const struct pol_type *pol_typecheck_type(const struct pol_check *c, const struct pol_node *n)
{
	return or_map_find(c->types, or_slice((const uint8_t *)&n, sizeof(n)));
}

static void note_type(struct pol_check *c, const struct pol_node *n, const struct pol_type *type)
{
	const struct pol_node **key = or_arena_alloc(c->arena, sizeof(*key));

	if (!key) {
		c->full = true;
		return;
	}
	*key = n;
	/* What is looked at twice has the same type. */
	if (or_map_put(c->types, or_slice((const uint8_t *)key, sizeof(*key)),
		(void *)(uintptr_t)type) == OR_FULL)
		c->full = true;
}

static struct pol_answer check_expr(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior)
{
	switch (n->op) {
	case POL_OP_LIT: return check_literal(c, &n->lit);
	case POL_OP_VAR: return pol_typecheck_ok(c->vars[n->sub]);
	case POL_OP_SLOT: return pol_typecheck_ok(c->slots[n->sub]);
	case POL_OP_IF: return check_if(c, n, prior);
	case POL_OP_AND:
	case POL_OP_OR: return check_chain(c, n, prior);
	case POL_OP_NOT: return check_not(c, n, prior);
	case POL_OP_NEG:
	case POL_OP_ADD:
	case POL_OP_SUB:
	case POL_OP_MUL: return check_arith(c, n, prior);
	case POL_OP_EQ:
	case POL_OP_NE: return pol_typecheck_ops_eq(c, n, prior);
	case POL_OP_LT:
	case POL_OP_LE:
	case POL_OP_GT:
	case POL_OP_GE: return pol_typecheck_ops_compare(c, n, prior);
	default: return check_structure(c, n, prior);
	}
}

struct pol_answer pol_typecheck_expr(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior)
{
	struct pol_answer a = check_expr(c, n, prior);

	if (c->types && a.type)
		note_type(c, n, a.type);
	return a;
}
