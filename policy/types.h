/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The validator's lattice of types: Cedar's rules for subtypes and least upper bounds, strict and
 * permissive. Private to the room.
 *
 * In strict mode types only join where they are the same but for Bool's singletons; in permissive
 * mode entities join to several types and records to those with fewer attributes.
 */
#ifndef POLICY_TYPES_H
#define POLICY_TYPES_H

#include "policy/schema.h"

extern const struct pol_type pol_types_bool, pol_types_true, pol_types_false, pol_types_long,
    pol_types_string, pol_types_never, pol_types_any_entity, pol_types_any_set,
    pol_types_any_record, pol_types_entity_set;

bool pol_types_subtype(const struct pol_type *a, const struct pol_type *b, bool strict);

/* NULL where there is none, or no room in the arena (or_arena_is_full tells). */
const struct pol_type *pol_types_lub(
    struct or_arena *a, const struct pol_type *x, const struct pol_type *y, bool strict);

/* No value is of both types. */
bool pol_types_disjoint(const struct pol_type *a, const struct pol_type *b);

/* Of the entity types that an entity of this type may have, names[0..n). n = 0 for any type. */
void pol_types_names(const struct pol_type *t, const struct or_slice **names, size_t *n);

/* The attribute, with its type joined over the entity types; false where it is not known. */
bool pol_types_attr(struct or_arena *a, const struct pol_schema *s, const struct pol_type *t,
    struct or_slice name, struct pol_attr *out);

/* Some value of the type may have the attribute. */
bool pol_types_may_have(const struct pol_schema *s, const struct pol_type *t, struct or_slice name);

const struct pol_type *pol_types_entity(struct or_arena *a, struct or_slice name);
const struct pol_type *pol_types_set(struct or_arena *a, const struct pol_type *elem);

static inline const struct pol_type *pol_types_singleton(bool b)
{
	return b ? &pol_types_true : &pol_types_false;
}

#endif
