/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/postgres/mechanisms.h"

#include "tests/support/support.h"

#define LIST        "R\0\0\0\x2a\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"
#define STRIPPED    "R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"
#define NOTICE      "v\0\0\0\x0c\0\3\0\0\0\0\0\0"
#define SLICE(text) or_slice(text, sizeof(text) - 1)

static void check(struct or_slice in, struct or_slice want, enum or_code code, size_t step)
{
	struct or_buf held, out;
	enum or_code rc = OR_OK;
	bool done = false;

	or_buf_init(&held, 1000);
	or_buf_init(&out, 4000);
	for (size_t at = 0; at < in.n && rc == OR_OK; at += step) {
		size_t n = in.n - at < step ? in.n - at : step;

		or_buf_put(done ? &out : &held, in.p + at, n);
		if (!done)
			rc = ag_mechanisms_pass(&out, &held, &done);
	}
	ASSERT_CODE(rc, code);
	if (code == OR_OK)
		assert_true(or_slice_eq(or_buf_slice(&out), want));
	or_buf_done(&held);
	or_buf_done(&out);
}

static void pass__takes_the_mechanism_off_the_list(void **state)
{
	(void)state;
	for (size_t step = 1; step < 64; step++) {
		check(SLICE(NOTICE LIST "more"), SLICE(NOTICE STRIPPED "more"), OR_OK, step);
		/* what is no list of mechanisms passes as it is */
		check(SLICE("R\0\0\0\x0c\0\0\0\5salt"), SLICE("R\0\0\0\x0c\0\0\0\5salt"), OR_OK,
		    step);
	}
}

static void pass__refuses_what_is_no_message(void **state)
{
	(void)state;
	check(SLICE("R\0\0\0\3"), OR_SLICE_NONE, OR_PARSE, 1);
	check(SLICE("R\0\1\0\0x"), OR_SLICE_NONE, OR_PARSE, 1);
	check(SLICE("R\0\0\0\x0d\0\0\0\x0aSCRAM"), OR_SLICE_NONE, OR_PARSE, 64);
	check(SLICE("R\0\0\0\x0b\0\0\0\x0a\0xy"), OR_SLICE_NONE, OR_PARSE, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pass__takes_the_mechanism_off_the_list),
	    cmocka_unit_test(pass__refuses_what_is_no_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
