/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/postgres/postgres_impl.h"

static void fail(struct ag_session *s, const char *why)
{
	s->end = why;
	if (s->startup.kind == AG_STARTUP_CANCEL)
		ag_session_free(s);
	else
		ag_session_fail(s, "08006", "the database server cannot be reached");
}

static void on_ready(struct ag_session *s)
{
	if (s->startup.kind != AG_STARTUP_CANCEL) {
		ag_relay_start(s);
		return;
	}
	/* The server answers by closing (§55.2.8). */
	or_conn_attach(s->server, &ag_relay_cancel_ops, s);
	or_conn_put(s->server, s->packet);
}

static void on_open(void *arg)
{
	static const uint8_t request[] = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};
	struct ag_session *s = arg;

	if (!s->pg->upstream_certs || or_conn_tls(s->server))
		on_ready(s);
	else
		or_conn_put(s->server, or_slice(request, sizeof(request)));
}

/* The one byte that answers the request for TLS. Anything behind it would be in the clear and come
 * from who knows whom (CVE-2021-23222). */
static size_t on_data(void *arg, struct or_slice in)
{
	struct ag_session *s = arg;
	struct or_tls_session *tls;

	if (in.n != 1 || in.p[0] != 'S' || or_conn_tls(s->server) ||
	    or_tls_session_new(
		&tls, ag_certs_get(s->pg->upstream_certs), s->pg->upstream_host, NULL)) {
		fail(s, in.p[0] == 'N' ? "upstream_plain" : "upstream_malformed");
		return in.n;
	}
	or_conn_secure(s->server, tls, OR_SLICE_NONE);
	return 1;
}

static void on_eof(void *arg)
{
	fail(arg, "upstream_failed");
}

static void on_room(void *arg)
{
	(void)arg;
}

static void on_lost(void *arg, enum or_code why)
{
	fail(arg, why == OR_DENIED ? "upstream_certificate" : "upstream_failed");
}

static const struct or_conn_ops dial_ops = {.on_open = on_open,
    .on_data = on_data,
    .on_eof = on_eof,
    .on_room = on_room,
    .on_lost = on_lost};

void ag_dial_start(struct ag_session *s)
{
	const struct or_net_addr *to = &s->pg->upstream;

	s->phase = s->startup.kind == AG_STARTUP_CANCEL ? AG_SESSION_CANCEL : AG_SESSION_DIAL;
	s->deadline_ns = or_loop_now_ns(s->pg->loop) + s->pg->env.config->postgres.connect_ns;
	if (or_conn_connect(&s->server, s->pg->hub, to, NULL, &dial_ops, s, NULL))
		fail(s, "upstream_failed");
}
