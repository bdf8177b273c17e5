/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include "tests/support/support.h"

static void alloc__is_aligned_zeroed_and_apart(void **state)
{
	static const uint8_t zeros[700];
	struct or_arena *a = or_arena_new(0);
	uint8_t *pieces[600];

	(void)state;
	/* Past one chunk, and each piece filled to its end: an overlap would show. */
	for (size_t i = 0; i < OR_LEN(pieces); i++) {
		pieces[i] = or_arena_alloc(a, i);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % 16, 0);
		assert_memory_equal(pieces[i], zeros, i);
		memset(pieces[i], (int)(i % 255 + 1), i);
	}
	for (size_t i = 0; i < OR_LEN(pieces); i++) {
		for (size_t j = 0; j < i; j++)
			assert_int_equal(pieces[i][j], i % 255 + 1);
	}
	or_arena_free(a);
	or_arena_free(NULL);
}

static void alloc__keeps_its_budget(void **state)
{
	struct or_arena *a = or_arena_new(64);

	(void)state;
	assert_non_null(or_arena_alloc(a, 33)); /* takes 48 */
	assert_int_equal(or_arena_used(a), 48);
	assert_false(or_arena_is_full(a));
	assert_null(or_arena_alloc(a, 17));
	assert_true(or_arena_is_full(a));
	assert_int_equal(or_arena_used(a), 48);
	assert_non_null(or_arena_alloc(a, 16));
	assert_null(or_arena_alloc(a, 1));
	assert_non_null(or_arena_alloc(a, 0));
	or_arena_clear(a);
	assert_false(or_arena_is_full(a));
	assert_int_equal(or_arena_used(a), 0);
	assert_non_null(or_arena_alloc(a, 64));
	or_arena_free(a);
}

static void sizes__that_overflow_are_refused(void **state)
{
	struct or_arena *a = or_arena_new(0);

	(void)state;
	assert_null(or_arena_alloc(a, SIZE_MAX));
	assert_true(or_arena_is_full(a));
	or_arena_clear(a);
	assert_null(or_arena_array(a, SIZE_MAX / 8, 16));
	assert_true(or_arena_is_full(a));
	assert_non_null(or_arena_array(a, 0, 16));
	assert_non_null(or_arena_array(a, 3, 16));
	or_arena_free(a);
}

static void clear__gives_zeroed_memory_again(void **state)
{
	static const uint8_t zeros[1000];
	struct or_arena *a = or_arena_new(0);

	(void)state;
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 400; i++) {
			uint8_t *p = or_arena_alloc(a, sizeof(zeros));

			assert_memory_equal(p, zeros, sizeof(zeros));
			memset(p, 0xa5, sizeof(zeros));
		}
		/* Larger than any chunk, in the middle of use. */
		memset(or_arena_alloc(a, 1 << 20), 0xa5, 1 << 20);
		or_arena_clear(a);
	}
	or_arena_free(a);
}

static void large_piece__does_not_cost_the_room_of_small_ones(void **state)
{
	struct or_arena *a = or_arena_new(0);
	uint8_t *small = or_arena_alloc(a, 16);
	uint8_t *large = or_arena_alloc(a, 1 << 20);

	(void)state;
	memset(small, 1, 16);
	memset(large, 2, 1 << 20);
	memset(or_arena_alloc(a, 16), 3, 16);
	assert_int_equal(small[15], 1);
	assert_int_equal(large[0], 2);
	assert_int_equal(large[(1 << 20) - 1], 2);
	or_arena_free(a);
}

static void copies__end_in_nul(void **state)
{
	struct or_arena *a = or_arena_new(0);
	struct or_slice s = or_arena_dup(a, or_slice("a\0b", 3));

	(void)state;
	assert_int_equal(s.n, 3);
	assert_memory_equal(s.p, "a\0b", 4);
	s = or_arena_dup(a, OR_SLICE_NONE);
	assert_non_null(s.p);
	assert_int_equal(s.n, 0);
	assert_string_equal(or_arena_strdup(a, or_slice("abcdef", 3)), "abc");
	assert_string_equal(or_arena_strdup(a, OR_SLICE_NONE), "");
	assert_string_equal(or_arena_printf(a, "%s-%d", "x", 7), "x-7");
	assert_string_equal(or_arena_printf(a, "%s", ""), "");
	or_arena_free(a);
}

static void copies__are_null_when_full(void **state)
{
	struct or_arena *a = or_arena_new(16);

	(void)state;
	assert_null(or_arena_dup(a, OR_SLICE_LIT("0123456789abcdef")).p);
	assert_null(or_arena_strdup(a, OR_SLICE_LIT("0123456789abcdef")));
	assert_null(or_arena_printf(a, "%0100d", 1));
	assert_string_equal(or_arena_printf(a, "%015d", 1), "000000000000001");
	or_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(alloc__is_aligned_zeroed_and_apart),
	    cmocka_unit_test(alloc__keeps_its_budget),
	    cmocka_unit_test(sizes__that_overflow_are_refused),
	    cmocka_unit_test(clear__gives_zeroed_memory_again),
	    cmocka_unit_test(large_piece__does_not_cost_the_room_of_small_ones),
	    cmocka_unit_test(copies__end_in_nul),
	    cmocka_unit_test(copies__are_null_when_full),
	};

	return cmocka_run_group_tests_name("base.arena", tests, NULL, NULL);
}
