/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request to a URL and its whole answer: http or https, with host names looked up.
 *
 * Thread: the loop's. Names are looked up on a thread of their own, made with the first one: a
 * resolver that hangs keeps nobody else waiting (but or_fetch_free, until it gives up). Up to
 * OR_FETCH_ADDRS addresses are tried in their order. Certificates are verified against the name in
 * the URL (base/tls.h). Redirects are not followed: their answer is given as it is. No user and
 * password in a URL, no fragment. Limits: OR_FETCH_CALLS calls at a time, the request's maximum of
 * content and its deadline.
 */
#ifndef BASE_FETCH_H
#define BASE_FETCH_H

#include "base/http_client.h"

#define OR_FETCH_ADDRS   4
#define OR_FETCH_CALLS   64
#define OR_FETCH_URL_MAX 2048

struct or_fetch;
struct or_fetch_call;

/* Fills in addresses of the name, with that port; how many. On the slow thread. For tests. */
typedef size_t or_fetch_lookup_fn(
    struct or_net_addr addrs[OR_FETCH_ADDRS], const char *name, uint16_t port);

struct or_fetch_opt {
	struct or_slice ca; /* roots of trust in PEM; empty: the system's, when first needed */
	int64_t idle_ns;    /* how long connections are kept; 0: 15 s */
	or_fetch_lookup_fn *lookup; /* NULL: getaddrinfo */
};

/* opt may be NULL. OR_PARSE: roots. */
OR_NODISCARD enum or_code or_fetch_new(struct or_fetch **out, struct or_loop *loop,
    const struct or_fetch_opt *opt, struct or_err *err);
/* Calls are cancelled. Not from inside a callback. */
void or_fetch_free(struct or_fetch *f);

/* Whether or_fetch_start would take that URL: OR_INVAL, OR_UNSUPPORTED (another scheme). */
OR_NODISCARD enum or_code or_fetch_check(const char *url, struct or_err *err);
/* True for http:// to another host than this one: what anybody on the way can read and change. */
bool or_fetch_is_open(const char *url);

struct or_fetch_req {
	const char *url;
	struct or_slice method; /* empty: GET */
	const struct or_http_field *fields;
	size_t n_fields;
	struct or_slice body; /* borrowed until the end */
	size_t max;           /* bytes of the answer's content */
	int64_t total_ns;     /* to the end, looking up included; 0: 30 s */
};

/*
 * fn is called once, not from inside start (answer->err says why there is none), unless it is
 * cancelled. url and fields are copied. OR_INVAL, OR_UNSUPPORTED: the URL. OR_FULL: too many calls.
 * OR_ABSENT: https, and the system has no roots.
 */
OR_NODISCARD enum or_code or_fetch_start(struct or_fetch_call **out, struct or_fetch *f,
    const struct or_fetch_req *req, or_http_client_fn *fn, void *arg, struct or_err *err);
/* NULL does nothing. */
void or_fetch_cancel(struct or_fetch_call *call);

#endif
