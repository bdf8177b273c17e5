/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/tile.h"

#include "tests/support/support.h"
#include "tlog/entries.h"

static const struct {
	const char *path;
	struct tl_tile tile;
} cases[] = {
    {"tile/0/000", {0, 0, 256}},
    {"tile/0/x001/x234/067", {0, 1234067, 256}},
    {"tile/3/999", {3, 999, 256}},
    {"tile/3/x001/000", {3, 1000, 256}},
    {"tile/63/000.p/1", {63, 0, 1}},
    {"tile/1/001.p/255", {1, 1, 255}},
    {"tile/entries/000.p/9", {TL_TILE_ENTRIES, 0, 9}},
    {"tile/entries/x018/x446/x744/x073/x709/x551/615", {TL_TILE_ENTRIES, UINT64_MAX, 256}},
};

static void path__goes_both_ways(void **state)
{
	struct or_buf out;

	(void)state;
	or_buf_init(&out, 256);
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		struct tl_tile t;

		or_buf_clear(&out);
		tl_tile_path(&out, &cases[i].tile);
		assert_string_equal(or_buf_text(&out), cases[i].path);
		ASSERT_CODE(tl_tile_parse(&t, or_slice_str(cases[i].path)), OR_OK);
		assert_int_equal(t.level, cases[i].tile.level);
		assert_true(t.n == cases[i].tile.n);
		assert_int_equal(t.width, cases[i].tile.width);
	}
	or_buf_done(&out);
}

static void parse__refuses_second_ways_to_write_a_path(void **state)
{
	static const char *const bad[] = {"", "tile", "tile/", "tile/0", "tile/0/", "tile/00/000",
	    "tile/64/000", "tile/-1/000", "tile/0/0", "tile/0/0000", "tile/0/x000/001",
	    "tile/0/x001/001/", "tile/0/001/001", "tile/0/x001", "tile/0/000.p/0",
	    "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000.p",
	    "tile/entries/0a0", "tile/0/000.p/1/", "/tile/0/000", "tile/0/+01",
	    "tile/entries/x018/x446/x744/x073/x709/x551/616",
	    "tile/entries/x001/x000/x000/x000/x000/x000/x000/000"};
	struct tl_tile t;

	(void)state;
	for (size_t i = 0; i < OR_LEN(bad); i++)
		ASSERT_CODE(tl_tile_parse(&t, or_slice_str(bad[i])), OR_PARSE);
}

static void width__follows_the_size(void **state)
{
	(void)state;
	assert_int_equal(tl_tile_width(0, 0, 0), 0);
	assert_int_equal(tl_tile_width(1, 0, 0), 1);
	assert_int_equal(tl_tile_width(256, 0, 0), 256);
	assert_int_equal(tl_tile_width(256, 0, 1), 0);
	assert_int_equal(tl_tile_width(257, 0, 1), 1);
	assert_int_equal(tl_tile_width(65535, 1, 0), 255);
	assert_int_equal(tl_tile_width(65536, 1, 0), 256);
	assert_int_equal(tl_tile_width(65536, 2, 0), 1);
	assert_int_equal(tl_tile_width(300, TL_TILE_ENTRIES, 1), 44);
	assert_int_equal(tl_tile_width(UINT64_MAX, 63, 0), 0);
}

static void entries__go_both_ways(void **state)
{
	uint8_t big[TL_ENTRIES_LEAF_MAX] = {1};
	struct or_slice in, leaf;
	struct or_buf out;

	(void)state;
	or_buf_init(&out, 1 << 20);
	tl_entries_put(&out, OR_SLICE_LIT("one"));
	tl_entries_put(&out, OR_SLICE_NONE);
	tl_entries_put(&out, or_slice(big, sizeof(big)));
	assert_int_equal(out.p[0], 0);
	assert_int_equal(out.p[1], 3);
	in = or_buf_slice(&out);
	ASSERT_CODE(tl_entries_next(&leaf, &in), OR_OK);
	ASSERT_SLICE(leaf, "one");
	ASSERT_CODE(tl_entries_next(&leaf, &in), OR_OK);
	assert_int_equal(leaf.n, 0);
	ASSERT_CODE(tl_entries_next(&leaf, &in), OR_OK);
	assert_int_equal(leaf.n, sizeof(big));
	ASSERT_CODE(tl_entries_next(&leaf, &in), OR_ABSENT);
	in = or_slice(out.p, 4);
	ASSERT_CODE(tl_entries_next(&leaf, &in), OR_PARSE);
	in = or_slice(out.p, 1);
	ASSERT_CODE(tl_entries_next(&leaf, &in), OR_PARSE);
	or_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(path__goes_both_ways),
	    cmocka_unit_test(parse__refuses_second_ways_to_write_a_path),
	    cmocka_unit_test(width__follows_the_size),
	    cmocka_unit_test(entries__go_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
