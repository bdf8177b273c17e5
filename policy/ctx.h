/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one request needs: memory, and the entities that are known only now.
 *
 * A context is made once and used for one request after another: pol_ctx_begin takes everything
 * back. Values and records for a request are built in its arena. Entities that are put in lie over
 * the base stores (an entity of the same name hides the stored one) and no store is copied.
 *
 * Thread: one at a time. Owns: its arena; base stores are borrowed until the next begin.
 * Limits: the budget (OR_FULL), POL_CTX_ENTITIES_MAX entities, POL_CTX_BASES_MAX stores.
 */
#ifndef POLICY_CTX_H
#define POLICY_CTX_H

#include "policy/entities.h"

#define POL_CTX_BASES_MAX    4
#define POL_CTX_ENTITIES_MAX 64
#define POL_CTX_BUDGET       (4 * OR_MIB)

struct pol_ctx;

/* budget: bytes per request, 0 for POL_CTX_BUDGET. */
struct pol_ctx *pol_ctx_new(size_t budget);
void pol_ctx_free(struct pol_ctx *ctx);

/* Starts a request: everything of the last one goes. bases (may be none) are sealed stores; the
 * first that knows an entity answers for it. */
void pol_ctx_begin(struct pol_ctx *ctx, const struct pol_entities *const *bases, size_t n_bases);

/* For the values of this request; taken back by the next begin. */
struct or_arena *pol_ctx_arena(struct pol_ctx *ctx);

/*
 * Puts an entity over the base stores. uid's bytes and attrs (NULL: none) are borrowed until the
 * next begin; parents are copied, their bytes borrowed. Its ancestors are its parents and theirs,
 * so parents go in before children: OR_INVAL where an entity that is there names uid as a parent.
 * OR_EXISTS: uid is there. OR_FULL.
 */
OR_NODISCARD enum or_code pol_ctx_put(struct pol_ctx *ctx, const struct pol_uid *uid,
    const struct pol_record *attrs, const struct pol_uid *parents, size_t n_parents);

/* NULL where neither put in nor stored. */
const struct pol_entity *pol_ctx_find(const struct pol_ctx *ctx, const struct pol_uid *uid);

#endif
