/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From tree to guards. Private to the room.
 *
 * Guards are added to pool->listed in the order in which Cedar evaluates what they stand for.
 * Errors: a pool that is full (pol_code_pool_ok).
 */
#ifndef POLICY_CODE_EMIT_H
#define POLICY_CODE_EMIT_H

#include "policy/code_pool.h"

/* code_emit.c: the expression that computes the node's value; a tree where it is too deep. */
uint32_t pol_code_emit_expr(
    struct pol_code_pool *p, const struct pol_node *node, const struct pol_source *src);

/* code_guard.c: what the scope of a policy (no template) says. */
void pol_code_guard_scope(struct pol_code_pool *p, const struct pol_policy *policy);

/* code_guard.c: what its conditions say. */
void pol_code_guard_conditions(struct pol_code_pool *p, const struct pol_body *body);

#endif
