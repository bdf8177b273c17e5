/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip (RFC 1952), whole messages: what HTTP calls Content-Encoding: gzip.
 *
 * Any thread. One or several members, checked by their CRC-32; nothing may follow them.
 * Limits: out's maximum bounds what is unpacked, so a small bomb cannot grow.
 */
#ifndef BASE_GZIP_H
#define BASE_GZIP_H

#include "base/buf.h"
#include "base/err.h"

/* Appends the content. OR_PARSE: not gzip, cut short, or damaged. OR_FULL: larger than out may be.
 * out holds a beginning of it then. */
OR_NODISCARD enum or_code or_gzip_decode(
    struct or_buf *out, struct or_slice in, struct or_err *err);

/* Appends in, packed, at the fastest level. OR_FULL. */
OR_NODISCARD enum or_code or_gzip_encode(struct or_buf *out, struct or_slice in);

#endif
