/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request at a server, and the answer to it.
 *
 * Thread: the server's loop. A request is given to the server's on_request when its head is read,
 * and is the handler's until it calls or_http_req_finish or _respond, or on_close is called:
 * after either nothing more is called and the handle is gone.
 * Body: nothing of it is read before or_http_req_read (which also sends "100 Continue" where the
 * client waits for it), so a handler that answers without reading need not. Pausing holds the
 * client back. Answer: start, write…, finish; or respond. While or_http_req_is_full, a handler
 * should wait for on_room. HEAD, 204 and 304 lose the content by themselves. Framing fields
 * (Content-Length, Transfer-Encoding, Connection) are written here, as is Date where it lacks.
 * After or_http_req_switch there are no messages any more: on_body brings what the client sends as
 * it comes, on_end that it sends nothing more, or_http_req_write writes bytes as they are.
 */
#ifndef BASE_HTTP_REQ_H
#define BASE_HTTP_REQ_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/http_msg.h"
#include "base/net.h"

struct or_http_req;
struct or_tls_session;

struct or_http_req_ops {
	void (*on_body)(void *arg, struct or_slice piece); /* borrowed for the call */
	void (*on_end)(void *arg);                         /* the body is complete */
	void (*on_room)(void *arg); /* the answer's queue has room again; may be NULL */
	/* The client is gone (OR_CLOSED), too slow (OR_TIMEOUT), or its body malformed (OR_PARSE)
	 * or too large (OR_FULL); a tunnel was idle (OR_TIMEOUT), or the server drains (OR_BUSY).
	 * The request's memory is valid until this returns. */
	void (*on_close)(void *arg, enum or_code why);
};

const struct or_http_msg *or_http_req_msg(const struct or_http_req *req);
/* Memory that lives as long as the request. */
struct or_arena *or_http_req_arena(struct or_http_req *req);
const struct or_net_addr *or_http_req_peer(const struct or_http_req *req);
const char *or_http_req_peer_text(const struct or_http_req *req);
/* The connection's TLS session, NULL where it is plain; borrowed while the request lives. */
const struct or_tls_session *or_http_req_tls(const struct or_http_req *req);

/* Who hears of the rest. A handler that does not answer inside on_request must attach. */
void or_http_req_attach(struct or_http_req *req, const struct or_http_req_ops *ops, void *arg);

/* Lets the body come, first and after a pause. on_end comes for an empty body too. */
void or_http_req_read(struct or_http_req *req);
void or_http_req_pause(struct or_http_req *req);

/* Reads the whole body, then calls fn with it (borrowed as long as the request lives). A larger one
 * than max is answered 413 here, a client that goes away ends it; fn is then not called. */
typedef void or_http_req_collected_fn(void *arg, struct or_http_req *req, struct or_slice body);
void or_http_req_collect(
    struct or_http_req *req, size_t max, or_http_req_collected_fn *fn, void *arg);
/* As or_http_req_collect; a body that is larger, as far as it has come, is full's to answer. */
typedef void or_http_req_full_fn(void *arg, struct or_http_req *req);
void or_http_req_collect_or(struct or_http_req *req, size_t max, or_http_req_collected_fn *fn,
    or_http_req_full_fn *full, void *arg);

#define OR_HTTP_REQ_UNKNOWN (-1) /* the length: chunked, or up to the end of the connection */

/* The head of the answer. OR_INVAL: a field that is no field; nothing is sent then. */
OR_NODISCARD enum or_code or_http_req_start(struct or_http_req *req, unsigned int status,
    const struct or_http_field *fields, size_t n_fields, int64_t length);
/*
 * "101 Switching Protocols" with these fields, Connection and the protocol's name in Upgrade; for a
 * request that asked for it and has no content. The connection closes where neither side has sent a
 * byte for idle_ns. OR_INVAL: a field that is no field; nothing is sent then.
 */
OR_NODISCARD enum or_code or_http_req_switch(struct or_http_req *req, struct or_slice protocol,
    const struct or_http_field *fields, size_t n_fields, int64_t idle_ns);
/* More content than the length said is cut. */
void or_http_req_write(struct or_http_req *req, struct or_slice piece);
bool or_http_req_is_full(const struct or_http_req *req);
/* The answer is complete. Less content than the length said cuts the connection. */
void or_http_req_finish(struct or_http_req *req);
/* Cuts the connection: an answer that has begun cannot be completed. The handle is gone. */
void or_http_req_abort(struct or_http_req *req);

/* A whole answer in one call; type may be NULL where there is no body. */
void or_http_req_respond(
    struct or_http_req *req, unsigned int status, const char *type, struct or_slice body);
/* With further fields, all of them valid. */
void or_http_req_respond_with(struct or_http_req *req, unsigned int status,
    const struct or_http_field *fields, size_t n_fields, struct or_slice body);

#endif
