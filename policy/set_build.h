/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How readers put policies into a set. Private to the room; policy/set.h is the way in.
 *
 * mark, put…, then commit (what was put is found from then on) or roll_back (it is gone, but for
 * its memory).
 */
#ifndef POLICY_SET_BUILD_H
#define POLICY_SET_BUILD_H

#include "policy/set.h"

struct pol_set_mark {
	size_t count;
	size_t numbered;
};

struct pol_set_mark pol_set_mark(const struct pol_set *set);

/* Where what is put must lie. */
struct or_arena *pol_set_arena(struct pol_set *set);

/* Gives p its id as pol_ids says; in_text: its number in its document. False: no room. */
bool pol_set_name(struct pol_set *set, struct pol_policy *p, size_t in_text);

/* OR_EXISTS: the id is taken. OR_FULL. */
OR_NODISCARD enum or_code pol_set_put(struct pol_set *set, struct pol_policy *p);

/* A link that is not put yet: as pol_set_link. */
OR_NODISCARD enum or_code pol_set_link_make(struct pol_policy **out, struct pol_set *set,
    struct or_slice template_id, struct or_slice new_id, const struct pol_uid *principal,
    const struct pol_uid *resource, struct or_err *err);

/* OR_FULL: then all since the mark is rolled back. */
OR_NODISCARD enum or_code pol_set_commit(struct pol_set *set, struct pol_set_mark mark);
void pol_set_roll_back(struct pol_set *set, struct pol_set_mark mark);

#endif
