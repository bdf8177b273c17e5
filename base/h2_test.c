/* SPDX-License-Identifier: Apache-2.0 */
/* The client is nghttp2's own, in memory; frames that no client sends are written by hand. */
#include "base/h2.h"
#include "tests/support/h2_client.h"
#include "tests/support/support.h"

#include <stdio.h>

#define MAGIC "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum { FRAME_DATA = 0, FRAME_HEADERS = 1, FRAME_SETTINGS = 4, FRAME_PING = 6, END_STREAM = 1 };

struct rig {
	struct or_h2_room *room;
	struct or_h2 *h2;
	struct support_h2 *client;
	struct or_buf up, down;
	int64_t now_ns;
	struct or_h2_req *held[64]; /* the requests of /hold */
	size_t n_held;
	size_t n_requests;
	size_t n_closed;
	size_t n_ready;
	enum or_code fault;
	char seen[1024]; /* the last request */
};

static void on_close(void *arg, enum or_code why)
{
	struct rig *r = arg;

	assert_int_equal(why, OR_CLOSED);
	r->n_closed++;
}

static void answer(struct or_h2_req *req, unsigned int status, struct or_slice body)
{
	const struct or_http_field field = {OR_SLICE_LIT("x-a"), OR_SLICE_LIT("b")};
	const struct or_http_field trailer = {OR_SLICE_LIT("x-end"), OR_SLICE_LIT("c")};
	struct or_h2_answer a = {.status = status,
	    .fields = &field,
	    .n_fields = 1,
	    .body = body,
	    .trailers = &trailer,
	    .n_trailers = body.n ? 1 : 0};

	or_h2_req_answer(req, &a);
}

static void on_request(void *arg, struct or_h2_req *req)
{
	struct rig *r = arg;
	const struct or_http_msg *msg = or_h2_req_msg(req);

	r->n_requests++;
	r->fault = or_h2_req_fault(req);
	assert_ptr_equal(or_h2_req_conn(req), r);
	snprintf(r->seen, sizeof(r->seen), "%.*s %.*s|%.*s %.*s %zu", OR_SLICE_FMT(msg->method),
	    OR_SLICE_FMT(msg->path), OR_SLICE_FMT(msg->query), OR_SLICE_FMT(msg->host),
	    msg->n_fields);
	if (r->fault) {
		answer(req, 413, OR_SLICE_NONE);
	} else if (or_slice_is(msg->path, "/hold")) {
		or_h2_req_attach(req, on_close, r);
		r->held[r->n_held++] = req;
	} else {
		answer(req, 200, or_h2_req_body(req));
	}
}

static void on_ready(void *arg)
{
	struct rig *r = arg;

	r->n_ready++;
}

static int start(void **state)
{
	static const struct or_h2_ops ops = {.on_request = on_request, .on_ready = on_ready};
	static struct rig rig;
	const struct or_h2_opt opt = {.max_streams = 8,
	    .max_head = 2048,
	    .max_body = 100 * 1024,
	    .max_bodies = 150 * 1024,
	    .request_ns = 10 * OR_NS_PER_S,
	    .answer_ns = 10 * OR_NS_PER_S};

	rig = (struct rig){.room = or_h2_room_new(&opt), .client = support_h2_new()};
	rig.h2 = or_h2_new(rig.room, &ops, &rig, 0);
	or_buf_init(&rig.up, 8 * OR_MIB);
	or_buf_init(&rig.down, 8 * OR_MIB);
	*state = &rig;
	return 0;
}

static int stop(void **state)
{
	struct rig *r = *state;

	or_h2_free(r->h2);
	or_h2_room_free(r->room);
	support_h2_free(r->client);
	or_buf_done(&r->up);
	or_buf_done(&r->down);
	return 0;
}

/* Carries bytes both ways until nobody has any; what the server said last. */
static enum or_code carry(struct rig *r)
{
	enum or_code rc = OR_OK;

	for (;;) {
		or_buf_clear(&r->up);
		or_buf_clear(&r->down);
		support_h2_take(r->client, &r->up);
		if (r->up.n)
			rc = or_h2_put(r->h2, or_buf_slice(&r->up), r->now_ns);
		or_h2_take(r->h2, &r->down, r->down.max);
		if (!r->up.n && !r->down.n)
			return rc;
		support_h2_put(r->client, or_buf_slice(&r->down));
	}
}

static void put_frame(struct or_buf *b, uint8_t type, uint8_t flags, uint32_t id, struct or_slice s)
{
	const uint8_t head[] = {(uint8_t)(s.n >> 16), (uint8_t)(s.n >> 8), (uint8_t)s.n, type,
	    flags, (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};

	or_buf_put(b, head, sizeof(head));
	or_buf_put_slice(b, s);
}

static enum or_code put_raw(struct rig *r)
{
	enum or_code rc = or_h2_put(r->h2, or_buf_slice(&r->up), r->now_ns);

	or_buf_clear(&r->down);
	or_h2_take(r->h2, &r->down, r->down.max);
	return rc;
}

/* A request's fields, as HPACK literals. */
static struct or_slice head_block(void)
{
	static const char text[] = "\x83\x86\x04\x01/\x01\x01t"; /* POST, http, path, authority */

	return or_slice(text, sizeof(text) - 1);
}

static void answers_with_body_and_trailers(void **state)
{
	struct rig *r = *state;
	const struct or_http_field field = {OR_SLICE_LIT("x-q"), OR_SLICE_LIT("1")};
	int32_t id = support_h2_ask(r->client, "/a?b=c", &field, 1, OR_SLICE_LIT("hello"));
	struct support_h2_answer *a;

	ASSERT_CODE(carry(r), OR_OK);
	a = support_h2_answer(r->client, id);
	assert_true(a->closed && a->error == 0);
	assert_int_equal(a->status, 200);
	ASSERT_SLICE(or_buf_slice(&a->body), "hello");
	ASSERT_HAS(or_buf_text(&a->fields), "x-a: b\n");
	ASSERT_HAS(or_buf_text(&a->fields), "x-end: c\n");
	assert_string_equal(r->seen, "POST /a|b=c test:1 1");
	assert_int_equal(or_h2_n_streams(r->h2), 0);
}

static void bodies_come_whole_through_flow_control(void **state)
{
	struct rig *r = *state;
	static uint8_t bytes[100 * 1024];
	int32_t id;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	id = support_h2_ask(r->client, "/", NULL, 0, or_slice(bytes, sizeof(bytes)));
	ASSERT_CODE(carry(r), OR_OK);
	assert_true(or_slice_eq(
	    or_buf_slice(&support_h2_answer(r->client, id)->body), or_slice(bytes, sizeof(bytes))));
}

static void a_body_too_large_is_a_fault_and_the_rest_is_not_read(void **state)
{
	struct rig *r = *state;
	static uint8_t bytes[3 * 1024 * 1024];
	int32_t id = support_h2_ask(r->client, "/", NULL, 0, or_slice(bytes, sizeof(bytes)));
	struct support_h2_answer *a;

	ASSERT_CODE(carry(r), OR_OK);
	a = support_h2_answer(r->client, id);
	assert_int_equal(r->fault, OR_FULL);
	assert_int_equal(a->status, 413);
	assert_true(a->closed && a->error == 0);
	assert_int_equal(or_h2_n_streams(r->h2), 0);
}

static void bodies_of_all_requests_have_one_budget(void **state)
{
	struct rig *r = *state;
	static uint8_t bytes[90 * 1024];
	int32_t last;

	support_h2_ask(r->client, "/hold", NULL, 0, or_slice(bytes, sizeof(bytes)));
	ASSERT_CODE(carry(r), OR_OK);
	last = support_h2_ask(r->client, "/", NULL, 0, or_slice(bytes, sizeof(bytes)));
	ASSERT_CODE(carry(r), OR_OK);
	assert_int_equal(r->fault, OR_BUSY);
	assert_true(support_h2_answer(r->client, last)->closed);
	answer(r->held[0], 204, OR_SLICE_NONE);
	last = support_h2_ask(r->client, "/", NULL, 0, or_slice(bytes, sizeof(bytes)));
	ASSERT_CODE(carry(r), OR_OK);
	assert_int_equal(r->fault, OR_OK);
	assert_int_equal(support_h2_answer(r->client, last)->body.n, sizeof(bytes));
}

static void a_body_may_be_exchanged_within_the_budget(void **state)
{
	struct rig *r = *state;
	struct or_buf other;

	support_h2_ask(r->client, "/hold", NULL, 0, OR_SLICE_LIT("packed"));
	ASSERT_CODE(carry(r), OR_OK);
	or_buf_init(&other, 200 * 1024);
	assert_non_null(or_buf_reserve(&other, 160 * 1024));
	or_buf_commit(&other, 160 * 1024);
	ASSERT_CODE(or_h2_req_swap_body(r->held[0], &other), OR_BUSY);
	ASSERT_SLICE(or_h2_req_body(r->held[0]), "packed");
	or_buf_clear(&other);
	or_buf_put_str(&other, "unpacked");
	ASSERT_CODE(or_h2_req_swap_body(r->held[0], &other), OR_OK);
	ASSERT_SLICE(or_h2_req_body(r->held[0]), "unpacked");
	ASSERT_SLICE(or_buf_slice(&other), "packed");
	or_buf_done(&other);
}

static void a_head_too_large_is_431(void **state)
{
	struct rig *r = *state;
	static char value[1900];
	struct or_http_field fields[80];
	int32_t id;

	memset(value, 'x', sizeof(value));
	fields[0] = (struct or_http_field){OR_SLICE_LIT("x"), or_slice(value, sizeof(value))};
	id = support_h2_ask(r->client, "/", fields, 1, OR_SLICE_LIT("b"));
	ASSERT_CODE(carry(r), OR_OK);
	assert_int_equal(support_h2_answer(r->client, id)->status, 431);
	/* a field costs 32 more than its bytes */
	for (size_t i = 0; i < OR_LEN(fields); i++)
		fields[i] = (struct or_http_field){OR_SLICE_LIT("x"), OR_SLICE_NONE};
	id = support_h2_ask(r->client, "/", fields, OR_LEN(fields), OR_SLICE_LIT("b"));
	ASSERT_CODE(carry(r), OR_OK);
	assert_int_equal(support_h2_answer(r->client, id)->status, 431);
	assert_int_equal(r->n_requests, 0);
}

static void answers_may_come_later_and_in_any_order(void **state)
{
	struct rig *r = *state;
	int32_t first = support_h2_ask(r->client, "/hold", NULL, 0, OR_SLICE_LIT("1"));
	int32_t second = support_h2_ask(r->client, "/hold", NULL, 0, OR_SLICE_LIT("2"));

	ASSERT_CODE(carry(r), OR_OK);
	assert_int_equal(r->n_ready, 0);
	answer(r->held[1], 200, OR_SLICE_LIT("two"));
	assert_int_equal(r->n_ready, 1);
	ASSERT_CODE(carry(r), OR_OK);
	assert_true(support_h2_answer(r->client, second)->closed);
	assert_false(support_h2_answer(r->client, first)->closed);
	answer(r->held[0], 200, OR_SLICE_LIT("one"));
	ASSERT_CODE(carry(r), OR_OK);
	ASSERT_SLICE(or_buf_slice(&support_h2_answer(r->client, first)->body), "one");
	assert_int_equal(r->n_closed, 0);
}

static void who_gives_up_is_told_of_once(void **state)
{
	struct rig *r = *state;
	int32_t id = support_h2_ask(r->client, "/hold", NULL, 0, OR_SLICE_LIT("1"));

	ASSERT_CODE(carry(r), OR_OK);
	support_h2_reset(r->client, id);
	ASSERT_CODE(carry(r), OR_OK);
	assert_int_equal(r->n_closed, 1);
	assert_int_equal(or_h2_n_streams(r->h2), 0);
	support_h2_ask(r->client, "/hold", NULL, 0, OR_SLICE_LIT("1"));
	ASSERT_CODE(carry(r), OR_OK);
	or_h2_free(r->h2);
	assert_int_equal(r->n_closed, 2);
	r->h2 = NULL;
}

static void no_more_streams_than_the_limit_are_handled(void **state)
{
	struct rig *r = *state;

	ASSERT_CODE(carry(r), OR_OK); /* it knows our SETTINGS */
	for (int i = 0; i < 20; i++)
		support_h2_ask(r->client, "/hold", NULL, 0, OR_SLICE_NONE);
	ASSERT_CODE(carry(r), OR_OK);
	assert_int_equal(r->n_held, 8);
	for (size_t i = 0; i < 20; i++) {
		answer(r->held[i], 204, OR_SLICE_NONE);
		ASSERT_CODE(carry(r), OR_OK);
	}
	assert_int_equal(r->n_requests, 20);
}

static void a_client_that_ignores_the_limit_is_not_served(void **state)
{
	struct rig *r = *state;

	or_buf_put_str(&r->up, MAGIC);
	put_frame(&r->up, FRAME_SETTINGS, 0, 0, OR_SLICE_NONE);
	put_frame(&r->up, FRAME_SETTINGS, 1, 0, OR_SLICE_NONE); /* it acknowledges ours */
	ASSERT_CODE(put_raw(r), OR_OK);
	or_buf_clear(&r->up);
	for (uint32_t i = 0; i < 100; i++)
		put_frame(&r->up, FRAME_HEADERS, 4, 1 + 2 * i, head_block());
	(void)put_raw(r);
	assert_true(or_h2_n_streams(r->h2) <= 8);
}

static void frames_that_cost_nothing_are_limited(void **state)
{
	struct rig *r = *state;

	ASSERT_CODE(carry(r), OR_OK);
	for (int i = 0; i < 500; i++)
		support_h2_ping(r->client);
	ASSERT_CODE(carry(r), OR_OK);
	assert_int_equal(support_h2_goaway(r->client), -1);
	for (int i = 0; i < 600; i++)
		support_h2_ping(r->client);
	ASSERT_CODE(carry(r), OR_PARSE);
	assert_int_equal(support_h2_goaway(r->client), 11); /* ENHANCE_YOUR_CALM */
	assert_true(or_h2_is_over(r->h2));
}

static void time_and_answers_refill_the_allowance(void **state)
{
	struct rig *r = *state;

	ASSERT_CODE(carry(r), OR_OK);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 900; i++)
			support_h2_ping(r->client);
		ASSERT_CODE(carry(r), OR_OK);
		r->now_ns += 20 * OR_NS_PER_S;
	}
	/* a client that sends a ping with each request may do so for ever */
	for (int i = 0; i < 900; i++) {
		support_h2_ask(r->client, "/", NULL, 0, OR_SLICE_LIT("x"));
		support_h2_ping(r->client);
		support_h2_ping(r->client);
		ASSERT_CODE(carry(r), OR_OK);
	}
	assert_int_equal(support_h2_goaway(r->client), -1);
}

static void rapid_reset_is_stopped(void **state)
{
	struct rig *r = *state;
	enum or_code rc = OR_OK;
	int n = 0;

	while (!rc && n < 1000) {
		int32_t id = support_h2_ask(r->client, "/hold", NULL, 0, OR_SLICE_NONE);

		r->n_held = 0;
		rc = carry(r);
		support_h2_reset(r->client, id);
		rc = rc ? rc : carry(r);
		n++;
	}
	assert_in_range(n, 300, 600);
	assert_int_equal(support_h2_goaway(r->client), 11);
	or_h2_free(r->h2);
	r->h2 = NULL;
	assert_int_equal(r->n_closed, r->n_requests);
}

static void empty_data_frames_are_limited(void **state)
{
	struct rig *r = *state;

	or_buf_put_str(&r->up, MAGIC);
	put_frame(&r->up, FRAME_SETTINGS, 0, 0, OR_SLICE_NONE);
	put_frame(&r->up, FRAME_HEADERS, 4, 1, head_block());
	for (int i = 0; i < 1100; i++)
		put_frame(&r->up, FRAME_DATA, 0, 1, OR_SLICE_NONE);
	ASSERT_CODE(put_raw(r), OR_PARSE);
}

static void what_is_no_http2_ends(void **state)
{
	struct rig *r = *state;

	or_buf_put_str(&r->up, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	ASSERT_CODE(put_raw(r), OR_PARSE);
	assert_true(or_h2_is_over(r->h2));
	ASSERT_CODE(put_raw(r), OR_PARSE);
}

static void a_field_that_is_none_resets_its_stream(void **state)
{
	struct rig *r = *state;
	/* POST, http, path, authority, and "X: a" with a capital letter */
	static const char block[] = "\x83\x86\x04\x01/\x01\x01t\x00\x01X\x01"
				    "a";

	or_buf_put_str(&r->up, MAGIC);
	put_frame(&r->up, FRAME_SETTINGS, 0, 0, OR_SLICE_NONE);
	put_frame(&r->up, FRAME_HEADERS, 4 | END_STREAM, 1, or_slice(block, sizeof(block) - 1));
	ASSERT_CODE(put_raw(r), OR_OK);
	assert_int_equal(r->n_requests, 0);
	assert_int_equal(or_h2_n_streams(r->h2), 0);
	or_buf_clear(&r->up);
	put_frame(&r->up, FRAME_HEADERS, 4 | END_STREAM, 3, head_block());
	ASSERT_CODE(put_raw(r), OR_OK);
	assert_int_equal(r->n_requests, 1);
}

static void late_requests_and_answers_that_nobody_takes_are_reset(void **state)
{
	struct rig *r = *state;
	int32_t slow = support_h2_begin(r->client, "/");
	int32_t held = support_h2_ask(r->client, "/hold", NULL, 0, OR_SLICE_NONE);

	ASSERT_CODE(carry(r), OR_OK);
	or_h2_expire(r->h2, 9 * OR_NS_PER_S);
	ASSERT_CODE(carry(r), OR_OK);
	assert_false(support_h2_answer(r->client, slow)->closed);
	or_h2_expire(r->h2, 11 * OR_NS_PER_S);
	ASSERT_CODE(carry(r), OR_OK);
	assert_true(support_h2_answer(r->client, slow)->closed);
	assert_int_equal(support_h2_answer(r->client, slow)->error, 8); /* CANCEL */
	assert_false(support_h2_answer(r->client, held)->closed);
	/* answered, but what is sent does not arrive */
	answer(r->held[0], 200, OR_SLICE_LIT("x"));
	or_h2_expire(r->h2, 12 * OR_NS_PER_S);
	assert_int_equal(or_h2_n_streams(r->h2), 1);
	or_h2_expire(r->h2, 23 * OR_NS_PER_S);
	ASSERT_CODE(carry(r), OR_OK);
	assert_int_equal(or_h2_n_streams(r->h2), 0);
	assert_int_equal(r->n_requests, 1);
}

static void leaving_lets_what_is_under_way_end(void **state)
{
	struct rig *r = *state;
	int32_t id = support_h2_ask(r->client, "/hold", NULL, 0, OR_SLICE_NONE);

	ASSERT_CODE(carry(r), OR_OK);
	or_h2_leave(r->h2);
	ASSERT_CODE(carry(r), OR_OK);
	assert_int_equal(support_h2_goaway(r->client), 0);
	assert_false(or_h2_is_over(r->h2));
	answer(r->held[0], 200, OR_SLICE_LIT("x"));
	ASSERT_CODE(carry(r), OR_OK);
	assert_int_equal(support_h2_answer(r->client, id)->status, 200);
	assert_true(or_h2_is_over(r->h2));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
	static const struct CMUnitTest tests[] = {T(answers_with_body_and_trailers),
	    T(bodies_come_whole_through_flow_control),
	    T(a_body_too_large_is_a_fault_and_the_rest_is_not_read),
	    T(bodies_of_all_requests_have_one_budget), T(a_body_may_be_exchanged_within_the_budget),
	    T(a_head_too_large_is_431), T(answers_may_come_later_and_in_any_order),
	    T(who_gives_up_is_told_of_once), T(no_more_streams_than_the_limit_are_handled),
	    T(a_client_that_ignores_the_limit_is_not_served),
	    T(frames_that_cost_nothing_are_limited), T(time_and_answers_refill_the_allowance),
	    T(rapid_reset_is_stopped), T(empty_data_frames_are_limited), T(what_is_no_http2_ends),
	    T(a_field_that_is_none_resets_its_stream),
	    T(late_requests_and_answers_that_nobody_takes_are_reset),
	    T(leaving_lets_what_is_under_way_end)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
