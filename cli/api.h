/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's API as the CLI calls it: blocking, with the bearer token of the state directory.
 *
 * The collector is --collector URL, else $OUTRIDER_COLLECTOR, else the one that `outrider up`
 * started in the state directory. Its token is the file $OUTRIDER_TOKEN_FILE, else
 * <state>/collector/admin.token. The token never appears in messages.
 */
#ifndef CLI_API_H
#define CLI_API_H

#include "base/buf.h"
#include "base/json.h"
#include "cli/state.h"

#define CTL_API_BODY_MAX (1024U * 1024 * 1024) /* 100,000 records of any size that occurs */

struct ctl_api {
	struct ctl_state *state;
	const char *url;        /* "http://127.0.0.1:8470" */
	const char *token;      /* NULL: none was found; calls that need it will be refused */
	const char *token_file; /* where it was looked for; NULL: not a collector's API */
};

/* collector: the value of --collector, or NULL. OR_ABSENT: none is known; the message says how to
 * start one. */
OR_NODISCARD enum or_code ctl_api_open(
    struct ctl_api *out, struct ctl_state *s, const char *collector, struct or_err *err);

/* The body of a 2xx answer, appended. Any other answer is an error with the collector's own words:
 * 400 and 404 OR_PARSE and OR_ABSENT, 401 and 403 OR_CLOSED, 5xx OR_BUSY. */
OR_NODISCARD enum or_code ctl_api_get(
    struct or_buf *body, const struct ctl_api *api, const char *path, struct or_err *err);
OR_NODISCARD enum or_code ctl_api_post(struct or_buf *body, const struct ctl_api *api,
    const char *path, struct or_slice json, struct or_err *err);

/* As ctl_api_get, parsed into the state's arena. */
OR_NODISCARD enum or_code ctl_api_get_json(
    const struct or_json **out, const struct ctl_api *api, const char *path, struct or_err *err);

/* Appends text with everything but unreserved characters percent-encoded (RFC 3986 §2.3). */
void ctl_api_escape(struct or_buf *to, struct or_slice text);

#endif
