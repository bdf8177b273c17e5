/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream connection on a loop: bytes in, bytes out, backpressure both ways.
 *
 * Thread: the loop's. Input is read into one buffer that all connections of a hub share, and given
 * out at once: an idle connection owns no buffers. What a receiver does not take is kept, and
 * reading stops until or_conn_resume. Output is written at once where the socket takes it.
 * Callbacks never come from inside a call into this module; or_conn_free promises silence and may
 * be called from any callback.
 * With a TLS session (base/tls.h) all bytes here are the content; the connection opens once the
 * handshake is complete, and one that the peer ends without saying so is lost, not at its end.
 * Limits: OR_CONN_READ_MAX bytes of input kept; output up to the option's maximum (OR_CONN_OUT_MAX
 * by default), beyond which the connection is lost with OR_FULL.
 */
#ifndef BASE_CONN_H
#define BASE_CONN_H

#include "base/loop.h"
#include "base/net.h"
#include "base/tls.h"

#define OR_CONN_READ_MAX  (64U * 1024)
#define OR_CONN_OUT_MAX   (64U * 1024 * 1024)
#define OR_CONN_PARTS_MAX 8

struct or_conn;
struct or_conn_hub;

struct or_conn_hub *or_conn_hub_new(struct or_loop *loop);
/* When no connection is left. */
void or_conn_hub_free(struct or_conn_hub *hub);

struct or_conn_ops {
	void (*on_open)(void *arg); /* a connection that was begun here is there */
	/* Bytes that came, borrowed; the result says how many are taken. */
	size_t (*on_data)(void *arg, struct or_slice in);
	/* The peer sends nothing more; writing may still work. */
	void (*on_eof)(void *arg);
	/* Output that was full has room again. */
	void (*on_room)(void *arg);
	/* Dead: OR_CLOSED (the peer cut it), OR_IO, OR_FULL; with TLS OR_DENIED (the peer's
	 * certificate) and OR_PARSE. Only or_conn_free is left to do. */
	void (*on_lost)(void *arg, enum or_code why);
};

struct or_conn_opt {
	size_t high; /* bytes of output at which or_conn_is_full begins; 0: 256 KiB */
	size_t max;  /* 0: OR_CONN_OUT_MAX */
	struct or_tls_session *tls; /* NULL: plain. Taken, where the connection is made */
};

/* Takes over an accepted socket; reading starts. opt may be NULL. */
struct or_conn *or_conn_new(struct or_conn_hub *hub, int fd, const struct or_conn_opt *opt,
    const struct or_conn_ops *ops, void *arg);
/* Begins to connect; on_open or on_lost follows. */
OR_NODISCARD enum or_code or_conn_connect(struct or_conn **out, struct or_conn_hub *hub,
    const struct or_net_addr *addr, const struct or_conn_opt *opt, const struct or_conn_ops *ops,
    void *arg, struct or_err *err);
/* Closes at once; output that waits is thrown away. */
void or_conn_free(struct or_conn *conn);

/* Other callbacks from now on, for a connection that changes hands. */
void or_conn_attach(struct or_conn *conn, const struct or_conn_ops *ops, void *arg);

/*
 * From here on it is TLS, for protocols that agree on that first (PostgreSQL): what was put before
 * goes in the clear, on_open comes once the handshake is complete. Only on a plain connection, from
 * inside on_data, which takes all that it was given: `ahead` is that part of it that belongs to the
 * handshake already, and of anything else the receiver makes sure that it is not there.
 */
void or_conn_secure(struct or_conn *conn, struct or_tls_session *take, struct or_slice ahead);

void or_conn_pause(struct or_conn *conn);
/* What was kept is given again at the end of this turn, then reading goes on. */
void or_conn_resume(struct or_conn *conn);

/* Queues bytes; they leave with the next write, or at the end of this turn. */
void or_conn_put(struct or_conn *conn, struct or_slice s);
/* Writes what is queued and then these pieces (at most OR_CONN_PARTS_MAX) as one. */
void or_conn_write(struct or_conn *conn, const struct or_slice *parts, size_t n_parts);
/* Writes what is queued. */
void or_conn_flush(struct or_conn *conn);
/* Ends the output once everything queued is written (a half-close). */
void or_conn_shutdown(struct or_conn *conn);

/* True from `high` bytes of output on, until half of it is written: then on_room comes. */
bool or_conn_is_full(const struct or_conn *conn);
size_t or_conn_queued(const struct or_conn *conn);
/* NULL: plain. Borrowed. */
const struct or_tls_session *or_conn_tls(const struct or_conn *conn);
/* True once it is lost, perhaps before on_lost has been called. */
bool or_conn_is_lost(const struct or_conn *conn);

#endif
