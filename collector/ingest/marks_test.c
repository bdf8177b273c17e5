/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/marks.h"

#include "tests/support/support.h"

static const struct co_marks_key a = {
    OR_SLICE_LIT("AAAAAAAAAAAAAAAA"), 1, OR_SLICE_LIT("outrider.audit/orders")};
static const struct co_marks_key b = {
    OR_SLICE_LIT("AAAAAAAAAAAAAAAA"), 2, OR_SLICE_LIT("outrider.audit/orders")};
static const struct co_marks_key c = {
    OR_SLICE_LIT("AAAAAAAAAAAAAAAA"), 1, OR_SLICE_LIT("outrider.audit/invoices")};

static void add__keeps_sets_apart_by_agent_epoch_and_stream(void **state)
{
	struct co_marks *m = co_marks_new(10);

	(void)state;
	ASSERT_CODE(co_marks_add(m, &a, 1, 10), OR_OK);
	assert_true(co_marks_has(m, &a, 1) && co_marks_has(m, &a, 10));
	assert_false(co_marks_has(m, &a, 0) || co_marks_has(m, &a, 11));
	assert_true(co_marks_covers(m, &a, 1, 10) && co_marks_covers(m, &a, 4, 5));
	assert_true(co_marks_covers(m, &a, 11, 10) && co_marks_covers(m, &b, 1, 0));
	assert_false(co_marks_covers(m, &a, 10, 11) || co_marks_covers(m, &b, 1, 1));
	assert_false(co_marks_knows(m, &b) || co_marks_has(m, &b, 1) || co_marks_has(m, &c, 1));
	assert_int_equal(co_marks_expected(m, &a), 10);
	assert_int_equal(co_marks_expected(m, &b), 0);
	ASSERT_CODE(co_marks_add(m, &b, 1, 0), OR_OK);
	assert_true(co_marks_knows(m, &b));
	assert_false(co_marks_has(m, &b, 1));
	ASSERT_CODE(co_marks_add(m, &b, 6, 5), OR_OK);
	assert_int_equal(co_marks_expected(m, &b), 5);
	assert_int_equal(co_marks_streams(m), 2);
	co_marks_free(m);
}

/* Against a plain table of what is stored, in an order that makes, fills and joins holes. */
static void add__joins_intervals(void **state)
{
	enum { N = 400 };
	struct co_marks *m = co_marks_new(10), *loaded = co_marks_new(10);
	bool stored[N + 20] = {false};
	uint64_t seq = 1, expected = 0;
	struct or_buf saved;
	struct or_err err;

	(void)state;
	or_buf_init(&saved, 1 << 20);
	for (uint64_t i = 0; i < 150; i++) {
		uint64_t to;

		seq = (seq * 48271 + i) % N + 1;
		to = seq + i % 13 - (i % 5 == 0);
		if (to < seq)
			to = seq;
		ASSERT_CODE(co_marks_add(m, &a, seq, to), OR_OK);
		for (uint64_t n = seq; n <= to; n++)
			stored[n] = true;
		expected = to > expected ? to : expected;
		or_buf_clear(&saved);
		co_marks_save(m, &saved);
		ASSERT_OK(co_marks_load(loaded, or_buf_slice(&saved), &err), &err);
		for (uint64_t n = 0; n < N + 20; n++) {
			assert_int_equal(co_marks_has(m, &a, n), stored[n]);
			assert_int_equal(co_marks_has(loaded, &a, n), stored[n]);
			assert_int_equal(
			    co_marks_saved_has(or_buf_slice(&saved), &a, n), stored[n]);
		}
		assert_int_equal(co_marks_expected(loaded, &a), expected);
	}
	or_buf_done(&saved);
	co_marks_free(loaded);
	co_marks_free(m);
}

static void add__is_bounded(void **state)
{
	struct co_marks *m = co_marks_new(1);

	(void)state;
	for (uint64_t i = 0; i < CO_MARKS_INTERVALS_MAX; i++)
		ASSERT_CODE(co_marks_add(m, &a, 10 * i + 10, 10 * i + 11), OR_OK);
	assert_false(co_marks_has_room(m, &a, 5, 5));
	ASSERT_CODE(co_marks_add(m, &a, 5, 5), OR_FULL);
	assert_false(co_marks_has(m, &a, 5));
	/* What joins or lies in an interval needs no room. */
	ASSERT_CODE(co_marks_add(m, &a, 12, 12), OR_OK);
	ASSERT_CODE(co_marks_add(m, &a, 11, 19), OR_OK);
	ASSERT_CODE(co_marks_add(m, &a, 5, 5), OR_OK);
	assert_false(co_marks_has_room(m, &b, 1, 1));
	ASSERT_CODE(co_marks_add(m, &b, 1, 1), OR_FULL);
	co_marks_free(m);
}

static void load__refuses_what_save_would_not_write(void **state)
{
	struct co_marks *m = co_marks_new(10);
	struct or_buf saved;
	struct or_err err;

	(void)state;
	or_buf_init(&saved, 1 << 20);
	ASSERT_CODE(co_marks_add(m, &a, 1, 10), OR_OK);
	ASSERT_CODE(co_marks_add(m, &a, 20, 30), OR_OK);
	co_marks_save(m, &saved);
	for (size_t n = 1; n < saved.n; n++) {
		ASSERT_CODE(co_marks_load(m, or_slice(saved.p, n), &err), OR_CORRUPT);
		assert_int_equal(co_marks_streams(m), 0);
	}
	saved.p[saved.n - 16] = 11; /* the second interval would adjoin the first */
	ASSERT_CODE(co_marks_load(m, or_buf_slice(&saved), &err), OR_CORRUPT);
	ASSERT_OK(co_marks_load(m, OR_SLICE_NONE, &err), &err);
	or_buf_done(&saved);
	co_marks_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(add__keeps_sets_apart_by_agent_epoch_and_stream),
	    cmocka_unit_test(add__joins_intervals),
	    cmocka_unit_test(add__is_bounded),
	    cmocka_unit_test(load__refuses_what_save_would_not_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
