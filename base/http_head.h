/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start line and the field lines of an HTTP/1 message (RFC 9112 §2–§5), read as they arrive.
 *
 * Lexical only: what the fields mean for the body is base/http_frame.h's. Each byte is judged when
 * it comes, so that the result does not depend on how the bytes were cut.
 * Owns its copy of the bytes. Limits: bytes, target, number of fields. Thread: whoever owns it.
 */
#ifndef BASE_HTTP_HEAD_H
#define BASE_HTTP_HEAD_H

#include "base/buf.h"
#include "base/http_msg.h"

/* Empty lines that are passed over before a start line (RFC 9112 §2.2). */
#define OR_HTTP_HEAD_BLANKS_MAX 4

enum or_http_head_kind { OR_HTTP_HEAD_REQUEST, OR_HTTP_HEAD_RESPONSE, OR_HTTP_HEAD_TRAILERS };

struct or_http_head_span {
	uint32_t name, name_end, value, value_end; /* offsets into bytes */
};

struct or_http_head {
	enum or_http_head_kind kind;
	size_t max_bytes;
	size_t max_target;
	size_t max_fields;

	struct or_buf bytes;
	struct or_http_head_span *spans;
	size_t n_spans;
	size_t cap_spans;
	struct or_http_field *fields;

	int state;
	unsigned int blanks;
	unsigned int version_at; /* how much of "HTTP/1.x" is read */
	unsigned int minor;
	unsigned int status;
	size_t mark; /* where the piece that is being read starts */
	uint32_t method_end, target, target_end, phrase, phrase_end;
	enum or_http_reason reason;
};

enum or_http_head_result { OR_HTTP_HEAD_MORE, OR_HTTP_HEAD_DONE, OR_HTTP_HEAD_REFUSED };

void or_http_head_init(struct or_http_head *h, enum or_http_head_kind kind, size_t max_bytes,
    size_t max_target, size_t max_fields);
void or_http_head_done(struct or_http_head *h);
/* Ready for the next message; memory is kept up to a moderate size. */
void or_http_head_clear(struct or_http_head *h);

/* True before the first byte of a message (empty lines aside). */
bool or_http_head_is_fresh(const struct or_http_head *h);

/* Reads up to the end of the head; *used says how many bytes of in belonged to it. */
enum or_http_head_result or_http_head_feed(
    struct or_http_head *h, struct or_slice in, size_t *used);

/* After DONE: what was read, borrowed until clear. Trailers fill trailers, others the fields. */
void or_http_head_get(struct or_http_head *h, struct or_http_msg *msg);

#endif
