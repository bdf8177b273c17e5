/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/audit/tail.h"

#include "tests/support/support.h"

#include <stdio.h>

static struct tl_segment_entry leaf_of(uint64_t index, char text[32])
{
	struct tl_segment_entry e = {.received_ns = 1000 + index, .end = index % 10 == 9};

	snprintf(text, 32, "leaf %llu", (unsigned long long)index);
	e.leaf = or_slice_str(text);
	tl_hash_leaf(&e.hash, e.leaf);
	return e;
}

/* Puts leaves from index on until a part is made. */
static void put_part(struct co_tail *t, uint64_t index)
{
	struct co_tail_build *b = co_tail_build_new(t, index);
	char text[32];
	bool is_full = false;

	assert_non_null(b);
	for (uint64_t i = index; !is_full; i++) {
		struct tl_segment_entry e = leaf_of(i, text);

		assert_int_equal(co_tail_build_end(b), i);
		is_full = co_tail_build_add(b, &e);
		assert_int_equal(is_full, i + 1 - index == CO_TAIL_ROWS);
	}
	co_tail_take(t, b);
}

static void take__makes_parts_that_give_the_leaves_back(void **state)
{
	struct co_tail *t = co_tail_new();
	struct tl_segment_entry e, expected;
	struct or_err err;
	char text[32];

	(void)state;
	co_tail_pin(t, 70);
	assert_int_equal(co_tail_end(t), 70);
	put_part(t, 70);
	put_part(t, 70 + CO_TAIL_ROWS);
	assert_int_equal(co_tail_n(t), 2);
	assert_int_equal(co_tail_end(t), 70 + 2 * CO_TAIL_ROWS);
	for (uint32_t row = 0; row < CO_TAIL_ROWS; row += 37) {
		expected = leaf_of(70 + CO_TAIL_ROWS + row, text);
		ASSERT_OK(tl_part_leaf(co_tail_get(t, 1), row, &e, &err), &err);
		assert_true(or_slice_eq(e.leaf, expected.leaf));
		assert_memory_equal(&e.hash, &expected.hash, sizeof(e.hash));
		assert_true(e.received_ns == expected.received_ns && e.end == expected.end);
	}
	assert_int_equal(tl_part_first(co_tail_get(t, 1)), 70 + CO_TAIL_ROWS);
	co_tail_unpin(t);
	co_tail_free(t);
}

static void take__leaves_out_what_does_not_follow(void **state)
{
	struct co_tail *t = co_tail_new();

	(void)state;
	co_tail_pin(t, 0);
	put_part(t, 1);
	assert_int_equal(co_tail_n(t), 0);
	put_part(t, 0);
	put_part(t, 0); /* two walks side by side */
	assert_int_equal(co_tail_n(t), 1);
	assert_int_equal(co_tail_end(t), CO_TAIL_ROWS);
	co_tail_take(t, co_tail_build_new(t, CO_TAIL_ROWS));
	assert_int_equal(co_tail_n(t), 1);
	co_tail_unpin(t);
	co_tail_free(t);
}

static void pin__lets_go_what_was_sealed(void **state)
{
	struct co_tail *t = co_tail_new();

	(void)state;
	co_tail_pin(t, 0);
	for (uint64_t i = 0; i < 4; i++)
		put_part(t, i * CO_TAIL_ROWS);
	co_tail_pin(t, 0);
	co_tail_unpin(t);
	assert_int_equal(co_tail_n(t), 4);
	co_tail_unpin(t);
	co_tail_pin(t, 2 * CO_TAIL_ROWS); /* sealed up to the beginning of one */
	assert_int_equal(co_tail_n(t), 2);
	assert_int_equal(tl_part_first(co_tail_get(t, 0)), 2 * CO_TAIL_ROWS);
	assert_int_equal(co_tail_end(t), 4 * CO_TAIL_ROWS);
	co_tail_unpin(t);
	co_tail_pin(t, 2 * CO_TAIL_ROWS + 5); /* into the middle of one */
	assert_int_equal(co_tail_n(t), 0);
	assert_int_equal(co_tail_end(t), 2 * CO_TAIL_ROWS + 5);
	co_tail_unpin(t);
	co_tail_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(take__makes_parts_that_give_the_leaves_back),
	    cmocka_unit_test(take__leaves_out_what_does_not_follow),
	    cmocka_unit_test(pin__lets_go_what_was_sealed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
