/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entities and contexts in Cedar's JSON form.
 *
 * {"__entity": {type, id}} and {"__extn": {fn, arg | args}} say what a plain value cannot. With a
 * schema, entities and extension values may also be written plainly where their type is declared,
 * everything is checked against it, and the schema's actions are added.
 * Errors: OR_PARSE with diagnostics that name file, line and column; OR_EXISTS, OR_INVAL, OR_FULL
 * as pol_entities_seal.
 */
#ifndef POLICY_ENTITIES_JSON_H
#define POLICY_ENTITIES_JSON_H

#include "policy/json.h"
#include "policy/schema.h"

/* [{uid, attrs, parents, tags?}…] into a sealed store of the caller's. schema may be NULL; diags
 * too. */
OR_NODISCARD enum or_code pol_entities_json_parse(struct pol_entities **out, const char *name,
    struct or_slice text, const struct pol_schema *schema, struct pol_diags *diags,
    struct or_err *err);

/* As above from a tree that came from src. */
OR_NODISCARD enum or_code pol_entities_json_read(struct pol_entities **out,
    const struct pol_source *src, const struct or_json *j, const struct pol_schema *schema,
    struct pol_diags *diags, struct or_err *err);

/* One entity of the list, unchecked where schema is NULL; it lies in the arena, without ancestors.
 */
OR_NODISCARD enum or_code pol_entities_json_one(struct pol_entity *out, struct or_arena *a,
    const struct pol_source *src, const struct or_json *j, const struct pol_schema *schema,
    struct pol_diags *diags);

/* A context into the arena, typed by the action where schema and action are not NULL. */
OR_NODISCARD enum or_code pol_entities_json_context(const struct pol_record **out,
    struct or_arena *a, const struct pol_source *src, const struct or_json *j,
    const struct pol_schema *schema, const struct pol_uid *action, struct pol_diags *diags);

/* {type, id}, or that under "__entity"; its bytes are the tree's. */
OR_NODISCARD enum or_code pol_entities_json_uid(struct pol_uid *out, const struct pol_source *src,
    const struct or_json *j, struct pol_diags *diags);

#endif
