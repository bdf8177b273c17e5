/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs what policy/code.h made: the values of expressions and the outcomes of guards, for one
 * request. Private to the room.
 *
 * Semantics are those of policy/eval.h, which run_test.c compares; only what an error says is left
 * to that one. Thread: one per context. Nothing is allocated but sets and records that a policy
 * computes, in the context's arena.
 */
#ifndef POLICY_RUN_H
#define POLICY_RUN_H

#include "policy/code.h"
#include "policy/ctx.h"
#include "policy/eval.h"

struct pol_run {
	const struct pol_code *code;
	struct pol_eval *ev;     /* the request; and for trees */
	struct pol_value *stack; /* POL_CODE_STACK */
	bool full;               /* the arena's budget is used up */
};

/* The value, or NULL where it errs. It may lie in *room. */
const struct pol_value *pol_run_value(struct pol_run *r, uint32_t expr, struct pol_value *room);

/* YES where the guard holds. */
enum pol_outcome pol_run_guard(struct pol_run *r, const struct pol_code_guard *g);

/* run_ops.c: a binary operator; false where it errs. out may be a. */
bool pol_run_ops_binary(struct pol_run *r, enum pol_op op, const struct pol_value *a,
    const struct pol_value *b, struct pol_value *out);

/* The record or entity has the attribute: *out, NULL where not. False where it is neither. */
bool pol_run_ops_attr(const struct pol_run *r, const struct pol_value *on, struct or_slice name,
    const struct pol_value **out);

bool pol_run_ops_tag(const struct pol_run *r, enum pol_op op, const struct pol_value *on,
    const struct pol_value *key, struct pol_value *out);
bool pol_run_ops_ext(struct pol_run *r, enum pol_ext_fn fn, const struct pol_value *args,
    uint32_t n, struct pol_value *out);

/* ctx.c: room for POL_CODE_STACK values. */
struct pol_value *pol_ctx_stack(struct pol_ctx *ctx);

#endif
