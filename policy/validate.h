/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether policies fit a schema: names exist, the scope can match, and no evaluation over data that
 * fits the schema can end in a type error.
 *
 * Strict and permissive validation are Cedar's. Findings are diagnostics at their place, with their
 * class (policy/finding.h). Warnings make no policy invalid: one that no request can satisfy, and
 * text that reads as something else than it is. A link is only asked what its template cannot
 * tell: whether the slots' values fit.
 * Thread: any. Cost: policies × (action, principal type, resource type) of the schema.
 */
#ifndef POLICY_VALIDATE_H
#define POLICY_VALIDATE_H

#include "policy/schema.h"
#include "policy/set.h"

enum pol_validate_mode { POL_VALIDATE_STRICT, POL_VALIDATE_PERMISSIVE };

/* OR_INVAL: it does not fit; the findings are added to diags (which may be NULL) and the first is
 * in err. OR_FULL: it is too large to tell. */
OR_NODISCARD enum or_code pol_validate_policy(const struct pol_policy *p,
    const struct pol_schema *schema, enum pol_validate_mode mode, struct pol_diags *diags,
    struct or_err *err);

/* As above, and by how many steps from entity to entity a policy goes (level validation, Cedar
 * RFC 76): more than max_level, or a step from an entity that it names itself, is an error. */
OR_NODISCARD enum or_code pol_validate_level(const struct pol_policy *p,
    const struct pol_schema *schema, enum pol_validate_mode mode, unsigned int max_level,
    struct pol_diags *diags, struct or_err *err);

/* Every policy, template and link of the set. */
OR_NODISCARD enum or_code pol_validate_set(const struct pol_set *set,
    const struct pol_schema *schema, enum pol_validate_mode mode, struct pol_diags *diags,
    struct or_err *err);

#endif
