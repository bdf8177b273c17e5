/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gRPC server for unary calls over base/h2_server.h ("gRPC over HTTP/2", PROTOCOL-HTTP2.md).
 *
 * A method gets a call with its whole message, unpacked where it came as gzip, and answers at once
 * or later, with a message or with a status. A call whose grpc-timeout passes before is answered
 * with DEADLINE_EXCEEDED here. Answers are not packed: they are small.
 * Refused here: another content type than application/grpc[+proto] (HTTP 415), another method than
 * POST (405), a path that is no method (UNIMPLEMENTED), a message that is too large or too many
 * bytes at once (RESOURCE_EXHAUSTED, UNAVAILABLE), packed in another way (UNIMPLEMENTED), framed
 * wrongly or with a bad timeout (INTERNAL, as other servers say).
 * Thread: the loop's. Limits: as in base/h2.h; one message a call.
 */
#ifndef BASE_GRPC_H
#define BASE_GRPC_H

#include "base/h2_server.h"

/* google.rpc.Code */
enum or_grpc_code {
	OR_GRPC_OK = 0,
	OR_GRPC_INVALID_ARGUMENT = 3,
	OR_GRPC_DEADLINE_EXCEEDED = 4,
	OR_GRPC_NOT_FOUND = 5,
	OR_GRPC_PERMISSION_DENIED = 7,
	OR_GRPC_RESOURCE_EXHAUSTED = 8,
	OR_GRPC_UNIMPLEMENTED = 12,
	OR_GRPC_INTERNAL = 13,
	OR_GRPC_UNAVAILABLE = 14,
	OR_GRPC_UNAUTHENTICATED = 16,
};

struct or_grpc;
struct or_grpc_call;

struct or_grpc_method {
	const char *path; /* "/package.Service/Method" */
	void (*fn)(void *arg, struct or_grpc_call *call);
};

/* For what is refused before a method sees it, for counting; google.rpc.Status in protobuf may be
 * put into details (grpc-status-details-bin). */
typedef void or_grpc_refused_fn(void *arg, enum or_grpc_code code, struct or_buf *details);

struct or_grpc_opt {
	const char *listen;
	size_t max_conns;
	uint32_t max_streams;                 /* of a connection */
	size_t max_message;                   /* packed, and unpacked */
	size_t max_messages;                  /* bytes of all calls at once */
	size_t arena;                         /* bytes a call's arena may use */
	struct or_tls *tls;                   /* as in base/h2_server.h */
	const struct or_grpc_method *methods; /* borrowed, as is arg */
	size_t n_methods;
	or_grpc_refused_fn *on_refused; /* may be NULL */
	void *arg;
};

/* OR_BUSY: the address is in use. OR_INVAL: no address. */
OR_NODISCARD enum or_code or_grpc_new(
    struct or_grpc **out, struct or_loop *loop, const struct or_grpc_opt *opt, struct or_err *err);
/* Calls under way get on_close first. Not from inside a callback. */
void or_grpc_free(struct or_grpc *g);
const char *or_grpc_address(const struct or_grpc *g);
/* As or_h2_server_drain. */
void or_grpc_drain(struct or_grpc *g, or_loop_fn *done, void *arg);
void or_grpc_stats(struct or_h2_server_stats *out, const struct or_grpc *g);

/* -- a call -- */

/* Borrowed as long as the call. */
struct or_slice or_grpc_call_message(const struct or_grpc_call *call);
struct or_arena *or_grpc_call_arena(struct or_grpc_call *call);
const struct or_net_addr *or_grpc_call_peer(const struct or_grpc_call *call);
const char *or_grpc_call_peer_text(const struct or_grpc_call *call);

/* OR_CLOSED: the caller gave it up; OR_TIMEOUT: its time is over. Once, unless it is answered
 * before; the call is gone afterwards. Who does not answer at once must attach. */
void or_grpc_call_attach(struct or_grpc_call *call, or_h2_req_close_fn *on_close, void *arg);

/* The answer; the call is gone. */
void or_grpc_call_reply(struct or_grpc_call *call, struct or_slice message);
/* code is not OK. details: google.rpc.Status in protobuf, or empty. */
void or_grpc_call_fail(struct or_grpc_call *call, enum or_grpc_code code, const char *message,
    struct or_slice details);

/* -- the wire format, for tests and clients too -- */

/* "20S", "500m" (§ Timeout) to ns; what does not fit is the longest time. OR_PARSE. */
OR_NODISCARD enum or_code or_grpc_timeout_ns(int64_t *out, struct or_slice s);
/* Status-Message: percent-encoded where it is no visible ASCII. */
void or_grpc_put_message(struct or_buf *out, struct or_slice text);

#endif
