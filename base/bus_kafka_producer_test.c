/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bus_kafka_producer.h"

#include "tests/support/kafka_mock.h"
#include "tests/support/support.h"

#include <stdio.h>

enum { DEADLINE_S = 60, MANY = 500 };

struct fixture {
	struct or_loop *loop;
	struct or_slow *slow;
	struct kafka_mock *mock;
	struct or_bus_kafka_access access;
	struct or_bus_kafka_producer *p;
	struct or_loop_timer *deadline;
	bool is_late;
	unsigned int ok, closed, denied, inval, other;
	enum or_bus_kafka_state state;
	struct or_err why;
	struct or_err said; /* of the last message that did not arrive */
	bool frees;         /* the next report frees the producer */
};

static void on_deadline(void *arg)
{
	struct fixture *f = arg;

	f->deadline = NULL;
	f->is_late = true;
}

#define WAIT_FOR(f, cond)                                                                          \
	do {                                                                                       \
		while (!(cond) && !(f)->is_late)                                                   \
			or_loop_turn((f)->loop, false);                                            \
		assert_true(cond);                                                                 \
	} while (0)

static void on_state(void *arg, enum or_bus_kafka_state state, const struct or_err *why)
{
	struct fixture *f = arg;

	f->state = state;
	f->why = *why;
}

static void on_sent(void *arg, enum or_code rc, const struct or_err *err)
{
	struct fixture *f = arg;

	if (rc) {
		assert_int_equal(err->code, rc);
		f->said = *err;
	}
	*(rc == OR_OK         ? &f->ok
	    : rc == OR_CLOSED ? &f->closed
	    : rc == OR_DENIED ? &f->denied
	    : rc == OR_INVAL  ? &f->inval
			      : &f->other) += 1;
	if (f->frees) {
		or_bus_kafka_producer_free(f->p);
		f->p = NULL;
	}
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	struct or_err err;

	ASSERT_OK(or_loop_new(&f->loop, NULL, &err), &err);
	ASSERT_OK(or_slow_new(&f->slow, f->loop, 16, &err), &err);
	f->deadline = or_loop_timer_start(f->loop, DEADLINE_S * OR_NS_PER_S, on_deadline, f);
	f->mock = kafka_mock_new();
	kafka_mock_topic(f->mock, "t", 4);
	f->access = (struct or_bus_kafka_access){
	    .brokers = kafka_mock_brokers(f->mock), .client_id = "test"};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	or_bus_kafka_producer_free(f->p);
	or_slow_free(f->slow);
	or_loop_timer_cancel(f->deadline);
	or_loop_free(f->loop);
	kafka_mock_free(f->mock);
	test_free(f);
	return 0;
}

static void start(struct fixture *f)
{
	struct or_bus_kafka_producer_opt opt = {.loop = f->loop,
	    .slow = f->slow,
	    .access = &f->access,
	    .linger_ns = OR_NS_PER_MS,
	    .on_state = on_state,
	    .arg = f};
	struct or_err err;

	ASSERT_OK(or_bus_kafka_producer_new(&f->p, &opt, &err), &err);
}

/* As a sender does: again while the producer is being made. */
static struct or_bus_kafka_send *send_one(struct fixture *f, const char *value)
{
	const struct or_bus_kafka_header header = {"outrider-frame", OR_SLICE_LIT("frame")};
	struct or_bus_kafka_message m = {.topic = "t",
	    .key = OR_SLICE_LIT("orders"),
	    .value = or_slice_str(value),
	    .headers = &header,
	    .n_headers = 1};
	struct or_bus_kafka_send *send;
	struct or_err err;
	enum or_code rc;

	while ((rc = or_bus_kafka_producer_send(&send, f->p, &m, on_sent, f, &err)) == OR_AGAIN &&
	       !f->is_late)
		or_loop_turn(f->loop, false);
	ASSERT_OK(rc, &err);
	return send;
}

static void send__reports_each_message_once(void **state)
{
	struct fixture *f = *state;
	struct or_bus_kafka_producer_info info;

	start(f);
	for (int i = 0; i < MANY; i++)
		send_one(f, i % 2 ? "value" : "");
	WAIT_FOR(f, f->ok == MANY);
	assert_int_equal(f->state, OR_BUS_KAFKA_UP);
	or_bus_kafka_producer_get_info(&info, f->p);
	assert_int_equal(info.delivered, MANY);
	assert_int_equal(info.under_way, 0);
}

static void send__survives_a_broker_that_goes_and_comes(void **state)
{
	struct fixture *f = *state;

	start(f);
	send_one(f, "before");
	WAIT_FOR(f, f->ok == 1);
	kafka_mock_set_up(f->mock, false);
	send_one(f, "meanwhile");
	WAIT_FOR(f, f->state == OR_BUS_KAFKA_UNREACHABLE);
	assert_int_equal(f->why.code, OR_CLOSED);
	assert_int_equal(f->ok, 1);
	kafka_mock_set_up(f->mock, true);
	WAIT_FOR(f, f->ok == 2);
	assert_int_equal(f->state, OR_BUS_KAFKA_UP);
}

static void send__tries_again_what_a_broker_says_is_temporary(void **state)
{
	struct fixture *f = *state;

	start(f);
	kafka_mock_fail_produce(f->mock, KAFKA_MOCK_NOT_LEADER, 3);
	send_one(f, "x");
	WAIT_FOR(f, f->ok == 1);
}

static void fatal__begins_anew_and_gives_everything_back(void **state)
{
	struct fixture *f = *state;
	struct or_bus_kafka_producer_info info;

	start(f);
	send_one(f, "first");
	WAIT_FOR(f, f->ok == 1);
	kafka_mock_fail_produce(f->mock, KAFKA_MOCK_OUT_OF_ORDER, 1);
	send_one(f, "second");
	WAIT_FOR(f, f->closed == 1);
	ASSERT_HAS(f->why.msg, "made anew");
	send_one(f, "second, again");
	WAIT_FOR(f, f->ok == 2);
	or_bus_kafka_producer_get_info(&info, f->p);
	assert_int_equal(info.remade, 1);
	assert_int_equal(info.state, OR_BUS_KAFKA_UP);
}

static void refusals__are_reported_with_their_kind(void **state)
{
	struct fixture *f = *state;

	start(f);
	kafka_mock_fail_produce(f->mock, KAFKA_MOCK_DENIED, 1);
	send_one(f, "x");
	WAIT_FOR(f, f->denied == 1);
	ASSERT_HAS(f->said.msg, "authorization");
	assert_int_equal(f->state, OR_BUS_KAFKA_STARTING); /* it is the topic that is refused */
}

static void too_large__is_refused(void **state)
{
	struct fixture *f = *state;
	struct or_bus_kafka_message m = {.topic = "t", .key = OR_SLICE_LIT("orders")};
	uint8_t *big = test_calloc(1, OR_BUS_KAFKA_PRODUCER_MESSAGE_MAX + 1);
	struct or_bus_kafka_send *send;
	struct or_err err;

	start(f);
	send_one(f, "x");
	m.value = or_slice(big, OR_BUS_KAFKA_PRODUCER_MESSAGE_MAX + 1);
	ASSERT_CODE(or_bus_kafka_producer_send(&send, f->p, &m, on_sent, f, &err), OR_INVAL);
	test_free(big);
	kafka_mock_fail_produce(f->mock, KAFKA_MOCK_TOO_LARGE, 1);
	WAIT_FOR(f, f->ok + f->inval == 1);
	send_one(f, "y");
	WAIT_FOR(f, f->ok + f->inval == 2);
	assert_int_equal(f->inval, 1);
}

static void queue__is_full_at_its_limit(void **state)
{
	struct fixture *f = *state;
	uint8_t *big = test_calloc(1, 500000);
	struct or_bus_kafka_message m = {
	    .topic = "t", .key = OR_SLICE_LIT("orders"), .value = or_slice(big, 500000)};
	struct or_bus_kafka_send *send;
	struct or_err err;
	unsigned int n = 0;
	enum or_code rc;

	kafka_mock_set_up(f->mock, false);
	start(f);
	do {
		rc = or_bus_kafka_producer_send(&send, f->p, &m, on_sent, f, &err);
		if (rc == OR_AGAIN)
			or_loop_turn(f->loop, false);
		n += rc == OR_OK;
	} while ((rc == OR_OK || rc == OR_AGAIN) && !f->is_late);
	assert_int_equal(rc, OR_FULL);
	assert_in_range(
	    n, OR_BUS_KAFKA_PRODUCER_BYTES / 500000, OR_BUS_KAFKA_PRODUCER_BYTES / 500000 + 1);
	kafka_mock_set_up(f->mock, true);
	WAIT_FOR(f, f->ok == n);
	test_free(big);
}

static void cancel__keeps_silent(void **state)
{
	struct fixture *f = *state;
	struct or_bus_kafka_producer_info info;

	start(f);
	or_bus_kafka_producer_cancel(send_one(f, "x"));
	or_bus_kafka_producer_cancel(NULL);
	do {
		or_loop_turn(f->loop, false);
		or_bus_kafka_producer_get_info(&info, f->p);
	} while (info.under_way && !f->is_late);
	assert_int_equal(info.delivered, 1);
	assert_int_equal(f->ok, 0);
}

static void free__is_safe_at_any_moment(void **state)
{
	struct fixture *f = *state;

	start(f); /* while it is being made */
	or_bus_kafka_producer_free(f->p);
	start(f); /* from within a report, others under way */
	f->frees = true;
	for (int i = 0; i < 10; i++)
		send_one(f, "x");
	WAIT_FOR(f, !f->p);
	assert_int_equal(f->ok, 1);
	f->frees = false;
	start(f); /* with the broker away */
	kafka_mock_set_up(f->mock, false);
	send_one(f, "x");
	or_bus_kafka_producer_free(f->p);
	f->p = NULL;
	WAIT_FOR(f, or_slow_queued(f->slow) == 0);
	assert_int_equal(f->ok, 1);
}

static void access__must_fit(void **state)
{
	struct fixture *f = *state;
	struct or_bus_kafka_producer_opt opt = {
	    .loop = f->loop, .slow = f->slow, .access = &f->access};
	struct or_err err;

	f->access.brokers = NULL;
	ASSERT_CODE(or_bus_kafka_producer_new(&f->p, &opt, &err), OR_INVAL);
	f->access.brokers = "127.0.0.1:1";
	f->access.password_file = "/secret";
	ASSERT_CODE(or_bus_kafka_producer_new(&f->p, &opt, &err), OR_INVAL);
	ASSERT_HAS(err.msg, "sasl");
	f->access.security = OR_BUS_KAFKA_SASL_SSL;
	ASSERT_CODE(or_bus_kafka_producer_new(&f->p, &opt, &err), OR_INVAL);
	ASSERT_HAS(err.msg, "user name");
	f->access.username = "agent";
	f->access.cert_file = "/cert";
	ASSERT_CODE(or_bus_kafka_producer_new(&f->p, &opt, &err), OR_INVAL);
	ASSERT_HAS(err.msg, "key");
	assert_null(f->p);
}

static void password_file__that_is_not_there_is_a_state(void **state)
{
	struct fixture *f = *state;

	f->access.security = OR_BUS_KAFKA_SASL_PLAINTEXT;
	f->access.username = "agent";
	f->access.password_file = "/nowhere/password";
	start(f);
	WAIT_FOR(f, f->state == OR_BUS_KAFKA_DENIED);
	ASSERT_HAS(f->why.msg, "/nowhere/password");
}

static void broker__that_cannot_be_reached_is_a_state(void **state)
{
	struct fixture *f = *state;

	f->access.brokers = "127.0.0.1:1";
	start(f);
	WAIT_FOR(f, f->state == OR_BUS_KAFKA_UNREACHABLE);
	ASSERT_HAS(f->why.msg, "127.0.0.1:1");
	assert_string_equal(or_bus_kafka_state_name(f->state), "unreachable");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(send__reports_each_message_once),
	    TEST(send__survives_a_broker_that_goes_and_comes),
	    TEST(send__tries_again_what_a_broker_says_is_temporary),
	    TEST(fatal__begins_anew_and_gives_everything_back),
	    TEST(refusals__are_reported_with_their_kind),
	    TEST(too_large__is_refused),
	    TEST(queue__is_full_at_its_limit),
	    TEST(cancel__keeps_silent),
	    TEST(free__is_safe_at_any_moment),
	    TEST(access__must_fit),
	    TEST(password_file__that_is_not_there_is_a_state),
	    TEST(broker__that_cannot_be_reached_is_a_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
