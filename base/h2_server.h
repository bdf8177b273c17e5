/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP/2 server on a loop: listener, connections, deadlines. Requests are base/h2.h's; plain
 * ("prior knowledge"), or TLS with ALPN h2.
 *
 * Thread: the loop's. While a client does not take its answers nothing more is read from it.
 * Limits: connections (at the limit the longest idle one makes room, else clients wait in the
 * backlog), those of base/h2.h, deadlines for the first request, for idle connections (which are
 * told by GOAWAY) and for clients that take nothing.
 */
#ifndef BASE_H2_SERVER_H
#define BASE_H2_SERVER_H

#include "base/h2.h"
#include "base/loop.h"
#include "base/net.h"
#include "base/tls.h"

struct or_h2_server;

typedef void or_h2_server_request_fn(void *arg, struct or_h2_req *req);

struct or_h2_server_opt {
	const char *listen;  /* as base/net.h reads it; port 0: one that is free */
	size_t max_conns;    /* 0: 256 */
	struct or_h2_opt h2; /* of each connection */
	int64_t first_ns;    /* until the first request of a connection; 0: 10 s */
	int64_t idle_ns;     /* between requests; 0: 5 min */
	int64_t write_ns;    /* without any progress in writing; 0: 30 s */
	struct or_tls *tls;  /* NULL: plain; made with or_tls_opt.h2; a reference is taken */
	or_h2_server_request_fn *on_request;
	void *arg;
};

/* OR_BUSY: the address is in use. OR_INVAL: no address. opt is copied. */
OR_NODISCARD enum or_code or_h2_server_new(struct or_h2_server **out, struct or_loop *loop,
    const struct or_h2_server_opt *opt, struct or_err *err);
/* Cuts every connection; requests that wait get on_close first. Not from inside a callback. */
void or_h2_server_free(struct or_h2_server *server);

/* "address:port", with the actual port. */
const char *or_h2_server_address(const struct or_h2_server *server);
struct or_loop *or_h2_server_loop(const struct or_h2_server *server);

/* Listens no more, says GOAWAY, lets requests under way end; then calls done. */
void or_h2_server_drain(struct or_h2_server *server, or_loop_fn *done, void *arg);

struct or_h2_server_stats {
	uint64_t accepted;
	uint64_t requests;
	uint64_t broken; /* connections that were ended for what came on them */
	size_t open;     /* now */
};
void or_h2_server_stats(struct or_h2_server_stats *out, const struct or_h2_server *server);

/* Who asks: of a request that came through a server. */
const struct or_net_addr *or_h2_server_peer(const struct or_h2_req *req);
const char *or_h2_server_peer_text(const struct or_h2_req *req);

#endif
