/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tiles.h"

#include "tests/support/support.h"

#include <stdio.h>
#include <string.h>

enum { LEAVES = 3 * TL_TILE_WIDTH + 5 };

/* The one tile that a log of LEAVES leaves has above level 0: three hashes. */
static struct tl_hash hashes[3];
static enum or_code answer;
static size_t given;

static enum or_code read_tile(struct or_buf *out, const struct ctl_source *src,
    const struct ctl_source_shard *shard, const struct tl_tile *tile, struct or_err *err)
{
	(void)src, (void)shard;
	assert_int_equal(tile->level, 1);
	assert_int_equal(tile->n, 0);
	assert_int_equal(tile->width, 3);
	if (answer)
		return or_err_set(err, answer, "no such tile");
	or_buf_put(out, hashes, given * sizeof(hashes[0]));
	return OR_OK;
}

static void keep(void *arg, unsigned int height, uint64_t index, const struct tl_hash *hash)
{
	(void)arg;
	if (height == TL_TILE_HEIGHT)
		hashes[index] = *hash;
}

/* Goes over the log; *rc: whether the source could be asked. The report is copied. */
static struct ctl_check_report run(enum or_code *rc, char text[256])
{
	static const struct ctl_source src = {.read_tile = read_tile};
	const struct ctl_source_shard shard = {0};
	const struct ctl_check_opt opt = {.size = LEAVES};
	struct ctl_check *check = ctl_check_new(&opt);
	struct ctl_check_report report;
	struct ctl_tiles tiles;
	struct tl_tree tree;

	ctl_tiles_init(&tiles, &src, &shard, LEAVES, check);
	tl_tree_init(&tree);
	for (uint64_t i = 0; i < LEAVES; i++) {
		struct tl_hash leaf;

		tl_hash_leaf(&leaf, or_slice((const uint8_t *)&i, sizeof(i)));
		tl_tree_append(&tree, &leaf, ctl_tiles_on_node, &tiles);
	}
	*rc = tiles.rc;
	ctl_tiles_done(&tiles);
	report = *ctl_check_end(check); /* its own finding: no leaf was given to it */
	snprintf(text, 256, "%s", report.n_texts ? report.texts[0] : "");
	ctl_check_free(check);
	return report;
}

static int fill(void **state)
{
	struct tl_tree tree;

	(void)state;
	answer = OR_OK;
	given = OR_LEN(hashes);
	tl_tree_init(&tree);
	for (uint64_t i = 0; i < LEAVES; i++) {
		struct tl_hash leaf;

		tl_hash_leaf(&leaf, or_slice((const uint8_t *)&i, sizeof(i)));
		tl_tree_append(&tree, &leaf, keep, NULL);
	}
	return 0;
}

static void tiles_that_are_right_say_nothing(void **state)
{
	char text[256];
	enum or_code rc;

	(void)state;
	assert_int_equal(run(&rc, text).findings, 1);
	ASSERT_CODE(rc, OR_OK);
	assert_non_null(strstr(text, "leaves are there"));
}

static void a_changed_hash_is_named(void **state)
{
	char text[256];
	enum or_code rc;

	(void)state;
	hashes[1].b[7] ^= 1;
	assert_int_equal(run(&rc, text).findings, 2);
	assert_string_equal(text, "tile/1/000, offset 32: hash 1 is not that of leaves 256 to 511");
}

static void a_tile_that_is_short_or_gone_is_named(void **state)
{
	char text[256];
	enum or_code rc;

	(void)state;
	given = 2;
	assert_int_equal(run(&rc, text).findings, 2);
	assert_string_equal(
	    text, "tile/1/000, offset 64: hash 2 is missing, that of leaves 512 to 767");
	answer = OR_ABSENT;
	assert_int_equal(run(&rc, text).findings, 2);
	assert_string_equal(text, "tile/1/000: it cannot be read: no such tile");
	ASSERT_CODE(rc, OR_OK);
}

static void a_source_that_cannot_be_asked_is_no_damage(void **state)
{
	char text[256];
	enum or_code rc;

	(void)state;
	answer = OR_TIMEOUT;
	assert_int_equal(run(&rc, text).findings, 1);
	ASSERT_CODE(rc, OR_TIMEOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(tiles_that_are_right_say_nothing, fill),
	    cmocka_unit_test_setup(a_changed_hash_is_named, fill),
	    cmocka_unit_test_setup(a_tile_that_is_short_or_gone_is_named, fill),
	    cmocka_unit_test_setup(a_source_that_cannot_be_asked_is_no_damage, fill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
