/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a client of HTTP talks to: an address, plain or over TLS with a host name that is to be
 * proven. For base/http_client.c. Thread: the loop's.
 */
#ifndef BASE_HTTP_ORIGIN_H
#define BASE_HTTP_ORIGIN_H

#include "base/conn.h"

#define OR_HTTP_ORIGIN_HOST_MAX 256

struct or_http_origin {
	char text[OR_NET_TEXT_MAX]; /* as base/net.h reads it */
	char host[OR_HTTP_ORIGIN_HOST_MAX];
	struct or_net_addr addr;
	struct or_tls *tls; /* NULL: plain; a reference */
};

/* tls and host: both or neither. OR_INVAL: no address, or too long a name. *o is then untouched. */
OR_NODISCARD enum or_code or_http_origin_init(struct or_http_origin *o, const char *text,
    struct or_tls *tls, const char *host, struct or_err *err);
void or_http_origin_done(struct or_http_origin *o);

bool or_http_origin_is(
    const struct or_http_origin *o, const char *text, const struct or_tls *tls, const char *host);

/* As or_conn_connect. */
OR_NODISCARD enum or_code or_http_origin_connect(struct or_conn **out,
    const struct or_http_origin *o, struct or_conn_hub *hub, size_t high,
    const struct or_conn_ops *ops, void *arg, struct or_err *err);

#endif
