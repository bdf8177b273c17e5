/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML into the tree of base/json.h, with line and column at every node.
 *
 * A strict subset: one document; no anchors, aliases, tags or merge keys; no duplicate keys; keys
 * are strings. Plain scalars resolve by YAML 1.2's core schema (null, true/false, integers, reals);
 * everything else, dates included, is a string.
 * Limits: 64 levels, OR_YAML_SIZE_MAX bytes (libyaml is quadratic in nesting), the arena's budget.
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "base/json.h"

#define OR_YAML_SIZE_MAX (4U * 1024 * 1024)

/* OR_PARSE: message with line and column. OR_FULL: a limit. */
OR_NODISCARD enum or_code or_yaml_parse(
    const struct or_json **out, struct or_slice text, struct or_arena *a, struct or_err *err);

#endif
