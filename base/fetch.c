/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   start ─▶ numeric? ─▶ try an address ─▶ answered, or no connection: the next one
 *         └▶ a name:  look up (slow thread) ─▶ as above
 *
 * A lookup cannot be taken back: where its call is cancelled it goes on alone and frees itself.
 */
#include "base/fetch.h"

#include "base/arena.h"
#include "base/http_origin.h"
#include "base/mem.h"
#include "base/slow.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>

#define TOTAL_NS (30 * OR_NS_PER_S)

struct url {
	bool tls;
	char host[OR_HTTP_ORIGIN_HOST_MAX];      /* without brackets */
	char authority[OR_HTTP_ORIGIN_HOST_MAX]; /* for Host: as it is written */
	uint16_t port;
	struct or_slice target; /* borrowed */
};

struct lookup {
	struct or_fetch_call *call; /* NULL: cancelled */
	or_fetch_lookup_fn *fn;
	char name[OR_HTTP_ORIGIN_HOST_MAX];
	uint16_t port;
	struct or_net_addr addrs[OR_FETCH_ADDRS];
	size_t n;
};

struct or_fetch {
	struct or_loop *loop;
	or_fetch_lookup_fn *fn;
	struct or_http_client *client;
	struct or_tls *tls;
	struct or_slow *slow; /* NULL: no name was asked for yet */
	struct or_fetch_call *calls;
	size_t n_calls;
};

struct or_fetch_call {
	struct or_fetch_call *next, *prev;
	struct or_fetch *fetch;
	struct or_arena *arena; /* of the copies */
	struct or_fetch_req req;
	struct url url;
	struct or_net_addr addrs[OR_FETCH_ADDRS];
	size_t n_addrs, at;
	int64_t by_ns;
	struct lookup *lookup;
	struct or_loop_timer *timer; /* while it is looked up */
	struct or_http_client_call *http;
	or_http_client_fn *fn;
	void *arg;
	bool deferred;
};

static void try_next(void *arg);

/* -- URLs -- */

static bool is_name(struct or_slice host)
{
	for (size_t i = 0; i < host.n; i++) {
		uint8_t c = host.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			c == '-' || c == '.' || c == '_'))
			return false;
	}
	return host.n > 0 && host.n < OR_HTTP_ORIGIN_HOST_MAX;
}

static bool read_port(struct url *u, struct or_slice text)
{
	uint64_t port;

	if (or_str_u64(&port, text) || port == 0 || port > 65535)
		return false;
	u->port = (uint16_t)port;
	return true;
}

/* host, host:port, [address] or [address]:port */
static bool read_authority(struct url *u, struct or_slice s)
{
	bool brackets = s.n && s.p[0] == '[';
	size_t close = brackets ? or_str_find(s, ']', 0) : 0;
	size_t colon = or_str_find(s, ':', close);
	struct or_slice host = or_slice(s.p, colon < s.n ? colon : s.n);
	struct in6_addr v6;

	if (s.n >= sizeof(u->authority) ||
	    (colon < s.n && !read_port(u, or_slice_from(s, colon + 1))))
		return false;
	if (brackets) {
		if (close + 1 != host.n)
			return false;
		host = or_slice(host.p + 1, host.n - 2);
	} else if (!is_name(host)) {
		return false;
	}
	snprintf(u->host, sizeof(u->host), "%.*s", OR_SLICE_FMT(host));
	snprintf(u->authority, sizeof(u->authority), "%.*s", OR_SLICE_FMT(s));
	return !brackets || inet_pton(AF_INET6, u->host, &v6) == 1;
}

static bool is_target(struct or_slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] >= 0x7F || s.p[i] == '#')
			return false;
	}
	return true;
}

static enum or_code split(struct url *u, const char *url, struct or_err *err)
{
	struct or_slice s = or_slice_str(url), authority;
	size_t end;

	*u = (struct url){.tls = or_str_has_prefix(s, "https://")};
	if (s.n > OR_FETCH_URL_MAX)
		return or_err_set(err, OR_INVAL, "a URL of more than %d bytes", OR_FETCH_URL_MAX);
	if (!u->tls && !or_str_has_prefix(s, "http://"))
		return or_err_set(
		    err, OR_UNSUPPORTED, "\"%s\": only http:// and https:// are supported", url);
	u->port = u->tls ? 443 : 80;
	s = or_slice_from(s, u->tls ? 8 : 7);
	end = or_str_find(s, '/', 0);
	if (or_str_find(s, '?', 0) < end)
		return or_err_set(err, OR_INVAL, "\"%s\": a query needs a path before it", url);
	authority = or_slice(s.p, end);
	u->target = end < s.n ? or_slice_from(s, end) : OR_SLICE_LIT("/");
	if (!read_authority(u, authority))
		return or_err_set(err, OR_INVAL, "\"%s\": expected a host, and a port if any", url);
	if (!is_target(u->target))
		return or_err_set(err, OR_INVAL,
		    "\"%s\": write what is no printable ASCII as %%XX, and no #fragment", url);
	return OR_OK;
}

enum or_code or_fetch_check(const char *url, struct or_err *err)
{
	struct url u;

	return split(&u, url, err);
}

/* The address that a host already is; false for a name. */
static bool is_address(struct or_net_addr *out, const struct url *u)
{
	char text[OR_HTTP_ORIGIN_HOST_MAX + 16];
	bool v6 = strchr(u->host, ':');

	snprintf(text, sizeof(text), v6 ? "[%s]:%u" : "%s:%u", u->host, u->port);
	return strlen(text) < OR_NET_TEXT_MAX && or_net_parse(out, text, NULL) == OR_OK;
}

bool or_fetch_is_open(const char *url)
{
	struct or_net_addr addr;
	struct url u;

	return split(&u, url, NULL) == OR_OK && !u.tls &&
	       !(is_address(&addr, &u) && or_net_is_loopback(&addr));
}

/* -- calls -- */

static void free_call(struct or_fetch_call *call)
{
	struct or_fetch *f = call->fetch;

	or_loop_timer_cancel(call->timer);
	or_http_client_cancel(call->http);
	if (call->deferred)
		or_loop_defer_cancel(f->loop, try_next, call);
	if (call->lookup)
		call->lookup->call = NULL;
	if (call->prev)
		call->prev->next = call->next;
	else
		f->calls = call->next;
	if (call->next)
		call->next->prev = call->prev;
	f->n_calls--;
	or_arena_free(call->arena);
	or_mem_free(call);
}

void or_fetch_cancel(struct or_fetch_call *call)
{
	if (call)
		free_call(call);
}

static void finish(struct or_fetch_call *call, const struct or_http_client_answer *answer)
{
	or_http_client_fn *fn = call->fn;
	void *arg = call->arg;

	free_call(call);
	fn(arg, answer);
}

static void fail(struct or_fetch_call *call, enum or_code code, const char *why)
{
	struct or_http_client_answer answer = {0};
	struct or_err err;

	or_err_set(&err, code, "%s: %s", call->url.authority, why);
	answer.err = &err;
	finish(call, &answer);
}

static void on_answer(void *arg, const struct or_http_client_answer *answer)
{
	struct or_fetch_call *call = arg;

	call->http = NULL;
	/* the request may be at the server already where the connection broke later */
	if (answer->err && call->at < call->n_addrs &&
	    (answer->err->code == OR_IO || answer->err->code == OR_CLOSED) && !call->req.body.n)
		try_next(call);
	else
		finish(call, answer);
}

static void try_next(void *arg)
{
	struct or_fetch_call *call = arg;
	char origin[OR_NET_TEXT_MAX];
	struct or_http_client_req req = {.origin = origin,
	    .tls = call->url.tls ? call->fetch->tls : NULL,
	    .tls_host = call->url.host,
	    .method = call->req.method,
	    .target = call->url.target,
	    .host = or_slice_str(call->url.authority),
	    .fields = call->req.fields,
	    .n_fields = call->req.n_fields,
	    .body = call->req.body,
	    .replayable = !call->req.body.n,
	    .total_ns = call->by_ns - or_loop_now_ns(call->fetch->loop)};
	struct or_err err;

	call->deferred = false;
	if (req.total_ns <= 0) {
		fail(call, OR_TIMEOUT, "no answer in time");
		return;
	}
	or_net_text(origin, &call->addrs[call->at++]);
	if (or_http_client_fetch(
		&call->http, call->fetch->client, &req, call->req.max, on_answer, call, &err))
		finish(call, &(struct or_http_client_answer){.err = &err});
}

static void try_soon(struct or_fetch_call *call)
{
	call->deferred = true;
	or_loop_defer(call->fetch->loop, try_next, call);
}

/* -- names -- */

static size_t ask_system(struct or_net_addr addrs[OR_FETCH_ADDRS], const char *name, uint16_t port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *list, *i;
	char service[8];
	size_t n = 0;

	snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(name, service, &hints, &list))
		return 0;
	for (i = list; i && n < OR_FETCH_ADDRS; i = i->ai_next) {
		if (i->ai_addrlen > sizeof(addrs[0].in6))
			continue;
		addrs[n] = (struct or_net_addr){.len = i->ai_addrlen};
		memcpy(&addrs[n++].sa, i->ai_addr, i->ai_addrlen);
	}
	freeaddrinfo(list);
	return n;
}

static void do_lookup(void *arg)
{
	struct lookup *l = arg;

	l->n = l->fn(l->addrs, l->name, l->port);
}

static void on_lookup(void *arg)
{
	struct lookup *l = arg;
	struct or_fetch_call *call = l->call;

	if (call) {
		call->lookup = NULL;
		or_loop_timer_cancel(call->timer);
		call->timer = NULL;
		memcpy(call->addrs, l->addrs, sizeof(call->addrs));
		call->n_addrs = l->n;
	}
	or_mem_free(l);
	if (call && call->n_addrs)
		try_next(call);
	else if (call)
		fail(call, OR_IO, "no address is known for it");
}

static void on_late(void *arg)
{
	struct or_fetch_call *call = arg;

	call->timer = NULL;
	fail(call, OR_TIMEOUT, "no address came in time");
}

static enum or_code look_up(struct or_fetch_call *call, struct or_err *err)
{
	struct or_fetch *f = call->fetch;
	struct lookup *l;
	enum or_code rc = OR_OK;

	if (!f->slow)
		rc = or_slow_new(&f->slow, f->loop, OR_FETCH_CALLS, err);
	if (rc)
		return rc;
	l = or_mem_new(sizeof(*l));
	*l = (struct lookup){.call = call, .fn = f->fn, .port = call->url.port};
	snprintf(l->name, sizeof(l->name), "%s", call->url.host);
	rc = or_slow_submit(f->slow, do_lookup, on_lookup, l);
	if (rc) {
		or_mem_free(l);
		return or_err_set(err, rc, "too many names are being looked up");
	}
	call->lookup = l;
	call->timer =
	    or_loop_timer_start(f->loop, call->by_ns - or_loop_now_ns(f->loop), on_late, call);
	return OR_OK;
}

/* -- the start -- */

static bool copy_req(struct or_fetch_call *call, const struct or_fetch_req *req)
{
	struct or_http_field *fields = or_arena_array(call->arena, req->n_fields, sizeof(*fields));

	call->req = *req;
	call->req.url = or_arena_strdup(call->arena, or_slice_str(req->url));
	call->req.method = or_arena_dup(call->arena, req->method);
	for (size_t i = 0; i < req->n_fields; i++) {
		fields[i].name = or_arena_dup(call->arena, req->fields[i].name);
		fields[i].value = or_arena_dup(call->arena, req->fields[i].value);
	}
	call->req.fields = fields;
	return split(&call->url, call->req.url, NULL) == OR_OK;
}

/* The system's roots take megabytes: they are read when https is first asked for. */
static enum or_code need_tls(struct or_fetch *f, const char *url, struct or_err *err)
{
	struct or_tls_opt tls = {.server = false};

	if (f->tls || !or_str_has_prefix(or_slice_str(url), "https://"))
		return OR_OK;
	return or_tls_new(&f->tls, &tls, err);
}

enum or_code or_fetch_start(struct or_fetch_call **out, struct or_fetch *f,
    const struct or_fetch_req *req, or_http_client_fn *fn, void *arg, struct or_err *err)
{
	struct or_fetch_call *call;
	enum or_code rc = or_fetch_check(req->url, err);

	if (rc)
		return rc;
	rc = need_tls(f, req->url, err);
	if (rc)
		return rc;
	if (f->n_calls == OR_FETCH_CALLS)
		return or_err_set(err, OR_FULL, "%d requests are under way", OR_FETCH_CALLS);
	call = or_mem_new(sizeof(*call));
	call->fetch = f;
	call->fn = fn;
	call->arg = arg;
	call->arena = or_arena_new(0);
	call->by_ns = or_loop_now_ns(f->loop) + (req->total_ns ? req->total_ns : TOTAL_NS);
	call->next = f->calls;
	if (call->next)
		call->next->prev = call;
	f->calls = call;
	f->n_calls++;
	OR_ASSERT(copy_req(call, req));
	call->n_addrs = is_address(&call->addrs[0], &call->url);
	if (call->n_addrs)
		try_soon(call);
	else
		rc = look_up(call, err);
	if (rc)
		free_call(call);
	else
		*out = call;
	return rc;
}

enum or_code or_fetch_new(
    struct or_fetch **out, struct or_loop *loop, const struct or_fetch_opt *opt, struct or_err *err)
{
	struct or_tls_opt tls = {.ca = opt ? opt->ca : OR_SLICE_NONE};
	struct or_http_client_opt http = {.idle_ns = opt ? opt->idle_ns : 0};
	struct or_fetch *f = or_mem_new(sizeof(*f));
	enum or_code rc = tls.ca.n ? or_tls_new(&f->tls, &tls, err) : OR_OK;

	if (rc) {
		or_mem_free(f);
		return rc;
	}
	f->loop = loop;
	f->fn = opt && opt->lookup ? opt->lookup : ask_system;
	f->client = or_http_client_new(loop, &http);
	*out = f;
	return OR_OK;
}

void or_fetch_free(struct or_fetch *f)
{
	if (!f)
		return;
	while (f->calls)
		free_call(f->calls);
	or_slow_free(f->slow);
	or_http_client_free(f->client);
	or_tls_unref(f->tls);
	or_mem_free(f);
}
