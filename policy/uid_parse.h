/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name of an entity from text, as Cedar writes it: Shop::User::"alice", with Cedar's escapes.
 * Strict: one name and nothing beside it but blanks and comments. Thread: any.
 */
#ifndef POLICY_UID_PARSE_H
#define POLICY_UID_PARSE_H

#include "base/err.h"
#include "policy/uid.h"

/* *out lies in the arena. OR_PARSE: err says what is expected; OR_FULL. */
OR_NODISCARD enum or_code pol_uid_parse(
    struct pol_uid *out, struct or_arena *a, struct or_slice text, struct or_err *err);

#endif
