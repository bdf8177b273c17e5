/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"

#include "tests/support/support.h"

static void fill__writes_every_byte_and_no_more(void **state)
{
	uint8_t seen[1000] = {0}, p[1002];

	(void)state;
	/* A byte stays 0 in 64 draws with probability 2^-512. */
	for (int draw = 0; draw < 64; draw++) {
		memset(p, 0, sizeof(p));
		or_rng_fill(p + 1, sizeof(seen));
		assert_int_equal(p[0], 0);
		assert_int_equal(p[sizeof(p) - 1], 0);
		for (size_t i = 0; i < sizeof(seen); i++)
			seen[i] |= p[i + 1];
	}
	for (size_t i = 0; i < sizeof(seen); i++)
		assert_true(seen[i]);
	or_rng_fill(NULL, 0);
}

static void u64__uses_every_bit(void **state)
{
	uint64_t ones = 0, zeros = 0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		uint64_t v = or_rng_u64();

		ones |= v;
		zeros |= ~v;
	}
	assert_true(ones == UINT64_MAX);
	assert_true(zeros == UINT64_MAX);
}

static bool is_uuid4(const char *text)
{
	static const char shape[] = "xxxxxxxx-xxxx-4xxx-vxxx-xxxxxxxxxxxx";

	for (size_t i = 0; i < sizeof(shape); i++) {
		const char *set = shape[i] == 'x'   ? "0123456789abcdef"
				  : shape[i] == 'v' ? "89ab"
						    : (char[2]){shape[i], 0};

		if (shape[i] && (!text[i] || !strchr(set, text[i])))
			return false;
	}
	return strlen(text) == sizeof(shape) - 1;
}

static void uuid__is_version_4_and_new_each_time(void **state)
{
	char a[OR_RNG_UUID_LEN + 1], b[OR_RNG_UUID_LEN + 1];

	(void)state;
	for (int i = 0; i < 100; i++) {
		or_rng_uuid(a);
		or_rng_uuid(b);
		assert_true(is_uuid4(a));
		assert_string_not_equal(a, b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fill__writes_every_byte_and_no_more),
	    cmocka_unit_test(u64__uses_every_bit),
	    cmocka_unit_test(uuid__is_version_4_and_new_each_time),
	};

	return cmocka_run_group_tests_name("base.rng", tests, NULL, NULL);
}
