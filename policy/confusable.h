/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that reads as something else than it is: characters that turn its direction, scripts that
 * are mixed (a Cyrillic letter in a Latin word), characters that identifiers should not hold
 * (Unicode TR 36, UTS 39 §5.1 and §3.1). Private to the room.
 */
#ifndef POLICY_CONFUSABLE_H
#define POLICY_CONFUSABLE_H

#include "base/def.h"
#include "policy/finding.h"

/* What is odd about a string, POL_FINDING_NONE where nothing is. */
enum pol_finding pol_confusable_string(struct or_slice s);

/* As above about the name of an attribute or the id of an entity. */
enum pol_finding pol_confusable_identifier(struct or_slice s);

#endif
