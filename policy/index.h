/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which policies of a set can be satisfied by a request, by what their scope names. Private to the
 * room.
 *
 * A policy lies in exactly one bucket: that of an entity which its principal, resource or action
 * must be or be in, the rarest of them so far; one whose scope names none lies in the rest. So the
 * candidates of a request are the buckets of its three entities and of their ancestors, and the
 * rest. What is left out fails its scope, which cannot err.
 */
#ifndef POLICY_INDEX_H
#define POLICY_INDEX_H

#include "policy/ast.h"
#include "policy/set.h"

struct pol_index_entry {
	const struct pol_policy *policy;
	const struct pol_index_entry *next;
};

struct pol_index_bucket {
	uint64_t hash;
	uint32_t n;  /* 0: a free slot */
	uint8_t var; /* enum pol_var */
	const struct pol_index_entry *head;
};

struct pol_index {
	struct or_arena *arena;
	struct pol_index_bucket *slots; /* a power of two of them */
	size_t n_slots;
	size_t n_used;
	struct pol_index_entry *spare; /* reserved */
	size_t n_spare;
	const struct pol_index_entry *rest;
};

/* Makes room for n more; false when there is none. */
bool pol_index_reserve(struct pol_index *ix, size_t n);

/* Adds a policy (no template), for which room has been made. */
void pol_index_add(struct pol_index *ix, const struct pol_policy *p);

/* The policies whose var must be (in) the entity of that hash; NULL where there are none. */
const struct pol_index_entry *pol_index_find(
    const struct pol_index *ix, enum pol_var var, uint64_t hash);

/* set.c: the index of a set. */
const struct pol_index *pol_set_index(const struct pol_set *set);

#endif
