/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The footer of a part: what its columns are, where their pieces lie, and their checksums. Inside
 * tlog/ only; part.h describes the file.
 *
 * Pieces lie in the order of the footer, one behind the other from TL_PART_FOOT_START on, so that
 * their places need not be written. Decoding trusts nothing: every number is bounded before
 * anything is made for it, and pieces must fill the file exactly.
 * Any thread; pure.
 */
#ifndef TLOG_PART_FOOT_H
#define TLOG_PART_FOOT_H

#include "base/arena.h"
#include "tlog/hash.h"
#include "tlog/part.h"

#define TL_PART_FOOT_START 8  /* bytes of magic in front of the pieces */
#define TL_PART_FOOT_TAIL  16 /* behind the footer: its length, CRC-32C, magic */
#define TL_PART_FOOT_MAX   (16UL * 1024 * 1024)
#define TL_PART_FOOT_GROUP                                                                         \
	72 /* bytes: base, 64 counts, CRC-32C; of a unique column's directory                      \
	    */
#define TL_PART_FOOT_BUCKETS 64

enum tl_part_form {
	TL_PART_CONST, /* every row has the value `first` */
	TL_PART_RUNS,  /* one piece: runs of the same value, or of values that count up */
	TL_PART_PACK,  /* a piece for each TL_PART_BLOCK rows (tlog/pack.h) */
};

struct tl_part_piece {
	uint64_t at; /* in the file */
	uint32_t len;
	uint32_t crc;
	/* Of a dictionary: bytes unpacked, values. */
	uint32_t raw;
	uint32_t n;
};

struct tl_part_column {
	struct tl_part_field field;
	enum tl_part_form form;
	uint64_t first; /* CONST */
	bool counts_up; /* RUNS: the next value of a run is one more */
	uint64_t min, max;
	uint32_t n_values;  /* BYTES, LIST: of the dictionary; UNIQUE: values that are there */
	unsigned int drop;  /* UNIQUE: leading bytes that the directory stands for */
	uint64_t directory; /* its place */
	struct tl_part_piece *pieces; /* of numbers or codes; RAW: of the bytes */
	size_t n_pieces;
	struct tl_part_piece *extra; /* BYTES, LIST: the dictionary's; UNIQUE: of sorted values */
	size_t n_extra;
};

struct tl_part_foot {
	uint64_t first;
	uint32_t rows;
	struct tl_hash root;
	struct tl_part_column *columns;
	size_t n_columns;
};

/* Groups of the directory of a unique column. */
static inline size_t tl_part_foot_groups(unsigned int drop)
{
	return drop == 0 ? 0 : ((size_t)1 << 8 * drop) / TL_PART_FOOT_BUCKETS;
}

static inline size_t tl_part_foot_blocks(uint64_t n)
{
	return (size_t)((n + TL_PART_BLOCK - 1) / TL_PART_BLOCK);
}

/* Footer and tail; places are not read. Fullness is the buffer's. */
void tl_part_foot_put(struct or_buf *out, const struct tl_part_foot *f);

/* The footer's whole length with its tail, from the tail. OR_CORRUPT: no part. */
OR_NODISCARD enum or_code tl_part_foot_len(size_t *out, const uint8_t tail[TL_PART_FOOT_TAIL]);

/* in: footer and tail, the end of a file of file_size bytes. OR_CORRUPT, OR_FULL (the arena). */
OR_NODISCARD enum or_code tl_part_foot_parse(struct tl_part_foot *out, struct or_slice in,
    uint64_t file_size, struct or_arena *a, struct or_err *err);

#endif
