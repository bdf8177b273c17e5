/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip (RFC 1952) as it streams, either way, in bounded memory.
 *
 * Any thread, one at a time. Unpacking takes one or several members, checked by their CRC-32, and
 * nothing behind them. Memory: some 40 KiB unpacking, 260 KiB packing.
 */
#ifndef BASE_GZIP_STREAM_H
#define BASE_GZIP_STREAM_H

#include "base/buf.h"
#include "base/err.h"

struct or_gzip_stream;

struct or_gzip_stream *or_gzip_stream_unpacker(void);
/* At the fastest level. */
struct or_gzip_stream *or_gzip_stream_packer(void);
void or_gzip_stream_free(struct or_gzip_stream *s);

/*
 * Appends at most `room` bytes of content, moving in on. OR_OK: all of in is used, and nothing more
 * comes of it; OR_AGAIN: call again, with what is left. last: nothing comes behind in.
 * OR_PARSE: not gzip, damaged, or (with last) cut short. OR_FULL: out.
 */
OR_NODISCARD enum or_code or_gzip_stream_unpack(
    struct or_gzip_stream *s, struct or_slice *in, bool last, struct or_buf *out, size_t room);

/* Appends in, packed; with flush, everything so far can be unpacked; with last, the end. OR_FULL.
 */
OR_NODISCARD enum or_code or_gzip_stream_pack(
    struct or_gzip_stream *s, struct or_slice in, bool flush, bool last, struct or_buf *out);

#endif
