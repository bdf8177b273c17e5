/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy as one expression: what partial evaluation reduces and what is left of it. Private to
 * the room.
 *
 * Scope and conditions become one `&&`, in their order; a link's slots are filled in. Every
 * operator has its operands in args, so that who walks a term needs to know no layouts. A value
 * that is known is a literal; what is known to fail is an error.
 *
 * Terms are immutable and lie in the caller's arena; they borrow names and literals of the policy
 * set. Thread: any. Limits: a term is at most as high as the tree it comes from, and two levels.
 */
#ifndef POLICY_TERM_H
#define POLICY_TERM_H

#include "policy/ast.h"
#include "policy/set.h"

#define POL_TERM_ERROR 0xFF /* an op beside enum pol_op */

struct pol_term {
	uint8_t op;  /* enum pol_op, or POL_TERM_ERROR */
	uint8_t sub; /* enum pol_var, enum pol_ext_fn */
	uint32_t n;  /* args */
	const struct pol_term *const *args;
	/* ATTR, LIKE, IS: one; HAS: the path; RECORD: a key for each arg. */
	const struct or_slice *names;
	uint32_t n_names;
	struct pol_value lit;
	const char *error;           /* POL_TERM_ERROR: what failed */
	const struct pol_node *node; /* where it comes from; NULL: the scope */
};

/* The parts of a policy: principal, action, resource, then one for each condition. Those of the
 * scope are literal `true` where they ask for nothing. */
#define POL_TERM_SCOPES 3

/* Each is NULL when the arena is full. */
const struct pol_term *pol_term_scope(
    struct or_arena *a, const struct pol_policy *p, enum pol_var var);
const struct pol_term *pol_term_node(
    struct or_arena *a, const struct pol_policy *p, const struct pol_node *n);
/* `unless` is a negation. */
const struct pol_term *pol_term_condition(
    struct or_arena *a, const struct pol_policy *p, const struct pol_condition *c);
const struct pol_term *pol_term_policy(struct or_arena *a, const struct pol_policy *p);

const struct pol_term *pol_term_lit(struct or_arena *a, struct pol_value v);
const struct pol_term *pol_term_bool(bool b); /* never NULL */
const struct pol_term *pol_term_var(enum pol_var var);
const struct pol_term *pol_term_error(
    struct or_arena *a, const struct pol_node *n, const char *msg);
/* t with other operands (copied). */
const struct pol_term *pol_term_with(
    struct or_arena *a, const struct pol_term *t, const struct pol_term *const *args, size_t n);

static inline bool pol_term_is_lit(const struct pol_term *t)
{
	return t->op == POL_OP_LIT;
}

static inline bool pol_term_is_bool(const struct pol_term *t, bool b)
{
	return t->op == POL_OP_LIT && t->lit.kind == POL_BOOL && t->lit.b == b;
}

static inline bool pol_term_is_error(const struct pol_term *t)
{
	return t->op == POL_TERM_ERROR;
}

/* Whether its value, if it has one, is a bool. */
bool pol_term_is_boolean(const struct pol_term *t);

/* Cedar text on one line; an error as `error("…")`, which is no Cedar. */
void pol_term_print(struct or_buf *b, const struct pol_term *t);

#endif
