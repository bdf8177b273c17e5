/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include "tests/support/support.h"

#include <stdio.h>

enum { MANY = 5000 };

static char keys[MANY][12];

static struct or_slice key(size_t i)
{
	return or_slice_str(keys[i]);
}

static int make_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < MANY; i++)
		snprintf(keys[i], sizeof(keys[i]), "key-%zu", i);
	return 0;
}

static void find__in_an_empty_map(void **state)
{
	struct or_map m;
	size_t at = 0;

	(void)state;
	or_map_init(&m, 10);
	assert_null(or_map_find(&m, OR_SLICE_LIT("x")));
	assert_null(or_map_take(&m, OR_SLICE_LIT("x")));
	assert_null(or_map_next(&m, &at));
	or_map_clear(&m);
	or_map_done(&m);
	or_map_done(&m);
}

static void put__keeps_the_first_value(void **state)
{
	struct or_map m;
	int a, b;

	(void)state;
	or_map_init(&m, 10);
	ASSERT_CODE(or_map_put(&m, OR_SLICE_LIT("k"), &a), OR_OK);
	ASSERT_CODE(or_map_put(&m, OR_SLICE_LIT("k"), &b), OR_EXISTS);
	assert_ptr_equal(or_map_find(&m, OR_SLICE_LIT("k")), &a);
	assert_int_equal(m.n, 1);
	or_map_done(&m);
}

static void keys__are_bytes(void **state)
{
	struct or_map m;
	int a, b, c;

	(void)state;
	or_map_init(&m, 10);
	ASSERT_CODE(or_map_put(&m, OR_SLICE_NONE, &a), OR_OK);
	ASSERT_CODE(or_map_put(&m, or_slice("k\0", 2), &b), OR_OK);
	ASSERT_CODE(or_map_put(&m, or_slice("k", 1), &c), OR_OK);
	assert_ptr_equal(or_map_find(&m, OR_SLICE_LIT("")), &a);
	assert_ptr_equal(or_map_find(&m, or_slice("k\0", 2)), &b);
	assert_ptr_equal(or_map_find(&m, or_slice("k", 1)), &c);
	or_map_done(&m);
}

static void put__refuses_when_full(void **state)
{
	struct or_map m;
	int v;

	(void)state;
	or_map_init(&m, 100);
	for (size_t i = 0; i < 100; i++)
		ASSERT_CODE(or_map_put(&m, key(i), &v), OR_OK);
	ASSERT_CODE(or_map_put(&m, key(100), &v), OR_FULL);
	ASSERT_CODE(or_map_put(&m, key(7), &v), OR_EXISTS);
	assert_ptr_equal(or_map_take(&m, key(7)), &v);
	ASSERT_CODE(or_map_put(&m, key(100), &v), OR_OK);
	ASSERT_CODE(or_map_put(&m, key(7), &v), OR_FULL);
	assert_int_equal(m.n, 100);
	or_map_done(&m);
}

static void next__walks_in_order_of_insertion(void **state)
{
	struct or_map m;
	struct or_map_entry *e;
	size_t at = 0, expected = 1;

	(void)state;
	or_map_init(&m, MANY);
	for (size_t i = 0; i < MANY; i++)
		ASSERT_CODE(or_map_put(&m, key(i), keys[i]), OR_OK);
	for (size_t i = 0; i < MANY; i += 2)
		assert_ptr_equal(or_map_take(&m, key(i)), keys[i]);
	while ((e = or_map_next(&m, &at))) {
		assert_ptr_equal(e->value, keys[expected]);
		assert_ptr_equal(or_map_take(&m, e->key), keys[expected]);
		expected += 2;
	}
	assert_int_equal(expected, MANY + 1);
	assert_int_equal(m.n, 0);
	or_map_done(&m);
}

/* Against a plain array, with a generator that gives the same sequence each time. */
static void random_calls__agree_with_a_model(void **state)
{
	enum { KEYS = 200, CALLS = 200000 };
	bool in[KEYS] = {false};
	size_t n = 0;
	uint32_t x = 12345;
	struct or_map m;

	(void)state;
	or_map_init(&m, KEYS / 2);
	for (int call = 0; call < CALLS; call++) {
		size_t k;

		x = x * 1664525U + 1013904223U;
		k = (x >> 8) % KEYS;
		if (x >> 31) {
			enum or_code expected = in[k] ? OR_EXISTS : n == KEYS / 2 ? OR_FULL : OR_OK;

			ASSERT_CODE(or_map_put(&m, key(k), keys[k]), expected);
			n += expected == OR_OK;
			in[k] = in[k] || expected == OR_OK;
		} else {
			assert_ptr_equal(or_map_take(&m, key(k)), in[k] ? keys[k] : NULL);
			n -= in[k];
			in[k] = false;
		}
		assert_int_equal(m.n, n);
		k = (x >> 4) % KEYS;
		assert_ptr_equal(or_map_find(&m, key(k)), in[k] ? keys[k] : NULL);
	}
	/* Coming and going does not make it grow beyond what it holds. */
	assert_true(m.cap <= 4 * KEYS);
	or_map_done(&m);
}

static void clear__empties_and_is_usable(void **state)
{
	struct or_map m;
	size_t at = 0;

	(void)state;
	or_map_init(&m, MANY);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < 1000; i++)
			ASSERT_CODE(or_map_put(&m, key(i), keys[i]), OR_OK);
		or_map_clear(&m);
		assert_null(or_map_find(&m, key(1)));
		at = 0;
		assert_null(or_map_next(&m, &at));
	}
	or_map_done(&m);
}

static void hash__depends_on_every_byte_and_the_length(void **state)
{
	uint8_t p[24] = {0};
	uint64_t seen[24 * 8 + 25];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i <= sizeof(p); i++)
		seen[n++] = or_map_hash(or_slice(p, i));
	for (size_t bit = 0; bit < sizeof(p) * 8; bit++) {
		p[bit / 8] ^= (uint8_t)(1U << bit % 8);
		seen[n++] = or_map_hash(or_slice(p, sizeof(p)));
		p[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < i; j++)
			assert_true(seen[i] != seen[j]);
	}
	assert_true(or_map_hash(or_slice(p, 5)) == seen[5]);
}

static void null_value(void *arg)
{
	ASSERT_CODE(or_map_put(arg, OR_SLICE_LIT("k"), NULL), OR_OK);
}

static void put__of_null_ends_the_process(void **state)
{
	struct or_map m;

	(void)state;
	or_map_init(&m, 10);
	assert_true(support_aborts(null_value, &m));
	or_map_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(find__in_an_empty_map),
	    cmocka_unit_test(put__keeps_the_first_value),
	    cmocka_unit_test(keys__are_bytes),
	    cmocka_unit_test(put__refuses_when_full),
	    cmocka_unit_test(next__walks_in_order_of_insertion),
	    cmocka_unit_test(random_calls__agree_with_a_model),
	    cmocka_unit_test(clear__empties_and_is_usable),
	    cmocka_unit_test(hash__depends_on_every_byte_and_the_length),
	    cmocka_unit_test(put__of_null_ends_the_process),
	};

	return cmocka_run_group_tests_name("base.map", tests, make_keys, NULL);
}
