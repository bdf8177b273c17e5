/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A part: sealed leaves as columns in one immutable file, from which each leaf comes back byte for
 * byte.
 *
 *   magic | pieces of columns | footer: leaf range, root, columns, checksums | its length, CRC,
 * magic
 *
 * A leaf is taken apart along protobuf's wire format: each field of the record, and of messages one
 * level down, is a column; a list is one value. What does not come back from its fields (a frame,
 * a newer schema's record) is kept as it came, in a column of its own. Numbers lie packed
 * (tlog/pack.h) or as runs, texts as codes of a sorted dictionary, unique ids sorted, so that one
 * is found without reading the others, with each row's place among them.
 * The root is that of RFC 6962 over the part's leaves alone.
 *
 * Pure: bytes come through a callback, so that a collector reads from a file and a verifier from
 * what it has. Thread: whoever owns the part. Slices it gives are borrowed until tl_part_forget.
 * Nothing is trusted: each piece's CRC-32C and form are checked when it is first used; OR_CORRUPT
 * says file, offset and leaf. Limits: TL_PART_ROWS_MAX rows, TL_PART_DICT_MAX bytes a dictionary.
 */
#ifndef TLOG_PART_H
#define TLOG_PART_H

#include "tlog/hash.h"
#include "tlog/pack.h"
#include "tlog/segment.h"

#define TL_PART_BLOCK       TL_PACK_ROWS
#define TL_PART_ROWS_MAX    (1UL << 20)
#define TL_PART_COLUMNS_MAX 64
#define TL_PART_DICT_MAX    (128UL * 1024 * 1024)
#define TL_PART_UNIQUE_LEN  16

enum tl_part_kind {
	TL_PART_FIXED64, /* a number, 8 bytes on the wire */
	TL_PART_VARINT,  /* a number */
	TL_PART_BYTES,   /* text or bytes that come again and again */
	TL_PART_LIST,    /* all items of a repeated field, with their tags, as one value */
	TL_PART_RAW,     /* bytes of one length, as they are */
	TL_PART_UNIQUE,  /* TL_PART_UNIQUE_LEN bytes that are rarely the same, to be found */
};

/* What a part says of the leaf itself stands under tag 0, with these numbers. */
enum tl_part_own { TL_PART_RECEIVED = 1, TL_PART_END = 2, TL_PART_OTHER = 3, TL_PART_FORM = 4 };

/* The values of TL_PART_FORM: how the leaf lies. */
enum { TL_PART_APART = 0, TL_PART_KEPT = 1, TL_PART_KEPT_RECORD = 2 };

struct tl_part_field {
	uint8_t tag; /* in the record */
	uint8_t sub; /* in the message of that tag; 0: the field itself */
	enum tl_part_kind kind;
	uint8_t width; /* RAW: bytes */
};

/* Reads n bytes at an offset into to, all of them. */
typedef enum or_code tl_part_fetch_fn(
    void *arg, uint64_t offset, uint8_t *to, size_t n, struct or_err *err);

struct tl_part;

struct tl_part_source {
	tl_part_fetch_fn *fetch;
	void *arg;
	uint64_t size;    /* of the file */
	const char *name; /* for messages; copied */
};

OR_NODISCARD enum or_code tl_part_open(
    struct tl_part **out, const struct tl_part_source *source, struct or_err *err);
void tl_part_close(struct tl_part *p);

/* Memory that was taken since the last forget, and giving it back. */
size_t tl_part_memory(const struct tl_part *p);
void tl_part_forget(struct tl_part *p);

uint64_t tl_part_first(const struct tl_part *p);
uint32_t tl_part_rows(const struct tl_part *p);
const struct tl_hash *tl_part_root(const struct tl_part *p);

/* The column of a field; -1: there is none. */
int tl_part_column_find(const struct tl_part *p, unsigned int tag, unsigned int sub);
/* The smallest and largest number, or code. */
void tl_part_column_range(const struct tl_part *p, int column, uint64_t *min, uint64_t *max);
enum tl_part_kind tl_part_column_kind(const struct tl_part *p, int column);

/* The numbers of the rows of a block (codes where there is a dictionary): *n of them. */
OR_NODISCARD enum or_code tl_part_block(struct tl_part *p, int column, uint32_t block,
    uint64_t out[TL_PART_BLOCK], size_t *n, struct or_err *err);
OR_NODISCARD enum or_code tl_part_number(
    struct tl_part *p, int column, uint32_t row, uint64_t *out, struct or_err *err);

/* Which rows of a block came apart into columns: a bit each. Other rows are kept as they came; what
 * columns say of them means nothing. */
#define TL_PART_WORDS (TL_PART_BLOCK / 64)
OR_NODISCARD enum or_code tl_part_block_records(
    struct tl_part *p, uint32_t block, uint64_t bits[TL_PART_WORDS], size_t *n, struct or_err *err);

/* Records that did not come apart are among the rows that are kept as they came. */
bool tl_part_has_kept_records(const struct tl_part *p);

/* The runs of a column that consists of such: ends[i] is the row behind run i, all of whose rows
 * have values[i]. OR_ABSENT: it is another form. */
struct tl_part_runs {
	const uint32_t *ends;
	const uint64_t *values;
	size_t n;
};
OR_NODISCARD enum or_code tl_part_column_runs(
    struct tl_part *p, int column, struct tl_part_runs *out, struct or_err *err);

/* The dictionary, ascending: a code is the place of its value. */
struct tl_part_dict {
	const struct or_slice *values;
	size_t n;
};
OR_NODISCARD enum or_code tl_part_dict(
    struct tl_part *p, int column, struct tl_part_dict *out, struct or_err *err);

/* Rows that have this id in a unique column, ascending, at most max of them. */
OR_NODISCARD enum or_code tl_part_ids_find(struct tl_part *p, int column,
    const uint8_t id[TL_PART_UNIQUE_LEN], uint32_t *rows, size_t max, size_t *n,
    struct or_err *err);

/* The leaf of a row; e->hash is computed. Borrowed until the next call on p. */
OR_NODISCARD enum or_code tl_part_leaf(
    struct tl_part *p, uint32_t row, struct tl_segment_entry *e, struct or_err *err);

/* Walks the leaves of rows [from, to), faster than one by one. */
struct tl_part_leaf_walk;
struct tl_part_leaf_walk *tl_part_leaf_walk_new(struct tl_part *p, uint32_t from, uint32_t to);
void tl_part_leaf_walk_free(struct tl_part_leaf_walk *w);
/* OR_ABSENT: the end. e->hash is not filled. Borrowed until the next call. After OR_CORRUPT the
 * walk may go on with the next row. */
OR_NODISCARD enum or_code tl_part_leaf_walk_next(
    struct tl_part_leaf_walk *w, struct tl_segment_entry *e, struct or_err *err);

#endif
