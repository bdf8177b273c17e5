/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/query/rows.h"

#include "base/mem.h"
#include "collector/query/match.h"

#include <stdlib.h>

enum { ROWS_FIRST = 64, ORDER_MAX = 64 * 1024 };

struct row {
	struct co_run_place place;
	struct or_slice order; /* bytes that compare as what the query sorts by; owned */
	bool is_there;         /* of those that are kept by group */
};

struct co_rows {
	const struct co_query *q;
	/* Without groups: a heap whose first is the worst, until finish sorts it. */
	struct row *rows;
	size_t n, cap;
	size_t bytes; /* of orders */
	struct or_buf order, scratch;
};

struct co_rows *co_rows_new(const struct co_query *q)
{
	struct co_rows *r = or_mem_new(sizeof(*r));

	*r = (struct co_rows){.q = q};
	or_buf_init(&r->order, ORDER_MAX);
	or_buf_init(&r->scratch, CO_MATCH_SCRATCH);
	return r;
}

static void free_order(struct co_rows *r, struct row *row)
{
	r->bytes -= row->order.n;
	or_mem_free((void *)(uintptr_t)row->order.p);
	row->order = OR_SLICE_NONE;
}

void co_rows_free(struct co_rows *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		free_order(r, &r->rows[i]);
	or_mem_free(r->rows);
	or_buf_done(&r->order);
	or_buf_done(&r->scratch);
	or_mem_free(r);
}

/* ---- order */

/* So that a text is before a longer one that begins with it, whatever comes behind. */
static void put_text(struct or_buf *out, struct or_slice s)
{
	for (size_t i = 0; i < s.n && i < CO_ROWS_TEXT_MAX; i++) {
		or_buf_put_byte(out, s.p[i]);
		if (s.p[i] == 0)
			or_buf_put_byte(out, 0xff);
	}
	or_buf_put(out, "\0", 2);
}

static void put_value(
    struct co_rows *r, const struct co_query_field *f, const struct wire_audit *record)
{
	enum wire_field_type type = wire_field_type(f->field);
	struct wire_field_value v;

	wire_field_get(&v, f->field, record, f->name, &r->scratch);
	if (type == WIRE_FIELD_INT || type == WIRE_FIELD_TIME) {
		for (int shift = 56; shift >= 0; shift -= 8)
			or_buf_put_byte(&r->order, (uint8_t)(v.i >> shift));
	} else if (type == WIRE_FIELD_LIST) {
		for (size_t i = 0; i < v.n; i++)
			put_text(&r->order, v.list[i]);
		or_buf_put(&r->order, "\0", 2);
	} else {
		put_text(&r->order, v.s);
	}
}

/* Into r->order. */
static void make_order(struct co_rows *r, const struct wire_audit *record)
{
	or_buf_clear(&r->order);
	for (size_t i = 0; i < r->q->n_sorts; i++) {
		size_t from = r->order.n;

		put_value(r, &r->q->sorts[i].field, record);
		for (; r->q->sorts[i].descending && from < r->order.n; from++)
			r->order.p[from] = (uint8_t)~r->order.p[from];
	}
}

/* > 0: a is the newer one. */
static int compare_places(const struct co_run_place *a, const struct co_run_place *b)
{
	if (a->time_ns != b->time_ns)
		return a->time_ns > b->time_ns ? 1 : -1;
	if (a->shard != b->shard)
		return a->shard > b->shard ? 1 : -1;
	return (a->index > b->index) - (a->index < b->index);
}

/* < 0: a comes first. */
static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = or_slice_cmp(x->order, y->order);

	return order ? order : -compare_places(&x->place, &y->place);
}

static void swap_rows(struct row *a, struct row *b)
{
	struct row t = *a;

	*a = *b;
	*b = t;
}

static void sift_up(struct row *heap, size_t i)
{
	for (; i && compare_rows(&heap[i], &heap[(i - 1) / 2]) > 0; i = (i - 1) / 2)
		swap_rows(&heap[i], &heap[(i - 1) / 2]);
}

static void sift_down(struct row *heap, size_t n)
{
	size_t i = 0;

	for (;;) {
		size_t worst = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++) {
			if (compare_rows(&heap[child], &heap[worst]) > 0)
				worst = child;
		}
		if (worst == i)
			return;
		swap_rows(&heap[i], &heap[worst]);
		i = worst;
	}
}

/* ---- keeping */

static void grow(struct co_rows *r, size_t n)
{
	size_t cap = r->cap ? 2 * r->cap : ROWS_FIRST;

	if (n <= r->cap)
		return;
	cap = cap < n ? n : cap;
	r->rows = or_mem_resize(r->rows, cap * sizeof(*r->rows));
	r->cap = cap;
}

/* Gives the row its own copy of r->order. OR_FULL. */
static enum or_code set_row(
    struct co_rows *r, struct row *row, const struct co_run_place *place, struct or_err *err)
{
	uint8_t *own;

	free_order(r, row);
	row->place = *place;
	row->is_there = true;
	if (r->order.n == 0)
		return OR_OK;
	if (r->bytes + r->order.n > CO_ROWS_BYTES_MAX || !or_buf_ok(&r->order))
		return or_err_set(err, OR_FULL,
		    "what the query sorts by takes more than %llu MiB: sort by shorter fields, or "
		    "show fewer rows",
		    CO_ROWS_BYTES_MAX / OR_MIB);
	own = or_mem_array(r->order.n, 1);
	memcpy(own, r->order.p, r->order.n);
	row->order = or_slice(own, r->order.n);
	r->bytes += r->order.n;
	return OR_OK;
}

enum or_code co_rows_keep(struct co_rows *r, const struct co_run_place *place,
    const struct wire_audit *record, struct or_err *err)
{
	struct row new = {.place = *place};
	enum or_code rc;

	or_buf_clear(&r->order);
	if (r->q->n_sorts)
		make_order(r, record);
	new.order = or_buf_slice(&r->order);
	if (r->n == r->q->limit) {
		if (compare_rows(&new, &r->rows[0]) > 0)
			return OR_OK;
		rc = set_row(r, &r->rows[0], place, err);
		sift_down(r->rows, r->n);
		return rc;
	}
	grow(r, r->n + 1);
	r->rows[r->n] = (struct row){.is_there = true};
	rc = set_row(r, &r->rows[r->n], place, err);
	sift_up(r->rows, r->n++);
	return rc;
}

enum or_code co_rows_keep_newest(struct co_rows *r, size_t group, const struct co_run_place *place,
    const struct wire_audit *record, struct or_err *err)
{
	grow(r, group + 1);
	for (; r->n <= group; r->n++)
		r->rows[r->n] = (struct row){.is_there = false};
	if (r->rows[group].is_there && compare_places(place, &r->rows[group].place) < 0)
		return OR_OK;
	or_buf_clear(&r->order);
	if (r->q->n_sorts)
		make_order(r, record);
	return set_row(r, &r->rows[group], place, err);
}

bool co_rows_wants(const struct co_rows *r, uint64_t time_ns)
{
	return r->q->n_sorts || r->q->n_dedup || r->n < r->q->limit ||
	       time_ns >= r->rows[0].place.time_ns;
}

void co_rows_finish(struct co_rows *r)
{
	if (r->n)
		qsort(r->rows, r->n, sizeof(*r->rows), compare_rows);
}

size_t co_rows_n(const struct co_rows *r)
{
	return r->n < r->q->limit ? r->n : r->q->limit;
}

const struct co_run_place *co_rows_get(const struct co_rows *r, size_t i)
{
	return &r->rows[i].place;
}
