/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream's life, and who holds its struct or_h2_req:
 *
 *   HEADERS ──▶ READING ──END_STREAM──▶ HANDLED ──answer──▶ ANSWERED ──sent──▶ closed, released
 *                  │  fault ─────────────▲ │                    ▲
 *                  └─head too large────────┼──── 431 ───────────┘
 *                                          └─ reset, lost ──▶ on_close, released
 *
 * Invariants:
 *   1. every request in h2->reqs is the user data of a stream that nghttp2 has, and the other way
 *      round; it is released in on_stream_close, or with the connection;
 *   2. room->held is the sum of the bytes of all bodies, and at most what the room has;
 *   3. on_close is called at most once, only between on_request and the answer.
 */
#include "base/h2.h"

#include "base/mem.h"
#include "base/str.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>

enum {
	FIELDS_MAX = 128,
	FREE_MAX = 8,
	FIELD_COST = 32, /* RFC 9113 §6.5.2 */
	ALLOWANCE = 1000,
	REFILL_PER_S = 200,
	ANSWER_REFILL = 4,
	RESET_COST = 2,
	STATUS_LEN = 3,
};

struct or_h2_room {
	struct or_h2_opt opt;
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
	size_t held;
	size_t n_conns;
	struct or_h2_req *free; /* kept for reuse */
	size_t n_free;
};

struct or_h2 {
	struct or_h2_room *room;
	const struct or_h2_ops *ops;
	void *arg;
	nghttp2_session *session;
	struct or_h2_req *reqs;
	size_t n_streams;
	int64_t now_ns;
	int64_t allowance;
	int64_t refilled_ns;
	bool in_put;
	bool ended; /* GOAWAY with an error is on its way, or bytes made no sense */
};

struct or_h2_req {
	struct or_h2_req *next, *prev;
	struct or_h2 *h2;
	int32_t id;
	struct or_arena *arena;
	struct or_http_msg msg;
	struct or_http_field fields[FIELDS_MAX];
	size_t head_bytes;
	struct or_buf body;
	size_t held; /* of the room's */
	enum or_code fault;
	int64_t deadline_ns; /* 0: none */
	bool head_large;
	bool ended; /* the client's side is complete */
	bool handled;
	bool answered;
	or_h2_req_close_fn *on_close;
	void *arg;

	struct or_slice answer; /* in the arena, what is not sent yet */
	nghttp2_nv trailers[OR_H2_FIELDS_MAX];
	size_t n_trailers;
};

/* -- requests' storage -- */

static struct or_h2_req *new_req(struct or_h2 *h2, int32_t id)
{
	struct or_h2_room *room = h2->room;
	struct or_h2_req *req = room->free;

	if (req) {
		room->free = req->next;
		room->n_free--;
	} else {
		req = or_mem_new(sizeof(*req));
		req->arena = or_arena_new(room->opt.arena);
	}
	req->h2 = h2;
	req->id = id;
	req->prev = NULL;
	req->next = h2->reqs;
	if (req->next)
		req->next->prev = req;
	h2->reqs = req;
	h2->n_streams++;
	or_buf_init(&req->body, room->opt.max_body);
	req->deadline_ns = h2->now_ns + room->opt.request_ns;
	req->msg.fields = req->fields;
	return req;
}

static void free_req(struct or_h2_req *req)
{
	or_arena_free(req->arena);
	or_mem_free(req);
}

/* False: the room has no place for it. */
static bool hold(struct or_h2_req *req, size_t bytes)
{
	struct or_h2_room *room = req->h2->room;

	if (bytes > room->opt.max_bodies - (room->held - req->held))
		return false;
	room->held += bytes - req->held;
	req->held = bytes;
	return true;
}

static void release(struct or_h2_req *req)
{
	struct or_h2 *h2 = req->h2;
	struct or_h2_room *room = h2->room;
	struct or_arena *arena = req->arena;

	if (req->prev)
		req->prev->next = req->next;
	else
		h2->reqs = req->next;
	if (req->next)
		req->next->prev = req->prev;
	h2->n_streams--;
	(void)hold(req, 0);
	or_buf_done(&req->body);
	if (room->n_free >= FREE_MAX) {
		free_req(req);
		return;
	}
	*req = (struct or_h2_req){.arena = arena};
	or_arena_clear(arena);
	req->next = room->free;
	room->free = req;
	room->n_free++;
}

static void tell_closed(struct or_h2_req *req)
{
	or_h2_req_close_fn *fn = req->on_close;

	req->on_close = NULL;
	if (req->handled && !req->answered && fn)
		fn(req->arg, OR_CLOSED);
}

/* -- what comes -- */

static struct or_h2_req *req_of(nghttp2_session *session, int32_t id)
{
	return nghttp2_session_get_stream_user_data(session, id);
}

/* Takes from the allowance; false where there is none left. */
static bool pay(struct or_h2 *h2, int64_t cost)
{
	int64_t passed = h2->now_ns - h2->refilled_ns;

	if (passed > OR_NS_PER_S / REFILL_PER_S) {
		int64_t more =
		    passed > 10 * OR_NS_PER_S ? ALLOWANCE : passed * REFILL_PER_S / OR_NS_PER_S;

		h2->allowance = h2->allowance + more < ALLOWANCE ? h2->allowance + more : ALLOWANCE;
		h2->refilled_ns = h2->now_ns;
	}
	h2->allowance -= cost;
	return h2->allowance >= 0;
}

static int64_t cost_of(const nghttp2_frame_hd *hd)
{
	switch (hd->type) {
	case NGHTTP2_HEADERS:
	case NGHTTP2_CONTINUATION: return 0; /* a stream costs when it is reset */
	case NGHTTP2_DATA: return hd->length || (hd->flags & NGHTTP2_FLAG_END_STREAM) ? 0 : 1;
	case NGHTTP2_RST_STREAM: return RESET_COST;
	default: return 1;
	}
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *arg)
{
	struct or_h2 *h2 = arg;

	if (h2->ended || pay(h2, cost_of(hd)))
		return 0;
	h2->ended = true;
	return nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM)
		   ? NGHTTP2_ERR_CALLBACK_FAILURE
		   : 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct or_h2 *h2 = arg;
	struct or_h2_req *req;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	req = new_req(h2, frame->hd.stream_id);
	if (nghttp2_session_set_stream_user_data(session, req->id, req)) {
		release(req);
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	return 0;
}

static void set_target(struct or_http_msg *msg, struct or_slice target)
{
	size_t mark = or_str_find(target, '?', 0);

	msg->target = target;
	msg->path = or_slice(target.p, mark);
	if (mark < target.n)
		msg->query = or_slice_from(target, mark + 1);
}

/* A field goes where the message has it; nghttp2 has checked pseudo fields (RFC 9113 §8.3). */
static void put_field(struct or_h2_req *req, struct or_slice name, struct or_slice value)
{
	struct or_http_msg *msg = &req->msg;

	if (or_slice_is(name, ":method"))
		msg->method = value;
	else if (or_slice_is(name, ":path"))
		set_target(msg, value);
	else if (or_slice_is(name, ":authority"))
		msg->host = value;
	else if (name.n && name.p[0] != ':')
		req->fields[msg->n_fields++] = (struct or_http_field){name, value};
	if (or_slice_is(name, "host") && !msg->host.n)
		msg->host = value;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *arg)
{
	struct or_h2_req *req = req_of(session, frame->hd.stream_id);
	struct or_slice n, v;

	(void)flags;
	(void)arg;
	if (!req || req->head_large)
		return 0;
	req->head_bytes += name_n + value_n + FIELD_COST;
	req->head_large = req->head_bytes > req->h2->room->opt.max_head;
	/* trailers are counted, and nobody asks for them */
	if (req->head_large || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	n = or_arena_dup(req->arena, or_slice(name, name_n));
	v = or_arena_dup(req->arena, or_str_trim(or_slice(value, value_n)));
	if (!n.p || !v.p || req->msg.n_fields == FIELDS_MAX)
		req->head_large = true;
	else
		put_field(req, n, v);
	return 0;
}

/* Stricter than nghttp2 by itself, which drops such a field and goes on. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
    const uint8_t *name, size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags,
    void *arg)
{
	(void)session;
	(void)frame;
	(void)name;
	(void)name_n;
	(void)value;
	(void)value_n;
	(void)flags;
	(void)arg;
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static void hand_out(struct or_h2_req *req)
{
	struct or_h2_answer large = {.status = 431};

	if (req->handled)
		return;
	req->handled = true;
	req->deadline_ns = 0;
	if (req->head_large)
		or_h2_req_answer(req, &large);
	else
		req->h2->ops->on_request(req->h2->arg, req);
}

static int on_data(
    nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
	struct or_h2_req *req = req_of(session, id);

	(void)flags;
	(void)arg;
	if (!req || req->handled)
		return 0;
	if (n > req->body.max - req->body.n)
		req->fault = OR_FULL;
	else if (!hold(req, req->body.n + n))
		req->fault = OR_BUSY;
	if (req->fault)
		hand_out(req);
	else
		or_buf_put(&req->body, p, n);
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct or_h2_req *req = req_of(session, frame->hd.stream_id);

	(void)arg;
	if (!req || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
		return 0;
	req->ended = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	if (req->ended || req->head_large)
		hand_out(req);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *arg)
{
	struct or_h2_req *req = req_of(session, id);

	(void)error;
	(void)arg;
	if (!req)
		return 0;
	tell_closed(req);
	release(req);
	return 0;
}

/* An answer that went before its request was whole: what is still sent is not wanted (§8.1). */
static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct or_h2_req *req = req_of(session, frame->hd.stream_id);

	(void)arg;
	if (req && !req->ended && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) &&
	    (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
	    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, req->id, NGHTTP2_NO_ERROR))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	return 0;
}

/* -- answers -- */

static nghttp2_nv nv_of(struct or_slice name, struct or_slice value)
{
	return (nghttp2_nv){(uint8_t *)(uintptr_t)name.p, (uint8_t *)(uintptr_t)value.p, name.n,
	    value.n, NGHTTP2_NV_FLAG_NONE};
}

static ssize_t read_answer(nghttp2_session *session, int32_t id, uint8_t *p, size_t max,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct or_h2_req *req = source->ptr;
	size_t n = req->answer.n < max ? req->answer.n : max;

	(void)arg;
	if (n)
		memcpy(p, req->answer.p, n);
	req->answer = or_slice_from(req->answer, n);
	if (req->answer.n)
		return (ssize_t)n;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (req->n_trailers) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		if (nghttp2_submit_trailer(session, id, req->trailers, req->n_trailers))
			return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	return (ssize_t)n;
}

/* Copies of what is sent later. False: the arena is used up. */
static bool keep_answer(struct or_h2_req *req, const struct or_h2_answer *a)
{
	for (size_t i = 0; i < a->n_trailers; i++) {
		struct or_slice name = or_arena_dup(req->arena, a->trailers[i].name);
		struct or_slice value = or_arena_dup(req->arena, a->trailers[i].value);

		if (!name.p || !value.p)
			return false;
		req->trailers[i] = nv_of(name, value);
	}
	req->n_trailers = a->n_trailers;
	req->answer = or_arena_dup(req->arena, a->body);
	return req->answer.p != NULL;
}

void or_h2_req_answer(struct or_h2_req *req, const struct or_h2_answer *a)
{
	struct or_h2 *h2 = req->h2;
	nghttp2_data_provider provider = {.source.ptr = req, .read_callback = read_answer};
	nghttp2_nv head[OR_H2_FIELDS_MAX + 1];
	char status[STATUS_LEN + 1];
	bool has_body = a->body.n || a->n_trailers;
	int rc;

	OR_ASSERT(req->handled && !req->answered && a->status >= 200 && a->status <= 599);
	OR_ASSERT(a->n_fields <= OR_H2_FIELDS_MAX && a->n_trailers <= OR_H2_FIELDS_MAX);
	req->answered = true;
	req->on_close = NULL;
	snprintf(status, sizeof(status), "%u", a->status % 1000);
	head[0] = nv_of(OR_SLICE_LIT(":status"), or_slice(status, STATUS_LEN));
	for (size_t i = 0; i < a->n_fields; i++)
		head[i + 1] = nv_of(a->fields[i].name, a->fields[i].value);
	rc = has_body && !keep_answer(req, a) ? NGHTTP2_ERR_NOMEM : 0;
	if (rc == 0)
		rc = nghttp2_submit_response(
		    h2->session, req->id, head, a->n_fields + 1, has_body ? &provider : NULL);
	if (rc)
		(void)nghttp2_submit_rst_stream(
		    h2->session, NGHTTP2_FLAG_NONE, req->id, NGHTTP2_INTERNAL_ERROR);
	h2->allowance += ANSWER_REFILL;
	if (h2->allowance > ALLOWANCE)
		h2->allowance = ALLOWANCE;
	if (!h2->in_put)
		h2->ops->on_ready(h2->arg);
}

/* -- the connection -- */

static nghttp2_session_callbacks *make_callbacks(void)
{
	nghttp2_session_callbacks *c;

	OR_ASSERT(nghttp2_session_callbacks_new(&c) == 0);
	nghttp2_session_callbacks_set_on_begin_frame_callback(c, on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(c, on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(c, on_invalid_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
	nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_send);
	nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
	return c;
}

struct or_h2_room *or_h2_room_new(const struct or_h2_opt *opt)
{
	struct or_h2_room *room = or_mem_new(sizeof(*room));
	struct or_h2_opt *o = &room->opt;

	*o = *opt;
	o->max_streams = opt->max_streams ? opt->max_streams : 100;
	o->max_head = opt->max_head ? opt->max_head : 16 * OR_KIB;
	o->max_body = opt->max_body ? opt->max_body : 64 * OR_KIB;
	o->max_bodies = opt->max_bodies ? opt->max_bodies : 16 * o->max_body;
	o->arena = opt->arena ? opt->arena : 256 * OR_KIB;
	o->request_ns = opt->request_ns ? opt->request_ns : 30 * OR_NS_PER_S;
	o->answer_ns = opt->answer_ns ? opt->answer_ns : 30 * OR_NS_PER_S;
	room->callbacks = make_callbacks();
	OR_ASSERT(nghttp2_option_new(&room->option) == 0);
	/* nothing is kept of streams that are closed, and nothing is pushed */
	nghttp2_option_set_no_closed_streams(room->option, 1);
	nghttp2_option_set_max_reserved_remote_streams(room->option, 0);
	return room;
}

void or_h2_room_free(struct or_h2_room *room)
{
	struct or_h2_req *next;

	if (!room)
		return;
	OR_ASSERT(room->n_conns == 0 && room->held == 0);
	for (struct or_h2_req *req = room->free; req; req = next) {
		next = req->next;
		free_req(req);
	}
	nghttp2_option_del(room->option);
	nghttp2_session_callbacks_del(room->callbacks);
	or_mem_free(room);
}

struct or_h2 *or_h2_new(
    struct or_h2_room *room, const struct or_h2_ops *ops, void *arg, int64_t now_ns)
{
	struct or_h2 *h2 = or_mem_new(sizeof(*h2));
	const nghttp2_settings_entry settings[] = {
	    {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, room->opt.max_streams},
	    {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)room->opt.max_head},
	};

	h2->room = room;
	h2->ops = ops;
	h2->arg = arg;
	h2->now_ns = h2->refilled_ns = now_ns;
	h2->allowance = ALLOWANCE;
	OR_ASSERT(
	    nghttp2_session_server_new2(&h2->session, room->callbacks, h2, room->option) == 0);
	OR_ASSERT(nghttp2_submit_settings(
		      h2->session, NGHTTP2_FLAG_NONE, settings, OR_LEN(settings)) == 0);
	room->n_conns++;
	return h2;
}

void or_h2_free(struct or_h2 *h2)
{
	if (!h2)
		return;
	OR_ASSERT(!h2->in_put);
	h2->in_put = true; /* nobody is called for what is answered now */
	while (h2->reqs) {
		struct or_h2_req *req = h2->reqs;

		tell_closed(req);
		release(req);
	}
	nghttp2_session_del(h2->session);
	h2->room->n_conns--;
	or_mem_free(h2);
}

enum or_code or_h2_put(struct or_h2 *h2, struct or_slice in, int64_t now_ns)
{
	ssize_t n;

	OR_ASSERT(!h2->in_put);
	h2->now_ns = now_ns;
	if (h2->ended || !in.n)
		return h2->ended ? OR_PARSE : OR_OK;
	h2->in_put = true;
	n = nghttp2_session_mem_recv(h2->session, in.p, in.n);
	h2->in_put = false;
	if (n < 0)
		h2->ended = true;
	return h2->ended ? OR_PARSE : OR_OK;
}

void or_h2_take(struct or_h2 *h2, struct or_buf *out, size_t enough)
{
	bool was = h2->in_put;

	h2->in_put = true;
	while (out->n < enough) {
		const uint8_t *p;
		ssize_t n = nghttp2_session_mem_send(h2->session, &p);

		if (n < 0)
			h2->ended = true;
		if (n <= 0)
			break;
		or_buf_put(out, p, (size_t)n);
	}
	h2->in_put = was;
}

void or_h2_leave(struct or_h2 *h2)
{
	(void)nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE,
	    nghttp2_session_get_last_proc_stream_id(h2->session), NGHTTP2_NO_ERROR, NULL, 0);
}

void or_h2_expire(struct or_h2 *h2, int64_t now_ns)
{
	for (struct or_h2_req *req = h2->reqs; req; req = req->next) {
		/* when it was answered nobody looked at a clock: its time begins here */
		if (req->answered && !req->deadline_ns)
			req->deadline_ns = now_ns + h2->room->opt.answer_ns;
		if (!req->deadline_ns || now_ns <= req->deadline_ns)
			continue;
		req->deadline_ns = now_ns + h2->room->opt.answer_ns;
		(void)nghttp2_submit_rst_stream(
		    h2->session, NGHTTP2_FLAG_NONE, req->id, NGHTTP2_CANCEL);
	}
}

size_t or_h2_n_streams(const struct or_h2 *h2)
{
	return h2->n_streams;
}

bool or_h2_is_over(const struct or_h2 *h2)
{
	if (nghttp2_session_want_write(h2->session))
		return false;
	return h2->ended || !nghttp2_session_want_read(h2->session);
}

/* -- a request -- */

const struct or_http_msg *or_h2_req_msg(const struct or_h2_req *req)
{
	return &req->msg;
}

struct or_slice or_h2_req_body(const struct or_h2_req *req)
{
	return or_buf_slice(&req->body);
}

enum or_code or_h2_req_fault(const struct or_h2_req *req)
{
	return req->fault;
}

struct or_arena *or_h2_req_arena(struct or_h2_req *req)
{
	return req->arena;
}

void *or_h2_req_conn(const struct or_h2_req *req)
{
	return req->h2->arg;
}

enum or_code or_h2_req_swap_body(struct or_h2_req *req, struct or_buf *other)
{
	struct or_buf body = req->body;

	if (!hold(req, other->n))
		return OR_BUSY;
	req->body = *other;
	*other = body;
	return OR_OK;
}

void or_h2_req_attach(struct or_h2_req *req, or_h2_req_close_fn *on_close, void *arg)
{
	req->on_close = on_close;
	req->arg = arg;
}
