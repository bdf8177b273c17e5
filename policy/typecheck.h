/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The type of an expression in one request environment: an action with the types of principal,
 * resource and context. Private to the room; policy/validate.h is the way in.
 *
 * Bool has singletons True and False, so that what cannot happen in an environment is not held
 * against the policy. A capability is an attribute or tag that a `has` before has shown to be
 * there (Cedar's OOPSLA 2024 paper, §4).
 */
#ifndef POLICY_TYPECHECK_H
#define POLICY_TYPECHECK_H

#include "base/map.h"
#include "policy/ast.h"
#include "policy/types.h"

/* on.name, or on.getTag(tag), is there. */
struct pol_cap {
	const struct pol_node *on;
	struct or_slice name;
	const struct pol_node *tag; /* NULL: an attribute */
	const struct pol_cap *next;
};

struct pol_check {
	const struct pol_schema *schema;
	bool strict;
	struct or_arena *arena; /* of the environment */
	const struct pol_source *src;
	struct pol_diags *diags;
	/* The environment. */
	const struct pol_action *action;
	const struct pol_type *vars[4];
	const struct pol_type *slots[POL_SLOTS];
	/* What has been found. */
	size_t errors;
	const struct pol_node *reported[64]; /* each place once, though environments are many */
	size_t n_reported;
	bool full;
	/* Where not NULL: the type of each node that was looked at, by its address. */
	struct or_map *types;
};

/* type NULL: not known. Not ok: an error has been found in it, here or by another check. */
struct pol_answer {
	const struct pol_type *type;
	bool ok;
	const struct pol_cap *caps;
};

struct pol_answer pol_typecheck_expr(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior);

/* As above, and an error where the type is not a subtype of either (other may be NULL). */
struct pol_answer pol_typecheck_expect(struct pol_check *c, const struct pol_node *n,
    const struct pol_cap *prior, const struct pol_type *type, const struct pol_type *other);

/* One more operand of an `&&`. */
struct pol_answer pol_typecheck_and(struct pol_check *c, struct pol_answer left,
    const struct pol_node *right, const struct pol_cap *prior);

/* typecheck_ops.c */
struct pol_answer pol_typecheck_ops_eq(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior);
struct pol_answer pol_typecheck_ops_compare(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior);
struct pol_answer pol_typecheck_ops_in(struct pol_check *c, const struct pol_node *n,
    struct pol_answer left, const struct pol_cap *prior);
struct pol_answer pol_typecheck_ops_contains(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior);
struct pol_answer pol_typecheck_ops_tag(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior);
struct pol_answer pol_typecheck_ops_ext(
    struct pol_check *c, const struct pol_node *n, const struct pol_cap *prior);

/* Capabilities: sets as lists. */
bool pol_typecheck_caps_has(const struct pol_cap *set, const struct pol_node *on,
    struct or_slice name, const struct pol_node *tag);
const struct pol_cap *pol_typecheck_caps_one(struct pol_check *c, const struct pol_node *on,
    struct or_slice name, const struct pol_node *tag);
const struct pol_cap *pol_typecheck_caps_union(
    struct pol_check *c, const struct pol_cap *a, const struct pol_cap *b);
const struct pol_cap *pol_typecheck_caps_both(
    struct pol_check *c, const struct pol_cap *a, const struct pol_cap *b);

/* The type found of a node; NULL where it was not looked at, because it is never evaluated. */
const struct pol_type *pol_typecheck_type(const struct pol_check *c, const struct pol_node *n);

/* Reports at the node, once. */
void pol_typecheck_fail(struct pol_check *c, const struct pol_node *n, enum pol_finding finding,
    const char *fmt, ...) OR_PRINTF(4, 5);
/* "expected …, found …" */
void pol_typecheck_mismatch(struct pol_check *c, const struct pol_node *n, const char *expected,
    const struct pol_type *found);
void pol_typecheck_incompatible(struct pol_check *c, const struct pol_node *n,
    const struct pol_type *a, const struct pol_type *b);

static inline struct pol_answer pol_typecheck_ok(const struct pol_type *type)
{
	return (struct pol_answer){type, true, NULL};
}

#endif
