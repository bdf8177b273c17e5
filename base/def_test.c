/* SPDX-License-Identifier: Apache-2.0 */
#include "base/def.h"

#include "tests/support/support.h"

#include <stdio.h>

static void slice__of_nothing_is_empty(void **state)
{
	(void)state;
	assert_int_equal(or_slice_str(NULL).n, 0);
	assert_null(or_slice_str(NULL).p);
	assert_true(or_slice_eq(OR_SLICE_NONE, or_slice_str("")));
	assert_true(or_slice_is(OR_SLICE_NONE, ""));
	assert_int_equal(or_slice_cmp(OR_SLICE_NONE, or_slice_str("")), 0);
	assert_int_equal(or_slice_from(OR_SLICE_NONE, 0).n, 0);
}

static void slice__compares_all_bytes(void **state)
{
	(void)state;
	assert_true(or_slice_eq(OR_SLICE_LIT("a\0b"), OR_SLICE_LIT("a\0b")));
	assert_false(or_slice_eq(OR_SLICE_LIT("a\0b"), OR_SLICE_LIT("a\0c")));
	assert_false(or_slice_eq(OR_SLICE_LIT("ab"), OR_SLICE_LIT("abc")));
	assert_false(or_slice_is(OR_SLICE_LIT("a\0"), "a"));
}

static void slice__orders_bytes_and_puts_prefixes_first(void **state)
{
	static const char *const sorted[] = {"", "a", "aa", "ab", "b", "\x7f", "\x80", "\xff"};

	(void)state;
	for (size_t i = 0; i < OR_LEN(sorted); i++) {
		for (size_t j = 0; j < OR_LEN(sorted); j++) {
			int c = or_slice_cmp(or_slice_str(sorted[i]), or_slice_str(sorted[j]));

			assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
		}
	}
}

static void slice__from_steps_up_to_the_end(void **state)
{
	(void)state;
	ASSERT_SLICE(or_slice_from(OR_SLICE_LIT("abc"), 1), "bc");
	ASSERT_SLICE(or_slice_from(OR_SLICE_LIT("abc"), 3), "");
}

static void step_past_the_end(void *arg)
{
	struct or_slice s = *(struct or_slice *)arg;

	printf("%zu", or_slice_from(s, s.n + 1).n);
}

static void assert__ends_the_process(void **state)
{
	struct or_slice s = OR_SLICE_LIT("abc");

	(void)state;
	assert_true(support_aborts(step_past_the_end, &s));
}

static void slice__prints_with_its_length(void **state)
{
	char text[16];

	(void)state;
	snprintf(text, sizeof(text), "<%.*s>", OR_SLICE_FMT(or_slice("abcdef", 3)));
	assert_string_equal(text, "<abc>");
	snprintf(text, sizeof(text), "<%.*s>", OR_SLICE_FMT(OR_SLICE_NONE));
	assert_string_equal(text, "<>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(slice__of_nothing_is_empty),
	    cmocka_unit_test(slice__compares_all_bytes),
	    cmocka_unit_test(slice__orders_bytes_and_puts_prefixes_first),
	    cmocka_unit_test(slice__from_steps_up_to_the_end),
	    cmocka_unit_test(assert__ends_the_process),
	    cmocka_unit_test(slice__prints_with_its_length),
	};

	return cmocka_run_group_tests_name("base.def", tests, NULL, NULL);
}
