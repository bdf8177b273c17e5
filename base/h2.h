/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server's side of one HTTP/2 connection (RFC 9113) as bytes in and bytes out; the one home of
 * nghttp2. base/h2_server.h puts it on sockets.
 *
 * A request is given out when it is whole. It is answered at once or later, in any order; until
 * then on_close tells that nobody waits any more. Handles are gone after either.
 * Thread: whoever owns it; a room and its connections belong to one thread. Pure but for memory.
 * Limits: streams at once; the bytes of a head (431 beyond) and of a body (OR_FULL beyond); all
 * bodies of a room together (OR_BUSY beyond). Frames that cost the sender nothing (PING, SETTINGS,
 * RST_STREAM, WINDOW_UPDATE, PRIORITY, empty DATA, unknown ones) are paid from an allowance that
 * answers and time refill: who has none left gets GOAWAY with ENHANCE_YOUR_CALM. A field that is
 * none resets its stream; what breaks the protocol ends the connection.
 */
#ifndef BASE_H2_H
#define BASE_H2_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/http_msg.h"

struct or_h2;
struct or_h2_req;
struct or_h2_room;

struct or_h2_opt {
	uint32_t max_streams; /* of a connection; 0: 100 */
	size_t max_head;      /* as RFC 9113 §6.5.2 counts: 32 for each field besides; 0: 16 KiB */
	size_t max_body;      /* 0: 64 KiB */
	size_t max_bodies;    /* of all connections, at once; 0: 16 of the largest */
	size_t arena;         /* bytes a request's arena may use; 0: 256 KiB */
	int64_t request_ns;   /* from a request's first frame to its end; 0: 30 s */
	int64_t answer_ns;    /* for the client to take its answer; 0: 30 s */
};

/* What the connections of one listener share. */
struct or_h2_room *or_h2_room_new(const struct or_h2_opt *opt);
/* When none of its connections is left. */
void or_h2_room_free(struct or_h2_room *room);

struct or_h2_ops {
	/* A request that is whole, or whose body could not be taken (or_h2_req_fault). */
	void (*on_request)(void *arg, struct or_h2_req *req);
	/* There may be something to take, because of a call from outside or_h2_put. */
	void (*on_ready)(void *arg);
};

/* The connection begins with our SETTINGS. */
struct or_h2 *or_h2_new(
    struct or_h2_room *room, const struct or_h2_ops *ops, void *arg, int64_t now_ns);
/* Requests that wait for their answer get on_close (OR_CLOSED) first. Not from a callback. */
void or_h2_free(struct or_h2 *h2);

/* Bytes from the client. OR_PARSE: not HTTP/2; take what is to be sent, then close. */
OR_NODISCARD enum or_code or_h2_put(struct or_h2 *h2, struct or_slice in, int64_t now_ns);
/* Appends what is to be sent, until there are at least `enough` bytes or nothing is left. */
void or_h2_take(struct or_h2 *h2, struct or_buf *out, size_t enough);
/* Takes no further requests (GOAWAY, NO_ERROR); those under way go on. */
void or_h2_leave(struct or_h2 *h2);
/* Resets streams that are late: requests that do not end, answers that nobody takes. */
void or_h2_expire(struct or_h2 *h2, int64_t now_ns);
size_t or_h2_n_streams(const struct or_h2 *h2);
/* Nothing more is to be sent or read: close the connection. */
bool or_h2_is_over(const struct or_h2 *h2);

/* -- a request -- */

/* method, target, path, query, host and fields; valid as long as the request. */
const struct or_http_msg *or_h2_req_msg(const struct or_h2_req *req);
struct or_slice or_h2_req_body(const struct or_h2_req *req);
/* OR_FULL: the body is larger than one may be. OR_BUSY: there is no room for it now. */
enum or_code or_h2_req_fault(const struct or_h2_req *req);
/* Memory that lives as long as the request. */
struct or_arena *or_h2_req_arena(struct or_h2_req *req);
/* The argument of the connection that it came on. */
void *or_h2_req_conn(const struct or_h2_req *req);
/* Exchanges the body and *other (what it unpacks to). OR_BUSY: no room; nothing is changed. */
OR_NODISCARD enum or_code or_h2_req_swap_body(struct or_h2_req *req, struct or_buf *other);

/* OR_CLOSED: the client gave it up, or is gone. Once, unless it is answered before. */
typedef void or_h2_req_close_fn(void *arg, enum or_code why);
void or_h2_req_attach(struct or_h2_req *req, or_h2_req_close_fn *on_close, void *arg);

struct or_h2_answer {
	unsigned int status;
	const struct or_http_field *fields; /* names in lower case (RFC 9113 §8.2) */
	size_t n_fields;
	struct or_slice body;
	const struct or_http_field *trailers;
	size_t n_trailers;
};

#define OR_H2_FIELDS_MAX 16

/* At most OR_H2_FIELDS_MAX fields and trailers. Everything is copied; the handle is gone. */
void or_h2_req_answer(struct or_h2_req *req, const struct or_h2_answer *answer);

#endif
