/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP/1.1 server on a loop: listener, connections, deadlines. Requests are base/http_req.h's.
 *
 * Thread: the loop's. Keep-alive; pipelined requests are handled one after the other, in order.
 * What cannot be parsed is answered with its status and the connection closed.
 * Limits: connections (at the limit the longest idle one makes room, or one that has sent a head
 * for a tenth of its time; else clients wait in the backlog), the parser's limits, an absolute
 * deadline for the head, a lower bound on the rate of a body, deadlines for idle connections and
 * for clients that do not take their answer.
 */
#ifndef BASE_HTTP_SERVER_H
#define BASE_HTTP_SERVER_H

#include "base/http_req.h"
#include "base/loop.h"
#include "base/tls.h"

struct or_http_server;

typedef void or_http_server_request_fn(void *arg, struct or_http_req *req);
/* A request that was refused before a handler saw it; for counting and recording. */
typedef void or_http_server_refused_fn(
    void *arg, const struct or_net_addr *peer, enum or_http_reason reason);

struct or_http_server_opt {
	const char *listen; /* as base/net.h reads it; port 0: one that is free */
	size_t max_conns;   /* 0: 1,024 */
	size_t max_head;    /* these three: 0 as in base/http_parse.h */
	size_t max_target;
	size_t max_fields;
	uint64_t max_body;  /* 0: no limit */
	size_t arena;       /* bytes a request's arena may use; 0: 256 KiB */
	size_t high;        /* bytes of answer at which a request is full; 0: 256 KiB */
	int64_t head_ns;    /* from the first byte of a head to its end; 0: 10 s */
	int64_t body_ns;    /* a body may be this late at 512 bytes/s; 0: 30 s */
	int64_t idle_ns;    /* between requests; 0: 60 s */
	int64_t write_ns;   /* without any progress in writing; 0: 30 s */
	struct or_tls *tls; /* NULL: plain; a reference is taken */
	/* A client that ends its side is taken for gone, even where its request is complete (long
	 * polls want this); otherwise it still gets its answer. */
	bool eof_is_gone;
	or_http_server_request_fn *on_request;
	or_http_server_refused_fn *on_refused; /* may be NULL */
	void *arg;
};

/* OR_BUSY: the address is in use. OR_INVAL: no address. opt is copied. */
OR_NODISCARD enum or_code or_http_server_new(struct or_http_server **out, struct or_loop *loop,
    const struct or_http_server_opt *opt, struct or_err *err);

/* Cuts every connection; requests in flight get on_close first. Not from inside a callback. */
void or_http_server_free(struct or_http_server *server);

/* Connections from now on use this one (of a server that has TLS); a reference is taken. */
void or_http_server_tls_put(struct or_http_server *server, struct or_tls *tls);

/* Where it listens: the actual port, and "address:port". */
uint16_t or_http_server_port(const struct or_http_server *server);
const char *or_http_server_address(const struct or_http_server *server);

/* Listens no more, closes idle connections, cuts tunnels, lets requests in flight end; then calls
 * done. */
void or_http_server_drain(struct or_http_server *server, or_loop_fn *done, void *arg);

struct or_http_server_stats {
	uint64_t accepted;
	uint64_t requests;
	uint64_t refused;
	uint64_t timed_out;
	size_t open; /* now */
};
void or_http_server_stats(struct or_http_server_stats *out, const struct or_http_server *server);

#endif
