/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From tree to text: policies and expressions in Cedar's syntax, with no more parentheses than
 * their meaning needs. What is printed parses to the same tree; comments and layout are not in the
 * tree (policy/format.h lays texts out).
 *
 * Thread: any. Limits: the buffer's (sticky, or_buf_ok).
 */
#ifndef POLICY_PRINT_H
#define POLICY_PRINT_H

#include "policy/ast.h"
#include "policy/set.h"

/* On one line. */
void pol_print_expr(struct or_buf *b, const struct pol_node *n);

/* Annotations and clauses on lines of their own, `;` and a line's end behind it. A link is printed
 * as the policy that it stands for. */
void pol_print_policy(struct or_buf *b, const struct pol_policy *p);

/* Every policy and template, and links as the policies that they stand for. annotate: each whose
 * id is not policyN gets @id("…") where it has none, so that the text keeps the ids. */
void pol_print_set(struct or_buf *b, const struct pol_set *set, bool annotate);

#endif
