/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/proof.h"

#include "tests/support/support.h"
#include "tlog/tile.h"
#include "tlog/tree.h"

/* Every proof of every tree up to this size. */
enum { MAX = 70, HEIGHTS = 8 };

/* All complete subtrees of a tree of MAX leaves, as the builder announced them. */
static struct tl_hash nodes[HEIGHTS][MAX];
static bool known[HEIGHTS][MAX];
static struct tl_hash roots[MAX + 1];

static void on_node(void *arg, unsigned int height, uint64_t index, const struct tl_hash *hash)
{
	(void)arg;
	assert_true(height < HEIGHTS && index < MAX);
	assert_false(known[height][index]);
	nodes[height][index] = *hash;
	known[height][index] = true;
}

/* Refuses what lies outside of the tree whose size arg points to. */
static enum or_code read_node(void *arg, struct tl_hash *out, unsigned int height, uint64_t index)
{
	uint64_t size = *(uint64_t *)arg;

	assert_true((index + 1) << height <= size);
	assert_true(known[height][index]);
	*out = nodes[height][index];
	return OR_OK;
}

static int build(void **state)
{
	struct tl_tree t;

	(void)state;
	tl_tree_init(&t);
	tl_tree_root(&roots[0], &t);
	for (uint8_t i = 0; i < MAX; i++) {
		struct tl_hash leaf;

		tl_hash_leaf(&leaf, or_slice(&i, 1));
		tl_tree_append(&t, &leaf, on_node, NULL);
		tl_tree_root(&roots[i + 1], &t);
	}
	return 0;
}

/* The recursive definition of RFC 6962 §2.1. */
static struct tl_hash defined_root(size_t from, size_t n)
{
	struct tl_hash left, right;
	size_t k = 1;

	if (n == 1)
		return nodes[0][from];
	while (k * 2 < n)
		k *= 2;
	left = defined_root(from, k);
	right = defined_root(from + k, n - k);
	tl_hash_node(&left, &left, &right);
	return left;
}

static void tree__has_the_root_that_the_rfc_defines(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= MAX; n++) {
		struct tl_hash defined = defined_root(0, n), read;

		assert_true(tl_hash_eq(&roots[n], &defined));
		ASSERT_CODE(tl_proof_root(&read, n, read_node, &n), OR_OK);
		assert_true(tl_hash_eq(&roots[n], &read));
	}
}

static void tree__goes_on_from_its_frontier(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < MAX; cut++) {
		struct tl_tree t, loaded;
		struct tl_hash root;

		tl_tree_init(&t);
		for (size_t i = 0; i < cut; i++)
			tl_tree_append(&t, &nodes[0][i], NULL, NULL);
		ASSERT_CODE(tl_tree_load(&loaded, cut,
				or_slice(t.frontier, tl_tree_frontier_len(cut) * TL_HASH_LEN)),
		    OR_OK);
		for (size_t i = cut; i < MAX; i++)
			tl_tree_append(&loaded, &nodes[0][i], NULL, NULL);
		tl_tree_root(&root, &loaded);
		assert_true(tl_hash_eq(&root, &roots[MAX]));
		ASSERT_CODE(tl_tree_load(&loaded, cut + 1, or_slice(t.frontier, 7)), OR_INVAL);
	}
}

static void inclusion__is_proven_for_every_leaf_and_for_no_other(void **state)
{
	(void)state;
	for (uint64_t size = 1; size <= MAX; size++) {
		for (uint64_t i = 0; i < size; i++) {
			struct tl_proof p;

			ASSERT_CODE(tl_proof_inclusion(&p, i, size, read_node, &size), OR_OK);
			ASSERT_CODE(tl_proof_verify_inclusion(
					&nodes[0][i], i, size, p.hashes, p.n, &roots[size]),
			    OR_OK);
			for (uint64_t j = 0; j < size; j++) {
				if (j != i)
					ASSERT_CODE(tl_proof_verify_inclusion(&nodes[0][i], j, size,
							p.hashes, p.n, &roots[size]),
					    OR_DENIED);
			}
			ASSERT_CODE(tl_proof_verify_inclusion(
					&nodes[0][i], i, size, p.hashes, p.n + 1, &roots[size]),
			    OR_DENIED);
			if (p.n)
				ASSERT_CODE(tl_proof_verify_inclusion(&nodes[0][i], i, size,
						p.hashes, p.n - 1, &roots[size]),
				    OR_DENIED);
		}
	}
}

static void consistency__is_proven_for_every_pair_and_for_no_other(void **state)
{
	(void)state;
	for (uint64_t b = 1; b <= MAX; b++) {
		for (uint64_t a = 1; a <= b; a++) {
			struct tl_proof p;

			ASSERT_CODE(tl_proof_consistency(&p, a, b, read_node, &b), OR_OK);
			ASSERT_CODE(
			    tl_proof_verify_consistency(a, b, &roots[a], &roots[b], p.hashes, p.n),
			    OR_OK);
			ASSERT_CODE(tl_proof_verify_consistency(
					a, b, &roots[a - 1], &roots[b], p.hashes, p.n),
			    OR_DENIED);
			ASSERT_CODE(tl_proof_verify_consistency(
					a, b, &roots[a], &roots[b - 1], p.hashes, p.n),
			    OR_DENIED);
			ASSERT_CODE(tl_proof_verify_consistency(
					a, b, &roots[a], &roots[b], p.hashes, p.n + 1),
			    OR_DENIED);
		}
	}
}

static void proof__refuses_what_is_no_question(void **state)
{
	struct tl_proof p = {.n = 7};
	uint64_t n = 5;

	(void)state;
	ASSERT_CODE(tl_proof_inclusion(&p, 5, 5, read_node, &n), OR_INVAL);
	ASSERT_CODE(tl_proof_inclusion(&p, 0, 0, read_node, &n), OR_INVAL);
	ASSERT_CODE(tl_proof_consistency(&p, 0, 5, read_node, &n), OR_INVAL);
	ASSERT_CODE(tl_proof_consistency(&p, 6, 5, read_node, &n), OR_INVAL);
	assert_int_equal(p.n, 7);
}

/* A node of any height is the root of some hashes of a stored tile. */
static void tile_find__leads_to_the_hashes_of_a_node(void **state)
{
	(void)state;
	for (unsigned int height = 0; height < 6; height++) {
		for (uint64_t i = 0; (i + 1) << height <= MAX; i++) {
			struct tl_tile_place at = tl_tile_find(height, i);
			struct tl_hash got;

			assert_int_equal(at.level, 0);
			assert_int_equal(at.n, 0);
			tl_hash_subtree(&got, &nodes[0][at.offset], at.count);
			assert_true(tl_hash_eq(&got, &nodes[height][i]));
		}
	}
	assert_int_equal(tl_tile_find(17, 300).level, 2);
	assert_int_equal(tl_tile_find(17, 300).n, 2);
	assert_int_equal(tl_tile_find(17, 300).offset, 88);
	assert_int_equal(tl_tile_find(17, 300).count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tree__has_the_root_that_the_rfc_defines),
	    cmocka_unit_test(tree__goes_on_from_its_frontier),
	    cmocka_unit_test(inclusion__is_proven_for_every_leaf_and_for_no_other),
	    cmocka_unit_test(consistency__is_proven_for_every_pair_and_for_no_other),
	    cmocka_unit_test(proof__refuses_what_is_no_question),
	    cmocka_unit_test(tile_find__leads_to_the_hashes_of_a_node),
	};

	return cmocka_run_group_tests(tests, build, NULL);
}
