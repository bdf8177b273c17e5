/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool/spool.h"

#include "tests/support/spool_steps.h"

static void append__is_read_in_order_once_it_is_durable(void **state)
{
	struct fixture *f = *state;
	struct ag_spool_batch b;

	append_n(f, f->orders, 50);
	b = read_batch(f, f->orders, 1000);
	assert_int_equal(b.n_records, 0);
	assert_int_equal(b.to, 0);
	ASSERT_CODE(sync_now(f), OR_OK);
	b = read_batch(f, f->orders, 1000);
	check_batch(&b, f->orders, 1, 50);
	assert_int_equal(b.epoch, ag_spool_epoch(f->spool));
	assert_int_equal(b.prev_epoch, 0);
	assert_true(info_of(f).segments > 1);
	assert_int_equal(info_of(f).unsynced_bytes, 0);
}

static void read__keeps_to_its_limits_and_goes_on_after_the_ack(void **state)
{
	struct fixture *f = *state;
	struct ag_spool_limit tiny = {.max_bytes = 1, .max_records = 10};
	struct ag_spool_batch b;

	append_n(f, f->orders, 30);
	ASSERT_CODE(sync_now(f), OR_OK);
	b = read_batch(f, f->orders, 12);
	check_batch(&b, f->orders, 1, 12);
	assert_true(b.is_full);
	b = read_batch(f, f->orders, 12);
	check_batch(&b, f->orders, 1, 12); /* again: it was not acknowledged */
	ag_spool_read_ack(f->spool, f->orders, &b);
	ASSERT_OK(ag_spool_read(&b, f->spool, f->orders, &tiny, f->arena, &f->err), &f->err);
	check_batch(&b, f->orders, 13, 13);
	ag_spool_read_ack(f->spool, f->orders, &b);
	b = read_batch(f, f->orders, 1000);
	check_batch(&b, f->orders, 14, 30);
	assert_false(b.is_full);
	assert_int_equal(info_of(f).pending, 17);
}

static void inputs__travel_with_the_record_behind_them(void **state)
{
	struct fixture *f = *state;
	struct ag_spool_batch b;

	append_n(f, f->orders, 1);
	ASSERT_CODE(ag_spool_append_inputs(f->spool, f->orders, OR_SLICE_LIT("in 2")), OR_OK);
	append_n(f, f->orders, 1);
	ASSERT_CODE(ag_spool_append_inputs(f->spool, f->orders, OR_SLICE_LIT("in 3")), OR_OK);
	ASSERT_CODE(sync_now(f), OR_OK);
	b = read_batch(f, f->orders, 1000);
	check_batch(&b, f->orders, 1, 2);
	assert_int_equal(b.n_inputs, 1);
	ASSERT_SLICE(b.inputs[0], "in 2");
	ag_spool_read_ack(f->spool, f->orders, &b);
	append_n(f, f->orders, 1);
	ASSERT_CODE(sync_now(f), OR_OK);
	b = read_batch(f, f->orders, 1000);
	check_batch(&b, f->orders, 3, 3);
	assert_int_equal(b.n_inputs, 1);
	ASSERT_SLICE(b.inputs[0], "in 3");
}

static void streams__have_numbers_and_marks_of_their_own(void **state)
{
	struct fixture *f = *state;
	struct ag_spool_stream_info info;
	struct ag_spool_batch b;
	uint16_t logs, again;

	ASSERT_OK(ag_spool_stream(&logs, f->spool, "otlp_logs/orders", &f->err), &f->err);
	ASSERT_OK(ag_spool_stream(&again, f->spool, STREAM, &f->err), &f->err);
	assert_int_equal(again, f->orders);
	for (int i = 0; i < 40; i++) {
		append_n(f, f->orders, 1);
		append_n(f, logs, 2);
	}
	ASSERT_CODE(sync_now(f), OR_OK);
	b = read_batch(f, logs, 1000);
	check_batch(&b, logs, 1, 80);
	ag_spool_read_ack(f->spool, logs, &b);
	b = read_batch(f, f->orders, 1000);
	check_batch(&b, f->orders, 1, 40);
	assert_true(ag_spool_get_stream(&info, f->spool, logs));
	assert_string_equal(info.name, "otlp_logs/orders");
	assert_int_equal(info.next_seq, 81);
	assert_int_equal(info.acked_seq, 80);
	assert_int_equal(info.pending, 0);
	assert_false(ag_spool_get_stream(&info, f->spool, 2));
}

static void ack__lets_segments_go_when_every_stream_has_passed(void **state)
{
	struct fixture *f = *state;
	uint16_t logs;

	ASSERT_OK(ag_spool_stream(&logs, f->spool, "otlp_logs/orders", &f->err), &f->err);
	for (int i = 0; i < 60; i++) {
		append_n(f, f->orders, 1);
		append_n(f, logs, 1);
	}
	ASSERT_CODE(sync_now(f), OR_OK);
	assert_true(count_files(f, ".seg") > 4);
	ack_all(f, logs);
	settle(f);
	assert_true(count_files(f, ".seg") > 4);
	ack_all(f, f->orders);
	settle(f);
	assert_int_equal(count_files(f, ".seg"), 1);
	assert_int_equal(info_of(f).segments, 1);
	assert_true(info_of(f).bytes <= 4096);
}

static void append__refuses_when_full_and_goes_on_when_there_is_room(void **state)
{
	struct fixture *f = *state;
	uint64_t seq;

	close_spool(f);
	f->opt.quota_bytes = 16 * 1024;
	open_spool(f);
	while (append_one(f, f->orders) == OR_OK)
		assert_true(ag_spool_next_seq(f->spool, f->orders) < 1000);
	ASSERT_CODE(append_one(f, f->orders), OR_FULL);
	assert_int_equal(info_of(f).failed_appends, 2);
	assert_true(info_of(f).bytes <= 16 * 1024);
	seq = ag_spool_next_seq(f->spool, f->orders);
	ASSERT_CODE(sync_now(f), OR_OK);
	ack_all(f, f->orders);
	settle(f);
	append_n(f, f->orders, 5);
	assert_int_equal(ag_spool_next_seq(f->spool, f->orders), seq + 5);
}

static void sync__serves_many_with_one_and_is_silent_after_cancel(void **state)
{
	struct fixture *f = *state;
	struct ag_spool_wait *w;

	append_n(f, f->orders, 3);
	for (int i = 0; i < 10; i++)
		ag_spool_sync(f->spool, on_synced, f);
	w = ag_spool_sync(f->spool, on_synced, f);
	assert_int_equal(or_slow_queued(f->slow), 1);
	assert_int_equal(f->synced, 0);
	ag_spool_sync_cancel(w);
	settle(f);
	assert_int_equal(f->synced, 10);
	ASSERT_CODE(f->sync_rc, OR_OK);
	ASSERT_CODE(sync_now(f), OR_OK); /* with nothing to do */
	ag_spool_sync_cancel(NULL);
}

static void on_watch(void *arg)
{
	((struct fixture *)arg)->watched++;
}

static void append__is_durable_by_itself_soon(void **state)
{
	struct fixture *f = *state;

	close_spool(f);
	f->opt.sync_ns = OR_NS_PER_MS;
	open_spool(f);
	ag_spool_watch(f->spool, on_watch, f);
	append_n(f, f->orders, 3);
	while (info_of(f).unsynced_bytes)
		or_loop_turn(f->loop, false);
	assert_int_equal(f->watched, 1);
	assert_int_equal(read_batch(f, f->orders, 10).n_records, 3);
}

static void open__is_for_one_process(void **state)
{
	struct fixture *f = *state;
	struct ag_spool *second = NULL;

	ASSERT_CODE(ag_spool_open(&second, &f->opt, &f->err), OR_BUSY);
	assert_null(second);
	ASSERT_HAS(f->err.msg, f->dir);
}

static void open__refuses_options_that_cannot_be(void **state)
{
	struct fixture *f = *state;
	struct ag_spool *spool;

	close_spool(f);
	f->opt.segment_bytes = 100;
	ASSERT_CODE(ag_spool_open(&spool, &f->opt, &f->err), OR_INVAL);
	f->opt.segment_bytes = 1 << 20;
	ASSERT_CODE(ag_spool_open(&spool, &f->opt, &f->err), OR_INVAL);
	ASSERT_HAS(f->err.msg, "at least two segments");
	f->opt.segment_bytes = 4096;
	open_spool(f);
	ASSERT_CODE(ag_spool_stream(&f->orders, f->spool, "", &f->err), OR_INVAL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(append__is_read_in_order_once_it_is_durable),
	    CASE(read__keeps_to_its_limits_and_goes_on_after_the_ack),
	    CASE(inputs__travel_with_the_record_behind_them),
	    CASE(streams__have_numbers_and_marks_of_their_own),
	    CASE(ack__lets_segments_go_when_every_stream_has_passed),
	    CASE(append__refuses_when_full_and_goes_on_when_there_is_room),
	    CASE(sync__serves_many_with_one_and_is_silent_after_cancel),
	    CASE(append__is_durable_by_itself_soon),
	    CASE(open__is_for_one_process),
	    CASE(open__refuses_options_that_cannot_be),
	};

	/* Nothing here depends on a disk, and memory does not wait for one. */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
