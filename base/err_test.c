/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include "tests/support/support.h"

#include <errno.h>

static void name__is_known_for_every_code(void **state)
{
	(void)state;
	for (int code = OR_OK; code <= OR_AGAIN; code++) {
		assert_non_null(or_err_name((enum or_code)code));
		assert_string_not_equal(or_err_name((enum or_code)code), "unknown");
		for (int other = OR_OK; other < code; other++)
			assert_string_not_equal(
			    or_err_name((enum or_code)code), or_err_name((enum or_code)other));
	}
	assert_string_equal(or_err_name((enum or_code)(OR_AGAIN + 1)), "unknown");
}

static void set__fills_and_returns_the_code(void **state)
{
	struct or_err err = {.sys = 7};

	(void)state;
	ASSERT_CODE(or_err_set(&err, OR_PARSE, "line %d", 3), OR_PARSE);
	assert_int_equal(err.code, OR_PARSE);
	assert_int_equal(err.sys, 0);
	assert_string_equal(err.msg, "line 3");
}

static void every_call__takes_null(void **state)
{
	(void)state;
	ASSERT_CODE(or_err_set(NULL, OR_FULL, "x"), OR_FULL);
	ASSERT_CODE(or_err_sys(NULL, "x"), OR_IO);
	ASSERT_CODE(or_err_wrap(NULL, OR_STALE, "x"), OR_STALE);
}

static void sys__keeps_errno_and_its_text(void **state)
{
	struct or_err err;

	(void)state;
	errno = ENOENT;
	ASSERT_CODE(or_err_sys(&err, "open %s", "x"), OR_IO);
	assert_int_equal(err.sys, ENOENT);
	assert_string_equal(err.msg, "open x: No such file or directory");
	errno = 99999;
	ASSERT_CODE(or_err_sys(&err, "open"), OR_IO);
	assert_string_equal(err.msg, "open: error 99999");
}

static void wrap__puts_context_in_front(void **state)
{
	struct or_err err;

	(void)state;
	errno = EACCES;
	(void)or_err_sys(&err, "open");
	ASSERT_CODE(or_err_wrap(&err, OR_DENIED, "spool %d", 1), OR_DENIED);
	assert_int_equal(err.code, OR_DENIED);
	assert_int_equal(err.sys, EACCES);
	assert_string_equal(err.msg, "spool 1: open: Permission denied");
}

static void messages__are_cut_never_overrun(void **state)
{
	/* Guarded on both sides: a write outside of the message would be seen. */
	struct {
		char before[8];
		struct or_err err;
		char after[8];
	} box = {.before = "before", .after = "after"};
	char text[2 * OR_ERR_MSG_MAX];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	(void)or_err_set(&box.err, OR_INVAL, "%s", text);
	assert_int_equal(strlen(box.err.msg), OR_ERR_MSG_MAX - 1);
	(void)or_err_wrap(&box.err, OR_INVAL, "front");
	assert_int_equal(strlen(box.err.msg), OR_ERR_MSG_MAX - 1);
	ASSERT_HAS(box.err.msg, "front: xxx");
	(void)or_err_wrap(&box.err, OR_INVAL, "%s", text);
	assert_null(strstr(box.err.msg, "front"));
	errno = ENOSPC;
	(void)or_err_sys(&box.err, "%s", text);
	assert_int_equal(strlen(box.err.msg), OR_ERR_MSG_MAX - 1);
	assert_string_equal(box.before, "before");
	assert_string_equal(box.after, "after");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(name__is_known_for_every_code),
	    cmocka_unit_test(set__fills_and_returns_the_code),
	    cmocka_unit_test(every_call__takes_null),
	    cmocka_unit_test(sys__keeps_errno_and_its_text),
	    cmocka_unit_test(wrap__puts_context_in_front),
	    cmocka_unit_test(messages__are_cut_never_overrun),
	};

	return cmocka_run_group_tests_name("base.err", tests, NULL, NULL);
}
