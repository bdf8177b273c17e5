/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/query/run.h"

#include "base/json.h"

#include "tests/support/support.h"

struct fixture {
	struct or_arena *arena;
	struct co_query q;
	struct co_run *run;
	struct or_buf out;
	struct or_err err;
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->arena = or_arena_new(CO_QUERY_ARENA);
	or_buf_init(&f->out, 4 * CO_RUN_LINE_MAX);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	co_run_free(f->run);
	or_arena_free(f->arena);
	or_buf_done(&f->out);
	test_free(f);
	return 0;
}

static void start(struct fixture *f, const char *text)
{
	ASSERT_OK(co_query_parse(&f->q, or_slice_str(text), 0, f->arena, &f->err), &f->err);
	f->run = co_run_new(&f->q);
}

static struct wire_audit record(uint64_t time_ns, const char *action)
{
	return (struct wire_audit){.time_ns = time_ns,
	    .action = or_slice_str(action),
	    .product = OR_SLICE_LIT("orders"),
	    .decision = WIRE_DECISION_ALLOW};
}

static void feed(struct fixture *f, uint64_t time_ns, const char *action, uint64_t index)
{
	struct wire_audit r = record(time_ns, action);

	ASSERT_OK(co_run_feed(f->run, &r, 0, index, &f->err), &f->err);
}

static void assert_summary(
    struct fixture *f, uint64_t scanned, uint64_t matched, size_t shown, bool truncated)
{
	struct co_run_summary s;

	co_run_get_summary(f->run, &s);
	assert_int_equal(s.scanned, scanned);
	assert_int_equal(s.matched, matched);
	assert_int_equal(s.shown, shown);
	assert_int_equal(s.truncated, truncated);
}

static void places__come_newest_first_and_only_as_many_as_the_limit(void **state)
{
	struct fixture *f = *state;
	struct co_run_place p;
	uint64_t i, expected = 1000;

	start(f, "action=read | limit 100");
	/* 7 is coprime to 1,000: each time once, in no order. */
	for (i = 0; i < 1000; i++) {
		feed(f, i * 7 % 1000 + 1, "read", i);
		feed(f, 5000 + i, "write", 1000 + i);
	}
	co_run_finish(f->run);
	for (i = 0; co_run_next_place(f->run, &p); i++) {
		assert_int_equal(p.time_ns, expected);
		assert_int_equal(p.index * 7 % 1000 + 1, expected);
		expected--;
	}
	assert_int_equal(i, 100);
	assert_summary(f, 2000, 1000, 100, true);
	assert_false(co_run_next_group(f->run, &f->out));
}

static void places__of_one_time_are_ordered_by_shard_and_index(void **state)
{
	struct fixture *f = *state;
	struct wire_audit r = record(9, "read");
	struct co_run_place p;
	static const struct {
		uint32_t shard;
		uint64_t index;
	} in[] = {{0, 3}, {1, 1}, {0, 9}, {1, 2}}, expected[] = {{1, 2}, {1, 1}, {0, 9}, {0, 3}};

	start(f, "");
	for (size_t i = 0; i < OR_LEN(in); i++)
		ASSERT_OK(co_run_feed(f->run, &r, in[i].shard, in[i].index, &f->err), &f->err);
	co_run_finish(f->run);
	for (size_t i = 0; i < OR_LEN(expected); i++) {
		assert_true(co_run_next_place(f->run, &p));
		assert_int_equal(p.shard, expected[i].shard);
		assert_int_equal(p.index, expected[i].index);
	}
	assert_false(co_run_next_place(f->run, &p));
	assert_summary(f, 4, 4, 4, false);
}

static void groups__come_by_count_then_key_with_typed_values(void **state)
{
	struct fixture *f = *state;

	start(f, "| count by action, request.status, port, action | top 3");
	for (int i = 0; i < 3; i++)
		feed(f, 1, "write", 1);
	for (int i = 0; i < 5; i++)
		feed(f, 1, "re\"ad", 1);
	feed(f, 1, "b", 1);
	feed(f, 1, "a", 1);
	co_run_finish(f->run);
	while (co_run_next_group(f->run, &f->out))
		;
	assert_string_equal(or_buf_text(&f->out),
	    "{\"count\":5,\"action\":\"re\\\"ad\",\"request.status\":null,\"port\":null}\n"
	    "{\"count\":3,\"action\":\"write\",\"request.status\":null,\"port\":null}\n"
	    "{\"count\":1,\"action\":\"a\",\"request.status\":null,\"port\":null}\n");
	assert_summary(f, 10, 10, 3, true);
}

static void groups__of_count_alone_are_one(void **state)
{
	struct fixture *f = *state;

	start(f, "action=read | count");
	feed(f, 1, "read", 1);
	feed(f, 2, "read", 2);
	feed(f, 3, "write", 3);
	co_run_finish(f->run);
	assert_true(co_run_next_group(f->run, &f->out));
	assert_false(co_run_next_group(f->run, &f->out));
	assert_string_equal(or_buf_text(&f->out), "{\"count\":2}\n");
	assert_summary(f, 3, 2, 1, false);
}

static void groups__are_none_where_nothing_matches(void **state)
{
	struct fixture *f = *state;

	start(f, "action=none | count by action");
	feed(f, 1, "read", 1);
	co_run_finish(f->run);
	assert_false(co_run_next_group(f->run, &f->out));
	assert_summary(f, 1, 0, 0, false);
}

static void groups__are_bounded(void **state)
{
	struct fixture *f = *state;
	enum or_code rc = OR_OK;
	uint64_t i;

	start(f, "| count by time");
	for (i = 1; rc == OR_OK; i++) {
		/* JSON has times in microseconds. */
		struct wire_audit r = record(1000 * i, "read");

		rc = co_run_feed(f->run, &r, 0, i, &f->err);
		assert_true(i <= CO_GROUPS_MAX + 1);
	}
	assert_int_equal(i, CO_GROUPS_MAX + 2);
	ASSERT_CODE(rc, OR_FULL);
	assert_string_equal(f->err.msg,
	    "the query makes more than 200000 groups: narrow the filter, or count by fewer fields");
}

static void groups__are_bounded_by_their_bytes_too(void **state)
{
	struct fixture *f = *state;
	enum or_code rc = OR_OK;
	char action[60001];
	int i;

	memset(action, 'x', sizeof(action) - 1);
	action[sizeof(action) - 1] = 0;
	start(f, "| count by action");
	for (i = 0; rc == OR_OK; i++) {
		struct wire_audit r = record(1, action);

		action[0] = (char)('0' + i % 50);
		action[1] = (char)('0' + i / 50);
		rc = co_run_feed(f->run, &r, 0, 1, &f->err);
		assert_true(i < 220); /* 12 MiB of 60,000 bytes each */
	}
	ASSERT_CODE(rc, OR_FULL);
}

static void put_groups(struct fixture *f)
{
	or_buf_clear(&f->out);
	co_run_finish(f->run);
	while (co_run_next_group(f->run, &f->out))
		;
}

/* n records of one action, each with the next number of bytes, a second apart. */
static void feed_bytes(struct fixture *f, const char *action, uint64_t from, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		struct wire_audit r = record((from + i) * 1000000000, action);

		r.request.bytes_out = from + i;
		ASSERT_OK(co_run_feed(f->run, &r, 0, from + i, &f->err), &f->err);
	}
}

static void groups__measure_side_by_side(void **state)
{
	struct fixture *f = *state;

	start(f,
	    "| count, sum request.bytes_out, min request.bytes_out, max request.bytes_out, avg "
	    "request.bytes_out as mean, quantile(0.5, request.bytes_out), quantile(1, "
	    "request.bytes_out), distinct time by action | where count > 1 | sort action desc");
	feed_bytes(f, "a", 1, 10);
	feed_bytes(f, "b", 100, 4);
	feed_bytes(f, "c", 7, 1);
	put_groups(f);
	assert_string_equal(or_buf_text(&f->out),
	    "{\"count\":4,\"sum\":406,\"min\":100,\"max\":103,\"mean\":101,"
	    "\"quantile(0.5,request.bytes_out)\":101,\"quantile(1.0,request.bytes_out)\":103,"
	    "\"distinct\":4,\"action\":\"b\"}\n"
	    "{\"count\":10,\"sum\":55,\"min\":1,\"max\":10,\"mean\":5,"
	    "\"quantile(0.5,request.bytes_out)\":5,\"quantile(1.0,request.bytes_out)\":10,"
	    "\"distinct\":10,\"action\":\"a\"}\n");
	assert_summary(f, 15, 15, 2, false);
}

static void groups__by_time_are_buckets(void **state)
{
	struct fixture *f = *state;

	start(f, "| count by minute | sort time");
	feed_bytes(f, "a", 119, 3);
	put_groups(f);
	assert_string_equal(or_buf_text(&f->out),
	    "{\"count\":1,\"time\":\"1970-01-01T00:01:00.000000Z\"}\n"
	    "{\"count\":2,\"time\":\"1970-01-01T00:02:00.000000Z\"}\n");
}

static void groups__of_many_numbers_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct wire_audit r = record(1, "read");
	enum or_code rc = OR_OK;

	start(f, "| quantile(0.9, request.bytes_out)");
	for (uint64_t i = 0; rc == OR_OK && i <= CO_GROUPS_SETS_MAX / 8 + 8; i++)
		rc = co_run_feed(f->run, &r, 0, i, &f->err);
	ASSERT_CODE(rc, OR_FULL);
	ASSERT_HAS(f->err.msg, "more than 64 MiB for what is distinct or for its quantiles");
}

static void sum__does_not_wrap(void **state)
{
	struct fixture *f = *state;
	struct wire_audit r = record(1, "read");

	r.request.bytes_out = UINT64_MAX;
	start(f, "| sum request.bytes_out, avg request.bytes_out");
	for (uint64_t i = 0; i < 3; i++)
		ASSERT_OK(co_run_feed(f->run, &r, 0, i, &f->err), &f->err);
	put_groups(f);
	assert_string_equal(
	    or_buf_text(&f->out), "{\"sum\":18446744073709551615,\"avg\":18446744073709551615}\n");
}

static void assert_places(struct fixture *f, const uint64_t *indexes, size_t n)
{
	struct co_run_place p;

	co_run_finish(f->run);
	for (size_t i = 0; i < n; i++) {
		assert_true(co_run_next_place(f->run, &p));
		assert_int_equal(p.index, indexes[i]);
	}
	assert_false(co_run_next_place(f->run, &p));
}

static void places__are_sorted_by_fields_then_newest(void **state)
{
	struct fixture *f = *state;

	start(f, "| sort action, request.bytes_out desc | limit 4");
	feed_bytes(f, "b", 1, 3);
	feed_bytes(f, "", 50, 1);
	feed_bytes(f, "ab", 5, 2);
	feed_bytes(f, "a", 9, 1);
	feed(f, 77, "a", 20); /* no bytes: 0 */
	assert_places(f, (const uint64_t[]){50, 9, 20, 6}, 4);
	assert_summary(f, 8, 8, 4, true);
}

static void places__of_dedup_are_the_newest_of_each(void **state)
{
	struct fixture *f = *state;

	start(f, "| dedup action | limit 2");
	feed_bytes(f, "a", 1, 3);
	feed_bytes(f, "b", 11, 3);
	feed_bytes(f, "a", 7, 1);
	feed_bytes(f, "c", 2, 1);
	assert_places(f, (const uint64_t[]){13, 7}, 2);
	assert_summary(f, 8, 8, 2, true);
}

static void explain__says_how_instead_of_rows(void **state)
{
	struct fixture *f = *state;
	struct co_run_place p;

	start(f, "explain action=a");
	feed_bytes(f, "a", 1, 3);
	co_run_plan(f->run)->parts[CO_PLAN_TIME] = 2;
	co_run_plan(f->run)->rows_tail = 3;
	put_groups(f);
	assert_false(co_run_next_place(f->run, &p));
	assert_string_equal(or_buf_text(&f->out),
	    "{\"explain\":{\"parts\":{\"read\":0,\"skipped_by_time\":2,\"skipped_by_range\":0,"
	    "\"skipped_by_value\":0,\"skipped_by_id\":0,\"skipped_by_filter\":0,"
	    "\"skipped_as_older\":0},\"blocks\":{\"read\":0,\"skipped\":0},\"rows\":{"
	    "\"skipped\":0,\"by_column\":0,\"whole\":0,\"unsealed\":3,\"matched\":3}}}\n");
	assert_summary(f, 3, 3, 1, false);
}

static void put_record__writes_everything_or_the_named_fields(void **state)
{
	struct fixture *f = *state;
	struct wire_audit r = record(1800000000000000000, "read");
	struct co_run_place p = {r.time_ns, 5, 2};
	const struct or_json *j;

	start(f, "| fields action, port, decision");
	co_run_put_record(&f->out, &f->q, "00ff", &p, &r);
	assert_string_equal(or_buf_text(&f->out),
	    "{\"id\":\"00ff\",\"shard\":2,\"index\":5,"
	    "\"record\":{\"action\":\"read\",\"decision\":\"allow\"}}\n");
	or_buf_clear(&f->out);
	co_run_put_record(&f->out, NULL, "00ff", &p, &r);
	or_buf_cut(&f->out, f->out.n - 1);
	ASSERT_OK(or_json_parse(&j, or_buf_slice(&f->out), f->arena, &f->err), &f->err);
	ASSERT_SLICE(or_json_get_str(or_json_get(j, "record"), "product"), "orders");
	ASSERT_SLICE(
	    or_json_get_str(or_json_get(j, "record"), "time"), "2027-01-15T08:00:00.000000Z");
}

static void put_summary__is_the_last_line(void **state)
{
	struct fixture *f = *state;
	const struct co_run_summary s = {
	    .scanned = 10, .matched = 4, .shown = 3, .truncated = true, .took_ns = 1999999};

	co_run_put_summary(&f->out, &s);
	assert_string_equal(or_buf_text(&f->out),
	    "{\"summary\":{\"matched\":4,\"scanned\":10,\"shown\":3,\"truncated\":true,"
	    "\"took_ms\":1}}\n");
}

static void summary__names_the_fields_that_were_chosen(void **state)
{
	struct fixture *f = *state;
	struct co_run_summary s = {0};

	start(f, "| fields attributes.x, time");
	co_run_get_summary(f->run, &s);
	co_run_put_summary(&f->out, &s);
	ASSERT_HAS(or_buf_text(&f->out), ",\"fields\":[\"attributes.x\",\"time\"]}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		places__come_newest_first_and_only_as_many_as_the_limit, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		places__of_one_time_are_ordered_by_shard_and_index, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		groups__come_by_count_then_key_with_typed_values, setup, teardown),
	    cmocka_unit_test_setup_teardown(groups__of_count_alone_are_one, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		groups__are_none_where_nothing_matches, setup, teardown),
	    cmocka_unit_test_setup_teardown(groups__are_bounded, setup, teardown),
	    cmocka_unit_test_setup_teardown(groups__measure_side_by_side, setup, teardown),
	    cmocka_unit_test_setup_teardown(groups__by_time_are_buckets, setup, teardown),
	    cmocka_unit_test_setup_teardown(groups__of_many_numbers_are_bounded, setup, teardown),
	    cmocka_unit_test_setup_teardown(sum__does_not_wrap, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		places__are_sorted_by_fields_then_newest, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		places__of_dedup_are_the_newest_of_each, setup, teardown),
	    cmocka_unit_test_setup_teardown(explain__says_how_instead_of_rows, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		summary__names_the_fields_that_were_chosen, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		groups__are_bounded_by_their_bytes_too, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		put_record__writes_everything_or_the_named_fields, setup, teardown),
	    cmocka_unit_test_setup_teardown(put_summary__is_the_last_line, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
