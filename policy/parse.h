/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From text to tree. Private to the room; policy/set.h is the way in.
 *
 * Recursive descent over Cedar's grammar. An error is reported and reading goes on behind the next
 * `;`, so that one run shows several.
 */
#ifndef POLICY_PARSE_H
#define POLICY_PARSE_H

#include "policy/ast.h"
#include "policy/lex.h"
#include "policy/set.h"

struct pol_parse {
	struct pol_lex lex;
	struct or_arena *arena;
	struct or_buf scratch; /* lists that grow, as a stack */
	unsigned int depth;
	enum or_code rc; /* the first failure: OR_PARSE or OR_FULL */
};

/* Reads one policy into *p (id not set). False after an error, when the lexer has recovered. */
bool pol_parse_policy(struct pol_parse *ps, struct pol_policy *p);

/* parse_expr.c: NULL after an error (reported). */
const struct pol_node *pol_parse_expr(struct pol_parse *ps);

/* Nodes over what was pushed since mark: operands, or fields (struct pol_node_field). NULL as
 * above. */
struct pol_node *pol_parse_expr_list(struct pol_parse *ps, enum pol_op op, size_t at, size_t mark);
const struct pol_node *pol_parse_expr_record(struct pol_parse *ps, size_t at, size_t mark);

/* A name with its namespace, joined by "::". At `in` a path ends without error where an entity's
 * id follows: *has_id is then true and the token is the string. has_id NULL: a path only. */
bool pol_parse_path(struct pol_parse *ps, struct or_slice *path, bool *has_id);

/* Path::"id" */
const struct pol_uid *pol_parse_entity(struct pol_parse *ps);

/* parse_call.c: what follows `(`, for a function and a method. */
const struct pol_node *pol_parse_call_function(
    struct pol_parse *ps, struct or_slice name, size_t at);
const struct pol_node *pol_parse_call_method(
    struct pol_parse *ps, const struct pol_node *on, struct or_slice name, size_t at);

/* A call of an extension function or method; a constructor of a valid literal becomes one. */
const struct pol_node *pol_parse_call_make(struct pol_parse *ps, enum pol_ext_fn fn,
    const struct pol_node *const *args, size_t n, size_t at);

/* Finds out the value of a set of literals, and hangs it into the node. */
const struct pol_node *pol_parse_call_fold_set(struct pol_parse *ps, struct pol_node *set);

/* Reports at a place of the text and returns NULL, so that callers can pass it on. */
const void *pol_parse_fail(struct pol_parse *ps, size_t at, size_t n, const char *help,
    const char *fmt, ...) OR_PRINTF(5, 6);

/* A node of the tree, with its place and height; NULL when there is no room (OR_FULL) or the tree
 * is too high (reported). The operands may be NULL where the op has none. */
struct pol_node *pol_parse_node(struct pol_parse *ps, enum pol_op op, size_t at,
    const struct pol_node *a, const struct pol_node *b);

/* One level deeper; false (reported) beyond the limit. Every enter that is true has its leave. */
bool pol_parse_enter(struct pol_parse *ps);
void pol_parse_leave(struct pol_parse *ps);

/* The scratch stack: push items, then move those above mark into the arena. */
size_t pol_parse_mark(const struct pol_parse *ps);
void pol_parse_push(struct pol_parse *ps, const void *item, size_t size);
const void *pol_parse_pop(struct pol_parse *ps, size_t mark); /* NULL when there is no room */

#endif
