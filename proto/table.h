/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table per message: field number, kind, place in the plain struct and limit. It drives
 * measuring, encoding, decoding and limits, so that the four cannot disagree.
 *
 * Used inside proto/ only. Field numbers are dense: fields[i].num == i + 1. Sub-messages have
 * their own tables, one level deep (no message refers to itself, so recursion ends by itself).
 * Decoding: slices point into the input, lists into the arena. A singular field that comes twice
 * is OR_PARSE (protobuf would merge or take the last: two readers could disagree). Fields that the
 * table does not know are passed over and reported.
 */
#ifndef PROTO_TABLE_H
#define PROTO_TABLE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum wire_table_kind {
	WIRE_TABLE_FIXED64, /* uint64_t */
	WIRE_TABLE_UINT,    /* uint64_t */
	WIRE_TABLE_ENUM,    /* any enum; max: the largest value known */
	WIRE_TABLE_BOOL,    /* bool */
	WIRE_TABLE_STR,     /* struct or_slice: UTF-8 without NUL, at most max bytes */
	WIRE_TABLE_BYTES,   /* struct or_slice of at most max bytes */
	WIRE_TABLE_ID,      /* struct or_slice: absent or exactly max bytes */
	WIRE_TABLE_MSG,     /* the struct of sub, in place */
	WIRE_TABLE_STRS,    /* const struct or_slice *, and size_t at n_offset; each at most max */
	WIRE_TABLE_MSGS,    /* const struct *, and size_t at n_offset */
	WIRE_TABLE_HOLE,    /* a number of no use here: passed over as unknown ones are */
};

struct wire_table;

struct wire_table_field {
	const char *name;
	enum wire_table_kind kind;
	size_t offset;
	size_t n_offset;
	uint64_t max;
	size_t max_items;
	const struct wire_table *sub;
};

struct wire_table {
	const char *name;
	size_t size; /* of the plain struct */
	const struct wire_table_field *fields;
	size_t n_fields;
};

/* What decoding found besides the message. */
struct wire_table_seen {
	bool unknown;       /* fields or enum values of a newer schema */
	bool not_canonical; /* our encoder would have written other bytes */
};

/* OR_INVAL or OR_FULL where the struct breaks a limit, with the field's path. */
OR_NODISCARD enum or_code wire_table_check(
    const struct wire_table *t, const void *msg, struct or_err *err);

size_t wire_table_size(const struct wire_table *t, const void *msg);

/* Appends; the struct passed wire_table_check. Fullness is the buffer's. */
void wire_table_encode(struct or_buf *out, const struct wire_table *t, const void *msg);
/* The same, unless it would be longer than max: then false, and nothing is appended. */
OR_NODISCARD bool wire_table_encode_max(
    struct or_buf *out, const struct wire_table *t, const void *msg, size_t max);

/* OR_PARSE: not this message. OR_FULL: a limit, or the arena's budget. */
OR_NODISCARD enum or_code wire_table_decode(void *msg, struct wire_table_seen *seen,
    const struct wire_table *t, struct or_slice in, struct or_arena *a, struct or_err *err);

/* UTF-8 without NUL. */
bool wire_table_is_text(struct or_slice s);

#endif
