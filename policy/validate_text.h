/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Warnings of text in a policy that reads as something else than it is. Private to the room;
 * policy/validate.h is the way in.
 */
#ifndef POLICY_VALIDATE_TEXT_H
#define POLICY_VALIDATE_TEXT_H

#include "policy/ast.h"

/* Looks at every string, entity's id and attribute's name of a policy. */
void pol_validate_text_check(const struct pol_body *body, struct pol_diags *diags);

#endif
