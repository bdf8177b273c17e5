/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/audit/read.h"

#include "base/mem.h"
#include "base/sys.h"
#include "collector/audit/store.h"
#include "tests/support/support.h"

#include <stdio.h>

#define ORIGIN "outrider/test/shard/0"

/* Enough for a tile of level 2, and for a partial one on each level. */
enum { LEAVES = 66000, GROUP = 1000 };

static char *dir;
static struct or_crypto_key *secret;
static struct tl_note_key key;
static struct co_store *store;
static struct co_read *reader;
static struct tl_hash root;

static struct or_slice leaf_text(uint64_t i)
{
	static char text[32];

	snprintf(text, sizeof(text), "leaf %llu", (unsigned long long)i);
	return or_slice_str(text);
}

static void append(uint64_t from, uint64_t to)
{
	struct or_slice *leaves = or_mem_array(to - from, sizeof(*leaves));
	struct or_err err;
	uint64_t first;

	for (uint64_t i = from; i < to; i++) {
		struct or_slice s = leaf_text(i);

		leaves[i - from] = or_slice(or_mem_dup(s), s.n);
	}
	ASSERT_OK(co_store_put(store, leaves, to - from, 1, &first, &err), &err);
	ASSERT_OK(co_store_commit(store, 1, &err), &err);
	for (uint64_t i = from; i < to; i++)
		or_mem_free((void *)(uintptr_t)leaves[i - from].p);
	or_mem_free(leaves);
}

static int build(void **state)
{
	struct co_store_opt opt = {.origin = ORIGIN, .key = &key, .segment_bytes = 1 << 20};
	struct tl_checkpoint c;
	struct or_slice text;
	const struct tl_note_key *keys[] = {&key};
	struct or_err err;

	(void)state;
	opt.dir = dir = support_tmpdir_new();
	ASSERT_OK(or_crypto_key_new(&secret, OR_CRYPTO_ED25519, &err), &err);
	ASSERT_OK(tl_note_key_init(&key, ORIGIN, secret, &err), &err);
	ASSERT_OK(co_store_open(&store, &opt, &err), &err);
	for (uint64_t i = 0; i < LEAVES; i += GROUP)
		append(i, i + GROUP);
	ASSERT_OK(tl_note_verify(&text, NULL, co_store_checkpoint(store), keys, 1, &err), &err);
	ASSERT_OK(tl_checkpoint_parse(&c, text, &err), &err);
	root = c.root;
	ASSERT_OK(co_read_open(&reader, dir, LEAVES, &err), &err);
	return 0;
}

static int destroy(void **state)
{
	(void)state;
	co_read_close(reader);
	co_store_close(store);
	tl_note_key_done(&key);
	or_crypto_key_free(secret);
	support_tmpdir_remove(dir);
	return 0;
}

static void leaf__is_found_in_any_order(void **state)
{
	struct tl_segment_entry e;
	struct or_err err;
	uint64_t i = 12345;

	(void)state;
	for (int n = 0; n < 2000; n++) {
		i = (i * 48271 + 7) % LEAVES;
		ASSERT_OK(co_read_leaf(reader, &e, i, &err), &err);
		assert_true(or_slice_eq(e.leaf, leaf_text(i)));
	}
	ASSERT_CODE(co_read_leaf(reader, &e, LEAVES, &err), OR_ABSENT);
}

static void scan__gives_every_leaf_in_order(void **state)
{
	struct co_read_scan scan = {.next = 3, .to = LEAVES - 1};
	struct tl_segment_entry e;
	struct or_err err;
	uint64_t i = 3;

	(void)state;
	while (co_read_scan_next(reader, &scan, &e, &err) == OR_OK)
		assert_true(or_slice_eq(e.leaf, leaf_text(i++)));
	assert_int_equal(i, LEAVES - 1);
}

static void node__gives_proofs_that_verify(void **state)
{
	static const uint64_t sizes[] = {1, 2, 255, 256, 257, 1000, 65535, 65536, 65537, LEAVES};
	struct co_read_nodes nodes = {.r = reader};
	struct tl_hash roots[OR_LEN(sizes)];
	struct tl_segment_entry e;
	struct tl_proof p;

	(void)state;
	for (size_t i = 0; i < OR_LEN(sizes); i++)
		ASSERT_OK(tl_proof_root(&roots[i], sizes[i], co_read_node, &nodes), &nodes.err);
	assert_true(tl_hash_eq(&roots[OR_LEN(sizes) - 1], &root));
	for (size_t i = 0; i < OR_LEN(sizes); i++) {
		ASSERT_OK(
		    tl_proof_consistency(&p, sizes[i], LEAVES, co_read_node, &nodes), &nodes.err);
		ASSERT_CODE(
		    tl_proof_verify_consistency(sizes[i], LEAVES, &roots[i], &root, p.hashes, p.n),
		    OR_OK);
		ASSERT_OK(
		    tl_proof_inclusion(&p, sizes[i] - 1, LEAVES, co_read_node, &nodes), &nodes.err);
		ASSERT_OK(co_read_leaf(reader, &e, sizes[i] - 1, &nodes.err), &nodes.err);
		ASSERT_CODE(
		    tl_proof_verify_inclusion(&e.hash, sizes[i] - 1, LEAVES, p.hashes, p.n, &root),
		    OR_OK);
	}
}

/* The hashes of a tile are the roots of whole tiles of the level below, at every level. */
static void tile__holds_the_roots_of_the_tiles_below(void **state)
{
	struct tl_hash upper[TL_TILE_WIDTH], lower[TL_TILE_WIDTH], got;
	struct or_buf out;
	struct or_err err;

	(void)state;
	or_buf_init(&out, 1 << 20);
	for (int level = 1; level <= 2; level++) {
		struct tl_tile up = {level, 0, tl_tile_width(LEAVES, level, 0)};

		or_buf_clear(&out);
		ASSERT_OK(co_read_tile(reader, &out, &up, &err), &err);
		assert_int_equal(out.n, up.width * TL_HASH_LEN);
		memcpy(upper, out.p, out.n);
		for (uint64_t i = 0; i < up.width; i += 17) {
			struct tl_tile down = {level - 1, i, TL_TILE_WIDTH};

			or_buf_clear(&out);
			ASSERT_OK(co_read_tile(reader, &out, &down, &err), &err);
			memcpy(lower, out.p, sizeof(lower));
			tl_hash_subtree(&got, lower, TL_TILE_WIDTH);
			assert_true(tl_hash_eq(&got, &upper[i]));
		}
	}
	or_buf_done(&out);
}

static void tile__holds_the_entries_of_its_hashes(void **state)
{
	struct tl_tile bundle = {TL_TILE_ENTRIES, 257, tl_tile_width(LEAVES, TL_TILE_ENTRIES, 257)};
	struct tl_tile tile = {0, 257, bundle.width};
	struct or_buf entries, hashes;
	struct or_slice in, leaf;
	struct tl_hash hash;
	struct or_err err;
	size_t n = 0;

	(void)state;
	or_buf_init(&entries, 1 << 25);
	or_buf_init(&hashes, 1 << 20);
	assert_int_equal(bundle.width, LEAVES % 256);
	ASSERT_OK(co_read_tile(reader, &entries, &bundle, &err), &err);
	ASSERT_OK(co_read_tile(reader, &hashes, &tile, &err), &err);
	in = or_buf_slice(&entries);
	while (tl_entries_next(&leaf, &in) == OR_OK) {
		tl_hash_leaf(&hash, leaf);
		assert_memory_equal(hash.b, hashes.p + n++ * TL_HASH_LEN, TL_HASH_LEN);
	}
	assert_int_equal(n, bundle.width);
	bundle.width++;
	ASSERT_CODE(co_read_tile(reader, &entries, &bundle, &err), OR_ABSENT);
	or_buf_done(&entries);
	or_buf_done(&hashes);
}

static void tile__that_is_lost_is_named(void **state)
{
	struct co_read_nodes nodes = {.r = reader};
	struct tl_tile tile = {1, 0, 200};
	struct tl_proof p;
	struct or_buf out, whole;
	struct or_err err;

	(void)state;
	or_buf_init(&out, 1 << 20);
	or_buf_init(&whole, 1 << 20);
	ASSERT_OK(or_sys_read_file(&whole, support_path(dir, "tile/1/000"), &err), &err);
	ASSERT_OK(
	    or_sys_write_file(support_path(dir, "tile/1/000"), or_slice(whole.p, 320), 0640, &err),
	    &err);
	ASSERT_CODE(co_read_tile(reader, &out, &tile, &err), OR_CORRUPT);
	ASSERT_HAS(err.msg, "tile/1/000: hash 10 is missing");
	ASSERT_CODE(tl_proof_inclusion(&p, 0, LEAVES, co_read_node, &nodes), OR_CORRUPT);
	ASSERT_HAS(nodes.err.msg, "tile/1/000");
	ASSERT_OK(
	    or_sys_write_file(support_path(dir, "tile/1/000"), or_buf_slice(&whole), 0640, &err),
	    &err);
	or_buf_done(&out);
	or_buf_done(&whole);
}

/* Last, since it appends: a reader follows the writer over the end of a segment. */
static void grow__follows_the_writer(void **state)
{
	struct tl_segment_entry e;
	struct or_err err;

	(void)state;
	for (uint64_t i = LEAVES; i < LEAVES + 30 * GROUP; i += GROUP) {
		append(i, i + GROUP);
		ASSERT_CODE(co_read_leaf(reader, &e, i, &err), OR_ABSENT);
		co_read_grow(reader, i + GROUP);
		assert_int_equal(co_read_size(reader), i + GROUP);
		ASSERT_OK(co_read_leaf(reader, &e, i, &err), &err);
		assert_true(or_slice_eq(e.leaf, leaf_text(i)));
		ASSERT_OK(co_read_leaf(reader, &e, i + GROUP - 1, &err), &err);
		assert_true(or_slice_eq(e.leaf, leaf_text(i + GROUP - 1)));
	}
	assert_true(co_read_segments(reader, &err) > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(leaf__is_found_in_any_order),
	    cmocka_unit_test(scan__gives_every_leaf_in_order),
	    cmocka_unit_test(node__gives_proofs_that_verify),
	    cmocka_unit_test(tile__holds_the_roots_of_the_tiles_below),
	    cmocka_unit_test(tile__holds_the_entries_of_its_hashes),
	    cmocka_unit_test(tile__that_is_lost_is_named),
	    cmocka_unit_test(grow__follows_the_writer),
	};

	return cmocka_run_group_tests(tests, build, destroy);
}
