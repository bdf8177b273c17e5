/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/types.h"

const struct pol_type pol_types_bool = {.kind = POL_TYPE_BOOL};
const struct pol_type pol_types_true = {.kind = POL_TYPE_TRUE};
const struct pol_type pol_types_false = {.kind = POL_TYPE_FALSE};
const struct pol_type pol_types_long = {.kind = POL_TYPE_LONG};
const struct pol_type pol_types_string = {.kind = POL_TYPE_STRING};
const struct pol_type pol_types_never = {.kind = POL_TYPE_NEVER};
const struct pol_type pol_types_any_entity = {.kind = POL_TYPE_ANY_ENTITY};
const struct pol_type pol_types_any_set = {.kind = POL_TYPE_SET};
const struct pol_type pol_types_any_record = {.kind = POL_TYPE_RECORD, .open = true};
const struct pol_type pol_types_entity_set = {.kind = POL_TYPE_SET, .elem = &pol_types_any_entity};

static bool is_bool(const struct pol_type *t)
{
	return t->kind == POL_TYPE_BOOL || t->kind == POL_TYPE_TRUE || t->kind == POL_TYPE_FALSE;
}

static bool is_entity(const struct pol_type *t)
{
	return t->kind == POL_TYPE_ENTITY || t->kind == POL_TYPE_ENTITIES ||
	       t->kind == POL_TYPE_ANY_ENTITY;
}

void pol_types_names(const struct pol_type *t, const struct or_slice **names, size_t *n)
{
	*names = t->kind == POL_TYPE_ENTITY ? &t->entity : t->names;
	*n = t->kind == POL_TYPE_ENTITY ? 1 : t->kind == POL_TYPE_ENTITIES ? t->n_names : 0;
}

static bool has_name(const struct or_slice *names, size_t n, struct or_slice name)
{
	for (size_t i = 0; i < n; i++) {
		if (or_slice_eq(names[i], name))
			return true;
	}
	return false;
}

static bool entity_subtype(const struct pol_type *a, const struct pol_type *b, bool strict)
{
	const struct or_slice *x, *y;
	size_t n, m;

	if (b->kind == POL_TYPE_ANY_ENTITY)
		return a->kind == POL_TYPE_ANY_ENTITY || !strict;
	if (a->kind == POL_TYPE_ANY_ENTITY)
		return false;
	pol_types_names(a, &x, &n);
	pol_types_names(b, &y, &m);
	for (size_t i = 0; i < n; i++) {
		if (!has_name(y, m, x[i]))
			return false;
	}
	return !strict || n == m;
}

/* Each of b's attributes is one of a's, of a subtype. */
static bool attrs_subtype(const struct pol_type *a, const struct pol_type *b, bool strict)
{
	for (size_t i = 0; i < b->n_attrs; i++) {
		const struct pol_attr *y = &b->attrs[i], *x = pol_schema_attr_of(a, y->name);

		if (!x || (strict ? x->required != y->required : !x->required && y->required) ||
		    !pol_types_subtype(x->type, y->type, strict))
			return false;
	}
	return true;
}

static bool record_subtype(const struct pol_type *a, const struct pol_type *b, bool strict)
{
	if (a->open && !b->open)
		return false;
	if (b->open && !strict)
		return attrs_subtype(a, b, strict);
	return a->n_attrs == b->n_attrs && attrs_subtype(a, b, strict);
}

bool pol_types_subtype(const struct pol_type *a, const struct pol_type *b, bool strict)
{
	if (a == b || a->kind == POL_TYPE_NEVER)
		return true;
	if (is_bool(a) && is_bool(b))
		return b->kind == POL_TYPE_BOOL || a->kind == b->kind;
	if (is_entity(a) && is_entity(b))
		return entity_subtype(a, b, strict);
	if (a->kind != b->kind)
		return false;
	if (a->kind == POL_TYPE_SET)
		return !b->elem || (a->elem && pol_types_subtype(a->elem, b->elem, strict));
	return a->kind != POL_TYPE_RECORD || record_subtype(a, b, strict);
}

const struct pol_type *pol_types_entity(struct or_arena *a, struct or_slice name)
{
	struct pol_type *t = or_arena_alloc(a, sizeof(*t));

	if (t) {
		t->kind = POL_TYPE_ENTITY;
		t->entity = name;
	}
	return t;
}

const struct pol_type *pol_types_set(struct or_arena *a, const struct pol_type *elem)
{
	struct pol_type *t = or_arena_alloc(a, sizeof(*t));

	if (t) {
		t->kind = POL_TYPE_SET;
		t->elem = elem;
	}
	return t;
}

static const struct pol_type *join_entities(
    struct or_arena *a, const struct pol_type *x, const struct pol_type *y, bool strict)
{
	const struct or_slice *xs, *ys;
	struct or_slice *names;
	struct pol_type *t;
	size_t n, m;

	/* Where one is a subtype of the other this is not asked. */
	if (strict)
		return NULL;
	if (x->kind == POL_TYPE_ANY_ENTITY || y->kind == POL_TYPE_ANY_ENTITY)
		return &pol_types_any_entity;
	pol_types_names(x, &xs, &n);
	pol_types_names(y, &ys, &m);
	t = or_arena_alloc(a, sizeof(*t));
	names = or_arena_array(a, n + m, sizeof(*names));
	if (!t || !names)
		return NULL;
	memcpy(names, xs, n * sizeof(*names));
	for (size_t i = 0; i < m; i++) {
		if (!has_name(xs, n, ys[i]))
			names[n + t->n_names++] = ys[i];
	}
	t->kind = POL_TYPE_ENTITIES;
	t->names = names;
	t->n_names += n;
	return t;
}

static const struct pol_type *join_records(
    struct or_arena *a, const struct pol_type *x, const struct pol_type *y, bool strict)
{
	struct pol_type *t = or_arena_alloc(a, sizeof(*t));
	struct pol_attr *attrs = or_arena_array(a, x->n_attrs, sizeof(*attrs));
	size_t n = 0;

	if (!t || !attrs || (strict && x->n_attrs != y->n_attrs))
		return NULL;
	for (size_t i = 0; i < x->n_attrs; i++) {
		const struct pol_attr *p = &x->attrs[i], *q = pol_schema_attr_of(y, p->name);
		const struct pol_type *joined =
		    q ? pol_types_lub(a, p->type, q->type, strict) : NULL;

		if (strict && (!joined || p->required != q->required))
			return NULL;
		if (joined)
			attrs[n++] = (struct pol_attr){p->name, p->required && q->required, joined};
	}
	t->kind = POL_TYPE_RECORD;
	t->attrs = attrs;
	t->n_attrs = n;
	/* Closed only where no attribute of either was lost. */
	t->open = x->open || y->open || n != x->n_attrs || n != y->n_attrs;
	return t;
}

const struct pol_type *pol_types_lub(
    struct or_arena *a, const struct pol_type *x, const struct pol_type *y, bool strict)
{
	const struct pol_type *elem;

	if (pol_types_subtype(x, y, strict))
		return y;
	if (pol_types_subtype(y, x, strict))
		return x;
	if (is_bool(x) && is_bool(y))
		return &pol_types_bool;
	if (is_entity(x) && is_entity(y))
		return join_entities(a, x, y, strict);
	if (x->kind != y->kind)
		return NULL;
	if (x->kind == POL_TYPE_SET && x->elem && y->elem) {
		elem = pol_types_lub(a, x->elem, y->elem, strict);
		return elem ? pol_types_set(a, elem) : NULL;
	}
	return x->kind == POL_TYPE_RECORD ? join_records(a, x, y, strict) : NULL;
}

bool pol_types_disjoint(const struct pol_type *a, const struct pol_type *b)
{
	const struct or_slice *x, *y;
	size_t n, m;

	if (!is_entity(a) || !is_entity(b) || a->kind == POL_TYPE_ANY_ENTITY ||
	    b->kind == POL_TYPE_ANY_ENTITY)
		return false;
	pol_types_names(a, &x, &n);
	pol_types_names(b, &y, &m);
	for (size_t i = 0; i < n; i++) {
		if (has_name(y, m, x[i]))
			return false;
	}
	return true;
}

bool pol_types_attr(struct or_arena *a, const struct pol_schema *s, const struct pol_type *t,
    struct or_slice name, struct pol_attr *out)
{
	const struct or_slice *names;
	const struct pol_attr *found;
	size_t n;

	if (t->kind == POL_TYPE_RECORD) {
		found = pol_schema_attr_of(t, name);
		if (found)
			*out = *found;
		return found != NULL;
	}
	pol_types_names(t, &names, &n);
	for (size_t i = 0; i < n; i++) {
		found = pol_schema_attr_find(s, names[i], name);
		if (!found)
			return false;
		if (i == 0) {
			*out = *found;
			continue;
		}
		out->type = pol_types_lub(a, out->type, found->type, false);
		out->required &= found->required;
		if (!out->type)
			return false;
	}
	return n > 0;
}

bool pol_types_may_have(const struct pol_schema *s, const struct pol_type *t, struct or_slice name)
{
	const struct or_slice *names;
	size_t n;

	if (t->kind == POL_TYPE_NEVER || t->kind == POL_TYPE_ANY_ENTITY)
		return true;
	if (t->kind == POL_TYPE_RECORD)
		return t->open || pol_schema_attr_of(t, name);
	pol_types_names(t, &names, &n);
	for (size_t i = 0; i < n; i++) {
		if (pol_schema_attr_find(s, names[i], name))
			return true;
	}
	return false;
}
