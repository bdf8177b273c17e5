/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values out of a YAML map, each checked, with messages that name the file and the line.
 *
 * Pure; any thread. Values are borrowed from the tree. A value that is absent leaves *out as it is,
 * so that it holds the default.
 */
#ifndef COLLECTOR_ALERT_CONF_H
#define COLLECTOR_ALERT_CONF_H

#include "base/err.h"
#include "base/json.h"

struct co_conf {
	const char *file; /* for messages */
	struct or_err *err;
};

/* "FILE:LINE: …"; j may be NULL (no line is known then). Returns OR_INVAL. */
enum or_code co_conf_fail(const struct co_conf *c, const struct or_json *j, const char *fmt, ...)
    OR_PRINTF(3, 4);

/* That j is a map with no keys but these (ended by NULL); a misspelt one is answered with the
 * nearest. what: "a rule". */
OR_NODISCARD enum or_code co_conf_keys(
    const struct co_conf *c, const struct or_json *j, const char *const *keys, const char *what);

/* Text of 1 to max bytes. */
OR_NODISCARD enum or_code co_conf_text(const struct co_conf *c, struct or_slice *out,
    const struct or_json *map, const char *key, size_t max);
OR_NODISCARD enum or_code co_conf_bool(
    const struct co_conf *c, bool *out, const struct or_json *map, const char *key);
OR_NODISCARD enum or_code co_conf_u64(const struct co_conf *c, uint64_t *out,
    const struct or_json *map, const char *key, uint64_t min, uint64_t max);
/* "30s", "5m"…, in ns; "0s" is 0. */
OR_NODISCARD enum or_code co_conf_duration(const struct co_conf *c, int64_t *out,
    const struct or_json *map, const char *key, int64_t min_ns, int64_t max_ns);
/* A sequence of at most max items; *out is NULL where it is absent. */
OR_NODISCARD enum or_code co_conf_list(const struct co_conf *c, const struct or_json **out,
    const struct or_json *map, const char *key, size_t max);

/* OR_INVAL: absent. */
OR_NODISCARD enum or_code co_conf_need(
    const struct co_conf *c, const struct or_json *map, const char *key, const char *what);

#endif
