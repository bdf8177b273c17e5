/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/h2_dial.h"

#include "base/mem.h"
#include "tests/support/support.h"

#define PATIENCE_NS (60 * OR_NS_PER_S)

enum { MESSAGE_MAX = 8 * 1024 * 1024, FIELDS_MAX = 16 };

static size_t on_data(void *arg, struct or_slice in)
{
	struct support_dial *d = arg;

	if (d->deaf)
		return 0;
	support_h2_put(d->h2, in);
	support_dial_flush(d);
	return in.n;
}

static void on_eof(void *arg)
{
	struct support_dial *d = arg;

	d->ended = true;
}

static void on_lost(void *arg, enum or_code why)
{
	(void)why;
	on_eof(arg);
}

static void on_open(void *arg)
{
	support_dial_flush(arg);
}

static void on_room(void *arg)
{
	(void)arg;
}

struct support_dial *support_dial_new(
    struct or_loop *loop, const char *address, struct or_tls_session *tls)
{
	static const struct or_conn_ops ops = {.on_open = on_open,
	    .on_data = on_data,
	    .on_eof = on_eof,
	    .on_room = on_room,
	    .on_lost = on_lost};
	struct support_dial *d = or_mem_new(sizeof(*d));
	const struct or_conn_opt opt = {.tls = tls};
	struct or_net_addr addr;
	struct or_err err;

	d->loop = loop;
	d->hub = or_conn_hub_new(loop);
	d->h2 = support_h2_new();
	ASSERT_OK(or_net_parse(&addr, address, &err), &err);
	ASSERT_OK(or_conn_connect(&d->conn, d->hub, &addr, &opt, &ops, d, &err), &err);
	return d;
}

void support_dial_free(struct support_dial *d)
{
	if (!d)
		return;
	or_conn_free(d->conn);
	or_conn_hub_free(d->hub);
	support_h2_free(d->h2);
	or_mem_free(d);
}

void support_dial_flush(struct support_dial *d)
{
	struct or_buf out;

	or_buf_init(&out, MESSAGE_MAX);
	support_h2_take(d->h2, &out);
	or_conn_put(d->conn, or_buf_slice(&out));
	or_buf_done(&out);
}

static void on_too_late(void *arg)
{
	(void)arg;
	fail_msg("the condition did not come true in time");
}

void support_dial_until(struct support_dial *d, bool (*fn)(void *arg), void *arg)
{
	struct or_loop_timer *timer = or_loop_timer_start(d->loop, PATIENCE_NS, on_too_late, NULL);

	while (!fn(arg))
		or_loop_turn(d->loop, false);
	or_loop_timer_cancel(timer);
}

struct wait {
	struct support_dial *d;
	int32_t id;
};

static bool is_closed(void *arg)
{
	struct wait *w = arg;

	return w->d->ended || support_h2_answer(w->d->h2, w->id)->closed;
}

void support_dial_await(struct support_dial *d, int32_t id)
{
	struct wait wait = {d, id};

	support_dial_flush(d);
	support_dial_until(d, is_closed, &wait);
}

int32_t support_grpc_ask(struct support_dial *d, const char *path, struct or_slice message,
    bool packed, const struct or_http_field *fields, size_t n_fields)
{
	struct or_http_field all[FIELDS_MAX] = {
	    {OR_SLICE_LIT("content-type"), OR_SLICE_LIT("application/grpc")},
	    {OR_SLICE_LIT("te"), OR_SLICE_LIT("trailers")}};
	struct or_buf body;
	int32_t id;

	assert_true(n_fields + 2 <= FIELDS_MAX);
	for (size_t i = 0; i < n_fields; i++)
		all[2 + i] = fields[i];
	or_buf_init(&body, MESSAGE_MAX);
	or_buf_put_byte(&body, packed);
	for (int i = 0; i < 4; i++)
		or_buf_put_byte(&body, (uint8_t)(message.n >> (24 - 8 * i)));
	or_buf_put_slice(&body, message);
	id = support_h2_ask(d->h2, path, all, n_fields + 2, or_buf_slice(&body));
	or_buf_done(&body);
	support_dial_flush(d);
	return id;
}

void support_grpc_read(struct support_grpc *out, struct support_dial *d, int32_t id)
{
	struct support_h2_answer *a = support_h2_answer(d->h2, id);
	const char *status;

	*out = (struct support_grpc){
	    .status = -1, .http = a->status, .fields = or_buf_text(&a->fields)};
	status = strstr(out->fields, "grpc-status: ");
	if (status) {
		out->status = 0;
		for (status += strlen("grpc-status: "); *status != '\n'; status++)
			out->status = out->status * 10 + (*status - '0');
	}
	if (a->body.n >= 5)
		out->message = or_slice_from(or_buf_slice(&a->body), 5);
}

void support_grpc_call(
    struct support_grpc *out, struct support_dial *d, const char *path, struct or_slice message)
{
	int32_t id = support_grpc_ask(d, path, message, false, NULL, 0);

	support_dial_await(d, id);
	support_grpc_read(out, d, id);
}
