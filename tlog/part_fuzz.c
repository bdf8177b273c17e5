/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a part: opened, every leaf walked and asked for, ids looked up; no leaf is longer
 * than one may be, and walking and asking agree. */
#include "base/crc32c.h"
#include "tlog/part_foot.h"

enum { ROWS = 500 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum or_code fetch(void *arg, uint64_t offset, uint8_t *to, size_t n, struct or_err *err)
{
	const struct or_slice *file = arg;

	if (offset > file->n || n > file->n - offset)
		return or_err_set(err, OR_CORRUPT, "outside of the file");
	memcpy(to, file->p + offset, n);
	return OR_OK;
}

static void look_up(struct tl_part *p, int column)
{
	uint8_t id[TL_PART_UNIQUE_LEN] = {0x12, 0x34};
	uint32_t rows[4];
	size_t n = 0;

	if (tl_part_ids_find(p, column, id, rows, OR_LEN(rows), &n, NULL) == OR_OK)
		OR_ASSERT(n <= OR_LEN(rows));
	for (size_t i = 0; i < n; i++)
		OR_ASSERT(rows[i] < tl_part_rows(p));
}

static void mend_pieces(const uint8_t *file, struct tl_part_piece *pieces, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pieces[i].crc = or_crc32c(0, or_slice(file + pieces[i].at, pieces[i].len));
}

static void mend_directory(uint8_t *file, const struct tl_part_column *c)
{
	for (size_t g = 0; g < tl_part_foot_groups(c->drop); g++) {
		uint8_t *group = file + c->directory + g * TL_PART_FOOT_GROUP;
		uint32_t crc = or_crc32c(0, or_slice(group, TL_PART_FOOT_GROUP - 4));

		memcpy(group + TL_PART_FOOT_GROUP - 4, &crc, 4);
	}
}

/* Gives the footer its checksum, and where it then parses, all pieces theirs. */
static void mend(struct or_buf *file)
{
	struct or_arena *a = or_arena_new(1 << 24);
	struct tl_part_foot foot;
	uint32_t crc;
	size_t len;

	if (file->n < TL_PART_FOOT_TAIL ||
	    tl_part_foot_len(&len, file->p + file->n - TL_PART_FOOT_TAIL) || len > file->n)
		goto out;
	crc = or_crc32c(0, or_slice(file->p + file->n - len, len - TL_PART_FOOT_TAIL));
	memcpy(file->p + file->n - TL_PART_FOOT_TAIL + 4, &crc, 4);
	if (tl_part_foot_parse(&foot, or_slice(file->p + file->n - len, len), file->n, a, NULL) !=
	    OR_OK)
		goto out;
	for (size_t i = 0; i < foot.n_columns; i++) {
		mend_pieces(file->p, foot.columns[i].pieces, foot.columns[i].n_pieces);
		mend_pieces(file->p, foot.columns[i].extra, foot.columns[i].n_extra);
		mend_directory(file->p, &foot.columns[i]);
	}
	or_buf_cut(file, file->n - len);
	tl_part_foot_put(file, &foot);
out:
	or_arena_free(a);
}

static void read_all(struct or_slice file)
{
	const struct tl_part_source source = {fetch, &file, file.n, "fuzz"};
	struct tl_segment_entry e, one;
	struct tl_part_leaf_walk *w;
	struct tl_part *p;
	struct or_err err;
	uint32_t rows;
	int column;

	if (tl_part_open(&p, &source, &err))
		return;
	rows = tl_part_rows(p) < ROWS ? tl_part_rows(p) : ROWS;
	w = tl_part_leaf_walk_new(p, 0, rows);
	for (uint32_t i = 0; i < rows; i++) {
		if (tl_part_leaf_walk_next(w, &e, &err))
			continue;
		OR_ASSERT(e.leaf.n <= TL_ENTRIES_LEAF_MAX);
		if (i % 64 == 0 && tl_part_leaf(p, i, &one, &err) == OR_OK)
			OR_ASSERT(one.received_ns == e.received_ns && one.end == e.end);
	}
	tl_part_leaf_walk_free(w);
	column = tl_part_column_find(p, 7, 0);
	if (column >= 0 && tl_part_column_kind(p, column) == TL_PART_UNIQUE)
		look_up(p, column);
	tl_part_close(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_buf file;

	if (size == 0 || size > 1 << 20)
		return 0;
	or_buf_init(&file, 1 << 22);
	or_buf_put(&file, data, size);
	read_all(or_buf_slice(&file));
	mend(&file);
	if (or_buf_ok(&file))
		read_all(or_buf_slice(&file));
	or_buf_done(&file);
	return 0;
}
