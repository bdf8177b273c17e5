/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/support.h"
#include "tlog/pack.h"
#include "tlog/varint.h"

static uint64_t state64 = 1;

static uint64_t next_random(void)
{
	state64 ^= state64 << 13;
	state64 ^= state64 >> 7;
	return state64 ^= state64 << 17;
}

static size_t check(const uint64_t *values, size_t n)
{
	uint64_t back[TL_PACK_ROWS], one;
	struct or_buf b;
	size_t bytes;

	or_buf_init(&b, TL_PACK_BYTES_MAX);
	tl_pack_encode(&b, values, n);
	assert_true(or_buf_ok(&b));
	bytes = b.n;
	assert_int_equal(tl_pack_decode(back, n, or_buf_slice(&b)), OR_OK);
	assert_memory_equal(values, back, n * sizeof(*back));
	for (size_t i = 0; i < n; i += 1 + n / 50) {
		assert_int_equal(tl_pack_get(&one, i, n, or_buf_slice(&b)), OR_OK);
		assert_int_equal(one, values[i]);
	}
	assert_int_equal(tl_pack_get(&one, n, n, or_buf_slice(&b)), OR_CORRUPT);
	or_buf_done(&b);
	return bytes;
}

static void encode__gives_back_numbers_of_every_width(void **state)
{
	uint64_t v[TL_PACK_ROWS];

	(void)state;
	for (unsigned int w = 0; w <= 64; w++) {
		for (size_t n = 1; n <= TL_PACK_ROWS; n = n * 2 + 1) {
			for (size_t i = 0; i < n; i++)
				v[i] = w ? next_random() >> (64 - w) : 7;
			check(v, n);
		}
	}
}

static void encode__is_short_for_what_is_regular(void **state)
{
	uint64_t v[TL_PACK_ROWS];

	(void)state;
	for (size_t i = 0; i < TL_PACK_ROWS; i++)
		v[i] = UINT64_MAX;
	assert_true(check(v, TL_PACK_ROWS) < 32);
	for (size_t i = 0; i < TL_PACK_ROWS; i++)
		v[i] = 1000 * (next_random() % 256);
	assert_in_range(check(v, TL_PACK_ROWS), 1024, 1024 + 16);
	/* Ascending, with one step back: an exception. */
	for (size_t i = 0; i < TL_PACK_ROWS; i++)
		v[i] = 1764000000000000000ULL + i * 1000000 + next_random() % 1000 -
		       (i > 500 ? 90000000ULL : 0);
	assert_in_range(check(v, TL_PACK_ROWS), 1024, 20 * 1024 / 8 + 32);
	for (size_t i = 0; i < TL_PACK_ROWS; i++)
		v[i] = i % 100 ? next_random() % 4 : next_random();
	assert_in_range(check(v, TL_PACK_ROWS), 256, 256 + 11 * 14);
}

static void decode__refuses_what_is_not_whole(void **state)
{
	uint64_t v[300], back[300];
	struct or_buf b;

	(void)state;
	for (size_t i = 0; i < 300; i++)
		v[i] = i % 50 ? next_random() % 1000 : next_random();
	or_buf_init(&b, TL_PACK_BYTES_MAX);
	tl_pack_encode(&b, v, 300);
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(tl_pack_decode(back, 300, or_slice(b.p, n)), OR_CORRUPT);
	or_buf_put_byte(&b, 0);
	assert_int_equal(tl_pack_decode(back, 300, or_buf_slice(&b)), OR_CORRUPT);
	or_buf_done(&b);
}

static void varint__takes_the_shortest_form_only(void **state)
{
	static const uint8_t longer[] = {0x80, 0x00},
			     over[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
	struct or_slice s = or_slice(longer, sizeof(longer));
	struct or_buf b;
	uint64_t v = 1, back;

	(void)state;
	assert_false(tl_varint_take(&back, &s));
	s = or_slice(over, sizeof(over));
	assert_false(tl_varint_take(&back, &s));
	or_buf_init(&b, 64);
	for (int i = 0; i < 64; i++, v = v << 1 | (v >> 3 & 1)) {
		or_buf_clear(&b);
		tl_varint_put(&b, v);
		assert_int_equal(b.n, tl_varint_size(v));
		s = or_buf_slice(&b);
		assert_true(tl_varint_take(&back, &s));
		assert_int_equal(back, v);
		assert_int_equal(s.n, 0);
		assert_int_equal(tl_varint_unzigzag(tl_varint_zigzag(v)), v);
	}
	or_buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(encode__gives_back_numbers_of_every_width),
	    cmocka_unit_test(encode__is_short_for_what_is_regular),
	    cmocka_unit_test(decode__refuses_what_is_not_whole),
	    cmocka_unit_test(varint__takes_the_shortest_form_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
