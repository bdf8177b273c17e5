/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How answers of policy are shown: to people, and as JSON.
 */
#ifndef CLI_POLICY_POLICY_SHOW_H
#define CLI_POLICY_POLICY_SHOW_H

#include "base/jsonw.h"
#include "cli/policy/policy_ask.h"
#include "policy/explain.h"

/* Decision, the policies that determined it, masks and errors. */
void ctl_policy_show_answer(const struct ctl_policy_answer *answer);
void ctl_policy_show_explain(const struct pol_explain *e);

/* "decision", "reasons", "errors", "masks" into an object that is open. */
void ctl_policy_show_json(struct or_jsonw *w, const struct ctl_policy_answer *answer);
/* "masks": [{"column", "kind", "constant"?, "policy"}] */
void ctl_policy_show_masks_json(struct or_jsonw *w, const struct pol_masks *masks);
/* "column: kind" a line each. */
void ctl_policy_show_masks(const struct pol_masks *masks);

/* Entity as Cedar writes it, in the arena. */
struct or_slice ctl_policy_show_uid(struct or_arena *a, const struct pol_uid *uid);

#endif
