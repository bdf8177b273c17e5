/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether two schemas mean the same: the same entity types with the same attributes, tags, ids and
 * ancestors, the same actions with the same groups, principals, resources and context. How common
 * types were used, order and annotations make no difference. Pure; thread: any.
 */
#ifndef POLICY_SCHEMA_SAME_H
#define POLICY_SCHEMA_SAME_H

#include "policy/schema.h"

bool pol_schema_same(const struct pol_schema *a, const struct pol_schema *b);

#endif
