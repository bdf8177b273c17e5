/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/sort.h"

#include "tests/support/support.h"

struct item {
	uint32_t key;
	uint8_t rest[20];
};

static int on_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

/* Fills n items whose rest repeats the key. */
static void fill(struct item *items, uint32_t n, uint32_t step, uint32_t mod)
{
	for (uint32_t i = 0; i < n; i++) {
		items[i].key = i * step % mod;
		memset(items[i].rest, (uint8_t)items[i].key, sizeof(items[i].rest));
	}
}

static void items__sorts_any_length_and_order(void **state)
{
	static const uint32_t steps[] = {0, 1, 7919, 65521};
	struct item items[300];

	(void)state;
	for (uint32_t n = 0; n <= OR_LEN(items); n++) {
		for (size_t s = 0; s < OR_LEN(steps); s++) {
			uint64_t sum = 0, after = 0;

			fill(items, n, steps[s], 131);
			for (uint32_t i = 0; i < n; i++)
				sum += items[i].key;
			pol_sort_items(items, n, sizeof(items[0]), on_items);
			for (uint32_t i = 0; i < n; i++) {
				assert_true(i == 0 || items[i - 1].key <= items[i].key);
				assert_int_equal(items[i].rest[19], (uint8_t)items[i].key);
				after += items[i].key;
			}
			assert_int_equal(sum, after);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(items__sorts_any_length_and_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
