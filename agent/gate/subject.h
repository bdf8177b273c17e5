/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A principal's attributes: the token's claims, as far as the policies' schema asks for them.
 *
 * A claim becomes the attribute of its name where the schema declares one: String, Long, Bool, and
 * sets of these. A claim that is there and does not fit is named: leaving it out would look like a
 * token without it, and a forbid behind `principal has x` would not apply. Pure; any thread.
 */
#ifndef AGENT_GATE_SUBJECT_H
#define AGENT_GATE_SUBJECT_H

#include "base/jsonw.h"
#include "policy/schema.h"

/*
 * schema may be NULL (no attributes). The record lies in the arena and borrows claims. *unfit is
 * the first claim that does not fit (then the record lacks it), p == NULL where all do. OR_FULL.
 */
OR_NODISCARD enum or_code ag_subject_attributes(const struct pol_record **out,
    struct or_slice *unfit, const struct pol_schema *schema, struct or_slice type,
    const struct or_json *claims, struct or_arena *a);

/* As JSON, for the decision's inputs; NULL is an empty record, or null. */
void ag_subject_json_record(struct or_jsonw *w, const struct pol_record *r);
void ag_subject_json_value(struct or_jsonw *w, const struct pol_value *v);

#endif
