/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reduces a term by what is known of a request: a value, an error, or what is left of it. Private
 * to the room; policy/partial.h is the way in.
 *
 * Exact: for whatever the unknown turns out to be, what is left evaluates as the term would have,
 * errors included (which error it is may differ). With nothing unknown this is an evaluator.
 */
#ifndef POLICY_REDUCE_H
#define POLICY_REDUCE_H

#include "policy/ctx.h"
#include "policy/partial.h"
#include "policy/term.h"

struct pol_reduce {
	struct or_arena *arena;
	const struct pol_ctx *ctx;
	const struct pol_partial_request *req;
	struct pol_value vars[4]; /* where known */
	bool known[4];
	bool full; /* the arena's budget is used up */
};

void pol_reduce_init(struct pol_reduce *r, struct or_arena *a, const struct pol_ctx *ctx,
    const struct pol_partial_request *req);

/* NULL when the arena is full. */
const struct pol_term *pol_reduce_term(struct pol_reduce *r, const struct pol_term *t);

/* False: whatever is unknown, the policy's scope does not match. Takes no memory. */
bool pol_reduce_may_match(const struct pol_reduce *r, const struct pol_policy *p);

/* reduce_ops.c: t with literal operands; what is asked of entities is not among it. */
const struct pol_term *pol_reduce_ops_apply(
    struct pol_reduce *r, const struct pol_term *t, const struct pol_term *const *args);

/* An error at t. */
const struct pol_term *pol_reduce_fail(
    struct pol_reduce *r, const struct pol_term *t, const char *fmt, ...) OR_PRINTF(3, 4);
/* "expected <what>, found <kind of v>" */
const struct pol_term *pol_reduce_fail_kind(
    struct pol_reduce *r, const struct pol_term *t, const char *what, const struct pol_value *v);
const struct pol_term *pol_reduce_lit(struct pol_reduce *r, struct pol_value v);

#endif
