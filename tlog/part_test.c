/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "tests/support/support.h"
#include "tlog/part_build.h"
#include "tlog/tree.h"
#include "tlog/varint.h"

#include <stdio.h>

#define FIRST 70000ULL

static const struct tl_part_field fields[] = {
    {1, 0, TL_PART_FIXED64, 0},
    {2, 0, TL_PART_BYTES, 0},
    {3, 0, TL_PART_VARINT, 0},
    {4, 1, TL_PART_BYTES, 0},
    {4, 2, TL_PART_VARINT, 0},
    {5, 0, TL_PART_LIST, 0},
    {6, 0, TL_PART_RAW, 8},
    {7, 0, TL_PART_UNIQUE, 0},
    {8, 0, TL_PART_BYTES, 0},
    {24, 1, TL_PART_BYTES, 0},
    {24, 2, TL_PART_VARINT, 0},
};

static uint64_t state64;

static uint64_t next_random(void)
{
	state64 ^= state64 << 13;
	state64 ^= state64 >> 7;
	return state64 ^= state64 << 17;
}

static void put_bytes(struct or_buf *out, unsigned int num, struct or_slice s)
{
	tl_varint_put(out, num << 3 | 2);
	tl_varint_put(out, s.n);
	or_buf_put_slice(out, s);
}

/* What a row is made from; id chooses how alike unique ids begin. */
struct shape {
	uint64_t seed;
	size_t rows;
	uint64_t id_mask;
	size_t texts; /* different ones */
};

static void put_message(struct or_buf *out, unsigned int tag, uint64_t r)
{
	struct or_buf m;

	or_buf_init(&m, 4096);
	if (r & 1)
		put_bytes(&m, 1,
		    or_slice("longer than one byte of length can say, so that two are "
			     "needed: 0123456789012345678901234567890123456789012345678"
			     "901234567890123456789",
			20 + r % 110));
	if (r & 2) {
		tl_varint_put(&m, 2 << 3);
		tl_varint_put(&m, 200 + r % 300);
	}
	if (m.n)
		put_bytes(out, tag, or_buf_slice(&m));
	or_buf_done(&m);
}

static void put_record(struct or_buf *out, const struct shape *s, size_t i)
{
	uint64_t time = 1764000000000000000ULL + i * 1000 + next_random() % 999;
	uint64_t id[2] = {next_random() & s->id_mask, next_random()}, span = next_random();
	char text[32];

	tl_varint_put(out, 1 << 3 | 1);
	or_buf_put(out, &time, 8);
	snprintf(text, sizeof(text), "text-%zu", (size_t)(next_random() % s->texts));
	put_bytes(out, 2, or_slice_str(text));
	tl_varint_put(out, 3 << 3);
	tl_varint_put(out, i + 1);
	put_message(out, 4, next_random());
	for (size_t k = next_random() % 4; k; k--)
		put_bytes(out, 5, or_slice_str(k & 1 ? "a" : "policy"));
	put_bytes(out, 6, or_slice(&span, 8));
	put_bytes(out, 7, or_slice(id, 16));
	put_message(out, 24, next_random());
}

/* Leaves: records, and here and there what is none. */
static void put_leaf(struct or_buf *out, const struct shape *s, size_t i)
{
	struct or_buf record;

	or_buf_init(&record, 65536);
	put_record(&record, s, i);
	switch (i % 97) {
	case 13: or_buf_put_str(out, "no protobuf at all"); break;
	case 14: put_bytes(out, 2, or_buf_slice(&record)); break;
	case 15: /* a field that the table does not know */
		put_bytes(&record, 40, OR_SLICE_LIT("new"));
		put_bytes(out, 1, or_buf_slice(&record));
		break;
	case 16: /* a default that is written */
		put_bytes(&record, 8, OR_SLICE_NONE);
		put_bytes(out, 1, or_buf_slice(&record));
		break;
	case 17: /* without its ids */ put_bytes(out, 1, or_slice(record.p, 9)); break;
	default: put_bytes(out, 1, or_buf_slice(&record)); break;
	}
	or_buf_done(&record);
}

struct made {
	struct or_buf file;
	struct or_buf *leaves;
	struct tl_hash root;
	struct shape shape;
};

static void make(struct made *m, struct shape shape)
{
	struct tl_part_build *b =
	    tl_part_build_new(fields, OR_LEN(fields), FIRST, (uint32_t)shape.rows);
	struct tl_tree tree;

	m->shape = shape;
	state64 = shape.seed * 2 + 1;
	tl_tree_init(&tree);
	m->leaves = or_mem_array(shape.rows, sizeof(*m->leaves));
	for (size_t i = 0; i < shape.rows; i++) {
		struct tl_segment_entry e = {.received_ns = 5000 + i / 50, .end = i % 50 == 49};

		or_buf_init(&m->leaves[i], 65536);
		put_leaf(&m->leaves[i], &shape, i);
		e.leaf = or_buf_slice(&m->leaves[i]);
		tl_hash_leaf(&e.hash, e.leaf);
		tl_tree_append(&tree, &e.hash, NULL, NULL);
		assert_int_equal(tl_part_build_add(b, &e), OR_OK);
	}
	assert_int_equal(tl_part_build_rows(b), shape.rows);
	tl_tree_root(&m->root, &tree);
	or_buf_init(&m->file, 1 << 28);
	while (tl_part_build_step(b, &m->file))
		;
	assert_true(or_buf_ok(&m->file));
	tl_part_build_free(b);
}

static void unmake(struct made *m)
{
	for (size_t i = 0; i < m->shape.rows; i++)
		or_buf_done(&m->leaves[i]);
	or_mem_free(m->leaves);
	or_buf_done(&m->file);
}

static enum or_code fetch(void *arg, uint64_t offset, uint8_t *to, size_t n, struct or_err *err)
{
	const struct or_buf *file = arg;

	if (offset > file->n || n > file->n - offset)
		return or_err_set(err, OR_CORRUPT, "outside of the file");
	memcpy(to, file->p + offset, n);
	return OR_OK;
}

static enum or_code open_made(struct tl_part **out, struct made *m, struct or_err *err)
{
	const struct tl_part_source source = {fetch, &m->file, m->file.n, "parts/x.part"};

	return tl_part_open(out, &source, err);
}

static void check_all(struct made *m)
{
	struct tl_segment_entry e;
	struct tl_part_leaf_walk *w;
	struct tl_part *p;
	struct or_err err;

	assert_int_equal(open_made(&p, m, &err), OR_OK);
	assert_int_equal(tl_part_rows(p), m->shape.rows);
	assert_int_equal(tl_part_first(p), FIRST);
	assert_true(tl_hash_eq(tl_part_root(p), &m->root));
	w = tl_part_leaf_walk_new(p, 0, (uint32_t)m->shape.rows);
	for (size_t i = 0; i < m->shape.rows; i++) {
		assert_int_equal(tl_part_leaf_walk_next(w, &e, &err), OR_OK);
		assert_int_equal(e.leaf.n, m->leaves[i].n);
		assert_memory_equal(e.leaf.p, m->leaves[i].p, e.leaf.n);
		assert_int_equal(e.received_ns, 5000 + i / 50);
		assert_int_equal(e.end, i % 50 == 49);
	}
	assert_int_equal(tl_part_leaf_walk_next(w, &e, &err), OR_ABSENT);
	tl_part_leaf_walk_free(w);
	tl_part_forget(p);
	for (size_t i = 0; i < m->shape.rows; i += 1 + m->shape.rows / 300) {
		struct tl_hash hash;

		assert_int_equal(tl_part_leaf(p, (uint32_t)i, &e, &err), OR_OK);
		assert_true(or_slice_eq(e.leaf, or_buf_slice(&m->leaves[i])));
		tl_hash_leaf(&hash, e.leaf);
		assert_true(tl_hash_eq(&hash, &e.hash));
	}
	assert_true(tl_part_memory(p) > 0);
	tl_part_close(p);
}

static void leaves__come_back_byte_for_byte(void **state)
{
	static const size_t rows[] = {1, 2, 63, 64, 1023, 1024, 1025, 3000, 40000};
	static const uint64_t masks[] = {UINT64_MAX, 0xffffffffffff0000ULL, 0};
	struct made m;

	(void)state;
	for (size_t i = 0; i < OR_LEN(rows); i++) {
		for (size_t k = 0; k < OR_LEN(masks); k++) {
			make(&m, (struct shape){i + k, rows[i], masks[k], 1 + rows[i] / 3});
			check_all(&m);
			unmake(&m);
		}
	}
}

/* Behind its tag and length; nothing before it looks like them. */
static const uint8_t *id_of(const struct or_buf *leaf)
{
	static const uint8_t head[] = {6 << 3 | 2, 8};
	const uint8_t *at = leaf->p;

	do {
		at = memmem(at, leaf->n - (size_t)(at - leaf->p), head, sizeof(head));
		assert_non_null(at);
		at++;
	} while (at[9] != (7 << 3 | 2) || at[10] != 16);
	return at + 11;
}

static void ids_find__gives_the_rows_of_an_id(void **state)
{
	static const uint64_t masks[] = {UINT64_MAX, 0xffffffffffffff00ULL, 0};
	uint32_t rows[8];
	struct tl_part *p;
	struct made m;
	size_t n;

	(void)state;
	for (size_t k = 0; k < OR_LEN(masks); k++) {
		make(&m, (struct shape){3, 20000, masks[k], 100});
		assert_int_equal(open_made(&p, &m, NULL), OR_OK);
		for (size_t i = 0; i < m.shape.rows; i += 77) {
			const struct or_buf *leaf = &m.leaves[i];
			int column = tl_part_column_find(p, 7, 0);

			if (i % 97 >= 13 && i % 97 <= 17)
				continue;
			assert_int_equal(
			    tl_part_ids_find(p, column, id_of(leaf), rows, 8, &n, NULL), OR_OK);
			assert_int_equal(n, 1);
			assert_int_equal(rows[0], i);
		}
		assert_int_equal(tl_part_ids_find(p, tl_part_column_find(p, 7, 0),
				     (const uint8_t *)"0123456789abcdef", rows, 8, &n, NULL),
		    OR_OK);
		assert_int_equal(n, 0);
		tl_part_close(p);
		unmake(&m);
	}
}

static void columns__have_range_runs_and_dictionary(void **state)
{
	struct tl_part_dict dict;
	struct tl_part_runs runs;
	struct tl_part *p;
	struct made m;
	uint64_t min, max, v, bits[TL_PART_WORDS];
	size_t n;
	int c;

	(void)state;
	make(&m, (struct shape){9, 5000, UINT64_MAX, 50});
	assert_int_equal(open_made(&p, &m, NULL), OR_OK);
	assert_int_equal(tl_part_column_find(p, 9, 0), -1);
	c = tl_part_column_find(p, 2, 0);
	assert_int_equal(tl_part_dict(p, c, &dict, NULL), OR_OK);
	assert_int_equal(dict.n, 50);
	c = tl_part_column_find(p, 3, 0);
	tl_part_column_range(p, c, &min, &max);
	assert_int_equal(min, 1);
	assert_int_equal(max, 5000);
	assert_int_equal(tl_part_number(p, c, 4321, &v, NULL), OR_OK);
	assert_int_equal(v, 4322);
	assert_int_equal(tl_part_column_runs(p, TL_PART_RECEIVED - 1, &runs, NULL), OR_OK);
	assert_int_equal(runs.n, 100);
	assert_int_equal(runs.ends[99], 5000);
	assert_int_equal(runs.values[99], 5099);
	assert_int_equal(tl_part_column_runs(p, c, &runs, NULL), OR_ABSENT);
	assert_int_equal(tl_part_block_records(p, 0, bits, &n, NULL), OR_OK);
	assert_int_equal(n, TL_PART_BLOCK);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(bits[i / 64] >> i % 64 & 1, i % 97 < 13 || i % 97 > 17);
	tl_part_close(p);
	unmake(&m);
}

/* How many leaves of a changed file are given; none of them may be another than before. */
static size_t count_good(struct made *m)
{
	struct tl_segment_entry e;
	struct tl_part_leaf_walk *w;
	struct tl_part *p;
	struct or_err err;
	size_t good = 0;

	if (open_made(&p, m, &err))
		return 0;
	w = tl_part_leaf_walk_new(p, 0, tl_part_rows(p));
	for (size_t i = 0; i < m->shape.rows; i++) {
		enum or_code rc = tl_part_leaf_walk_next(w, &e, &err);

		if (rc == OR_OK) {
			assert_true(or_slice_eq(e.leaf, or_buf_slice(&m->leaves[i])));
			good++;
		} else {
			assert_int_equal(rc, OR_CORRUPT);
			assert_non_null(strstr(err.msg, "offset"));
			assert_non_null(strstr(err.msg, "index"));
		}
	}
	tl_part_leaf_walk_free(w);
	tl_part_close(p);
	return good;
}

static void walk__notices_every_changed_byte(void **state)
{
	struct made m;

	(void)state;
	make(&m, (struct shape){5, 150, UINT64_MAX, 20});
	assert_int_equal(count_good(&m), 150);
	for (size_t i = 0; i < m.file.n; i++) {
		m.file.p[i] ^= (uint8_t)(1 << i % 8);
		assert_in_range(count_good(&m), 0, 149);
		m.file.p[i] ^= (uint8_t)(1 << i % 8);
	}
	while (m.file.n) {
		m.file.n--;
		assert_int_equal(count_good(&m), 0);
	}
	unmake(&m);
}

static void walk__goes_on_behind_a_changed_block(void **state)
{
	const struct or_buf *leaf;
	struct made m;
	uint8_t *at;

	(void)state;
	make(&m, (struct shape){6, 5000, UINT64_MAX, 20});
	/* The raw bytes of a row stand in the file as they are: one of five blocks. */
	leaf = &m.leaves[2000];
	at = memmem(m.file.p, m.file.n, id_of(leaf) - 10, 8);
	assert_non_null(at);
	*at ^= 1;
	assert_int_equal(count_good(&m), 5000 - 1024);
	unmake(&m);
}

static void build__says_when_it_is_full(void **state)
{
	struct tl_part_build *b = tl_part_build_new(fields, OR_LEN(fields), 0, 2);
	struct tl_segment_entry e = {.leaf = OR_SLICE_LIT("x")};

	(void)state;
	assert_int_equal(tl_part_build_add(b, &e), OR_OK);
	assert_int_equal(tl_part_build_add(b, &e), OR_OK);
	assert_int_equal(tl_part_build_add(b, &e), OR_FULL);
	tl_part_build_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(leaves__come_back_byte_for_byte),
	    cmocka_unit_test(ids_find__gives_the_rows_of_an_id),
	    cmocka_unit_test(columns__have_range_runs_and_dictionary),
	    cmocka_unit_test(walk__notices_every_changed_byte),
	    cmocka_unit_test(walk__goes_on_behind_a_changed_block),
	    cmocka_unit_test(build__says_when_it_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
