/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS context out of files, made anew when one of them changes: certificates are rotated without
 * a restart, and connections that are open keep theirs.
 *
 * Files may change one after the other: while certificate and key do not belong together the
 * context that there is goes on, and that is logged. Thread: the loop's; files are small and local.
 */
#ifndef AGENT_GATE_PROXY_CERTS_H
#define AGENT_GATE_PROXY_CERTS_H

#include "base/loop.h"
#include "base/tls.h"

struct ag_certs;

struct ag_certs_opt {
	bool server;
	bool asks_cert;   /* a server: clients may show a certificate (base/tls.h) */
	const char *alpn; /* as in base/tls.h; static text */
	const char *cert_file, *key_file; /* PEM; both or none, and both for a server */
	const char *ca_file;              /* a client's roots; NULL: the system's */
	/* There is another context from now on; may be NULL. */
	void (*on_change)(void *arg, struct or_tls *tls);
	void *arg;
};

/* OR_INVAL, OR_PARSE, OR_IO, OR_ABSENT: a file; the message names it. opt's texts are copied. */
OR_NODISCARD enum or_code ag_certs_open(struct ag_certs **out, struct or_loop *loop,
    const struct ag_certs_opt *opt, struct or_err *err);
void ag_certs_close(struct ag_certs *c);

/* Borrowed until the next turn of the loop. */
struct or_tls *ag_certs_get(const struct ag_certs *c);

#endif
