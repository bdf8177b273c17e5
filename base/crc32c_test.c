/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crc32c.h"

#include "base/rng.h"
#include "tests/support/support.h"

/* RFC 3720 §B.4, and the usual check value of "123456789". */
static void crc32c__gives_the_published_values(void **state)
{
	uint8_t zeros[32] = {0}, ones[32], up[32], down[32];

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	for (uint8_t i = 0; i < 32; i++) {
		up[i] = i;
		down[i] = (uint8_t)(31 - i);
	}
	assert_int_equal(or_crc32c(0, or_slice(zeros, 32)), 0x8A9136AA);
	assert_int_equal(or_crc32c(0, or_slice(ones, 32)), 0x62A8AB43);
	assert_int_equal(or_crc32c(0, or_slice(up, 32)), 0x46DD794E);
	assert_int_equal(or_crc32c(0, or_slice(down, 32)), 0x113FDB5C);
	assert_int_equal(or_crc32c(0, OR_SLICE_LIT("123456789")), 0xE3069283);
	assert_int_equal(or_crc32c(0, OR_SLICE_NONE), 0);
}

static void crc32c__is_the_same_in_hardware_and_tables_and_in_pieces(void **state)
{
	uint8_t bytes[300];

	(void)state;
	or_rng_fill(bytes, sizeof(bytes));
	for (size_t n = 0; n < sizeof(bytes); n++) {
		struct or_slice s = or_slice(bytes + n % 7, n - n % 7);
		uint32_t whole = or_crc32c(0, s);

		assert_int_equal(whole, or_crc32c_portable(0, s));
		assert_int_equal(whole,
		    or_crc32c(or_crc32c(0, or_slice(s.p, s.n / 3)), or_slice_from(s, s.n / 3)));
	}
}

/* Long ones are worked on in lanes. */
static void crc32c__is_the_same_where_it_is_long(void **state)
{
	static uint8_t bytes[20000];

	(void)state;
	or_rng_fill(bytes, sizeof(bytes));
	for (size_t n = 3000; n < sizeof(bytes); n += 613) {
		struct or_slice s = or_slice(bytes + n % 5, n - n % 5);

		assert_int_equal(or_crc32c(0, s), or_crc32c_portable(0, s));
		assert_int_equal(or_crc32c(0x12345678, s), or_crc32c_portable(0x12345678, s));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(crc32c__gives_the_published_values),
	    cmocka_unit_test(crc32c__is_the_same_in_hardware_and_tables_and_in_pieces),
	    cmocka_unit_test(crc32c__is_the_same_where_it_is_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
