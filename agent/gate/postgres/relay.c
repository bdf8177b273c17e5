/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes both ways. A side that does not take them holds the other back; messages are looked at as
 * they pass.
 */
#include "agent/gate/postgres/mechanisms.h"
#include "agent/gate/postgres/postgres_impl.h"

/* Of protocol 3 (§55.7), from the client once the startup packet is through. */
#define CLIENT_TYPES "BCDEFHPQSXcdfp"

/* -- what messages say -- */

static void note(
    struct ag_session *s, const char *method, struct or_slice name, struct or_slice text, bool cut)
{
	struct ag_statements_what what = {.method = method, .name = name, .text = text, .cut = cut};

	if (s->statements)
		ag_statements_put(s->statements, &what);
}

static void note_bind(struct ag_session *s, struct or_slice body)
{
	struct or_slice portal, name;

	ag_frames_text(&portal, &body);
	ag_frames_text(&name, &body);
	if (name.n || !s->parsed_unnamed)
		note(s, "BIND", name, OR_SLICE_NONE, false);
	s->parsed_unnamed = s->parsed_unnamed && name.n;
}

static void on_client_message(void *arg, uint8_t type, struct or_slice body, uint32_t length)
{
	struct ag_session *s = arg;
	struct or_slice name = OR_SLICE_NONE, text;
	bool whole;

	(void)length;
	switch (type) {
	case 'P':
		ag_frames_text(&name, &body);
		s->parsed_unnamed = !name.n;
		whole = ag_frames_text(&text, &body);
		note(s, "PARSE", name, text, !whole);
		break;
	case 'B': note_bind(s, body); break;
	case 'F': note(s, "FUNCTION", OR_SLICE_NONE, OR_SLICE_NONE, false); break;
	case 'Q':
	default:
		whole = ag_frames_text(&text, &body);
		note(s, "QUERY", OR_SLICE_NONE, text, !whole);
	}
}

static uint32_t read_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void on_server_message(void *arg, uint8_t type, struct or_slice body, uint32_t length)
{
	struct ag_session *s = arg;

	if (type == 'R' && body.n == 4)
		s->authenticated = s->authenticated || read_u32(body.p) == 0;
	else if (type == 'K' && body.n > 4 && body.n == length &&
		 body.n <= 4 + AG_STARTUP_KEY_MAX && !s->key.n) {
		s->pid = read_u32(body.p);
		s->key = or_arena_dup(s->arena, or_slice_from(body, 4));
	} else if (type == 'Z') {
		s->ready = true;
	}
}

/* -- from the client -- */

size_t ag_relay_from_client(struct ag_session *s, struct or_slice in)
{
	s->active_ns = or_loop_now_ns(s->pg->loop);
	if (ag_frames_feed(&s->up, in)) {
		ag_relay_end(s, "client_malformed");
		return in.n;
	}
	s->ready = false;
	s->bytes_in += in.n;
	or_conn_write(s->server, &in, 1);
	if (or_conn_is_full(s->server))
		or_conn_pause(s->client);
	return in.n;
}

/* -- from the server -- */

static void edit(struct ag_session *s, struct or_slice in)
{
	enum or_code rc = OR_PARSE;
	struct or_buf out;
	bool done;

	or_buf_init(&out, AG_STARTUP_MAX + in.n);
	or_buf_put_slice(&s->in, in);
	if (or_buf_ok(&s->in))
		rc = ag_mechanisms_pass(&out, &s->in, &done);
	if (rc) {
		ag_relay_end(s, "upstream_malformed");
	} else {
		s->edits = !done;
		or_conn_put(s->client, or_buf_slice(&out));
	}
	or_buf_done(&out);
}

static size_t on_data(void *arg, struct or_slice in)
{
	struct ag_session *s = arg;

	s->active_ns = or_loop_now_ns(s->pg->loop);
	if (!s->client || s->phase != AG_SESSION_OPEN)
		return in.n;
	if (ag_frames_feed(&s->down, in)) {
		ag_relay_end(s, "upstream_malformed");
		return in.n;
	}
	s->bytes_out += in.n;
	if (s->edits) {
		edit(s, in);
		return in.n;
	}
	or_conn_write(s->client, &in, 1);
	if (or_conn_is_full(s->client))
		or_conn_pause(s->server);
	return in.n;
}

static void on_room(void *arg)
{
	struct ag_session *s = arg;

	if (s->client)
		or_conn_resume(s->client);
}

static void drop_server(struct ag_session *s)
{
	or_conn_free(s->server);
	s->server = NULL;
	ag_relay_end(s, s->authenticated ? "upstream_closed" : "not_authenticated");
}

static void on_eof(void *arg)
{
	drop_server(arg);
}

static void on_lost(void *arg, enum or_code why)
{
	(void)why;
	drop_server(arg);
}

static void on_open(void *arg)
{
	(void)arg;
}

const struct or_conn_ops ag_relay_server_ops = {.on_open = on_open,
    .on_data = on_data,
    .on_eof = on_eof,
    .on_room = on_room,
    .on_lost = on_lost};

void ag_relay_start(struct ag_session *s)
{
	struct ag_frames_opt up = {
	    .allowed = CLIENT_TYPES, .wanted = "BFPQ", .fn = on_client_message, .arg = s};
	struct ag_frames_opt down = {.wanted = "RKZ", .fn = on_server_message, .arg = s};

	s->phase = AG_SESSION_OPEN;
	s->deadline_ns = 0;
	s->active_ns = or_loop_now_ns(s->pg->loop);
	s->edits = !s->tls && s->pg->upstream_certs;
	or_buf_done(&s->in);
	or_buf_init(&s->in, AG_STARTUP_MAX + OR_CONN_READ_MAX);
	ag_frames_init(&s->up, &up);
	ag_frames_init(&s->down, &down);
	or_conn_attach(s->server, &ag_relay_server_ops, s);
	or_conn_put(s->server, s->packet);
	or_conn_resume(s->client);
}

/* -- the end -- */

void ag_relay_end(struct ag_session *s, const char *why)
{
	if (s->phase != AG_SESSION_ENDING) {
		s->phase = AG_SESSION_ENDING;
		s->end = why;
		s->deadline_ns = or_loop_now_ns(s->pg->loop) + AG_POSTGRES_LINGER_NS;
	}
	if (!s->client && !s->server) {
		ag_session_free(s);
		return;
	}
	if (s->client) {
		or_conn_resume(s->client); /* for its end */
		or_conn_shutdown(s->client);
	}
	if (s->server) {
		or_conn_resume(s->server);
		or_conn_shutdown(s->server);
	}
}

/* -- a cancel request on its way -- */

static size_t on_cancel_data(void *arg, struct or_slice in)
{
	(void)arg;
	return in.n;
}

static void on_cancel_eof(void *arg)
{
	ag_session_free(arg);
}

static void on_cancel_lost(void *arg, enum or_code why)
{
	(void)why;
	ag_session_free(arg);
}

const struct or_conn_ops ag_relay_cancel_ops = {.on_open = on_open,
    .on_data = on_cancel_data,
    .on_eof = on_cancel_eof,
    .on_room = on_open,
    .on_lost = on_cancel_lost};
