/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/lookup_part.h"

#include "collector/audit/columns.h"

enum { AGENT, EPOCH, STREAM, SEQ, COLUMNS };

struct search {
	struct tl_part *part;
	int column[COLUMNS];
	uint64_t value[COLUMNS]; /* of all but SEQ: the number, or the code */
	struct co_lookup *wanted;
	size_t n;
};

/* The code of a text; OR_ABSENT: no row has it. */
static enum or_code find_code(
    struct tl_part *part, int column, struct or_slice text, uint64_t *out, struct or_err *err)
{
	struct tl_part_dict d;
	enum or_code rc = tl_part_dict(part, column, &d, err);
	size_t low = 0, high = d.n;

	if (rc)
		return rc;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (or_slice_cmp(d.values[mid], text) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*out = low;
	return low < d.n && or_slice_eq(d.values[low], text) ? OR_OK : OR_ABSENT;
}

static struct co_lookup *find_wanted(const struct search *x, uint64_t seq)
{
	size_t low = 0, high = x->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (x->wanted[mid].seq < seq)
			low = mid + 1;
		else
			high = mid;
	}
	return low < x->n && x->wanted[low].seq == seq ? &x->wanted[low] : NULL;
}

/* The block's values, the most telling first; *any is false where one rules the block out. */
static enum or_code load_block(struct search *x, uint32_t block,
    uint64_t values[COLUMNS][TL_PART_BLOCK], size_t *n, bool *any, struct or_err *err)
{
	static const size_t order[COLUMNS] = {STREAM, AGENT, EPOCH, SEQ};
	enum or_code rc = OR_OK;

	*any = true;
	for (size_t i = 0; i < COLUMNS && *any && !rc; i++) {
		size_t c = order[i];

		rc = tl_part_block(x->part, x->column[c], block, values[c], n, err);
		*any = c == SEQ;
		for (size_t k = 0; k < *n && !rc && !*any; k++)
			*any = values[c][k] == x->value[c];
	}
	return rc;
}

static bool is_of_stream(const struct search *x, uint64_t values[COLUMNS][TL_PART_BLOCK], size_t k)
{
	return values[STREAM][k] == x->value[STREAM] && values[AGENT][k] == x->value[AGENT] &&
	       values[EPOCH][k] == x->value[EPOCH];
}

static enum or_code look_in_block(struct search *x, uint32_t block, struct or_err *err)
{
	uint64_t values[COLUMNS][TL_PART_BLOCK], records[TL_PART_WORDS];
	struct tl_segment_entry e;
	size_t n = 0;
	bool any;
	enum or_code rc = load_block(x, block, values, &n, &any, err);

	if (rc || !any)
		return rc;
	rc = tl_part_block_records(x->part, block, records, &n, err);
	for (size_t k = 0; k < n && !rc; k++) {
		struct co_lookup *w = find_wanted(x, values[SEQ][k]);

		if (!w || w->found || !(records[k / 64] >> k % 64 & 1) ||
		    !is_of_stream(x, values, k))
			continue;
		rc = tl_part_leaf(x->part, block * TL_PART_BLOCK + (uint32_t)k, &e, err);
		if (rc)
			return rc;
		w->found = true;
		w->hash = e.hash;
	}
	return rc;
}

/* False: nothing in the part can be of this stream and these numbers. */
static bool may_have(const struct search *x)
{
	uint64_t min, max;

	tl_part_column_range(x->part, x->column[SEQ], &min, &max);
	if (x->n == 0 || x->wanted[0].seq > max || x->wanted[x->n - 1].seq < min)
		return false;
	tl_part_column_range(x->part, x->column[EPOCH], &min, &max);
	return x->value[EPOCH] >= min && x->value[EPOCH] <= max;
}

enum or_code co_lookup_part_run(struct tl_part *part, const struct co_marks_key *key,
    struct co_lookup *wanted, size_t n, struct or_err *err)
{
	static const unsigned int tags[COLUMNS] = {
	    CO_COLUMNS_AGENT, CO_COLUMNS_EPOCH, CO_COLUMNS_STREAM, CO_COLUMNS_SEQ};
	struct search x = {.part = part, .wanted = wanted, .n = n};
	uint32_t rows = tl_part_rows(part);
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < COLUMNS; i++) {
		x.column[i] = tl_part_column_find(part, tags[i], 0);
		if (x.column[i] < 0)
			return OR_OK;
	}
	x.value[EPOCH] = key->epoch;
	if (!may_have(&x))
		return OR_OK;
	rc = find_code(part, x.column[STREAM], key->stream, &x.value[STREAM], err);
	if (!rc)
		rc = find_code(part, x.column[AGENT], key->agent, &x.value[AGENT], err);
	for (uint32_t b = 0; b * TL_PART_BLOCK < rows && !rc; b++)
		rc = look_in_block(&x, b, err);
	return rc == OR_ABSENT ? OR_OK : rc;
}
