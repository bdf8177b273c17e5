/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What base/http_server.c (connections, deadlines) and base/http_req.c (one exchange) share.
 * Nobody else includes it. A connection has one exchange at a time, and reuses its storage.
 *
 *   IDLE ──first byte──▶ HEAD ──head read──▶ HANDLING ──answer and body complete──▶ IDLE
 *                          │                    └──the connection must end──▶ LINGER ──▶ freed
 *                          └──refused──▶ LINGER
 */
#ifndef BASE_HTTP_REQ_IMPL_H
#define BASE_HTTP_REQ_IMPL_H

#include "base/conn.h"
#include "base/http_parse.h"
#include "base/http_server.h"

/* Of a body that nobody reads, this much is read to keep the connection. */
#define OR_HTTP_REQ_DRAIN_MAX (64U * 1024)

enum or_http_req_phase { OR_HTTP_IDLE, OR_HTTP_HEAD, OR_HTTP_HANDLING, OR_HTTP_LINGER };

struct or_http_req {
	struct or_http_req *next, *prev; /* the server's connections */
	struct or_http_server *server;
	struct or_conn *conn;
	struct or_http_parse *parse;
	struct or_arena *arena;
	struct or_net_addr peer;
	char peer_text[OR_NET_TEXT_MAX];
	const struct or_http_req_ops *ops;
	void *arg;

	enum or_http_req_phase phase;
	int64_t deadline_ns; /* of the phase; 0: none */
	size_t queued;       /* output at the last look, */
	int64_t progress_ns; /* and when it last moved */
	uint64_t body_bytes; /* since body_since_ns */
	int64_t body_since_ns;
	uint64_t drained;

	bool in_data;   /* inside on_data: the loop there goes on by itself */
	bool flowing;   /* the body may come */
	bool body_done; /* its end was taken from the parser */
	bool continued; /* 100 was sent, or is not wanted */
	bool pump_due;  /* a deferred call looks for the end of the body */
	bool half_closed;

	bool started;  /* the answer's head is queued */
	bool finished; /* by the handler */
	bool keep;     /* the connection stays after this answer */
	bool silent;   /* no content, whatever is written */
	bool chunked;
	bool counted; /* the length is known: left says what lacks */
	uint64_t left;
	int64_t raw_idle_ns; /* 0: HTTP; else a tunnel of bytes that may be idle for so long */

	struct or_buf collected;
	size_t collect_max;
	or_http_req_collected_fn *collect_fn;
	or_http_req_full_fn *collect_full;
	void *collect_arg;
};

/* -- in http_req.c -- */
extern const struct or_conn_ops or_http_req_conn_ops;
/* Ready for the connection's next request. */
void or_http_req_reset(struct or_http_req *req);
/* Tells the handler, if there is one, and forgets it. */
void or_http_req_lose(struct or_http_req *req, enum or_code why);
/* A short answer of our own, then the connection ends. */
void or_http_req_refuse(struct or_http_req *req, unsigned int status, const char *why);
/* Takes back what is deferred. */
void or_http_req_forget(struct or_http_req *req);
/* The deadline of the phase has passed. */
void or_http_req_expire(struct or_http_req *req);

/* -- in http_server.c -- */
void or_http_server_close(struct or_http_req *req); /* frees the connection and req */
void or_http_server_begin(struct or_http_req *req); /* hands a new request to on_request */
void or_http_server_count_refused(struct or_http_req *req, enum or_http_reason reason);
bool or_http_server_is_draining(const struct or_http_server *server);
int64_t or_http_server_now(const struct or_http_server *server);
const struct or_http_server_opt *or_http_server_get_opt(const struct or_http_server *server);
struct or_loop *or_http_server_loop(const struct or_http_server *server);
/* A buffer for heads, and "Date: …\r\n" of this second. */
struct or_buf *or_http_server_scratch(struct or_http_server *server);
struct or_slice or_http_server_date(struct or_http_server *server);

#endif
