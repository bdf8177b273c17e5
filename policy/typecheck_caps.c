/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities, and when two expressions are the same.
 */
#include "policy/typecheck.h"

static bool same(const struct pol_node *a, const struct pol_node *b);

static bool same_lists(const struct pol_node *a, const struct pol_node *b)
{
	for (uint32_t i = 0; i < a->n; i++) {
		if (!same(a->args[i], b->args[i]))
			return false;
	}
	return true;
}

static bool same_fields(const struct pol_node *a, const struct pol_node *b)
{
	for (uint32_t i = 0; i < a->n; i++) {
		bool found = false;

		for (uint32_t k = 0; k < b->n && !found; k++)
			found = or_slice_eq(a->fields[i].key, b->fields[k].key) &&
				same(a->fields[i].value, b->fields[k].value);
		if (!found)
			return false;
	}
	return true;
}

static bool same_names(const struct pol_node *a, const struct pol_node *b)
{
	for (uint32_t i = 0; i < a->n; i++) {
		if (!or_slice_eq(a->names[i], b->names[i]))
			return false;
	}
	return same(a->a, b->a);
}

static bool same(const struct pol_node *a, const struct pol_node *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->op != b->op || a->sub != b->sub || a->n != b->n)
		return false;
	switch (a->op) {
	case POL_OP_LIT: return pol_value_eq(&a->lit, &b->lit);
	case POL_OP_VAR:
	case POL_OP_SLOT: return true;
	case POL_OP_AND:
	case POL_OP_OR:
	case POL_OP_SET:
	case POL_OP_EXT: return same_lists(a, b);
	case POL_OP_RECORD: return same_fields(a, b);
	case POL_OP_HAS: return same_names(a, b);
	case POL_OP_ATTR:
	case POL_OP_LIKE:
	case POL_OP_IS:
		return or_slice_eq(a->name, b->name) && same(a->a, b->a) && same(a->b, b->b);
	case POL_OP_IF: return same(a->a, b->a) && same(a->b, b->b) && same(a->c, b->c);
	default: return same(a->a, b->a) && same(a->b, b->b);
	}
}

bool pol_typecheck_caps_has(const struct pol_cap *set, const struct pol_node *on,
    struct or_slice name, const struct pol_node *tag)
{
	for (; set; set = set->next) {
		if (!set->tag == !tag &&
		    (tag ? same(set->tag, tag) : or_slice_eq(set->name, name)) && same(set->on, on))
			return true;
	}
	return false;
}

static const struct pol_cap *push(
    struct pol_check *c, const struct pol_cap *top, const struct pol_cap *cap)
{
	struct pol_cap *new = or_arena_alloc(c->arena, sizeof(*new));

	if (!new) {
		c->full = true;
		return top;
	}
	*new = *cap;
	new->next = top;
	return new;
}

const struct pol_cap *pol_typecheck_caps_one(struct pol_check *c, const struct pol_node *on,
    struct or_slice name, const struct pol_node *tag)
{
	struct pol_cap cap = {on, name, tag, NULL};

	return push(c, NULL, &cap);
}

const struct pol_cap *pol_typecheck_caps_union(
    struct pol_check *c, const struct pol_cap *a, const struct pol_cap *b)
{
	if (!a)
		return b;
	for (; b; b = b->next) {
		if (!pol_typecheck_caps_has(a, b->on, b->name, b->tag))
			a = push(c, a, b);
	}
	return a;
}

const struct pol_cap *pol_typecheck_caps_both(
    struct pol_check *c, const struct pol_cap *a, const struct pol_cap *b)
{
	const struct pol_cap *both = NULL;

	for (; a; a = a->next) {
		if (pol_typecheck_caps_has(b, a->on, a->name, a->tag))
			both = push(c, both, a);
	}
	return both;
}
