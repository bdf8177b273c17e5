/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/validate_level.h"

/* The attributes that are read of a record that is still to come, the innermost first. */
struct path {
	struct or_slice name;
	const struct path *next;
};

struct walk {
	struct pol_check *c;
	unsigned int max;
};

static void check(struct walk *w, const struct pol_node *n);

/* What was not looked at is never evaluated. */
static const struct pol_type *type_of(struct walk *w, const struct pol_node *n)
{
	return n ? pol_typecheck_type(w->c, n) : NULL;
}

static bool is_entity(const struct pol_type *t)
{
	return t && (t->kind == POL_TYPE_ENTITY || t->kind == POL_TYPE_ENTITIES ||
			t->kind == POL_TYPE_ANY_ENTITY);
}

static void report_literal(struct walk *w, const struct pol_node *n)
{
	pol_typecheck_fail(w->c, n, POL_FINDING_ENTITY_DEREF_LEVEL_VIOLATION,
	    "what a literal entity has is not loaded for a request");
}

static unsigned int target(struct walk *w, const struct pol_node *n, const struct path *path);

/* {a: x, b: y}.a: what is read is x, the others are only looked at. */
static unsigned int target_in_record(
    struct walk *w, const struct pol_node *n, const struct path *path)
{
	unsigned int level = 0;

	for (uint32_t i = 0; i < n->n; i++) {
		if (path && or_slice_eq(n->fields[i].key, path->name))
			level = target(w, n->fields[i].value, path->next);
		else
			check(w, n->fields[i].value);
	}
	return level;
}

static unsigned int target_in_if(struct walk *w, const struct pol_node *n, const struct path *path)
{
	unsigned int yes = 0, no = 0;

	check(w, n->a);
	if (type_of(w, n->b))
		yes = target(w, n->b, path);
	if (type_of(w, n->c))
		no = target(w, n->c, path);
	return yes > no ? yes : no;
}

/* Steps taken to reach the entity that an expression is. */
static unsigned int target(struct walk *w, const struct pol_node *n, const struct path *path)
{
	struct path inner = {n->name, path};
	unsigned int level;

	switch ((int)n->op) {
	case POL_OP_SLOT: report_literal(w, n); return 0;
	case POL_OP_LIT:
		if (n->lit.kind == POL_ENTITY && !pol_uid_eq(n->lit.e, &w->c->action->uid))
			report_literal(w, n);
		return 0;
	case POL_OP_IF: return target_in_if(w, n, path);
	case POL_OP_RECORD: return target_in_record(w, n, path);
	case POL_OP_ATTR:
		if (is_entity(type_of(w, n->a)))
			return target(w, n->a, path) + 1;
		return target(w, n->a, &inner);
	case POL_OP_GET_TAG:
		level = target(w, n->a, path);
		check(w, n->b);
		return level + 1;
	default: return 0;
	}
}

/* One step more, from the entity that `from` is. */
static void step(struct walk *w, const struct pol_node *at, unsigned int level)
{
	if (level >= w->max)
		pol_typecheck_fail(w->c, at, POL_FINDING_ENTITY_DEREF_LEVEL_VIOLATION,
		    "this takes %u steps from the request's entities, more than %u", level + 1,
		    w->max);
}

/* e has a.b.c: each entity on the way is a step. */
static void check_has(struct walk *w, const struct pol_node *n)
{
	const struct pol_type *t = type_of(w, n->a);
	unsigned int level;
	struct pol_attr attr;

	if (!is_entity(t)) {
		struct path first = {n->names[0], NULL};

		check(w, n->a);
		level = n->n > 1 ? target(w, n->a, &first) : 0;
	} else {
		level = target(w, n->a, NULL);
		step(w, n, level);
	}
	for (uint32_t i = 0; i + 1 < n->n; i++) {
		level += is_entity(t);
		if (!pol_types_attr(w->c->arena, w->c->schema, t, n->names[i], &attr))
			return;
		t = attr.type;
		if (is_entity(t))
			step(w, n, level);
	}
}

static void check_access(struct walk *w, const struct pol_node *n)
{
	if (is_entity(type_of(w, n->a)))
		step(w, n, target(w, n->a, NULL));
	else
		check(w, n->a);
}

static void check_all(struct walk *w, const struct pol_node *n)
{
	if (n->op == POL_OP_RECORD) {
		for (uint32_t i = 0; i < n->n; i++)
			check(w, n->fields[i].value);
		return;
	}
	for (uint32_t i = 0; i < n->n; i++)
		check(w, n->args[i]);
}

/* in, hasTag, getTag: they ask the entity on the left. */
static void check_asking(struct walk *w, const struct pol_node *n)
{
	step(w, n, target(w, n->a, NULL));
	check(w, n->b);
}

static void check(struct walk *w, const struct pol_node *n)
{
	if (!n || !type_of(w, n))
		return;
	switch ((int)n->op) {
	case POL_OP_LIT:
	case POL_OP_VAR:
	case POL_OP_SLOT: return;
	case POL_OP_AND:
	case POL_OP_OR:
	case POL_OP_SET:
	case POL_OP_RECORD:
	case POL_OP_EXT: check_all(w, n); return;
	case POL_OP_HAS_TAG:
	case POL_OP_GET_TAG:
	case POL_OP_IN: check_asking(w, n); return;
	case POL_OP_ATTR: check_access(w, n); return;
	case POL_OP_HAS: check_has(w, n); return;
	case POL_OP_IS:
		check(w, n->a);
		if (type_of(w, n->b))
			check_asking(w, n);
		return;
	case POL_OP_IF: check(w, n->c); break;
	default: break;
	}
	check(w, n->a);
	check(w, n->b);
}

void pol_validate_level_check(struct pol_check *c, const struct pol_node *n, unsigned int max)
{
	struct walk w = {c, max};

	check(&w, n);
}
