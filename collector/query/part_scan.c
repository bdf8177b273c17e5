/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/query/part_scan.h"

#include "base/mem.h"
#include "collector/audit/columns.h"
#include "collector/query/column.h"
#include "collector/query/match.h"
#include "collector/query/sieve.h"
#include "proto/leaf.h"

enum { ARENA = 1024 * 1024, COUNTS_MAX = 65536 };

/* A field whose values make groups: what stands for each value of its columns. */
struct key {
	struct co_column column;
	uint32_t *of_code; /* one column of few values: by value, UINT32_MAX where not known */
	size_t n_codes;
	struct co_column_memo memo;
};

struct co_part_scan {
	struct co_part_scan_opt opt;
	struct co_sieve *sieve;
	struct co_groups *groups; /* the run's */
	struct key keys[CO_GROUPS_FIELDS];
	struct co_column measured[CO_QUERY_MEASURES_MAX];
	uint64_t *counts; /* of a query that only counts by one key: by its value */
	bool has_columns; /* keys and measures are in columns, and nothing else is needed */
	int time;
	uint32_t left; /* blocks that are not read yet: the next one is left - 1 */
	struct or_arena *arena;
	struct or_buf scratch;
};

/* The values of a column, where there are few enough for an array; 0: there are not. */
static size_t small_values(
    struct tl_part *part, const struct co_column *c, struct or_err *err, enum or_code *rc)
{
	enum tl_part_kind kind = c->n == 1 ? tl_part_column_kind(part, c->at[0]) : TL_PART_RAW;
	uint64_t min = 0, max = 0;
	struct tl_part_dict d;

	if (kind == TL_PART_BYTES || kind == TL_PART_LIST) {
		*rc = tl_part_dict(part, c->at[0], &d, err);
		return *rc ? 0 : d.n;
	}
	if (kind != TL_PART_VARINT && kind != TL_PART_FIXED64)
		return 0;
	tl_part_column_range(part, c->at[0], &min, &max);
	return max < COUNTS_MAX ? (size_t)max + 1 : 0;
}

static enum or_code open_key(struct co_part_scan *s, size_t i, struct or_err *err)
{
	const struct co_query_field *field = co_groups_field(s->groups, i);
	struct key *k = &s->keys[i];
	enum or_code rc = OR_OK;

	co_column_find(&k->column, s->opt.part, field->field);
	s->has_columns = s->has_columns && k->column.n;
	k->n_codes = field->bucket_ns ? 0 : small_values(s->opt.part, &k->column, err, &rc);
	if (rc || !k->n_codes)
		return rc;
	k->of_code = or_mem_array(k->n_codes, sizeof(*k->of_code));
	memset(k->of_code, 0xff, k->n_codes * sizeof(*k->of_code));
	return OR_OK;
}

static void open_measures(struct co_part_scan *s)
{
	const struct co_query *q = s->opt.q;
	bool only_counts = true;

	for (size_t i = 0; i < q->n_measures; i++) {
		enum co_query_kind kind = q->measures[i].kind;

		only_counts = only_counts && kind == CO_QUERY_COUNT;
		if (kind == CO_QUERY_COUNT || kind == CO_QUERY_DISTINCT)
			continue;
		co_column_find(&s->measured[i], s->opt.part, q->measures[i].of.field);
		s->has_columns = s->has_columns && s->measured[i].n;
	}
	if (q->is_count && only_counts && s->has_columns && co_groups_fields(s->groups) == 1 &&
	    s->keys[0].of_code)
		s->counts = or_mem_array(s->keys[0].n_codes, sizeof(*s->counts));
}

enum or_code co_part_scan_new(
    struct co_part_scan **out, const struct co_part_scan_opt *opt, struct or_err *err)
{
	struct co_part_scan *s = or_mem_new(sizeof(*s));
	enum or_code rc = OR_OK;

	*s = (struct co_part_scan){.opt = *opt, .groups = co_run_groups(opt->run)};
	s->arena = or_arena_new(ARENA);
	or_buf_init(&s->scratch, CO_MATCH_SCRATCH);
	s->left = (tl_part_rows(opt->part) + TL_PART_BLOCK - 1) / TL_PART_BLOCK;
	s->time = tl_part_column_find(opt->part, CO_COLUMNS_TIME, 0);
	/* What records are sorted by is asked of the whole record. */
	s->has_columns = s->time >= 0 && (opt->q->is_count || !opt->q->n_sorts);
	rc = co_sieve_new(&s->sieve, opt->q, opt->part, err);
	for (size_t i = 0; !rc && i < co_groups_fields(s->groups); i++)
		rc = open_key(s, i, err);
	if (rc) {
		co_part_scan_free(s);
		return rc;
	}
	open_measures(s);
	*out = s;
	return OR_OK;
}

void co_part_scan_free(struct co_part_scan *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < CO_GROUPS_FIELDS; i++) {
		or_mem_free(s->keys[i].of_code);
		co_column_memo_done(&s->keys[i].memo);
	}
	or_mem_free(s->counts);
	co_sieve_free(s->sieve);
	or_arena_free(s->arena);
	or_buf_done(&s->scratch);
	or_mem_free(s);
}

enum co_plan_skip co_part_scan_skip(const struct co_part_scan *s)
{
	uint64_t min = 0, max = UINT64_MAX;

	if (s->time >= 0)
		tl_part_column_range(s->opt.part, s->time, &min, &max);
	/* Of records that are kept as they came columns say nothing. */
	if (tl_part_has_kept_records(s->opt.part))
		return CO_PLAN_READ;
	if (co_sieve_is_empty(s->sieve))
		return co_sieve_why(s->sieve);
	return co_run_wants(s->opt.run, max) ? CO_PLAN_READ : CO_PLAN_OLDER;
}

/* ---- whole records */

static enum or_code feed_row(struct co_part_scan *s, uint32_t row, struct or_err *err)
{
	uint64_t index = tl_part_first(s->opt.part) + row;
	struct tl_segment_entry e;
	struct wire_audit record;
	struct wire_leaf leaf;
	enum or_code rc = tl_part_leaf(s->opt.part, row, &e, err);

	or_arena_clear(s->arena);
	if (rc)
		return rc;
	co_run_plan(s->opt.run)->rows_whole++;
	if (wire_leaf_decode(&leaf, e.leaf, NULL) || leaf.type != WIRE_LEAF_RECORD ||
	    wire_audit_decode(&record, NULL, leaf.content, s->arena, NULL))
		return OR_OK;
	return co_run_feed(s->opt.run, &record, s->opt.shard, index, err);
}

/* Rows that the part keeps as they came: a newer schema's records may be among them. */
static enum or_code feed_others(
    struct co_part_scan *s, uint32_t block, const uint64_t *records, size_t n, struct or_err *err)
{
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < n && !rc; i++) {
		if (!(records[i / 64] >> i % 64 & 1))
			rc = feed_row(s, block * TL_PART_BLOCK + (uint32_t)i, err);
	}
	return rc;
}

static enum or_code feed_rows(
    struct co_part_scan *s, uint32_t block, const uint64_t *bits, struct or_err *err)
{
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < TL_PART_BLOCK && !rc; i++) {
		if (bits[i / 64] >> i % 64 & 1)
			rc = feed_row(s, block * TL_PART_BLOCK + (uint32_t)i, err);
	}
	return rc;
}

/* ---- columns */

static size_t count_bits(const uint64_t bits[CO_SIEVE_WORDS])
{
	size_t n = 0;

	for (size_t w = 0; w < CO_SIEVE_WORDS; w++)
		n += (size_t)__builtin_popcountll(bits[w]);
	return n;
}

/* The rows of the bits, in order. */
static size_t list_rows(const uint64_t bits[CO_SIEVE_WORDS], uint16_t rows[TL_PART_BLOCK])
{
	size_t n = 0;

	for (size_t w = 0; w < CO_SIEVE_WORDS; w++) {
		for (uint64_t word = bits[w]; word; word &= word - 1)
			rows[n++] = (uint16_t)(w * 64 + (size_t)__builtin_ctzll(word));
	}
	return n;
}

/* What stands for a value of key k. */
static enum or_code value_of(struct co_part_scan *s, size_t k, const uint64_t values[CO_COLUMN_MAX],
    uint32_t *out, struct or_err *err)
{
	struct key *key = &s->keys[k];
	uint64_t memo_key = key->column.n == 2 ? values[0] << 32 | values[1] : values[0];
	struct wire_audit record;
	enum or_code rc;

	*out = key->of_code ? key->of_code[values[0]] : co_column_memo_get(&key->memo, memo_key);
	if (*out != UINT32_MAX)
		return OR_OK;
	or_arena_clear(s->arena);
	rc = co_column_fill(&record, s->opt.part, &key->column, values, s->arena, err);
	if (rc)
		return rc;
	*out = co_groups_value(s->groups, k, &record);
	if (key->of_code)
		key->of_code[values[0]] = *out;
	else
		co_column_memo_put(&key->memo, memo_key, *out);
	return OR_OK;
}

/* The values of one key for all rows at hand. */
static enum or_code key_block(struct co_part_scan *s, size_t k, uint32_t block,
    const uint16_t *rows, size_t n, uint32_t *out, struct or_err *err)
{
	uint64_t bucket = (uint64_t)co_groups_field(s->groups, k)->bucket_ns;
	const struct co_column *c = &s->keys[k].column;
	uint64_t v[CO_COLUMN_MAX][TL_PART_BLOCK];
	const uint32_t *of_code = s->keys[k].of_code;
	enum or_code rc = OR_OK;
	size_t all;

	for (size_t i = 0; i < c->n && !rc; i++)
		rc = tl_part_block(s->opt.part, c->at[i], block, v[i], &all, err);
	for (size_t i = 0; bucket && i < n && !rc; i++)
		v[0][rows[i]] -= v[0][rows[i]] % bucket;
	for (size_t i = 0; i < n && !rc; i++) {
		uint64_t values[CO_COLUMN_MAX] = {v[0][rows[i]], c->n > 1 ? v[1][rows[i]] : 0};

		/* Neighbours are often alike. */
		if (i && v[0][rows[i - 1]] == values[0] && c->n == 1) {
			out[i] = out[i - 1];
			continue;
		}
		out[i] = of_code ? of_code[values[0]] : UINT32_MAX;
		if (out[i] == UINT32_MAX)
			rc = value_of(s, k, values, &out[i], err);
	}
	return rc;
}

/* Numbers of the measures of the rows of a block. */
struct numbers {
	uint64_t of[CO_QUERY_MEASURES_MAX][TL_PART_BLOCK];
};

static enum or_code read_numbers(
    struct co_part_scan *s, uint32_t block, struct numbers *out, struct or_err *err)
{
	enum or_code rc = OR_OK;
	size_t all;

	for (size_t m = 0; m < s->opt.q->n_measures && !rc; m++) {
		if (s->measured[m].n)
			rc = tl_part_block(
			    s->opt.part, s->measured[m].at[0], block, out->of[m], &all, err);
		else
			memset(out->of[m], 0, sizeof(out->of[m]));
	}
	return rc;
}

/* Groups, or with dedup the newest of each. */
static enum or_code add_groups(
    struct co_part_scan *s, uint32_t block, const uint64_t *bits, struct or_err *err)
{
	uint64_t first = tl_part_first(s->opt.part) + (uint64_t)block * TL_PART_BLOCK;
	size_t keys = co_groups_fields(s->groups), n, all;
	uint32_t ids[CO_GROUPS_FIELDS][TL_PART_BLOCK], row_ids[CO_GROUPS_FIELDS];
	uint64_t row_numbers[CO_QUERY_MEASURES_MAX] = {0}, times[TL_PART_BLOCK];
	struct numbers numbers;
	uint16_t rows[TL_PART_BLOCK];
	enum or_code rc = read_numbers(s, block, &numbers, err);

	n = list_rows(bits, rows);
	for (size_t k = 0; k < keys && !rc; k++)
		rc = key_block(s, k, block, rows, n, ids[k], err);
	if (!rc && !s->opt.q->is_count)
		rc = tl_part_block(s->opt.part, s->time, block, times, &all, err);
	for (size_t i = 0; i < n && !rc; i++) {
		for (size_t k = 0; k < keys; k++)
			row_ids[k] = ids[k][i];
		for (size_t m = 0; m < s->opt.q->n_measures; m++)
			row_numbers[m] = numbers.of[m][rows[i]];
		if (s->opt.q->is_count)
			rc = co_groups_add(s->groups, row_ids, row_numbers, 1, err);
		else
			rc = co_run_keep_newest(s->opt.run, row_ids,
			    &(struct co_run_place){times[rows[i]], first + rows[i], s->opt.shard},
			    err);
	}
	return rc;
}

static enum or_code keep_places(
    struct co_part_scan *s, uint32_t block, const uint64_t *bits, struct or_err *err)
{
	uint64_t first = tl_part_first(s->opt.part) + (uint64_t)block * TL_PART_BLOCK;
	uint64_t times[TL_PART_BLOCK];
	uint16_t rows[TL_PART_BLOCK];
	size_t n = list_rows(bits, rows), all;
	enum or_code rc = tl_part_block(s->opt.part, s->time, block, times, &all, err);

	for (size_t i = 0; i < n && !rc; i++) {
		const struct co_run_place place = {times[rows[i]], first + rows[i], s->opt.shard};

		rc = co_run_keep(s->opt.run, &place, err);
	}
	return rc;
}

/* How often each value comes; flush_counts makes groups of them when the part is read. */
static enum or_code count_values(
    struct co_part_scan *s, uint32_t block, const uint64_t *bits, struct or_err *err)
{
	uint64_t v[TL_PART_BLOCK];
	size_t n;
	enum or_code rc = tl_part_block(s->opt.part, s->keys[0].column.at[0], block, v, &n, err);

	for (size_t w = 0; w < CO_SIEVE_WORDS && !rc; w++) {
		if (bits[w] == UINT64_MAX) {
			for (size_t i = 0; i < 64; i++)
				s->counts[v[w * 64 + i]]++;
			continue;
		}
		for (uint64_t word = bits[w]; word; word &= word - 1)
			s->counts[v[w * 64 + (size_t)__builtin_ctzll(word)]]++;
	}
	return rc;
}

static enum or_code flush_counts(struct co_part_scan *s, struct or_err *err)
{
	const uint64_t numbers[CO_QUERY_MEASURES_MAX] = {0};
	enum or_code rc = OR_OK;
	uint32_t id;

	for (uint64_t i = 0; s->counts && i < s->keys[0].n_codes && !rc; i++) {
		if (!s->counts[i])
			continue;
		rc = value_of(s, 0, (const uint64_t[CO_COLUMN_MAX]){i}, &id, err);
		if (!rc)
			rc = co_groups_add(s->groups, &id, numbers, s->counts[i], err);
		s->counts[i] = 0;
	}
	return rc;
}

static enum or_code take_rows(
    struct co_part_scan *s, uint32_t block, const uint64_t *bits, struct or_err *err)
{
	if (s->counts)
		return count_values(s, block, bits, err);
	return s->opt.q->is_count || s->opt.q->n_dedup ? add_groups(s, block, bits, err)
						       : keep_places(s, block, bits, err);
}

static enum or_code read_block(struct co_part_scan *s, uint32_t block, struct or_err *err)
{
	uint64_t records[CO_SIEVE_WORDS], bits[CO_SIEVE_WORDS];
	struct co_plan *plan = co_run_plan(s->opt.run);
	size_t n, n_records, passed;
	enum or_code rc = tl_part_block_records(s->opt.part, block, records, &n, err);

	if (rc)
		return rc;
	n_records = count_bits(records);
	memcpy(bits, records, sizeof(bits));
	if (co_sieve_is_empty(s->sieve))
		memset(bits, 0, sizeof(bits));
	rc = co_sieve_block(s->sieve, block, bits, err);
	if (rc)
		return rc;
	passed = count_bits(bits);
	plan->blocks_read++;
	plan->rows_columns += n_records;
	if (n_records < n && tl_part_has_kept_records(s->opt.part))
		rc = feed_others(s, block, records, n, err);
	if (rc)
		return rc;
	if (!co_sieve_is_exact(s->sieve) || (passed && !s->has_columns)) {
		/* The run counts these itself. */
		co_run_count(s->opt.run, n_records - passed, 0);
		return feed_rows(s, block, bits, err);
	}
	co_run_count(s->opt.run, n_records, passed);
	return passed ? take_rows(s, block, bits, err) : OR_OK;
}

enum or_code co_part_scan_step(
    struct co_part_scan *s, size_t blocks, uint64_t *damaged, struct or_err *err)
{
	enum or_code rc = OR_OK;

	for (; blocks && s->left && !rc; blocks--) {
		rc = read_block(s, --s->left, err);
		if (rc == OR_CORRUPT)
			*damaged += TL_PART_BLOCK;
	}
	if (!rc && !s->left)
		rc = flush_counts(s, err);
	if (rc)
		return rc;
	return s->left ? OR_AGAIN : OR_OK;
}
