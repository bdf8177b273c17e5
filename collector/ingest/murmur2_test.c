/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/murmur2.h"

#include "tests/support/support.h"

/* The values of Kafka's own test (UtilsTest.testMurmur2). */
static void hash__is_that_of_the_java_client(void **state)
{
	static const struct {
		const char *text;
		int32_t hash;
	} cases[] = {
	    {"21", -973932308},
	    {"foobar", -790332482},
	    {"a-little-bit-long-string", -985981536},
	    {"a-little-bit-longer-string", -1486304829},
	    {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
	    {"abc", 479470107},
	};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++)
		assert_int_equal(
		    (int32_t)co_murmur2_hash(or_slice_str(cases[i].text)), cases[i].hash);
}

static void partition__is_never_negative(void **state)
{
	(void)state;
	assert_int_equal(
	    co_murmur2_partition(OR_SLICE_LIT("21"), 1000), (-973932308 & 0x7fffffff) % 1000);
	assert_int_equal(co_murmur2_partition(OR_SLICE_LIT("orders"), 1), 0);
	assert_int_equal(co_murmur2_partition(OR_SLICE_NONE, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hash__is_that_of_the_java_client),
	    cmocka_unit_test(partition__is_never_negative),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
