/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/h2_client.h"

#include "base/mem.h"

#include <nghttp2/nghttp2.h>

enum { BODY_MAX = 4 * 1024 * 1024, FIELDS_MAX = 256, OWN = 4 };

struct request {
	struct or_buf body;
	size_t sent;
	bool ends;
};

struct support_h2 {
	nghttp2_session *session;
	struct request requests[SUPPORT_H2_ANSWERS];
	struct support_h2_answer answers[SUPPORT_H2_ANSWERS];
	size_t n;
	int64_t goaway;
};

/* Streams of a client are 1, 3, 5… */
static size_t index_of(int32_t id)
{
	return (size_t)(id - 1) / 2;
}

struct support_h2_answer *support_h2_answer(struct support_h2 *c, int32_t id)
{
	OR_ASSERT(id > 0 && index_of(id) < c->n);
	return &c->answers[index_of(id)];
}

static int on_header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *arg)
{
	struct support_h2_answer *a = support_h2_answer(arg, frame->hd.stream_id);

	(void)s;
	(void)flags;
	if (or_slice_is(or_slice(name, name_n), ":status"))
		a->status = (unsigned int)(value[0] - '0') * 100 +
			    (unsigned int)(value[1] - '0') * 10 + (unsigned int)(value[2] - '0');
	or_buf_put(&a->fields, name, name_n);
	or_buf_put_str(&a->fields, ": ");
	or_buf_put(&a->fields, value, value_n);
	or_buf_put_byte(&a->fields, '\n');
	return 0;
}

static int on_data(
    nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
	(void)s;
	(void)flags;
	or_buf_put(&support_h2_answer(arg, id)->body, p, n);
	return 0;
}

static int on_close(nghttp2_session *s, int32_t id, uint32_t error, void *arg)
{
	struct support_h2_answer *a = support_h2_answer(arg, id);

	(void)s;
	a->closed = true;
	a->error = error;
	return 0;
}

static int on_frame(nghttp2_session *s, const nghttp2_frame *frame, void *arg)
{
	struct support_h2 *c = arg;

	(void)s;
	if (frame->hd.type == NGHTTP2_GOAWAY)
		c->goaway = frame->goaway.error_code;
	return 0;
}

static ssize_t read_body(nghttp2_session *s, int32_t id, uint8_t *p, size_t max, uint32_t *flags,
    nghttp2_data_source *source, void *arg)
{
	struct request *r = source->ptr;
	size_t n = r->body.n - r->sent < max ? r->body.n - r->sent : max;

	(void)s;
	(void)id;
	(void)arg;
	if (!n && !r->ends)
		return NGHTTP2_ERR_DEFERRED;
	if (n)
		memcpy(p, r->body.p + r->sent, n);
	r->sent += n;
	if (r->sent == r->body.n && r->ends)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

struct support_h2 *support_h2_new(void)
{
	struct support_h2 *c = or_mem_new(sizeof(*c));
	nghttp2_session_callbacks *callbacks;

	OR_ASSERT(nghttp2_session_callbacks_new(&callbacks) == 0);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	OR_ASSERT(nghttp2_session_client_new(&c->session, callbacks, c) == 0);
	nghttp2_session_callbacks_del(callbacks);
	OR_ASSERT(nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, NULL, 0) == 0);
	c->goaway = -1;
	return c;
}

void support_h2_free(struct support_h2 *c)
{
	if (!c)
		return;
	nghttp2_session_del(c->session);
	for (size_t i = 0; i < c->n; i++) {
		or_buf_done(&c->requests[i].body);
		or_buf_done(&c->answers[i].fields);
		or_buf_done(&c->answers[i].body);
	}
	or_mem_free(c);
}

static nghttp2_nv nv_of(struct or_slice name, struct or_slice value)
{
	return (nghttp2_nv){(uint8_t *)(uintptr_t)name.p, (uint8_t *)(uintptr_t)value.p, name.n,
	    value.n, NGHTTP2_NV_FLAG_NONE};
}

static int32_t submit(struct support_h2 *c, const char *path, const struct or_http_field *fields,
    size_t n_fields, struct or_slice body, bool ends)
{
	const struct or_http_field own[OWN] = {{OR_SLICE_LIT(":method"), OR_SLICE_LIT("POST")},
	    {OR_SLICE_LIT(":scheme"), OR_SLICE_LIT("http")},
	    {OR_SLICE_LIT(":authority"), OR_SLICE_LIT("test:1")},
	    {OR_SLICE_LIT(":path"), or_slice_str(path)}};
	nghttp2_data_provider provider = {.read_callback = read_body};
	nghttp2_nv nv[FIELDS_MAX];
	size_t n = 0;
	int32_t id;

	OR_ASSERT(n_fields + OWN <= FIELDS_MAX && c->n < SUPPORT_H2_ANSWERS);
	for (size_t i = 0; i < OWN; i++) {
		bool given = false;

		for (size_t k = 0; k < n_fields; k++)
			given |= or_slice_eq(fields[k].name, own[i].name);
		if (!given)
			nv[n++] = nv_of(own[i].name, own[i].value);
	}
	for (size_t i = 0; i < n_fields; i++)
		nv[n++] = nv_of(fields[i].name, fields[i].value);
	or_buf_init(&c->requests[c->n].body, BODY_MAX);
	or_buf_put_slice(&c->requests[c->n].body, body);
	or_buf_init(&c->answers[c->n].fields, BODY_MAX);
	or_buf_init(&c->answers[c->n].body, BODY_MAX);
	c->requests[c->n].ends = ends;
	provider.source.ptr = &c->requests[c->n++];
	id = nghttp2_submit_request(c->session, NULL, nv, n, &provider, NULL);
	OR_ASSERT(id > 0 && index_of(id) == c->n - 1);
	return id;
}

int32_t support_h2_ask(struct support_h2 *c, const char *path, const struct or_http_field *fields,
    size_t n_fields, struct or_slice body)
{
	return submit(c, path, fields, n_fields, body, true);
}

int32_t support_h2_begin(struct support_h2 *c, const char *path)
{
	return submit(c, path, NULL, 0, OR_SLICE_LIT("x"), false);
}

void support_h2_reset(struct support_h2 *c, int32_t id)
{
	OR_ASSERT(
	    nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL) == 0);
}

void support_h2_ping(struct support_h2 *c)
{
	OR_ASSERT(nghttp2_submit_ping(c->session, NGHTTP2_FLAG_NONE, NULL) == 0);
}

void support_h2_put(struct support_h2 *c, struct or_slice in)
{
	if (in.n)
		OR_ASSERT(nghttp2_session_mem_recv(c->session, in.p, in.n) == (ssize_t)in.n);
}

void support_h2_take(struct support_h2 *c, struct or_buf *out)
{
	const uint8_t *p;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(c->session, &p)) > 0)
		or_buf_put(out, p, (size_t)n);
	OR_ASSERT(n == 0);
}

int64_t support_h2_goaway(const struct support_h2 *c)
{
	return c->goaway;
}
