/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strict, incremental HTTP/1.x parser for requests and responses (RFC 9112).
 *
 * Refuses by default: what two readers could understand differently is never passed on, and each
 * refusal has a reason (base/http_msg.h). The result does not depend on how the bytes were cut.
 * Bodies are not kept: they come as slices of the input.
 * Owns: a copy of the head, and of the trailers, until or_http_parse_next.
 * Limits: those of its options; memory is bounded by them. Thread: whoever owns it.
 *
 *   for each piece of input: feed until MORE;  HEAD, then BODY…, then END, then next
 */
#ifndef BASE_HTTP_PARSE_H
#define BASE_HTTP_PARSE_H

#include "base/http_msg.h"

enum or_http_parse_kind { OR_HTTP_PARSE_REQUESTS, OR_HTTP_PARSE_RESPONSES };

struct or_http_parse_opt {
	enum or_http_parse_kind kind;
	size_t max_head;    /* bytes; 0: 32 KiB */
	size_t max_target;  /* bytes; 0: 8 KiB */
	size_t max_fields;  /* 0: 100 */
	uint64_t max_body;  /* bytes; 0: no limit */
	bool host_optional; /* see base/http_frame.h */
};

enum or_http_parse_event {
	OR_HTTP_PARSE_MORE, /* all of the input is used */
	OR_HTTP_PARSE_HEAD, /* or_http_parse_msg has the head */
	OR_HTTP_PARSE_BODY, /* *body is the next piece of content, borrowed from the input */
	OR_HTTP_PARSE_END,  /* the message is complete; trailers are there */
	OR_HTTP_PARSE_REFUSED,
};

struct or_http_parse;

struct or_http_parse *or_http_parse_new(const struct or_http_parse_opt *opt);
void or_http_parse_free(struct or_http_parse *p);

/*
 * Reads from in up to the next event; *used says how far. After END nothing more is read until
 * next; after REFUSED nothing ever. An input without bytes asks whether an event is due.
 */
enum or_http_parse_event or_http_parse_feed(
    struct or_http_parse *p, struct or_slice in, size_t *used, struct or_slice *body);

/*
 * The connection ended: END where that completes a response, MORE where it is between messages,
 * else REFUSED (OR_HTTP_TRUNCATED).
 */
enum or_http_parse_event or_http_parse_eof(struct or_http_parse *p);

/* From HEAD to the next or_http_parse_next; all zero before. */
const struct or_http_msg *or_http_parse_msg(const struct or_http_parse *p);
enum or_http_reason or_http_parse_reason(const struct or_http_parse *p);

/* Goes on to the connection's next message. After one without keep-alive only line ends pass. */
void or_http_parse_next(struct or_http_parse *p);

/* The next response answers a HEAD request (RFC 9110 §9.3.2). Holds until next. */
void or_http_parse_expect_head(struct or_http_parse *p);

/* True where all of the message has been read, whether or not END was given out yet. */
bool or_http_parse_is_complete(const struct or_http_parse *p);

/* True before the first byte of a message. */
bool or_http_parse_is_idle(const struct or_http_parse *p);

#endif
