/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether data fits a schema: values, entities, requests. Pure checks; nothing is changed.
 */
#ifndef POLICY_CONFORM_H
#define POLICY_CONFORM_H

#include "policy/authorize.h"
#include "policy/schema.h"

/* Whether the value is of the type: no attribute is missing or undeclared, the ids of enumerated
 * entities and of actions are declared. OR_INVAL: err says where and why. */
OR_NODISCARD enum or_code pol_conform_value(const struct pol_schema *s, const struct pol_type *t,
    const struct pol_value *v, struct or_err *err);

/* An entity: its type, id, attributes, tags and the types of its parents. OR_INVAL. */
OR_NODISCARD enum or_code pol_conform_entity(
    const struct pol_schema *s, const struct pol_entity *e, struct or_err *err);

/* A request: the action is declared and applies to principal and resource, the context is of its
 * type. OR_INVAL. */
OR_NODISCARD enum or_code pol_conform_request(
    const struct pol_schema *s, const struct pol_request *req, struct or_err *err);

/* Whether that entity may exist: its type is declared, and its id where ids are enumerated. */
OR_NODISCARD enum or_code pol_conform_uid(
    const struct pol_schema *s, const struct pol_uid *uid, struct or_err *err);

#endif
