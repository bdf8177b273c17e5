/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "tests/support/support.h"

static void put__appends_every_kind(void **state)
{
	struct or_buf b;

	(void)state;
	or_buf_init(&b, 1000);
	assert_string_equal(or_buf_text(&b), "");
	or_buf_put(&b, "ab", 2);
	or_buf_put(&b, NULL, 0);
	or_buf_put_slice(&b, OR_SLICE_NONE);
	or_buf_put_slice(&b, OR_SLICE_LIT("c"));
	or_buf_put_str(&b, "d");
	or_buf_put_byte(&b, 'e');
	or_buf_put_u64(&b, UINT64_MAX);
	or_buf_put_byte(&b, ' ');
	or_buf_put_i64(&b, INT64_MIN);
	or_buf_printf(&b, " %s%d", "f", 7);
	or_buf_printf(&b, "%s", "");
	assert_string_equal(or_buf_text(&b), "abcde18446744073709551615 -9223372036854775808 f7");
	assert_true(or_buf_ok(&b));
	or_buf_done(&b);
	assert_string_equal(or_buf_text(&b), "");
	or_buf_done(&b);
}

static void put__refuses_when_full_and_stays_so(void **state)
{
	struct or_buf b;

	(void)state;
	or_buf_init(&b, 5);
	or_buf_put_str(&b, "abc");
	or_buf_put_str(&b, "def");
	assert_false(or_buf_ok(&b));
	or_buf_put_byte(&b, 'x'); /* would fit, but what came before is missing */
	or_buf_printf(&b, "%d", 1);
	assert_null(or_buf_reserve(&b, 1));
	ASSERT_SLICE(or_buf_slice(&b), "abc");
	or_buf_clear(&b);
	assert_true(or_buf_ok(&b));
	or_buf_put_str(&b, "01234");
	assert_true(or_buf_ok(&b));
	ASSERT_SLICE(or_buf_slice(&b), "01234");
	or_buf_done(&b);
}

static void put__holds_exactly_its_maximum(void **state)
{
	(void)state;
	for (size_t max = 1; max < 300; max++) {
		struct or_buf b;

		or_buf_init(&b, max);
		for (size_t i = 0; i < max; i++)
			or_buf_put_byte(&b, (uint8_t)('a' + i % 26));
		assert_true(or_buf_ok(&b));
		assert_int_equal(b.n, max);
		assert_int_equal(strlen(or_buf_text(&b)), max);
		or_buf_put_byte(&b, 'x');
		assert_false(or_buf_ok(&b));
		assert_int_equal(b.n, max);
		or_buf_done(&b);
	}
}

static void every_change__leaves_a_nul_behind(void **state)
{
	struct or_buf b;

	(void)state;
	or_buf_init(&b, 100);
	or_buf_put_str(&b, "abcdef");
	or_buf_cut(&b, 4);
	assert_string_equal((const char *)b.p, "abcd");
	or_buf_consume(&b, 0);
	or_buf_consume(&b, 1);
	assert_string_equal((const char *)b.p, "bcd");
	or_buf_consume(&b, 3);
	assert_string_equal((const char *)b.p, "");
	or_buf_put_str(&b, "xyz");
	or_buf_clear(&b);
	assert_string_equal((const char *)b.p, "");
	or_buf_done(&b);
}

static void reserve__is_counted_by_commit_only(void **state)
{
	struct or_buf b;
	uint8_t *to;

	(void)state;
	or_buf_init(&b, 100);
	to = or_buf_reserve(&b, 100);
	memcpy(to, "hello", 5);
	assert_int_equal(b.n, 0);
	or_buf_commit(&b, 5);
	assert_string_equal(or_buf_text(&b), "hello");
	assert_null(or_buf_reserve(&b, 96));
	assert_false(or_buf_ok(&b));
	or_buf_done(&b);
}

static void reserve__of_absurd_sizes_is_refused(void **state)
{
	struct or_buf b;

	(void)state;
	or_buf_init(&b, 100);
	or_buf_put_byte(&b, 'a');
	assert_null(or_buf_reserve(&b, SIZE_MAX));
	or_buf_clear(&b);
	or_buf_put_byte(&b, 'a');
	assert_null(or_buf_reserve(&b, 100));
	or_buf_done(&b);
}

static void take_too_much(void *arg)
{
	or_buf_consume(arg, 4);
}

static void commit_too_much(void *arg)
{
	or_buf_commit(arg, 1000);
}

static void misuse__ends_the_process(void **state)
{
	struct or_buf b;

	(void)state;
	or_buf_init(&b, 100);
	or_buf_put_str(&b, "abc");
	assert_true(support_aborts(take_too_much, &b));
	assert_true(support_aborts(commit_too_much, &b));
	or_buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(put__appends_every_kind),
	    cmocka_unit_test(put__refuses_when_full_and_stays_so),
	    cmocka_unit_test(put__holds_exactly_its_maximum),
	    cmocka_unit_test(every_change__leaves_a_nul_behind),
	    cmocka_unit_test(reserve__is_counted_by_commit_only),
	    cmocka_unit_test(reserve__of_absurd_sizes_is_refused),
	    cmocka_unit_test(misuse__ends_the_process),
	};

	return cmocka_run_group_tests_name("base.buf", tests, NULL, NULL);
}
