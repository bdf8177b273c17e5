/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies in JSON: Cedar's EST form, one policy or a set of static policies, templates and links.
 *
 *   {"effect": …, "principal": …, "action": …, "resource": …, "conditions": […], "annotations": …}
 *   {"staticPolicies": {id: policy…}, "templates": {id: policy…},
 *    "templateLinks": [{"templateId": …, "newId": …, "values": {"?principal": …}}…]}
 *
 * Reading is strict: a key that is not known, an operator with a part too many or a slot in a
 * condition is an error, with file, line, column and the path in the document. A text and its JSON
 * form make the same tree.
 * Limits: the set's budget; POL_EST_DEPTH_MAX levels of JSON (OR_FULL); the tree's own
 * (policy/ast.h). Thread: whoever owns the set.
 */
#ifndef POLICY_EST_H
#define POLICY_EST_H

#include "policy/set.h"

#define POL_EST_DEPTH_MAX 1100

/*
 * Adds what the document says to the set; name is the file in messages. The ids of a set's policies
 * are its own; one policy alone is named as pol_ids says. A link may name a template that the set
 * holds already. OR_PARSE: what is wrong is added to diags (which may be NULL), the first of it is
 * in err; then nothing is added. OR_EXISTS: an id is taken. OR_FULL.
 */
OR_NODISCARD enum or_code pol_est_add(struct pol_set *set, const char *name, struct or_slice json,
    struct pol_diags *diags, struct or_err *err);

/* One policy or template; a link as the policy that it stands for. indent: blanks per level, 0 for
 * one line. OR_FULL: the buffer, or nested deeper than can be read again. */
OR_NODISCARD enum or_code pol_est_write_policy(
    struct or_buf *b, const struct pol_policy *p, int indent, struct or_err *err);

/* The whole set. */
OR_NODISCARD enum or_code pol_est_write_set(
    struct or_buf *b, const struct pol_set *set, int indent, struct or_err *err);

#endif
