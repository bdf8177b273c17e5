/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS 1.3 and 1.2 as bytes in and bytes out; the one home of OpenSSL's libssl. base/conn.h puts it
 * on a socket.
 *
 * Thread: a context may be shared by connections of one thread; counted. A client verifies the
 * chain against its roots and the host's name (RFC 6125: subjectAltName alone) or address; there is
 * no way to leave that out. Renegotiation, compression and tickets of servers are off, ALPN says
 * http/1.1 unless it is told otherwise. A server that asks for a client's certificate takes any
 * that proves its key: who uses the connection judges the chain (or_tls_session_chain). Private
 * keys never appear in messages.
 */
#ifndef BASE_TLS_H
#define BASE_TLS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define OR_TLS_CHAIN_MAX 10

struct or_tls;
struct or_tls_session;

struct or_tls_opt {
	bool server;
	struct or_slice cert; /* PEM, the leaf first; a server needs it */
	struct or_slice key;  /* PEM of its private key */
	struct or_slice ca;   /* a client's roots in PEM; empty: the system's */
	bool asks_cert;       /* a server: asks the client for a certificate, which may have none */
	bool needs_cert;      /* and refuses one that has none */
	/* The protocol's name (RFC 7301), static text; NULL: http/1.1. A server refuses who offers
	 * names and not this one, save for http/1.1. */
	const char *alpn;
};

/* OR_PARSE: no PEM of what it should be. OR_INVAL: key and certificate do not belong together.
 * OR_ABSENT: the system has no roots. The options are copied. */
OR_NODISCARD enum or_code or_tls_new(
    struct or_tls **out, const struct or_tls_opt *opt, struct or_err *err);
struct or_tls *or_tls_ref(struct or_tls *tls);
void or_tls_unref(struct or_tls *tls);

/* host: a client's, the name or address that the server must prove; NULL for a server. OR_INVAL:
 * no host name. Holds a reference on tls. */
OR_NODISCARD enum or_code or_tls_session_new(
    struct or_tls_session **out, struct or_tls *tls, const char *host, struct or_err *err);
void or_tls_session_free(struct or_tls_session *s);

/* Bytes that came from the peer. */
void or_tls_session_put(struct or_tls_session *s, struct or_slice in);

/*
 * Goes on with the handshake, then reads content into p. OR_OK: *n bytes. OR_AGAIN: nothing more
 * for now. OR_CLOSED: the peer said that it ends. OR_DENIED: its certificate does not hold.
 * OR_PARSE: not TLS, or broken. There may be bytes to send afterwards, whatever the result.
 */
OR_NODISCARD enum or_code or_tls_session_read(
    struct or_tls_session *s, uint8_t *p, size_t max, size_t *n);
/* Content; only once open. OR_PARSE: broken. */
OR_NODISCARD enum or_code or_tls_session_write(struct or_tls_session *s, struct or_slice in);
/* Says that nothing more comes. */
void or_tls_session_close(struct or_tls_session *s);
/* Moves what is to be sent to the peer to out. */
void or_tls_session_take(struct or_tls_session *s, struct or_buf *out);

/* The handshake is complete, and the peer is who it should be. */
bool or_tls_session_is_open(const struct or_tls_session *s);
/* Both sides named the same protocol. */
bool or_tls_session_has_alpn(const struct or_tls_session *s);

/* The peer's certificates in DER, the leaf first, copied into a; 0 where it gave none. OR_FULL. */
OR_NODISCARD enum or_code or_tls_session_chain(const struct or_tls_session *s,
    struct or_slice certs[OR_TLS_CHAIN_MAX], size_t *n, struct or_arena *a);

#endif
