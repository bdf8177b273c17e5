/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Cedar value: 24 bytes, passed by value; what is larger lies in somebody's arena.
 *
 * Values are immutable. Sets are kept sorted and without duplicates, records sorted by key, so
 * that equality is a walk and membership a binary search. Strings are UTF-8 and may hold NUL.
 * Thread: any; an arena belongs to its caller.
 */
#ifndef POLICY_VALUE_H
#define POLICY_VALUE_H

#include "base/err.h"
#include "policy/uid.h"

enum pol_kind {
	POL_BOOL,
	POL_LONG,
	POL_STRING,
	POL_ENTITY,
	POL_SET,
	POL_RECORD,
	POL_IP,
	POL_DECIMAL,  /* i: ten-thousandths */
	POL_DATETIME, /* i: ms since 1970-01-01T00:00:00Z */
	POL_DURATION, /* i: ms */
};

struct pol_ip; /* policy/ext_ip.h */
struct pol_set_value;
struct pol_record;

struct pol_value {
	enum pol_kind kind;
	union {
		bool b;
		int64_t i;
		struct or_slice s;
		const struct pol_uid *e;
		const struct pol_ip *ip;
		const struct pol_set_value *set;
		const struct pol_record *rec;
	};
};

struct pol_set_value {
	size_t n;
	struct pol_value items[]; /* by pol_value_cmp, each once */
};

struct pol_field {
	struct or_slice key;
	struct pol_value value;
};

struct pol_record {
	size_t n;
	struct pol_field fields[]; /* by key */
};

static inline struct pol_value pol_value_bool(bool b)
{
	return (struct pol_value){.kind = POL_BOOL, .b = b};
}

static inline struct pol_value pol_value_long(int64_t i)
{
	return (struct pol_value){.kind = POL_LONG, .i = i};
}

/* Borrows the bytes, which must be UTF-8. */
static inline struct pol_value pol_value_string(struct or_slice s)
{
	return (struct pol_value){.kind = POL_STRING, .s = s};
}

static inline struct pol_value pol_value_entity(const struct pol_uid *uid)
{
	return (struct pol_value){.kind = POL_ENTITY, .e = uid};
}

static inline struct pol_value pol_value_rec(const struct pol_record *rec)
{
	return (struct pol_value){.kind = POL_RECORD, .rec = rec};
}

/* kind: POL_DECIMAL, POL_DATETIME or POL_DURATION. */
static inline struct pol_value pol_value_scaled(enum pol_kind kind, int64_t i)
{
	return (struct pol_value){.kind = kind, .i = i};
}

/* Sorts and makes unique a copy of items in the arena. OR_FULL. */
OR_NODISCARD enum or_code pol_value_set(
    struct pol_value *out, struct or_arena *a, const struct pol_value *items, size_t n);

/* Copies the fields (keys and values borrowed) in order of key. OR_EXISTS: a key is there twice.
 * OR_FULL. */
OR_NODISCARD enum or_code pol_value_record(
    const struct pol_record **out, struct or_arena *a, const struct pol_field *fields, size_t n);

/* A copy of everything the value refers to. OR_FULL. */
OR_NODISCARD enum or_code pol_value_dup(
    struct pol_value *out, struct or_arena *a, const struct pol_value *v);

/* A total order: kind first, then content. Equality is Cedar's: values of different kinds differ.
 */
int pol_value_cmp(const struct pol_value *a, const struct pol_value *b);
bool pol_value_eq(const struct pol_value *a, const struct pol_value *b);

/* Equal values have equal hashes. Seeded per process: it never leaves memory. */
uint64_t pol_value_hash(const struct pol_value *v);

bool pol_value_set_has(const struct pol_set_value *set, const struct pol_value *v);

/* Borrowed; NULL where the record (which may be NULL) lacks the key. */
const struct pol_value *pol_value_field(const struct pol_record *rec, struct or_slice key);

/* Cedar's syntax, on one line. */
void pol_value_print(struct or_buf *b, const struct pol_value *v);

/* "long", "string", "set", "entity"…, for messages. */
const char *pol_value_kind_name(enum pol_kind kind);

#endif
