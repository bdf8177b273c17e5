/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies the trees of policies so that what is equal lies in memory once. Private to the room.
 *
 * Large sets are made by programs: their policies are alike but for a name or a number. A copy's
 * positions count from its policy's first byte (its body's source begins there), so that like
 * policies are equal node by node, wherever they stand; names, strings, entities and lists too are
 * there once.
 *
 * Thread: one. Owns: its table; copies lie in the arena given at the start. A slice within the
 * text at hand is kept, not copied.
 */
#ifndef POLICY_SHARE_H
#define POLICY_SHARE_H

#include "policy/ast.h"
#include "policy/set.h"

struct pol_share_slot;

struct pol_share {
	struct or_arena *arena;
	struct pol_share_slot *slots;
	size_t n_slots;
	size_t n;
	struct or_slice text; /* of the policy at hand, with what is around it */
	uint32_t start;       /* where its positions count from */
	bool full;
};

void pol_share_init(struct pol_share *s, struct or_arena *arena);
void pol_share_done(struct pol_share *s);

/*
 * Copies a policy that was read from p->body->src, all but its id and file, which stay as they
 * are. NULL: there is no room.
 */
struct pol_policy *pol_share_policy(struct pol_share *s, const struct pol_policy *p);

#endif
