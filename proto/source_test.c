/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/source.h"

#include "tests/support/support.h"

static void decode__gives_back_what_encode_wrote(void **state)
{
	const struct wire_source in[] = {{OR_SLICE_LIT("cluster/outrider.audit"), 0, 0},
	    {OR_SLICE_LIT("c/t"), UINT32_MAX, UINT64_MAX}};

	(void)state;
	for (size_t i = 0; i < OR_LEN(in); i++) {
		struct wire_source out;
		struct or_buf b;
		struct or_err err;

		or_buf_init(&b, WIRE_SOURCE_MAX);
		ASSERT_CODE(wire_source_encode(&b, &in[i]), OR_OK);
		ASSERT_OK(wire_source_decode(&out, or_buf_slice(&b), &err), &err);
		assert_true(or_slice_eq(out.name, in[i].name));
		assert_int_equal(out.partition, in[i].partition);
		assert_true(out.next == in[i].next);
		for (size_t n = 0; n < b.n; n++)
			ASSERT_CODE(wire_source_decode(&out, or_slice(b.p, n), &err), OR_PARSE);
		or_buf_put_byte(&b, 0);
		ASSERT_CODE(wire_source_decode(&out, or_buf_slice(&b), &err), OR_PARSE);
		or_buf_done(&b);
	}
}

static void encode__wants_a_name(void **state)
{
	char name[WIRE_SOURCE_NAME_MAX + 1] = {0};
	struct wire_source s = {.next = 1};
	struct or_buf b;

	(void)state;
	or_buf_init(&b, WIRE_SOURCE_MAX);
	ASSERT_CODE(wire_source_encode(&b, &s), OR_INVAL);
	s.name = or_slice(name, sizeof(name));
	ASSERT_CODE(wire_source_encode(&b, &s), OR_INVAL);
	s.name.n--;
	ASSERT_CODE(wire_source_encode(&b, &s), OR_OK);
	assert_true(or_buf_ok(&b));
	or_buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decode__gives_back_what_encode_wrote),
	    cmocka_unit_test(encode__wants_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
