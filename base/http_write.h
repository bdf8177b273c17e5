/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pieces of a message's head as text. Failure is the buffer's, or a field that is no field:
 * nobody can smuggle a line end into a head. Pure; any thread.
 */
#ifndef BASE_HTTP_WRITE_H
#define BASE_HTTP_WRITE_H

#include "base/buf.h"
#include "base/http_msg.h"

/* "name: value\r\n" for each; false where one is malformed (RFC 9110 §5.1, §5.5). */
OR_NODISCARD bool or_http_write_fields(
    struct or_buf *b, const struct or_http_field *fields, size_t n);

/* "METHOD target HTTP/1.1\r\nHost: host\r\n"; false where one of them is malformed. */
OR_NODISCARD bool or_http_write_request(
    struct or_buf *b, struct or_slice method, struct or_slice target, struct or_slice host);

/* "Content-Length: n\r\n" */
void or_http_write_length(struct or_buf *b, uint64_t n);

/* "HTTP/1.1 status phrase\r\n" */
void or_http_write_status(struct or_buf *b, unsigned int status);

#define OR_HTTP_WRITE_CHUNK_MAX 20
/* The line in front of a chunk of n bytes; returns its length. */
size_t or_http_write_chunk(char out[OR_HTTP_WRITE_CHUNK_MAX], size_t n);

#endif
