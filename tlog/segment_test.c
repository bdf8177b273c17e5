/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/segment.h"

#include "tests/support/support.h"

enum { LEAVES = 5 };

/* A segment that begins behind 11 leaves and holds five entries in two groups. */
static void make(struct or_buf *out, size_t *header_len)
{
	struct tl_segment_head head = {.created_ns = 99,
	    .previous = OR_SLICE_LIT("00000000000000000000.seg"),
	    .state = OR_SLICE_LIT("marks")};

	tl_tree_init(&head.tree);
	for (uint8_t i = 0; i < 11; i++) {
		struct tl_hash leaf;

		tl_hash_leaf(&leaf, or_slice(&i, 1));
		tl_tree_append(&head.tree, &leaf, NULL, NULL);
	}
	or_buf_init(out, 1 << 20);
	tl_segment_begin(out, &head);
	*header_len = out->n;
	for (uint8_t i = 0; i < LEAVES; i++) {
		struct tl_segment_entry e = {.leaf = OR_SLICE_LIT("leaf"),
		    .received_ns = 1000U + i,
		    .end = i == 2 || i == 4};

		tl_hash_leaf(&e.hash, e.leaf);
		tl_segment_put(out, &e);
	}
}

static void open__gives_back_header_and_entries(void **state)
{
	struct tl_segment_head head;
	struct tl_segment_entry e;
	struct or_slice in;
	struct tl_hash root, again;
	struct or_buf out;
	struct or_err err;
	size_t len, got;

	(void)state;
	make(&out, &len);
	in = or_buf_slice(&out);
	ASSERT_CODE(tl_segment_head_len(&got, or_slice(out.p, TL_SEGMENT_START_LEN)), OR_OK);
	assert_int_equal(got, len);
	ASSERT_OK(tl_segment_open(&head, &in, &err), &err);
	assert_int_equal(head.tree.size, 11);
	assert_int_equal(head.created_ns, 99);
	ASSERT_SLICE(head.previous, "00000000000000000000.seg");
	ASSERT_SLICE(head.state, "marks");
	tl_tree_root(&root, &head.tree);
	for (uint64_t i = 0; i < LEAVES; i++) {
		assert_int_equal(tl_segment_entry_len(in), TL_SEGMENT_ENTRY_LEN + 4);
		ASSERT_CODE(tl_segment_next(&e, &in), OR_OK);
		ASSERT_SLICE(e.leaf, "leaf");
		assert_int_equal(e.received_ns, 1000 + i);
		assert_int_equal(e.end, i == 2 || i == 4);
		tl_hash_leaf(&again, e.leaf);
		assert_true(tl_hash_eq(&again, &e.hash));
	}
	ASSERT_CODE(tl_segment_next(&e, &in), OR_ABSENT);
	or_buf_done(&out);
}

static void open__sees_every_flipped_bit(void **state)
{
	struct tl_segment_head head;
	struct tl_segment_entry e;
	struct or_buf out;
	size_t len;

	(void)state;
	make(&out, &len);
	for (size_t i = 0; i < out.n; i++) {
		for (int bit = 0; bit < 8; bit++) {
			struct or_slice in = or_buf_slice(&out);
			enum or_code rc = OR_OK;
			size_t read = 0;

			out.p[i] ^= (uint8_t)(1 << bit);
			if (tl_segment_open(&head, &in, NULL)) {
				assert_true(i < len);
			} else {
				assert_true(i >= len);
				while ((rc = tl_segment_next(&e, &in)) == OR_OK)
					read++;
				assert_true(rc == OR_CORRUPT || rc == OR_AGAIN);
				assert_int_equal(read, (i - len) / (TL_SEGMENT_ENTRY_LEN + 4));
			}
			out.p[i] ^= (uint8_t)(1 << bit);
		}
	}
	or_buf_done(&out);
}

static void next__says_where_a_tail_is_torn(void **state)
{
	struct tl_segment_head head;
	struct tl_segment_entry e;
	struct or_buf out;
	size_t len;

	(void)state;
	make(&out, &len);
	for (size_t n = 0; n < out.n; n++) {
		struct or_slice in = or_slice(out.p, n);
		enum or_code rc = tl_segment_open(&head, &in, NULL);

		if (n < len) {
			ASSERT_CODE(rc, OR_CORRUPT);
			continue;
		}
		while ((rc = tl_segment_next(&e, &in)) == OR_OK)
			;
		ASSERT_CODE(rc, (n - len) % (TL_SEGMENT_ENTRY_LEN + 4) ? OR_AGAIN : OR_ABSENT);
	}
	or_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(open__gives_back_header_and_entries),
	    cmocka_unit_test(open__sees_every_flipped_bit),
	    cmocka_unit_test(next__says_where_a_tail_is_torn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
