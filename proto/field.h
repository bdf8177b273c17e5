/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record's fields by the names that queries and JSON use: "time", "principal.id", "policies"…
 *
 * A name is looked up once (wire_field_find) and read from many records (wire_field_get). The table
 * is the one list of names: proto/json.h writes by it, and the reference is generated from it.
 * Any thread. Values are borrowed from the record, except those that a text has to be made for
 * (ids in hex, "type::\"id\""), which live in the caller's scratch buffer until its next use.
 */
#ifndef PROTO_FIELD_H
#define PROTO_FIELD_H

#include "proto/audit.h"

enum wire_field_type {
	WIRE_FIELD_NONE, /* the record does not have it */
	WIRE_FIELD_INT,  /* i */
	WIRE_FIELD_TIME, /* i: ns since 1970 */
	WIRE_FIELD_TEXT, /* s */
	WIRE_FIELD_LIST, /* list, n: texts */
};

struct wire_field_value {
	enum wire_field_type type;
	uint64_t i;
	struct or_slice s;
	const struct or_slice *list;
	size_t n;
};

#define WIRE_FIELD_LIST_MAX 64

struct wire_field;

/* NULL: no such field. "attributes.<key>" is found for every key and read with the record. */
const struct wire_field *wire_field_find(struct or_slice name);

const char *wire_field_name(const struct wire_field *f);
/* What wire_field_get gives where the record has it. */
enum wire_field_type wire_field_type(const struct wire_field *f);
/* One line for people. */
const char *wire_field_help(const struct wire_field *f);
/* The set of names where the field is an enumeration (enum wire_name_set), else -1. */
int wire_field_names(const struct wire_field *f);

/* name is what was given to wire_field_find. scratch is cleared and used where a text is made. */
void wire_field_get(struct wire_field_value *out, const struct wire_field *f,
    const struct wire_audit *r, struct or_slice name, struct or_buf *scratch);

/* Walks the table in the order of the JSON: NULL gives the first, the last gives NULL. */
const struct wire_field *wire_field_next(const struct wire_field *f);
/* All names, ended by NULL: for or_str_nearest. */
void wire_field_list(const char *out[WIRE_FIELD_LIST_MAX]);

#endif
