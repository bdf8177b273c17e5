/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The evaluator: walks a policy's tree over a request. Private to the room; the way in is
 * policy/authorize.h.
 *
 * Semantics are Cedar 4.5's: `&&`, `||` and `if` evaluate what they need; integers overflow into
 * errors; an entity that is not known has no attributes, and reading one of it is an error.
 */
#ifndef POLICY_EVAL_H
#define POLICY_EVAL_H

#include "policy/ast.h"
#include "policy/ctx.h"
#include "policy/set.h"

/* The four variables, made once per request. */
struct pol_eval {
	struct pol_ctx *ctx;
	struct or_arena *arena;
	struct pol_value vars[4];           /* by enum pol_var */
	const struct pol_entity *known[3];  /* principal, action, resource; NULL: not known */
	const struct pol_uid *const *slots; /* of the policy at hand */
	const struct pol_source *src;       /* of the policy at hand */
	const struct pol_policy *policy;
	const char *error; /* what failed, in the arena */
	bool full;         /* the arena's budget is used up */
};

enum pol_outcome { POL_OUTCOME_NO, POL_OUTCOME_YES, POL_OUTCOME_ERROR };

/* Whether the policy (no template) is satisfied; on error ev->error says why. */
enum pol_outcome pol_eval_policy(struct pol_eval *ev, const struct pol_policy *p);

/* False on error. */
bool pol_eval_expr(struct pol_eval *ev, const struct pol_node *n, struct pol_value *out);

/* eval_ops.c: operators over values that are there. */
bool pol_eval_ops_in(struct pol_eval *ev, const struct pol_node *n, const struct pol_value *a,
    const struct pol_value *b, bool *out);
bool pol_eval_ops_compare(struct pol_eval *ev, const struct pol_node *n, const struct pol_value *a,
    const struct pol_value *b, struct pol_value *out);
bool pol_eval_ops_arith(struct pol_eval *ev, const struct pol_node *n, const struct pol_value *a,
    const struct pol_value *b, struct pol_value *out);
bool pol_eval_ops_set(struct pol_eval *ev, const struct pol_node *n, const struct pol_value *a,
    const struct pol_value *b, struct pol_value *out);
bool pol_eval_ops_ext(struct pol_eval *ev, const struct pol_node *n, struct pol_value *out);

/* Whether s matches the pattern (0xFF is a star). */
bool pol_eval_ops_like(struct or_slice s, struct or_slice pattern);

/* Sets the error (place in the source in front) and returns false. */
bool pol_eval_fail(struct pol_eval *ev, const struct pol_node *n, const char *fmt, ...)
    OR_PRINTF(3, 4);
/* "expected <what>, found <kind of v>" */
bool pol_eval_fail_kind(
    struct pol_eval *ev, const struct pol_node *n, const char *what, const struct pol_value *v);

/* ctx.c: a buffer for one message, kept from one to the next. */
struct or_buf *pol_ctx_scratch(struct pol_ctx *ctx);

const struct pol_entity *pol_eval_entity(const struct pol_eval *ev, const struct pol_uid *uid);

/* uid is `of`, or a descendant of it. */
bool pol_eval_is_in(const struct pol_eval *ev, const struct pol_uid *uid, const struct pol_uid *of);

#endif
