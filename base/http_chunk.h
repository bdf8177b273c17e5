/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chunked transfer coding (RFC 9112 §7.1), decoded as it arrives, without its trailers.
 *
 * Strict: hexadecimal digits only, CRLF only, extensions as the grammar has them but without
 * blanks. Limits: OR_HTTP_CHUNK_EXTENSIONS_MAX bytes of extensions in a message. Thread: whoever
 * owns it.
 */
#ifndef BASE_HTTP_CHUNK_H
#define BASE_HTTP_CHUNK_H

#include "base/http_msg.h"

#define OR_HTTP_CHUNK_EXTENSIONS_MAX (16U * 1024)

enum or_http_chunk_result {
	OR_HTTP_CHUNK_MORE,
	OR_HTTP_CHUNK_DATA,
	OR_HTTP_CHUNK_LAST, /* the zero chunk's line is read: trailers follow */
	OR_HTTP_CHUNK_REFUSED,
};

struct or_http_chunk {
	int state;
	unsigned int digits;
	uint64_t left; /* of this chunk */
	size_t extensions;
	enum or_http_reason reason;
};

void or_http_chunk_init(struct or_http_chunk *c);

/* Reads up to the end of a piece of data, which is then *data, borrowed from in. */
enum or_http_chunk_result or_http_chunk_feed(
    struct or_http_chunk *c, struct or_slice in, size_t *used, struct or_slice *data);

#endif
