/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many steps from entity to entity an expression takes (Cedar RFC 76): who loads entities for a
 * request then knows which ones to load. Private to the room; policy/validate.h is the way in.
 */
#ifndef POLICY_VALIDATE_LEVEL_H
#define POLICY_VALIDATE_LEVEL_H

#include "policy/typecheck.h"

/* Reports each place of an expression, whose types are in c->types, that takes more than `max`
 * steps from the request's entities, or that steps from an entity that is a literal. */
void pol_validate_level_check(struct pol_check *c, const struct pol_node *n, unsigned int max);

#endif
