/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zstandard (RFC 8878), single frames of known size.
 *
 * Any thread (each keeps a context of its own until it ends).
 * Limits: out's maximum; unpacking writes exactly the bytes that the caller expects, so a small
 * bomb cannot grow.
 */
#ifndef BASE_ZSTD_H
#define BASE_ZSTD_H

#include "base/buf.h"
#include "base/err.h"

/* Appends in, packed; level 1 (fast) to 19. Fullness is the buffer's. */
void or_zstd_encode(struct or_buf *out, struct or_slice in, int level);

/* Unpacks into to[0..n). OR_PARSE: not one frame of exactly n bytes, or damaged. */
OR_NODISCARD enum or_code or_zstd_decode(
    uint8_t *to, size_t n, struct or_slice in, struct or_err *err);

#endif
