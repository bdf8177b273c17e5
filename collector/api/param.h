/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters in the query of a request's target: name=value pairs between '&'. Pure; any thread.
 */
#ifndef COLLECTOR_API_PARAM_H
#define COLLECTOR_API_PARAM_H

#include "base/buf.h"
#include "base/err.h"

/* Appends the value of the first parameter of that name (plain letters), %XX decoded, + as a blank.
 * OR_ABSENT: there is none. OR_PARSE: an escape is none. OR_FULL: out is. */
OR_NODISCARD enum or_code co_param_get(struct or_buf *out, struct or_slice query, const char *name);

/* Appends a piece of a path, %XX decoded. Errors as above. */
OR_NODISCARD enum or_code co_param_path(struct or_buf *out, struct or_slice piece);

#endif
