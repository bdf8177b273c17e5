/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP/1.1 client on a loop, with a pool of kept connections per origin.
 *
 * Thread: the loop's. An origin is an address as base/net.h reads it (numeric or localhost; no name
 * is looked up), over TCP, TLS or a unix socket. Callbacks never come from
 * inside a call into this module. A call ends with exactly one of on_end and on_fail, after which
 * its handle is gone, or with or_http_client_cancel, which promises silence. A kept connection that
 * turns out dead before any byte of an answer is replaced once, where the request may be repeated
 * (RFC 9112 §9.3.1): replayable, and no streamed content yet. Limits: connections, the parser's
 * limits, deadlines for connecting, for the head and for all.
 */
#ifndef BASE_HTTP_CLIENT_H
#define BASE_HTTP_CLIENT_H

#include "base/http_msg.h"
#include "base/loop.h"
#include "base/net.h"
#include "base/tls.h"

struct or_http_client;
struct or_http_client_call;

struct or_http_client_opt {
	size_t max_conns; /* in all; 0: 256. Beyond: OR_FULL */
	size_t max_idle;  /* kept per origin; 0: 16 */
	int64_t idle_ns;  /* how long they are kept; 0: 15 s */
	size_t high;      /* bytes of request content at which a call is full; 0: 256 KiB */
};

struct or_http_client *or_http_client_new(
    struct or_loop *loop, const struct or_http_client_opt *opt);
/* Calls that run are cancelled. Not from inside a callback. */
void or_http_client_free(struct or_http_client *client);

#define OR_HTTP_CLIENT_STREAM (-1) /* content of unknown length: chunked */

struct or_http_client_req {
	const char *origin;
	struct or_tls *tls;     /* NULL: plain. A reference is taken */
	const char *tls_host;   /* what the server's certificate must name */
	struct or_slice method; /* empty: GET */
	struct or_slice target;
	struct or_slice host; /* empty: the origin */
	/* Without Host and framing fields, which are written here. */
	const struct or_http_field *fields;
	size_t n_fields;
	/* The whole content, borrowed until the call ends; or, where streams is set, its length
	 * (OR_HTTP_CLIENT_STREAM: unknown), which or_http_client_write then brings. */
	struct or_slice body;
	bool streams;
	int64_t length;
	bool replayable;
	/* The fields ask for another protocol, there is no content, and an answer of 101 may be
	 * taken: from on_head on bytes go both ways as they are (on_body, or_http_client_write,
	 * or_http_client_finish; on_end: the server sends nothing more). */
	bool upgrades;
	int64_t connect_ns; /* 0: 5 s */
	int64_t head_ns;    /* from the last content sent to the answer's head; 0: 30 s */
	int64_t total_ns;   /* to the end; 0: no limit */
	uint64_t max_body;  /* of the answer; 0: no limit */
};

struct or_http_client_ops {
	/* The answer's head; borrowed until on_end returns or another call is started. */
	void (*on_head)(void *arg, const struct or_http_msg *msg);
	void (*on_body)(void *arg, struct or_slice piece);
	/* Complete. It may come before the request's content was all written. */
	void (*on_end)(void *arg);
	void (*on_room)(void *arg); /* for streamed content; may be NULL */
	/* OR_IO, OR_CLOSED: no connection, or it broke. OR_DENIED: the certificate. OR_TIMEOUT.
	 * OR_PARSE: not HTTP. OR_FULL: a limit. May follow on_head. */
	void (*on_fail)(void *arg, const struct or_err *err);
};

/* OR_INVAL: origin, method, target or a field; OR_FULL: connections; OR_IO. No callback then. */
OR_NODISCARD enum or_code or_http_client_start(struct or_http_client_call **out,
    struct or_http_client *client, const struct or_http_client_req *req,
    const struct or_http_client_ops *ops, void *arg, struct or_err *err);
void or_http_client_cancel(struct or_http_client_call *call);

/* Streamed content, and its end. */
void or_http_client_write(struct or_http_client_call *call, struct or_slice piece);
void or_http_client_finish(struct or_http_client_call *call);
bool or_http_client_is_full(const struct or_http_client_call *call);

/* Holds the answer's content back, and lets it come again. */
void or_http_client_pause(struct or_http_client_call *call);
void or_http_client_resume(struct or_http_client_call *call);

/* A whole answer, or why there is none (err; status is then 0, msg NULL). Borrowed for the call. */
struct or_http_client_answer {
	unsigned int status;
	unsigned int head; /* the status of the head that came, be it without all its content */
	const struct or_http_msg *msg;
	struct or_slice body;
	const struct or_err *err;
};
typedef void or_http_client_fn(void *arg, const struct or_http_client_answer *answer);

/* Collects the answer up to max bytes of content, then calls fn once. */
OR_NODISCARD enum or_code or_http_client_fetch(struct or_http_client_call **out,
    struct or_http_client *client, const struct or_http_client_req *req, size_t max,
    or_http_client_fn *fn, void *arg, struct or_err *err);

#endif
