/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include "tests/support/support.h"

static void new__is_zeroed_and_never_null(void **state)
{
	static const uint8_t zeros[256];
	uint8_t *p = or_mem_new(sizeof(zeros));
	void *nothing = or_mem_new(0);

	(void)state;
	assert_memory_equal(p, zeros, sizeof(zeros));
	assert_non_null(nothing);
	or_mem_free(p);
	or_mem_free(nothing);
	or_mem_free(NULL);
}

static void overflow(void *arg)
{
	or_mem_free(or_mem_array(SIZE_MAX / 2, *(size_t *)arg));
}

static void array__ends_the_process_on_overflow(void **state)
{
	size_t size = 3;

	(void)state;
	assert_true(support_aborts(overflow, &size));
}

static void resize__keeps_what_was_there(void **state)
{
	char *p = or_mem_resize(NULL, 4);

	(void)state;
	memcpy(p, "abc", 4);
	p = or_mem_resize(p, 4096);
	assert_string_equal(p, "abc");
	p = or_mem_resize(p, 2);
	assert_memory_equal(p, "ab", 2);
	p = or_mem_resize(p, 0);
	assert_non_null(p);
	or_mem_free(p);
}

static void dup__copies_and_ends_in_nul(void **state)
{
	char *text = or_mem_strdup("abc"), *bytes = or_mem_dup(or_slice("a\0b", 3));
	char *empty = or_mem_dup(OR_SLICE_NONE), *none = or_mem_strdup(NULL);

	(void)state;
	assert_string_equal(text, "abc");
	assert_memory_equal(bytes, "a\0b", 4);
	assert_string_equal(empty, "");
	assert_string_equal(none, "");
	or_mem_free(text);
	or_mem_free(bytes);
	or_mem_free(empty);
	or_mem_free(none);
}

static void wipe__overwrites(void **state)
{
	char secret[8] = "secret";

	(void)state;
	or_mem_wipe(secret, 3);
	assert_memory_equal(secret, "\0\0\0ret", 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(new__is_zeroed_and_never_null),
	    cmocka_unit_test(array__ends_the_process_on_overflow),
	    cmocka_unit_test(resize__keeps_what_was_there),
	    cmocka_unit_test(dup__copies_and_ends_in_nul),
	    cmocka_unit_test(wipe__overwrites),
	};

	return cmocka_run_group_tests_name("base.mem", tests, NULL, NULL);
}
