/* SPDX-License-Identifier: Apache-2.0 */
#include "base/grpc.h"

#include "base/gzip.h"
#include "tests/support/h2_dial.h"
#include "tests/support/support.h"

#include <stdio.h>

enum { MESSAGE_MAX = 64 * 1024 };

struct rig {
	struct or_loop *loop;
	struct or_grpc *g;
	struct support_dial *d;
	struct or_grpc_call *held;
	size_t n_closed;
	enum or_code closed;
	enum or_grpc_code refused;
	bool drained;
};

static void echo(void *arg, struct or_grpc_call *call)
{
	(void)arg;
	assert_true(or_net_is_loopback(or_grpc_call_peer(call)));
	assert_non_null(or_grpc_call_arena(call));
	assert_true(or_grpc_call_peer_text(call)[0] != 0);
	or_grpc_call_reply(call, or_grpc_call_message(call));
}

static void on_close(void *arg, enum or_code why)
{
	struct rig *r = arg;

	r->closed = why;
	r->n_closed++;
	r->held = NULL;
}

static void hold(void *arg, struct or_grpc_call *call)
{
	struct rig *r = arg;

	r->held = call;
	or_grpc_call_attach(call, on_close, r);
}

static void refuse(void *arg, struct or_grpc_call *call)
{
	(void)arg;
	or_grpc_call_fail(
	    call, OR_GRPC_PERMISSION_DENIED, "50% m\xc3\xb6glich\n", OR_SLICE_LIT("\x08\x07"));
}

static void on_refused(void *arg, enum or_grpc_code code, struct or_buf *details)
{
	struct rig *r = arg;

	r->refused = code;
	if (code == OR_GRPC_UNAVAILABLE)
		or_buf_put_str(details, "retry");
}

static int start(void **state)
{
	static const struct or_grpc_method methods[] = {
	    {"/t.S/Echo", echo}, {"/t.S/Hold", hold}, {"/t.S/Fail", refuse}};
	static struct rig rig;
	const struct or_grpc_opt opt = {.listen = "127.0.0.1:0",
	    .max_message = MESSAGE_MAX,
	    .max_messages = 2 * MESSAGE_MAX,
	    .arena = 512 * OR_KIB,
	    .methods = methods,
	    .n_methods = OR_LEN(methods),
	    .on_refused = on_refused,
	    .arg = &rig};
	struct or_err err;

	rig = (struct rig){0};
	ASSERT_OK(or_loop_new(&rig.loop, NULL, &err), &err);
	ASSERT_OK(or_grpc_new(&rig.g, rig.loop, &opt, &err), &err);
	rig.d = support_dial_new(rig.loop, or_grpc_address(rig.g), NULL);
	*state = &rig;
	return 0;
}

static int stop(void **state)
{
	struct rig *r = *state;

	support_dial_free(r->d);
	or_grpc_free(r->g);
	or_loop_free(r->loop);
	return 0;
}

static bool is_held(void *arg)
{
	return ((struct rig *)arg)->held != NULL;
}

static bool is_closed(void *arg)
{
	return ((struct rig *)arg)->n_closed > 0;
}

static void answers_a_call(void **state)
{
	struct rig *r = *state;
	struct support_grpc a;

	support_grpc_call(&a, r->d, "/t.S/Echo", OR_SLICE_LIT("hello"));
	assert_int_equal(a.http, 200);
	assert_int_equal(a.status, 0);
	ASSERT_SLICE(a.message, "hello");
	ASSERT_HAS(a.fields, "content-type: application/grpc\n");
	ASSERT_HAS(a.fields, "grpc-accept-encoding: identity,gzip\n");
	support_grpc_call(&a, r->d, "/t.S/Echo", OR_SLICE_NONE);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.message.n, 0);
}

static void tells_a_status_with_its_message_and_details(void **state)
{
	struct rig *r = *state;
	struct support_grpc a;

	support_grpc_call(&a, r->d, "/t.S/Fail", OR_SLICE_NONE);
	assert_int_equal(a.http, 200);
	assert_int_equal(a.status, 7);
	ASSERT_HAS(a.fields, "grpc-message: 50%25 m%C3%B6glich%0A\n");
	ASSERT_HAS(a.fields, "grpc-status-details-bin: CAc=\n");
	assert_int_equal(a.message.n, 0);
}

static void unpacks_gzip(void **state)
{
	struct rig *r = *state;
	static uint8_t zeros[MESSAGE_MAX + 1];
	const struct or_http_field gzip = {OR_SLICE_LIT("grpc-encoding"), OR_SLICE_LIT("gzip")};
	struct support_grpc a;
	struct or_buf packed;
	int32_t id;

	or_buf_init(&packed, OR_MIB);
	ASSERT_CODE(or_gzip_encode(&packed, or_slice(zeros, MESSAGE_MAX)), OR_OK);
	id = support_grpc_ask(r->d, "/t.S/Echo", or_buf_slice(&packed), true, &gzip, 1);
	support_dial_await(r->d, id);
	support_grpc_read(&a, r->d, id);
	assert_int_equal(a.status, 0);
	assert_true(or_slice_eq(a.message, or_slice(zeros, MESSAGE_MAX)));
	/* one byte more than a message may have, once unpacked */
	or_buf_clear(&packed);
	ASSERT_CODE(or_gzip_encode(&packed, or_slice(zeros, MESSAGE_MAX + 1)), OR_OK);
	id = support_grpc_ask(r->d, "/t.S/Echo", or_buf_slice(&packed), true, &gzip, 1);
	support_dial_await(r->d, id);
	support_grpc_read(&a, r->d, id);
	assert_int_equal(a.status, OR_GRPC_RESOURCE_EXHAUSTED);
	/* the encoding is named, this message is not packed */
	id = support_grpc_ask(r->d, "/t.S/Echo", OR_SLICE_LIT("as it is"), false, &gzip, 1);
	support_dial_await(r->d, id);
	support_grpc_read(&a, r->d, id);
	ASSERT_SLICE(a.message, "as it is");
	or_buf_done(&packed);
}

static void refuses_what_is_packed_otherwise(void **state)
{
	struct rig *r = *state;
	static const struct {
		const char *coding;
		int status;
	} cases[] = {{"deflate", OR_GRPC_UNIMPLEMENTED}, {"identity", OR_GRPC_INTERNAL},
	    {"gzip", OR_GRPC_INTERNAL}, {"", OR_GRPC_INTERNAL}};
	struct support_grpc a;

	for (size_t i = 0; i < OR_LEN(cases); i++) {
		const struct or_http_field field = {
		    OR_SLICE_LIT("grpc-encoding"), or_slice_str(cases[i].coding)};
		int32_t id =
		    support_grpc_ask(r->d, "/t.S/Echo", OR_SLICE_LIT("not gzip"), true, &field, 1);

		support_dial_await(r->d, id);
		support_grpc_read(&a, r->d, id);
		assert_int_equal(a.status, cases[i].status);
		assert_int_equal(r->refused, cases[i].status);
		ASSERT_HAS(a.fields, "grpc-accept-encoding: identity,gzip\n");
	}
}

static int ask_raw(struct rig *r, struct or_slice body)
{
	const struct or_http_field type = {
	    OR_SLICE_LIT("content-type"), OR_SLICE_LIT("application/grpc+proto")};
	int32_t id = support_h2_ask(r->d->h2, "/t.S/Echo", &type, 1, body);
	struct support_grpc a;

	support_dial_await(r->d, id);
	support_grpc_read(&a, r->d, id);
	return a.status;
}

static void refuses_frames_that_are_not_one_message(void **state)
{
	struct rig *r = *state;
	static uint8_t large[MESSAGE_MAX + 6] = {0, 0, 1, 0, 1};

	assert_int_equal(ask_raw(r, OR_SLICE_NONE), OR_GRPC_INTERNAL);
	assert_int_equal(ask_raw(r, or_slice("\0\0\0\0", 4)), OR_GRPC_INTERNAL);
	assert_int_equal(ask_raw(r, or_slice("\0\0\0\0\2x", 6)), OR_GRPC_INTERNAL);
	assert_int_equal(ask_raw(r, or_slice("\0\0\0\0\1xy", 7)), OR_GRPC_INTERNAL);
	assert_int_equal(ask_raw(r, or_slice("\2\0\0\0\1x", 6)), OR_GRPC_INTERNAL);
	assert_int_equal(ask_raw(r, or_slice("\0\xff\xff\xff\xff", 5)), OR_GRPC_INTERNAL);
	assert_int_equal(ask_raw(r, or_slice("\0\0\0\0\1x", 6)), 0);
	assert_int_equal(ask_raw(r, or_slice(large, sizeof(large))), OR_GRPC_RESOURCE_EXHAUSTED);
	assert_int_equal(r->refused, OR_GRPC_RESOURCE_EXHAUSTED);
}

static void refuses_what_is_no_call(void **state)
{
	struct rig *r = *state;
	const struct or_http_field get[] = {{OR_SLICE_LIT(":method"), OR_SLICE_LIT("GET")},
	    {OR_SLICE_LIT("content-type"), OR_SLICE_LIT("application/grpc")}};
	const struct or_http_field json = {
	    OR_SLICE_LIT("content-type"), OR_SLICE_LIT("application/grpc+json")};
	struct support_grpc a;
	int32_t id = support_h2_ask(r->d->h2, "/t.S/Echo", get, 2, OR_SLICE_NONE);

	support_dial_await(r->d, id);
	assert_int_equal(support_h2_answer(r->d->h2, id)->status, 405);
	id = support_h2_ask(r->d->h2, "/t.S/Echo", &json, 1, OR_SLICE_NONE);
	support_dial_await(r->d, id);
	assert_int_equal(support_h2_answer(r->d->h2, id)->status, 415);
	support_grpc_call(&a, r->d, "/t.S/Other", OR_SLICE_NONE);
	assert_int_equal(a.status, OR_GRPC_UNIMPLEMENTED);
	support_grpc_call(&a, r->d, "/t.S/Echo?x", OR_SLICE_NONE);
	assert_int_equal(a.status, OR_GRPC_UNIMPLEMENTED);
}

static void messages_of_all_calls_have_one_budget(void **state)
{
	struct rig *r = *state;
	static uint8_t bytes[MESSAGE_MAX];
	struct support_grpc a;

	for (int i = 0; i < 2; i++) {
		r->held = NULL;
		support_grpc_ask(
		    r->d, "/t.S/Hold", or_slice(bytes, MESSAGE_MAX - 16), false, NULL, 0);
		support_dial_until(r->d, is_held, r);
	}
	support_grpc_call(&a, r->d, "/t.S/Echo", or_slice(bytes, 100));
	assert_int_equal(a.status, OR_GRPC_UNAVAILABLE);
	ASSERT_HAS(a.fields, "grpc-status-details-bin: cmV0cnk=\n");
}

static void a_deadline_ends_a_call(void **state)
{
	struct rig *r = *state;
	const struct or_http_field timeout = {OR_SLICE_LIT("grpc-timeout"), OR_SLICE_LIT("20m")};
	const struct or_http_field bad = {OR_SLICE_LIT("grpc-timeout"), OR_SLICE_LIT("20")};
	struct support_grpc a;
	int32_t id = support_grpc_ask(r->d, "/t.S/Hold", OR_SLICE_NONE, false, &timeout, 1);

	support_dial_await(r->d, id);
	support_grpc_read(&a, r->d, id);
	assert_int_equal(a.status, OR_GRPC_DEADLINE_EXCEEDED);
	assert_int_equal(r->n_closed, 1);
	assert_int_equal(r->closed, OR_TIMEOUT);
	id = support_grpc_ask(r->d, "/t.S/Echo", OR_SLICE_NONE, false, &bad, 1);
	support_dial_await(r->d, id);
	support_grpc_read(&a, r->d, id);
	assert_int_equal(a.status, OR_GRPC_INTERNAL);
}

static void an_answer_in_time_ends_the_deadline(void **state)
{
	struct rig *r = *state;
	const struct or_http_field timeout = {OR_SLICE_LIT("grpc-timeout"), OR_SLICE_LIT("1H")};
	struct support_grpc a;
	int32_t id = support_grpc_ask(r->d, "/t.S/Hold", OR_SLICE_NONE, false, &timeout, 1);

	support_dial_until(r->d, is_held, r);
	or_grpc_call_reply(r->held, OR_SLICE_LIT("late"));
	support_dial_await(r->d, id);
	support_grpc_read(&a, r->d, id);
	ASSERT_SLICE(a.message, "late");
	assert_int_equal(r->n_closed, 0);
}

static void a_call_that_is_given_up_is_told(void **state)
{
	struct rig *r = *state;
	int32_t id = support_grpc_ask(r->d, "/t.S/Hold", OR_SLICE_NONE, false, NULL, 0);

	support_dial_until(r->d, is_held, r);
	support_h2_reset(r->d->h2, id);
	support_dial_flush(r->d);
	support_dial_until(r->d, is_closed, r);
	assert_int_equal(r->closed, OR_CLOSED);
}

static void on_drained(void *arg)
{
	((struct rig *)arg)->drained = true;
}

static bool is_drained(void *arg)
{
	return ((struct rig *)arg)->drained;
}

static void drains(void **state)
{
	struct rig *r = *state;
	struct or_h2_server_stats stats;
	struct support_grpc a;

	support_grpc_call(&a, r->d, "/t.S/Echo", OR_SLICE_NONE);
	or_grpc_stats(&stats, r->g);
	assert_int_equal(stats.requests, 1);
	or_grpc_drain(r->g, on_drained, r);
	support_dial_until(r->d, is_drained, r);
	assert_int_equal(support_h2_goaway(r->d->h2), 0);
}

static void timeouts_are_read_strictly(void **state)
{
	static const struct {
		const char *text;
		int64_t ns; /* -1: none */
	} cases[] = {{"1n", 1}, {"5u", 5000}, {"200m", 200 * OR_NS_PER_MS}, {"3S", 3 * OR_NS_PER_S},
	    {"2M", 120 * OR_NS_PER_S}, {"1H", 3600 * OR_NS_PER_S}, {"99999999H", INT64_MAX},
	    {"99999999S", 99999999 * OR_NS_PER_S}, {"", -1}, {"S", -1}, {"1", -1}, {"1s", -1},
	    {"-1S", -1}, {"+1S", -1}, {"1.5S", -1}, {"123456789S", -1}, {" 1S", -1}, {"1S ", -1},
	    {"1SS", -1}};
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		ns = -1;
		ASSERT_CODE(or_grpc_timeout_ns(&ns, or_slice_str(cases[i].text)),
		    cases[i].ns < 0 ? OR_PARSE : OR_OK);
		assert_true(ns == cases[i].ns);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
	static const struct CMUnitTest tests[] = {T(answers_a_call),
	    T(tells_a_status_with_its_message_and_details), T(unpacks_gzip),
	    T(refuses_what_is_packed_otherwise), T(refuses_frames_that_are_not_one_message),
	    T(refuses_what_is_no_call), T(messages_of_all_calls_have_one_budget),
	    T(a_deadline_ends_a_call), T(an_answer_in_time_ends_the_deadline),
	    T(a_call_that_is_given_up_is_told), T(drains),
	    cmocka_unit_test(timeouts_are_read_strictly)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
