/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tap/observed.h"

#include "agent/tap/datasets.h"
#include "proto/openlineage.h"
#include "tests/support/support.h"

#include <stdio.h>

static struct or_loop *loop;
static struct ag_observed *observed;
static struct ag_datasets *datasets;
static struct or_buf last;
static size_t n_events, n_notes;
static bool full;

static enum or_code take_event(void *arg, struct or_slice event)
{
	(void)arg;
	if (full)
		return OR_FULL;
	n_events++;
	or_buf_clear(&last);
	or_buf_put_slice(&last, event);
	return OR_OK;
}

static enum or_code take_note(void *arg, const struct ag_note *note)
{
	(void)arg;
	if (full)
		return OR_FULL;
	n_notes++;
	ag_observed_put(observed, &note->dataset);
	return OR_OK;
}

static int start(void **state)
{
	const struct or_loop_opt opt = {
	    .virtual_clock = true, .virtual_wall_ns = 1700000000 * OR_NS_PER_S};
	struct ag_observed_opt o = {.product = "orders", .workload = "pod-1", .fn = take_event};
	struct or_err err;

	(void)state;
	ASSERT_OK(or_loop_new(&loop, &opt, &err), &err);
	o.loop = loop;
	observed = ag_observed_new(&o);
	datasets = ag_datasets_new(take_note, NULL);
	or_buf_init(&last, 4 * OR_MIB);
	n_events = n_notes = 0;
	full = false;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	ag_datasets_free(datasets);
	ag_observed_free(observed);
	or_loop_free(loop);
	or_buf_done(&last);
	return 0;
}

static void see(bool write, const char *name, enum tap_wire_sure sure)
{
	const struct tap_wire_access a = {.write = write,
	    .sure = sure,
	    .protocol = "postgres",
	    .name_space = "postgres://db:5432",
	    .name = name};

	ag_datasets_put(datasets, &a);
}

/* The last event, as the collector reads it. */
static struct wire_openlineage parsed(struct or_arena *a)
{
	struct wire_openlineage e;
	struct or_err err;

	ASSERT_OK(wire_openlineage_parse(&e, or_buf_slice(&last), a, &err), &err);
	return e;
}

static void put__makes_one_event_of_many_data_sets(void **state)
{
	struct or_arena *a = or_arena_new(0);
	struct wire_openlineage e;

	(void)state;
	for (int i = 0; i < 100; i++) {
		see(false, "shop.public.a", TAP_WIRE_EXACT);
		see(true, "shop.public.b", TAP_WIRE_EXACT);
	}
	assert_int_equal(n_notes, 2);
	assert_int_equal(n_events, 0);
	or_loop_advance(loop, 2 * AG_OBSERVED_BATCH_NS);
	assert_int_equal(n_events, 1);
	e = parsed(a);
	ASSERT_SLICE(e.event_type, "START");
	ASSERT_SLICE(e.producer, WIRE_OPENLINEAGE_OBSERVER);
	ASSERT_SLICE(e.job.namespace, "orders");
	ASSERT_SLICE(e.job.name, "pod-1");
	assert_int_equal(e.n_inputs, 1);
	ASSERT_SLICE(e.inputs[0].namespace, "postgres://db:5432");
	ASSERT_SLICE(e.inputs[0].name, "shop.public.a");
	assert_int_equal(e.n_outputs, 1);
	ASSERT_SLICE(e.outputs[0].name, "shop.public.b");
	ASSERT_HAS(or_buf_text(&last), "\"protocol\":\"postgres\",\"confidence\":\"exact\"");
	see(false, "shop.public.c", TAP_WIRE_GUESS);
	or_loop_advance(loop, 2 * AG_OBSERVED_BATCH_NS);
	e = parsed(a);
	ASSERT_SLICE(e.event_type, "RUNNING");
	assert_int_equal(e.n_inputs, 2);
	/* Nothing new, nothing told; in the end the run is over, once. */
	or_loop_advance(loop, 10 * AG_OBSERVED_BATCH_NS);
	assert_int_equal(n_events, 2);
	ag_observed_finish(observed);
	ag_observed_finish(observed);
	assert_int_equal(n_events, 3);
	ASSERT_SLICE(parsed(a).event_type, "COMPLETE");
	or_arena_free(a);
}

static void put__is_surer_later(void **state)
{
	(void)state;
	see(false, "t", TAP_WIRE_GUESS);
	see(false, "t", TAP_WIRE_EXACT);
	see(false, "t", TAP_WIRE_GUESS);
	assert_int_equal(n_notes, 2);
	ag_observed_flush(observed);
	ASSERT_HAS(or_buf_text(&last), "\"confidence\":\"exact\"");
}

static void put__waits_for_room(void **state)
{
	(void)state;
	full = true;
	see(false, "t", TAP_WIRE_EXACT);
	assert_false(ag_datasets_flush(datasets));
	full = false;
	assert_true(ag_datasets_flush(datasets));
	assert_int_equal(n_notes, 1);
	full = true;
	or_loop_advance(loop, 2 * AG_OBSERVED_BATCH_NS);
	assert_int_equal(n_events, 0);
	full = false;
	or_loop_advance(loop, 2 * AG_OBSERVED_BATCH_NS);
	assert_int_equal(n_events, 1);
	/* Another agent hears it again. */
	ag_datasets_again(datasets);
	assert_true(ag_datasets_flush(datasets));
	assert_int_equal(n_notes, 2);
}

static void put__is_bounded(void **state)
{
	char name[32];

	(void)state;
	for (int i = 0; i < AG_DATASETS_MAX + 7; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		see(true, name, TAP_WIRE_EXACT);
	}
	assert_int_equal(ag_datasets_take_crowded(datasets), 7);
	assert_int_equal(ag_datasets_take_crowded(datasets), 0);
	ag_observed_flush(observed);
	assert_int_equal(n_events, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(put__makes_one_event_of_many_data_sets),
	    TEST(put__is_surer_later),
	    TEST(put__waits_for_room),
	    TEST(put__is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
