/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The different keys of a query string ("a=1&b&a=2" has a and b), for policies to ask about.
 *
 * Keys are percent-decoded once, '+' is a blank; one that is not UTF-8 text afterwards, a broken
 * escape, a longer key than AG_QUERY_KEY_MAX or more keys than AG_QUERY_KEYS_MAX refuse the query.
 * Pure; any thread. Everything lies in the caller's arena.
 */
#ifndef AGENT_GATE_QUERY_H
#define AGENT_GATE_QUERY_H

#include "base/arena.h"
#include "base/err.h"

#define AG_QUERY_KEYS_MAX 64
#define AG_QUERY_KEY_MAX  256

/* OR_PARSE; OR_FULL: too many keys, or the arena. */
OR_NODISCARD enum or_code ag_query_keys(
    const struct or_slice **out, size_t *n, struct or_slice query, struct or_arena *a);

#endif
