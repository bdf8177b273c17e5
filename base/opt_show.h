/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What values option tables (base/opt.h) have in the end, and where each came from.
 *
 * Secrets are never shown: options with OR_OPT_SECRET, members of trees whose names say that they
 * are secret (password, secret, token, authorization, …; not files that hold one), user and
 * password in URLs. What stands for one is OR_OPT_SHOW_REDACTED. Pure; any thread. Failure is the
 * buffer's.
 */
#ifndef BASE_OPT_SHOW_H
#define BASE_OPT_SHOW_H

#include "base/buf.h"
#include "base/opt.h"

#define OR_OPT_SHOW_REDACTED "[redacted]"

/* A line each, "gate.listen: 127.0.0.1:8080  # default": YAML that gives the same values when it is
 * read (but the secrets). What is not set stands in a comment. The targets hold the values. */
void or_opt_show_yaml(
    struct or_buf *out, const struct or_opt_set *set, const struct or_opt_seen *seen);

/* An object a line: {"key", "value", "from"}; value is null where nothing is set. */
void or_opt_show_json(
    struct or_buf *out, const struct or_opt_set *set, const struct or_opt_seen *seen);

/* Puts that option's value as JSON, secrets left out. target: the struct that holds it. */
void or_opt_show_value(struct or_buf *out, const struct or_opt *opt, const void *target);

#endif
