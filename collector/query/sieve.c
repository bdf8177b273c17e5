/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter's top-level conjunction becomes a list of terms, the most selective first; each is a
 * tree of tests. Within a term every test is exact, or the term lets everything through.
 */
#include "collector/query/sieve.h"

#include "base/mem.h"
#include "base/str.h"
#include "collector/audit/columns.h"
#include "collector/query/column.h"
#include "collector/query/expr.h"
#include "collector/query/match.h"

#include <stdlib.h>

enum { TERMS_MAX = 64, IDS_MAX = 4096, ARENA = 4 * 1024 * 1024, EAGER_MAX = 8192, SMALL_MAX = 256 };

enum answer { UNKNOWN, FAILS, PASSES };

enum test { ALL, NOTHING, CODE, CODES, NUMBER, ASK, IDS };

struct node {
	enum co_expr_kind kind;
	struct node *left, *right;
	const struct co_query_expr *e;
	/* COMPARE */
	enum test test;
	bool negate; /* CODE, CODES */
	struct co_column column;
	uint64_t code, code_end;    /* CODE; CODES: [code, code_end) */
	struct co_column_memo memo; /* ASK: what was answered, by value */
	uint8_t *answers;           /* the same, of a dictionary: by code */
	uint32_t *rows;             /* IDS */
	size_t n_rows;
	double share;          /* of the rows, about */
	enum co_plan_skip why; /* NOTHING: what says so */
};

struct co_sieve {
	const struct co_query *q;
	struct tl_part *part;
	struct node *terms[TERMS_MAX];
	size_t n_terms;
	bool is_empty, is_exact;
	enum co_plan_skip why;  /* it is empty */
	struct or_arena *arena; /* of what is asked */
	struct or_buf scratch;
	int time; /* the column, where the range has to be looked at; -1 */
};

static bool decided(const struct node *n, enum test as)
{
	return n->kind == CO_EXPR_COMPARE && n->test == as;
}

static void decide(struct node *n, enum test as)
{
	n->kind = CO_EXPR_COMPARE;
	n->test = as;
	n->share = as == ALL ? 1 : 0;
}

/* ---- compiling */

/* The first code whose text is not less; *is_there: it is equal. */
static size_t find_code(const struct tl_part_dict *d, struct or_slice text, bool *is_there)
{
	size_t low = 0, high = d->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (or_slice_cmp(d->values[mid], text) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*is_there = low < d->n && or_slice_eq(d->values[low], text);
	return low;
}

/* The first code whose text does not begin with the prefix, from the first one that does. */
static size_t find_prefix_end(const struct tl_part_dict *d, size_t from, struct or_slice prefix)
{
	size_t low = from, high = d->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		struct or_slice v = d->values[mid];

		if (v.n >= prefix.n && (!prefix.n || memcmp(v.p, prefix.p, prefix.n) == 0))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Codes [code, code_end) pass, or all others. */
static void decide_codes(struct node *n, size_t values)
{
	size_t passing = n->code_end - n->code;

	passing = n->negate ? values - passing : passing;
	n->test = n->code_end - n->code == 1 ? CODE : CODES;
	n->share = (double)passing / (double)(values ? values : 1);
	if (passing == 0)
		decide(n, NOTHING);
	else if (passing == values)
		decide(n, ALL);
	n->why = CO_PLAN_VALUE;
}

/* One text, or what begins with one: neighbouring codes. */
static enum or_code compile_text(struct co_sieve *s, struct node *n, struct or_err *err)
{
	struct or_slice text = n->e->operands->text;
	struct tl_part_dict d;
	bool is_there;
	enum or_code rc = tl_part_dict(s->part, n->column.at[0], &d, err);

	if (rc)
		return rc;
	n->negate = n->e->op == CO_EXPR_NE;
	if (n->e->operands->is_pattern) {
		text.n--; /* the star */
		n->code = find_code(&d, text, &is_there);
		n->code_end = find_prefix_end(&d, n->code, text);
	} else {
		n->code = find_code(&d, text, &is_there);
		n->code_end = n->code + is_there;
	}
	decide_codes(n, d.n);
	return OR_OK;
}

/* What the range of a column rules out. */
static void compile_number(struct co_sieve *s, struct node *n)
{
	uint64_t min, max, v = n->e->operands->number;
	bool none = false, all = false;

	tl_part_column_range(s->part, n->column.at[0], &min, &max);
	switch (n->e->op) {
	case CO_EXPR_EQ:
		none = v < min || v > max;
		all = min == max && v == min;
		break;
	case CO_EXPR_NE:
		all = v < min || v > max;
		none = min == max && v == min;
		break;
	case CO_EXPR_LT:
		none = min >= v;
		all = max < v;
		break;
	case CO_EXPR_LE:
		none = min > v;
		all = max <= v;
		break;
	case CO_EXPR_GT:
		none = max <= v;
		all = min > v;
		break;
	case CO_EXPR_GE:
		none = max < v;
		all = min >= v;
		break;
	}
	n->test = NUMBER;
	n->share = n->e->op == CO_EXPR_EQ ? 1 / (double)(max - min + 1) : 0.5;
	n->why = CO_PLAN_RANGE;
	if (none || all)
		decide(n, none ? NOTHING : ALL);
}

/* As ids are written. */
static bool is_lower_hex(struct or_slice s)
{
	bool is = true;

	for (size_t i = 0; i < s.n; i++)
		is = is && !(s.p[i] >= 'A' && s.p[i] <= 'F');
	return is;
}

/* A trace id that is equal, written out whole: its rows. */
static enum or_code compile_id(struct co_sieve *s, struct node *n, bool *exact, struct or_err *err)
{
	int column = tl_part_column_find(s->part, CO_COLUMNS_TRACE, 0);
	struct or_buf id;
	bool is_found;
	enum or_code rc = OR_OK;

	or_buf_init(&id, TL_PART_UNIQUE_LEN);
	is_found = column >= 0 && tl_part_column_kind(s->part, column) == TL_PART_UNIQUE &&
		   n->e->op == CO_EXPR_EQ && !n->e->operands->next &&
		   co_expr_is_plain(n->e->operands) &&
		   or_str_hex_decode(&id, n->e->operands->text) == OR_OK &&
		   id.n == TL_PART_UNIQUE_LEN && is_lower_hex(n->e->operands->text);
	if (is_found) {
		n->rows = or_mem_array(IDS_MAX, sizeof(*n->rows));
		n->test = IDS;
		rc = tl_part_ids_find(s->part, column, id.p, n->rows, IDS_MAX, &n->n_rows, err);
		is_found = n->n_rows < IDS_MAX;
		n->why = CO_PLAN_ID;
		if (n->n_rows == 0)
			decide(n, NOTHING);
	}
	or_buf_done(&id);
	*exact = *exact && is_found;
	return rc;
}

static bool has_range(const struct node *n)
{
	return n->e->operands->has_number && co_expr_is_plain(n->e->operands) &&
	       !n->e->operands->next && wire_field_names(n->e->field.field) < 0;
}

/* One text, or one with a star at its end and nowhere else. */
static bool is_one_text(const struct node *n)
{
	const struct co_expr_operand *o = n->e->operands;
	bool is_prefix = o->is_pattern && or_str_find(o->text, '*', 0) == o->text.n - 1;

	return (n->e->op == CO_EXPR_EQ || n->e->op == CO_EXPR_NE) &&
	       (co_expr_is_plain(o) || is_prefix) && !o->next &&
	       co_column_is_text(n->e->field.field);
}

/* The answer for a value, from a record that has only it. */
static enum or_code ask_value(struct co_sieve *s, struct node *n,
    const uint64_t values[CO_COLUMN_MAX], bool *passes, struct or_err *err)
{
	struct wire_audit record;
	enum or_code rc;

	or_arena_clear(s->arena);
	rc = co_column_fill(&record, s->part, &n->column, values, s->arena, err);
	if (!rc)
		*passes = co_match_compare(n->e, &record, &s->scratch);
	return rc;
}

/* How many values a column can have, where that is known: codes, or small numbers. *from: the
 * smallest. */
static enum or_code count_values(
    struct co_sieve *s, struct node *n, uint64_t *from, size_t *end, struct or_err *err)
{
	int column = n->column.at[0];
	enum tl_part_kind kind = tl_part_column_kind(s->part, column);
	struct tl_part_dict d;
	uint64_t max;
	enum or_code rc;

	*from = *end = 0;
	if (n->column.n != 1)
		return OR_OK;
	if (kind == TL_PART_BYTES || kind == TL_PART_LIST) {
		rc = tl_part_dict(s->part, column, &d, err);
		*end = rc ? 0 : d.n;
		return rc;
	}
	tl_part_column_range(s->part, column, from, &max);
	if (kind == TL_PART_VARINT && max < SMALL_MAX)
		*end = (size_t)max + 1;
	return OR_OK;
}

/* Where there are not many values, each is asked at once: then it is known what none has, and one
 * that alone passes is a code. */
static enum or_code compile_answers(struct co_sieve *s, struct node *n, struct or_err *err)
{
	size_t passing = 0, end;
	bool passes = false;
	uint64_t from;
	enum or_code rc = count_values(s, n, &from, &end, err);

	n->test = ASK;
	n->share = n->e->op == CO_EXPR_EQ ? 0.1 : 0.9;
	if (rc || end == 0)
		return rc;
	n->answers = or_mem_array(end, 1);
	if (end > EAGER_MAX)
		return OR_OK;
	for (uint64_t i = from; i < end && !rc; i++) {
		rc = ask_value(s, n, (const uint64_t[CO_COLUMN_MAX]){i}, &passes, err);
		n->answers[i] = passes ? PASSES : FAILS;
		passing += passes;
		n->code = passes ? i : n->code;
	}
	if (rc)
		return rc;
	n->share = (double)passing / (double)(end - from);
	n->test = passing == 1 ? CODE : ASK;
	if (passing == 0 || passing == end - from)
		decide(n, passing ? ALL : NOTHING);
	n->why = CO_PLAN_VALUE;
	return OR_OK;
}

static enum or_code compile_compare(
    struct co_sieve *s, struct node *n, bool *exact, struct or_err *err)
{
	const struct wire_field *f = n->e->field.field;

	co_column_find(&n->column, s->part, f);
	if (n->column.n == 0 && strcmp(wire_field_name(f), "trace_id") == 0)
		return compile_id(s, n, exact, err);
	if (n->column.n == 0) {
		*exact = false;
		return OR_OK;
	}
	if (is_one_text(n))
		return compile_text(s, n, err);
	if (has_range(n)) {
		compile_number(s, n);
		return OR_OK;
	}
	return compile_answers(s, n, err);
}

/* Takes a node's children together where they are known. */
static void fold(struct node *n)
{
	enum test decisive = n->kind == CO_EXPR_OR ? ALL : NOTHING;
	enum test neutral = n->kind == CO_EXPR_OR ? NOTHING : ALL;

	n->why = decided(n->left, NOTHING) ? n->left->why : CO_PLAN_FILTER;
	if (n->kind == CO_EXPR_NOT) {
		n->share = 1 - n->left->share;
		if (decided(n->left, ALL) || decided(n->left, NOTHING))
			decide(n, decided(n->left, ALL) ? NOTHING : ALL);
		return;
	}
	n->share = n->kind == CO_EXPR_AND ? n->left->share * n->right->share
					  : n->left->share + n->right->share;
	if (decided(n->left, decisive) || decided(n->right, decisive))
		decide(n, decisive);
	else if (decided(n->left, neutral) && decided(n->right, neutral))
		decide(n, neutral);
}

static void free_node(struct node *n)
{
	if (!n)
		return;
	free_node(n->left);
	free_node(n->right);
	co_column_memo_done(&n->memo);
	or_mem_free(n->answers);
	or_mem_free(n->rows);
	or_mem_free(n);
}

static enum or_code compile(struct co_sieve *s, const struct co_query_expr *e, struct node **out,
    bool *exact, struct or_err *err)
{
	struct node *n = *out = or_mem_new(sizeof(*n));
	enum or_code rc;

	*n = (struct node){.kind = e->kind, .e = e};

	if (e->kind == CO_EXPR_COMPARE)
		return compile_compare(s, n, exact, err);
	rc = compile(s, e->left, &n->left, exact, err);
	if (!rc && e->kind != CO_EXPR_NOT)
		rc = compile(s, e->right, &n->right, exact, err);
	if (!rc)
		fold(n);
	return rc;
}

static enum or_code add_term(struct co_sieve *s, const struct co_query_expr *e, struct or_err *err)
{
	bool exact = true;
	struct node *n = NULL;
	enum or_code rc = OR_OK;

	if (s->n_terms < TERMS_MAX)
		rc = compile(s, e, &n, &exact, err);
	else
		exact = false;
	s->is_exact = s->is_exact && exact;
	if (rc || !exact || decided(n, ALL)) {
		free_node(n);
		return rc;
	}
	if (decided(n, NOTHING) && !s->is_empty) {
		s->is_empty = true;
		s->why = n->why;
	}
	s->terms[s->n_terms++] = n;
	return OR_OK;
}

static int most_selective_first(const void *a, const void *b)
{
	const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;

	return (x->share > y->share) - (x->share < y->share);
}

/* False: the query's time range has nothing to do with the part's. */
static void compile_range(struct co_sieve *s)
{
	int column = tl_part_column_find(s->part, CO_COLUMNS_TIME, 0);
	uint64_t min, max;

	s->time = -1;
	if (column < 0)
		return;
	tl_part_column_range(s->part, column, &min, &max);
	/* 0 is what rows have that are no records. */
	if ((int64_t)max < s->q->since_ns || (min && (int64_t)min >= s->q->until_ns)) {
		s->is_empty = true;
		s->why = CO_PLAN_TIME;
	}
	if ((int64_t)min < s->q->since_ns || (int64_t)max >= s->q->until_ns)
		s->time = column;
}

enum or_code co_sieve_new(
    struct co_sieve **out, const struct co_query *q, struct tl_part *part, struct or_err *err)
{
	struct co_sieve *s = or_mem_new(sizeof(*s));
	const struct co_query_expr *e = q->filter;
	enum or_code rc = OR_OK;

	*s = (struct co_sieve){.q = q, .part = part, .is_exact = true};
	s->arena = or_arena_new(ARENA);
	or_buf_init(&s->scratch, CO_MATCH_SCRATCH);
	compile_range(s);
	for (; e && e->kind == CO_EXPR_AND && !rc; e = e->left)
		rc = add_term(s, e->right, err);
	if (e && !rc)
		rc = add_term(s, e, err);
	if (rc) {
		co_sieve_free(s);
		return rc;
	}
	if (s->n_terms)
		qsort(s->terms, s->n_terms, sizeof(struct node *), most_selective_first);
	*out = s;
	return OR_OK;
}

void co_sieve_free(struct co_sieve *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_terms; i++)
		free_node(s->terms[i]);
	or_arena_free(s->arena);
	or_buf_done(&s->scratch);
	or_mem_free(s);
}

bool co_sieve_is_empty(const struct co_sieve *s)
{
	return s->is_empty;
}

enum co_plan_skip co_sieve_why(const struct co_sieve *s)
{
	return s->is_empty ? s->why : CO_PLAN_READ;
}

bool co_sieve_is_exact(const struct co_sieve *s)
{
	return s->is_exact;
}

/* ---- running */

/* The answer for a value, from the memo where it is known. */
static enum or_code ask(struct co_sieve *s, struct node *n, const uint64_t values[CO_COLUMN_MAX],
    bool *passes, struct or_err *err)
{
	uint64_t key = n->column.n == 2 ? values[0] << 32 | values[1] : values[0];
	uint32_t known;
	enum or_code rc;

	if (n->answers)
		known = n->answers[key] == UNKNOWN ? UINT32_MAX : n->answers[key] == PASSES;
	else
		known = co_column_memo_get(&n->memo, key);
	if (known != UINT32_MAX) {
		*passes = known;
		return OR_OK;
	}
	rc = ask_value(s, n, values, passes, err);
	if (rc)
		return rc;
	if (n->answers)
		n->answers[key] = *passes ? PASSES : FAILS;
	else
		co_column_memo_put(&n->memo, key, *passes);
	return OR_OK;
}

static enum or_code ask_block(struct co_sieve *s, struct node *n, uint32_t block,
    uint64_t bits[CO_SIEVE_WORDS], struct or_err *err)
{
	uint64_t v[CO_COLUMN_MAX][TL_PART_BLOCK];
	enum or_code rc = OR_OK;
	size_t rows = 0;
	bool passes;

	for (size_t i = 0; i < n->column.n && !rc; i++)
		rc = tl_part_block(s->part, n->column.at[i], block, v[i], &rows, err);
	for (size_t i = 0; i < rows && !rc; i++) {
		uint64_t values[CO_COLUMN_MAX] = {v[0][i], n->column.n > 1 ? v[1][i] : 0};

		if (!(bits[i / 64] >> i % 64 & 1))
			continue;
		rc = ask(s, n, values, &passes, err);
		if (!rc && !passes)
			bits[i / 64] &= ~(1ULL << i % 64);
	}
	return rc;
}

/* Keeps the rows whose values pass. */
static void keep_equal(const uint64_t *v, size_t n, uint64_t code, bool negate, uint64_t *bits)
{
	for (size_t w = 0; w * 64 < n; w++) {
		size_t end = n - w * 64 < 64 ? n - w * 64 : 64;
		uint64_t found = 0;

		for (size_t i = 0; i < end; i++)
			found |= (uint64_t)(v[w * 64 + i] == code) << i;
		bits[w] &= negate ? ~found : found;
	}
}

static void keep_between(const struct node *n, const uint64_t *v, size_t rows, uint64_t *bits)
{
	uint64_t width = n->code_end - n->code;

	for (size_t i = 0; i < rows; i++) {
		if ((v[i] - n->code < width) == n->negate)
			bits[i / 64] &= ~(1ULL << i % 64);
	}
}

static void keep_numbers(const struct node *n, const uint64_t *v, size_t rows, uint64_t *bits)
{
	for (size_t i = 0; i < rows; i++) {
		if (!co_match_number(v[i], n->e))
			bits[i / 64] &= ~(1ULL << i % 64);
	}
}

static void keep_ids(const struct node *n, uint32_t block, uint64_t *bits)
{
	uint64_t found[CO_SIEVE_WORDS] = {0};

	for (size_t i = 0; i < n->n_rows; i++) {
		uint32_t at = n->rows[i] % TL_PART_BLOCK;

		if (n->rows[i] / TL_PART_BLOCK == block)
			found[at / 64] |= 1ULL << at % 64;
	}
	for (size_t w = 0; w < CO_SIEVE_WORDS; w++)
		bits[w] &= found[w];
}

static enum or_code run_test(struct co_sieve *s, struct node *n, uint32_t block,
    uint64_t bits[CO_SIEVE_WORDS], struct or_err *err)
{
	uint64_t v[TL_PART_BLOCK];
	enum or_code rc;
	size_t rows;

	if (n->test == ALL)
		return OR_OK;
	if (n->test == NOTHING) {
		memset(bits, 0, CO_SIEVE_WORDS * sizeof(*bits));
		return OR_OK;
	}
	if (n->test == IDS) {
		keep_ids(n, block, bits);
		return OR_OK;
	}
	if (n->test == ASK)
		return ask_block(s, n, block, bits, err);
	rc = tl_part_block(s->part, n->column.at[0], block, v, &rows, err);
	if (rc)
		return rc;
	if (n->test == CODE)
		keep_equal(v, rows, n->code, n->negate, bits);
	else if (n->test == CODES)
		keep_between(n, v, rows, bits);
	else
		keep_numbers(n, v, rows, bits);
	return OR_OK;
}

static bool is_any(const uint64_t bits[CO_SIEVE_WORDS])
{
	uint64_t any = 0;

	for (size_t w = 0; w < CO_SIEVE_WORDS; w++)
		any |= bits[w];
	return any != 0;
}

static enum or_code run_node(struct co_sieve *s, struct node *n, uint32_t block,
    uint64_t bits[CO_SIEVE_WORDS], struct or_err *err)
{
	uint64_t other[CO_SIEVE_WORDS];
	enum or_code rc;

	if (n->kind == CO_EXPR_COMPARE)
		return run_test(s, n, block, bits, err);
	memcpy(other, bits, sizeof(other));
	rc = run_node(s, n->left, block, n->kind == CO_EXPR_AND ? bits : other, err);
	if (rc)
		return rc;
	if (n->kind == CO_EXPR_AND)
		return is_any(bits) ? run_node(s, n->right, block, bits, err) : OR_OK;
	if (n->kind == CO_EXPR_NOT) {
		for (size_t w = 0; w < CO_SIEVE_WORDS; w++)
			bits[w] &= ~other[w];
		return OR_OK;
	}
	rc = run_node(s, n->right, block, bits, err);
	for (size_t w = 0; w < CO_SIEVE_WORDS; w++)
		bits[w] |= other[w];
	return rc;
}

static enum or_code keep_range(
    struct co_sieve *s, uint32_t block, uint64_t *bits, struct or_err *err)
{
	uint64_t v[TL_PART_BLOCK];
	size_t rows;
	enum or_code rc = tl_part_block(s->part, s->time, block, v, &rows, err);

	for (size_t i = 0; i < rows && !rc; i++) {
		if ((int64_t)v[i] < s->q->since_ns || (int64_t)v[i] >= s->q->until_ns)
			bits[i / 64] &= ~(1ULL << i % 64);
	}
	return rc;
}

enum or_code co_sieve_block(
    struct co_sieve *s, uint32_t block, uint64_t bits[CO_SIEVE_WORDS], struct or_err *err)
{
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < s->n_terms && !rc && is_any(bits); i++)
		rc = run_node(s, s->terms[i], block, bits, err);
	if (!rc && s->time >= 0 && is_any(bits))
		rc = keep_range(s, block, bits, err);
	return rc;
}
