/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the fields of the query language lie in parts (collector/audit/columns.h): of most fields
 * all is known from the value of one column, of an entity from two. A record that has nothing but
 * those is asked instead of the row's, so that filters and keys mean the same wherever a record
 * lies.
 *
 * Thread: whoever owns it.
 */
#ifndef COLLECTOR_QUERY_COLUMN_H
#define COLLECTOR_QUERY_COLUMN_H

#include "collector/query/query.h"
#include "tlog/part.h"

#define CO_COLUMN_MAX 2 /* columns of one field */

/* Numbers of the columns of a field in a part. Numbers and codes; span and trace ids have none. */
struct co_column {
	int at[CO_COLUMN_MAX];
	size_t n; /* 0: the field has to be asked of the whole record */
};

/* OR_OK also where the part has none. */
void co_column_find(struct co_column *out, struct tl_part *part, const struct wire_field *field);

/* True where the field's value is the stored text itself, so that equal texts are equal codes. */
bool co_column_is_text(const struct wire_field *field);

/* A record with nothing but what the columns' values say. Lists lie in the arena, the rest is
 * borrowed from the part. */
OR_NODISCARD enum or_code co_column_fill(struct wire_audit *out, struct tl_part *part,
    const struct co_column *c, const uint64_t values[CO_COLUMN_MAX], struct or_arena *a,
    struct or_err *err);

/* A map from numbers to small ones, which grows; absent is UINT32_MAX. */
struct co_column_memo {
	struct co_column_memo_slot {
		uint64_t key;
		uint32_t value;
		bool used;
	} * slots;
	size_t n_slots, n;
};
void co_column_memo_done(struct co_column_memo *m);
uint32_t co_column_memo_get(const struct co_column_memo *m, uint64_t key);
void co_column_memo_put(struct co_column_memo *m, uint64_t key, uint32_t value);

#endif
