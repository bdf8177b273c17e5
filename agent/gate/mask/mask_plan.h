/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The masks of one answer, ready to be looked up while its names come by.
 *
 * A path names a column wherever a row stands: it matches the end of a member's path, so that
 * `email` also means data[3].email of an answer in an envelope, and `customer.email` the email
 * of each customer. Lists have no name of their own. A name that holds dots stands for several:
 * {"customer.email": …} is the flat form of the same column. Names compare byte for byte.
 * Where several columns match a member the strictest mask counts (policy/mask.h); of two constants
 * the one that sorts first, byte for byte.
 *
 * The names from the root to a member are not kept: what is kept of them is the trail, which
 * masks have come how far. Most members leave an empty one.
 *
 * Thread: any. Owns: its tables; the masks are borrowed for its life.
 */
#ifndef AGENT_GATE_MASK_MASK_PLAN_H
#define AGENT_GATE_MASK_MASK_PLAN_H

#include "agent/gate/mask/mask.h"

#define AG_MASK_PLAN_SPANS_MAX (32U * 1024)
#define AG_MASK_PLAN_TRAIL_MAX (16U * 1024)

struct ag_mask_plan;

/* hash_key is copied. OR_FULL: the paths are too many and too long. */
OR_NODISCARD enum or_code ag_mask_plan_new(struct ag_mask_plan **out, const struct pol_masks *masks,
    struct or_slice hash_key, struct or_err *err);
void ag_mask_plan_free(struct ag_mask_plan *plan);

struct or_slice ag_mask_plan_hash_key(const struct ag_mask_plan *plan);

/* Trails lie behind one another: that of each open object on top of its parent's. */
struct ag_mask_trail {
	uint32_t *steps; /* mask and how many of its names have come */
	size_t n, cap;
};
void ag_mask_plan_trail_done(struct ag_mask_trail *t);

/*
 * A member's name, in an object whose trail begins at `from` and ends at t->n. The mask that it
 * owes, or NULL; then the trail of what lies under it is appended to t.
 * False: AG_MASK_PLAN_TRAIL_MAX is reached.
 */
OR_NODISCARD bool ag_mask_plan_step(const struct pol_mask **out, const struct ag_mask_plan *plan,
    struct ag_mask_trail *t, size_t from, struct or_slice name);

#endif
