/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A schema from one of its forms into the other: Cedar's schema text and JSON.
 *
 * Common types, namespaces and annotations stay what they are; comments go. What comes out means
 * the same. Both read the schema whole first, and say what is wrong with it as policy/schema.h.
 * Thread: any. Limits: the buffer's, POL_SCHEMA_BUDGET (OR_FULL).
 */
#ifndef POLICY_SCHEMA_CONVERT_H
#define POLICY_SCHEMA_CONVERT_H

#include "policy/diag.h"

/* indent: blanks per level, 0 for one line. diags may be NULL. */
OR_NODISCARD enum or_code pol_schema_convert_to_json(struct or_buf *b, const char *name,
    struct or_slice text, int indent, struct pol_diags *diags, struct or_err *err);

/* OR_UNSUPPORTED: the text form has no words for it (an entity and a common type of one name where
 * the entity is meant; an entity whose shape is a common type). */
OR_NODISCARD enum or_code pol_schema_convert_to_text(struct or_buf *b, const char *name,
    struct or_slice json, struct pol_diags *diags, struct or_err *err);

#endif
