/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One canonical form of a request's path, the same for policy, for the record and for the app.
 *
 * Percent-encoded unreserved characters are decoded once, other escapes get upper-case digits,
 * empty segments and "." go, ".." takes its segment away (RFC 3986 §6.2.2). What servers are known
 * to read differently is refused: encoded slashes, backslashes and controls, parameters behind ';',
 * ".." above the root, escapes that are not UTF-8. The canonical form of a canonical form is
 * itself. Pure; any thread.
 */
#ifndef BASE_HTTP_PATH_H
#define BASE_HTTP_PATH_H

#include "base/buf.h"

enum or_http_path_result {
	OR_HTTP_PATH_SAME,    /* canonical already */
	OR_HTTP_PATH_CHANGED, /* out differs from raw; fronts that cannot rewrite refuse it */
	OR_HTTP_PATH_NOT_ABSOLUTE,
	OR_HTTP_PATH_BYTE,      /* a byte that no path may have unescaped */
	OR_HTTP_PATH_ESCAPE,    /* '%' without two hexadecimal digits */
	OR_HTTP_PATH_SLASH,     /* %2F */
	OR_HTTP_PATH_BACKSLASH, /* %5C */
	OR_HTTP_PATH_CONTROL,   /* %00–%1F, %7F */
	OR_HTTP_PATH_PARAMETER, /* ';' or %3B */
	OR_HTTP_PATH_ABOVE_ROOT,
	OR_HTTP_PATH_ENCODING, /* the escapes are not UTF-8 */
	OR_HTTP_PATH_FULL,     /* out's maximum */
};

enum { OR_HTTP_PATH_ALLOW_PARAMETERS = 1 };

/* Replaces what out holds. From NOT_ABSOLUTE on the path is refused and out is empty. */
enum or_http_path_result or_http_path_canon(
    struct or_buf *out, struct or_slice raw, unsigned int flags);

/* "same", "slash", "above_root": for records. */
const char *or_http_path_name(enum or_http_path_result result);

#endif
