/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/schema_same.h"

static bool same_type(const struct pol_type *a, const struct pol_type *b)
{
	if (!a || !b)
		return a == b;
	if (a->kind != b->kind || a->n_attrs != b->n_attrs || !or_slice_eq(a->entity, b->entity))
		return false;
	for (size_t i = 0; i < a->n_attrs; i++) {
		if (!or_slice_eq(a->attrs[i].name, b->attrs[i].name) ||
		    a->attrs[i].required != b->attrs[i].required ||
		    !same_type(a->attrs[i].type, b->attrs[i].type))
			return false;
	}
	return same_type(a->elem, b->elem);
}

static bool same_names(const struct or_slice *a, size_t n, const struct or_slice *b, size_t m)
{
	bool same = n == m;

	for (size_t i = 0; i < n && same; i++) {
		same = false;
		for (size_t k = 0; k < m; k++)
			same |= or_slice_eq(a[i], b[k]);
	}
	return same;
}

static bool same_entity_type(const struct pol_entity_type *a, const struct pol_entity_type *b)
{
	if (!b || a->n_ancestors != b->n_ancestors || !same_type(a->shape, b->shape) ||
	    !same_type(a->tags, b->tags) || !same_names(a->ids, a->n_ids, b->ids, b->n_ids))
		return false;
	for (size_t i = 0; i < a->n_ancestors; i++) {
		if (!pol_schema_may_be_in(b, a->ancestors[i]->name))
			return false;
	}
	return true;
}

/* To what an action applies; one that lacks principals or resources applies to nothing. */
static bool same_use(const struct pol_action *a, const struct pol_action *b)
{
	bool used = a->n_principals && a->n_resources;

	if (!used)
		return !b->n_principals || !b->n_resources;
	return same_type(a->context, b->context) &&
	       same_names(a->principals, a->n_principals, b->principals, b->n_principals) &&
	       same_names(a->resources, a->n_resources, b->resources, b->n_resources);
}

static bool same_action(const struct pol_action *a, const struct pol_action *b)
{
	if (!b || a->n_ancestors != b->n_ancestors || !same_use(a, b))
		return false;
	for (size_t i = 0; i < a->n_ancestors; i++) {
		if (!pol_uid_eq(a->ancestors[i], b->ancestors[i]))
			return false;
	}
	return true;
}

bool pol_schema_same(const struct pol_schema *a, const struct pol_schema *b)
{
	if (pol_schema_entity_count(a) != pol_schema_entity_count(b) ||
	    pol_schema_action_count(a) != pol_schema_action_count(b))
		return false;
	for (size_t i = 0; i < pol_schema_entity_count(a); i++) {
		const struct pol_entity_type *t = pol_schema_entity_at(a, i);

		if (!same_entity_type(t, pol_schema_entity_find(b, t->name)))
			return false;
	}
	for (size_t i = 0; i < pol_schema_action_count(a); i++) {
		const struct pol_action *x = pol_schema_action_at(a, i);

		if (!same_action(x, pol_schema_action_find(b, &x->uid)))
			return false;
	}
	return true;
}
