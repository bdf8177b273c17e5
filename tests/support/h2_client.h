/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP/2 client for tests, as bytes in and bytes out, on nghttp2's client side.
 * Answers are kept until the client is freed. Limits: SUPPORT_H2_ANSWERS requests a client.
 */
#ifndef TESTS_SUPPORT_H2_CLIENT_H
#define TESTS_SUPPORT_H2_CLIENT_H

#include "base/buf.h"
#include "base/http_msg.h"

#define SUPPORT_H2_ANSWERS 1024

struct support_h2;

struct support_h2_answer {
	bool closed;
	uint32_t error; /* of RST_STREAM */
	unsigned int status;
	struct or_buf fields; /* "name: value\n", trailers too */
	struct or_buf body;
};

struct support_h2 *support_h2_new(void);
void support_h2_free(struct support_h2 *c);

/* POST with that body. Fields may be pseudo ones, in the place of its own. Returns the stream. */
int32_t support_h2_ask(struct support_h2 *c, const char *path, const struct or_http_field *fields,
    size_t n_fields, struct or_slice body);
/* Begins a request whose body does not end. */
int32_t support_h2_begin(struct support_h2 *c, const char *path);
void support_h2_reset(struct support_h2 *c, int32_t id);
void support_h2_ping(struct support_h2 *c);

/* Bytes from the server, and for it. */
void support_h2_put(struct support_h2 *c, struct or_slice in);
void support_h2_take(struct support_h2 *c, struct or_buf *out);

struct support_h2_answer *support_h2_answer(struct support_h2 *c, int32_t id);
/* The error code of GOAWAY; -1 where none came. */
int64_t support_h2_goaway(const struct support_h2 *c);

#endif
