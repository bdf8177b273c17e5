/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON as Cedar's documents hold it, into base's tree: as base/json.h, but strings and keys may
 * hold U+0000 (entity ids do), each node knows its line and column, and a number with a fraction
 * or an exponent is refused (Cedar's numbers are 64-bit integers).
 *
 * Strict: RFC 8259, no duplicate keys, valid UTF-8, no lone surrogates, nothing behind the value.
 * Limits: OR_JSON_DEPTH_MAX levels (or what the caller says); the arena's budget. Thread: whoever
 * owns the arena.
 */
#ifndef POLICY_JSON_H
#define POLICY_JSON_H

#include "base/json.h"
#include "policy/diag.h"

/* OR_PARSE: reported. OR_FULL: depth (reported) or arena. The tree's bytes lie in the arena. */
OR_NODISCARD enum or_code pol_json_parse(const struct or_json **out, const struct pol_source *src,
    struct or_arena *a, struct pol_diags *diags);

/* As above, with a limit of its own for the levels; each costs about half a KiB of stack. */
OR_NODISCARD enum or_code pol_json_parse_deep(const struct or_json **out,
    const struct pol_source *src, struct or_arena *a, int depth_max, struct pol_diags *diags);

/* Where a node that pol_json_parse made stands in its text, and how many bytes it has there. */
size_t pol_json_at(const struct or_json *j);
size_t pol_json_len(const struct or_json *j);

/* Reports at a node of a tree that came from src. Returns OR_PARSE. */
enum or_code pol_json_fail(struct pol_diags *diags, const struct pol_source *src,
    const struct or_json *at, const char *fmt, ...) OR_PRINTF(4, 5);

/* New nodes, for who builds a tree; NULL when the arena is full. */
struct or_json *pol_json_new(struct or_arena *a, enum or_json_type type);
struct or_json *pol_json_str(struct or_arena *a, struct or_slice s);

#endif
