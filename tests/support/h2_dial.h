/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP/2 client (tests/support/h2_client.h) on a socket, and unary gRPC calls on it, for tests
 * whose server runs on the same loop. What lasts too long fails the test.
 */
#ifndef TESTS_SUPPORT_H2_DIAL_H
#define TESTS_SUPPORT_H2_DIAL_H

#include "base/conn.h"
#include "tests/support/h2_client.h"

struct support_dial {
	struct or_loop *loop;
	struct or_conn_hub *hub;
	struct or_conn *conn;
	struct support_h2 *h2;
	bool deaf; /* takes nothing more */
	bool ended;
};

/* tls: the session, NULL: plain. */
struct support_dial *support_dial_new(
    struct or_loop *loop, const char *address, struct or_tls_session *tls);
void support_dial_free(struct support_dial *d);
/* Sends what the client has to say. */
void support_dial_flush(struct support_dial *d);
/* Turns the loop until the stream is closed, or the connection ended. */
void support_dial_await(struct support_dial *d, int32_t id);
/* Turns the loop until fn(arg). */
void support_dial_until(struct support_dial *d, bool (*fn)(void *arg), void *arg);

struct support_grpc {
	int status; /* grpc-status; -1: there was none */
	unsigned int http;
	struct or_slice message; /* of the answer; these two until the client is freed */
	const char *fields;
};

/* Begins a call: message with its five bytes in front. */
int32_t support_grpc_ask(struct support_dial *d, const char *path, struct or_slice message,
    bool packed, const struct or_http_field *fields, size_t n_fields);
void support_grpc_read(struct support_grpc *out, struct support_dial *d, int32_t id);
/* Both, and the wait between them. */
void support_grpc_call(
    struct support_grpc *out, struct support_dial *d, const char *path, struct or_slice message);

#endif
