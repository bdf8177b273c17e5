/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the head of an HTTP/1 message means: the request-target's form, the host, and where the
 * body ends (RFC 9112 §3.2, §6.3, RFC 9110 §7.2).
 *
 * Whatever two readers could understand differently is refused: two lengths, a length beside a
 * coding, a coding other than exactly "chunked", two hosts. Pure; any thread.
 */
#ifndef BASE_HTTP_FRAME_H
#define BASE_HTTP_FRAME_H

#include "base/http_msg.h"

struct or_http_frame_opt {
	bool host_optional; /* HTTP/1.1 without Host passes; for judging parsers only */
	bool answers_head;  /* a response to HEAD: no body, whatever the fields say */
	uint64_t max_body;  /* a larger Content-Length is refused; 0: no limit */
};

/* Fills form, path, query, host, keep_alive … of a message whose lines have been read. */
enum or_http_reason or_http_frame_request(
    struct or_http_msg *msg, const struct or_http_frame_opt *opt);
enum or_http_reason or_http_frame_response(
    struct or_http_msg *msg, const struct or_http_frame_opt *opt);

/* A trailer that would change framing, routing or identity (RFC 9110 §6.5.1) is a reason. */
enum or_http_reason or_http_frame_trailers(const struct or_http_msg *msg);

#endif
