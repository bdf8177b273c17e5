/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which policies of a set a request can satisfy. Private to the room.
 *
 * A tree over the guards that policies share. A node groups policies by a dimension, one kind of
 * test of one expression ("principal in", "context.tenant ==", or one test that many repeat), and
 * a group goes on, by the values that its policies look for, to nodes that hold those. So one look
 * at a value leaves every policy aside that wants another, however many there are.
 *
 * Guards that all policies of a node have are looked at once. A policy that looks for one thing or
 * another (`||`) is found by either.
 *
 * What is left out cannot be satisfied, and cannot err: a guard is looked at before others only
 * where neither it nor these can err; one that can err comes when all before it have held, and
 * where it errs every policy of its group does. Each guard that the way to a policy has seen to
 * hold is not evaluated again; those that are left are its entry's.
 *
 * Cost of a request: the groups on its ways, and the guards of the entries it comes to. A policy
 * that looks for several values (`in [ … ]`) may be found more than once.
 */
#ifndef POLICY_INDEX_H
#define POLICY_INDEX_H

#include "policy/code.h"
#include "policy/code_pool.h"

struct pol_run;

#define POL_INDEX_NONE  UINT32_MAX
#define POL_INDEX_ENTRY 0x80000000U /* a child that is one entry, not a node */

struct pol_index_entry {
	uint32_t policy; /* place */
	uint32_t at;     /* of guards: how many are left, then each */
};

struct pol_index_slot {
	uint32_t hash;
	uint32_t key; /* as of the group's kind */
	uint32_t child;
};

struct pol_index_group {
	uint8_t kind;  /* enum pol_code_class */
	uint32_t of;   /* expression; of a POL_CODE_CLASS_BOOL guard */
	uint32_t slot; /* the first; of a POL_CODE_CLASS_BOOL those of false and true */
	uint32_t n_slots;
	uint32_t n_keys;
	uint32_t lengths; /* of a POL_CODE_CLASS_PREFIX's keys: as an entry's guards */
};

/* A group of few keys is walked; one of more is a table, whose n_slots is a power of two. One of
 * bounds is walked up to the first that the value does not reach: in that order they lie. */
#define POL_INDEX_WALKED 6

static inline bool pol_index_is_bounds(uint8_t kind)
{
	return kind >= POL_CODE_CLASS_GE && kind <= POL_CODE_CLASS_LE_TIME;
}

static inline bool pol_index_is_table(const struct pol_index_group *g)
{
	return g->n_keys > POL_INDEX_WALKED && !pol_index_is_bounds(g->kind);
}

struct pol_index_node {
	uint32_t common; /* guards that all below have: as an entry's; or POL_INDEX_NONE */
	struct pol_code_range groups;
	struct pol_code_range entries;
};

struct pol_index {
	const struct pol_index_node *nodes;
	const struct pol_index_group *groups;
	const struct pol_index_slot *slots;
	const struct pol_index_entry *entries;
	const uint32_t *guards;
	uint32_t root;
};

/* index_build.c: over the policies that are no templates; ranges: each one's guards in
 * pool->listed. Lies in pool->arena. NULL: there is no room. */
const struct pol_index *pol_index_build(struct pol_code_pool *pool,
    const struct pol_policy *const *policies, const struct pol_code_range *ranges, size_t n);

/* What is told of a policy that may be satisfied: the guards that are left, or NULL where it is
 * known to err. False ends the walk. */
typedef bool (*pol_index_found)(void *arg, uint32_t policy, const uint32_t *guards);

/* False where the callback ended it. */
bool pol_index_walk(
    struct pol_run *r, const struct pol_index *ix, pol_index_found on_found, void *arg);

/* The slots' hash of a key. */
static inline uint32_t pol_index_hash(uint64_t hash)
{
	return (uint32_t)(hash ^ hash >> 32);
}

#endif
