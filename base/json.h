/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON (RFC 8259) and its tree, which base/yaml.h fills too.
 *
 * Strict: no duplicate keys, no NUL in strings, valid UTF-8, integers exact in 64 bits or refused,
 * nothing behind the value. The tree lives in the caller's arena and is immutable.
 * Limits: OR_JSON_DEPTH_MAX levels; the input's size is the caller's to bound; the arena's budget
 * bounds the tree (OR_FULL).
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/arena.h"
#include "base/err.h"

#define OR_JSON_DEPTH_MAX 128

enum or_json_type {
	OR_JSON_NULL,
	OR_JSON_BOOL,
	OR_JSON_INT,
	OR_JSON_REAL,
	OR_JSON_STR,
	OR_JSON_ARRAY,
	OR_JSON_OBJECT,
};

struct or_json;

struct or_json_member {
	struct or_slice key;
	const struct or_json *value;
	uint32_t line; /* the key's, as in struct or_json */
};

struct or_json {
	enum or_json_type type;
	uint32_t line; /* from 1 where the source format tells (YAML), else 0 */
	uint32_t col;
	union {
		bool b;
		int64_t i;
		double r;
		struct or_slice s;
		struct {
			const struct or_json **items;
			size_t n;
		} array;
		struct {
			struct or_json_member *members; /* in the order of the text */
			size_t n;
		} object;
	};
};

/* OR_PARSE: message with line and column. OR_FULL: depth or arena. */
OR_NODISCARD enum or_code or_json_parse(
    const struct or_json **out, struct or_slice text, struct or_arena *a, struct or_err *err);
/* As or_json_parse, and strings (not keys) may hold \u0000: for text that somebody else wrote. */
OR_NODISCARD enum or_code or_json_parse_nul(
    const struct or_json **out, struct or_slice text, struct or_arena *a, struct or_err *err);

/* The member of that name; NULL where j is NULL, no object, or lacks it. */
const struct or_json *or_json_get(const struct or_json *j, const char *key);
const struct or_json *or_json_get_slice(const struct or_json *j, struct or_slice key);

/* As or_json_get, with the expected type: NULL where it is another one. */
const struct or_json *or_json_get_type(
    const struct or_json *j, const char *key, enum or_json_type type);

/* The string member's bytes; the empty slice with p == NULL where absent or no string. */
struct or_slice or_json_get_str(const struct or_json *j, const char *key);

/* "string", "object"…, for messages. */
const char *or_json_type_name(enum or_json_type type);

bool or_json_eq(const struct or_json *a, const struct or_json *b);

#endif
