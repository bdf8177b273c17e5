/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store of entities: attributes, tags and parents, with every ancestor found out beforehand.
 *
 * Built by adding, then sealed; from then on immutable, and may be shared between threads.
 * Owns:   copies of everything. An entity is borrowed until the store is freed.
 * Limits: the budget given at the start (OR_FULL).
 * Invariants after seal: no entity is there twice; no entity is its own ancestor; an ancestor, or
 * a value, that names an entity of the store points to that entity's own uid.
 */
#ifndef POLICY_ENTITIES_H
#define POLICY_ENTITIES_H

#include "policy/value.h"

struct pol_entity {
	struct pol_uid uid;
	const struct pol_record *attrs; /* never NULL */
	const struct pol_record *tags;  /* never NULL */
	const struct pol_uid *const *parents;
	size_t n_parents;
	const struct pol_uid *const *ancestors; /* by hash */
	const uint64_t *hashes;                 /* of the ancestors */
	size_t n_ancestors;
};

struct pol_entities;

/* budget: bytes, 0 for POL_ENTITIES_BUDGET. */
#define POL_ENTITIES_BUDGET (256 * OR_MIB)
struct pol_entities *pol_entities_new(size_t budget);
void pol_entities_free(struct pol_entities *es);

/* Adds a copy. attrs and tags may be NULL (none). OR_FULL. */
OR_NODISCARD enum or_code pol_entities_add(struct pol_entities *es, const struct pol_uid *uid,
    const struct pol_record *attrs, const struct pol_record *tags, const struct pol_uid *parents,
    size_t n_parents);

/* Finds out the ancestors. OR_EXISTS: an entity is there twice; OR_INVAL: an entity is its own
 * ancestor; OR_FULL. After a failure the store can only be freed. */
OR_NODISCARD enum or_code pol_entities_seal(struct pol_entities *es, struct or_err *err);

/* Of a sealed store; NULL where absent. */
const struct pol_entity *pol_entities_find(
    const struct pol_entities *es, const struct pol_uid *uid);

/* In the order they were added; of a sealed store. */
size_t pol_entities_count(const struct pol_entities *es);
const struct pol_entity *pol_entities_at(const struct pol_entities *es, size_t i);

/* Whether `of` is an ancestor of e. */
bool pol_entities_has_ancestor(const struct pol_entity *e, const struct pol_uid *of);

/* Sorts by hash and makes unique; for who keeps ancestors. Returns how many are left. */
size_t pol_entities_sort(const struct pol_uid **list, size_t n);

/* Gives e the ancestors of the list, which is sorted and in the arena. OR_FULL. */
OR_NODISCARD enum or_code pol_entities_take_ancestors(
    struct pol_entity *e, struct or_arena *a, const struct pol_uid *const *list, size_t n);

#endif
