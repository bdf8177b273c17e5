/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/query/groups.h"

#include "base/json.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/str.h"
#include "collector/query/expr.h"
#include "collector/query/match.h"
#include "proto/json.h"
#include "tlog/intern.h"

#include <stdlib.h>

enum { KEY_MAX = 128 * 1024 };

/* What a group knows of one measure. */
struct cell {
	unsigned __int128 number; /* SUM, AVG; MIN, MAX; DISTINCT: how many */
	uint64_t *many;           /* DISTINCT: a bit for each value; QUANTILE: the numbers */
	size_t n, cap;
};

struct co_groups {
	const struct co_query *q;
	struct co_query_field fields[CO_GROUPS_FIELDS];
	size_t n_fields, n_by;                  /* with the distinct ones, without */
	size_t distinct[CO_QUERY_MEASURES_MAX]; /* the field of a measure, where it is one */
	struct tl_intern values;
	size_t n, cap;
	uint32_t *ids;      /* n_by of each group */
	uint64_t *counts;   /* of each */
	struct cell *cells; /* n_measures of each */
	uint32_t *slots;    /* by ids: group + 1; 0 is free */
	size_t n_slots;
	size_t last;  /* the group that was found last */
	size_t bytes; /* of cells' many */
	struct or_buf key, scratch;

	/* After finish. */
	struct or_arena *lines;
	struct or_slice *keys; /* of each group: its fields as members of a JSON object */
	struct or_slice
	    *orders; /* n_sorts of each: what it is sorted by, to be compared as bytes */
	uint32_t *sorted;
	size_t n_sorted;
};

/* Fields that are named twice count once. */
static void list_fields(struct co_groups *g, const struct co_query_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool again = false;

		for (size_t j = 0; j < g->n_fields && !again; j++)
			again = or_slice_eq(g->fields[j].name, fields[i].name);
		if (!again)
			g->fields[g->n_fields++] = fields[i];
	}
	g->n_by = g->n_fields;
}

struct co_groups *co_groups_new(const struct co_query *q)
{
	struct co_groups *g = or_mem_new(sizeof(*g));

	*g = (struct co_groups){.q = q};
	or_buf_init(&g->scratch, CO_MATCH_SCRATCH);
	or_buf_init(&g->key, KEY_MAX);
	tl_intern_init(&g->values);
	if (q->is_count)
		list_fields(g, q->fields, q->n_fields);
	else
		list_fields(g, q->dedup, q->n_dedup);
	for (size_t i = 0; i < q->n_measures; i++) {
		if (q->measures[i].kind != CO_QUERY_DISTINCT)
			continue;
		g->distinct[i] = g->n_fields;
		g->fields[g->n_fields++] = q->measures[i].of;
	}
	return g;
}

void co_groups_free(struct co_groups *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n * g->q->n_measures; i++)
		or_mem_free(g->cells[i].many);
	or_buf_done(&g->scratch);
	or_buf_done(&g->key);
	tl_intern_done(&g->values);
	or_arena_free(g->lines);
	or_mem_free(g->ids);
	or_mem_free(g->counts);
	or_mem_free(g->cells);
	or_mem_free(g->slots);
	or_mem_free(g->keys);
	or_mem_free(g->orders);
	or_mem_free(g->sorted);
	or_mem_free(g);
}

size_t co_groups_fields(const struct co_groups *g)
{
	return g->n_fields;
}

const struct co_query_field *co_groups_field(const struct co_groups *g, size_t i)
{
	return &g->fields[i];
}

uint32_t co_groups_value(struct co_groups *g, size_t i, const struct wire_audit *record)
{
	const struct co_query_field *f = &g->fields[i];
	struct wire_field_value v;
	struct or_jsonw w;

	or_buf_clear(&g->key);
	or_jsonw_init(&w, &g->key, 0);
	wire_field_get(&v, f->field, record, f->name, &g->scratch);
	if (f->bucket_ns)
		v.i -= v.i % (uint64_t)f->bucket_ns;
	wire_json_value(&w, &v);
	return tl_intern_put(&g->values, or_buf_slice(&g->key));
}

/* ---- finding */

static uint64_t hash_ids(const struct co_groups *g, const uint32_t *ids)
{
	uint64_t h = 0;

	for (size_t i = 0; i < g->n_by; i++)
		h = (h ^ ids[i]) * 0x9e3779b97f4a7c15ULL;
	return h >> 17;
}

static const uint32_t *ids_of(const struct co_groups *g, size_t group)
{
	return g->ids + group * g->n_by;
}

static bool has_ids(const struct co_groups *g, size_t group, const uint32_t *ids)
{
	return g->n_by == 0 || memcmp(ids_of(g, group), ids, g->n_by * sizeof(*ids)) == 0;
}

static void grow_slots(struct co_groups *g)
{
	or_mem_free(g->slots);
	g->n_slots = g->n_slots ? 2 * g->n_slots : 256;
	g->slots = or_mem_array(g->n_slots, sizeof(*g->slots));
	for (size_t i = 0; i < g->n; i++) {
		size_t at = hash_ids(g, ids_of(g, i)) & (g->n_slots - 1);

		while (g->slots[at])
			at = (at + 1) & (g->n_slots - 1);
		g->slots[at] = (uint32_t)i + 1;
	}
}

static void new_group(struct co_groups *g, const uint32_t *ids)
{
	size_t measures = g->q->n_measures;

	if (g->n == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 64;
		g->ids = or_mem_resize(g->ids, (g->cap * g->n_by + 1) * sizeof(*g->ids));
		g->counts = or_mem_resize(g->counts, g->cap * sizeof(*g->counts));
		g->cells = or_mem_resize(g->cells, (g->cap * measures + 1) * sizeof(*g->cells));
	}
	if (g->n_by)
		memcpy(g->ids + g->n * g->n_by, ids, g->n_by * sizeof(*ids));
	g->counts[g->n] = 0;
	for (size_t i = 0; i < measures; i++)
		g->cells[g->n * measures + i] = (struct cell){.n = 0};
	g->last = g->n++;
}

static enum or_code fail_full(const struct co_groups *g, struct or_err *err)
{
	if (g->bytes > CO_GROUPS_SETS_MAX)
		return or_err_set(err, OR_FULL,
		    "the query needs more than %llu MiB for what is distinct or for its quantiles: "
		    "narrow the filter or the time",
		    CO_GROUPS_SETS_MAX / OR_MIB);
	if (g->values.n_bytes > CO_GROUPS_KEYS_MAX)
		return or_err_set(err, OR_FULL,
		    "the values that the query groups by take more than %llu MiB: narrow the "
		    "filter, "
		    "or count by fewer fields",
		    CO_GROUPS_KEYS_MAX / OR_MIB);
	return or_err_set(err, OR_FULL,
	    "the query makes more than %d groups: narrow the filter, or count by fewer fields",
	    CO_GROUPS_MAX);
}

enum or_code co_groups_find(
    struct co_groups *g, const uint32_t *ids, size_t *out, struct or_err *err)
{
	size_t at;

	if (g->values.n_bytes > CO_GROUPS_KEYS_MAX || g->bytes > CO_GROUPS_SETS_MAX)
		return fail_full(g, err);
	if (!g->n || !has_ids(g, g->last, ids)) {
		if (2 * (g->n + 1) > g->n_slots)
			grow_slots(g);
		for (at = hash_ids(g, ids) & (g->n_slots - 1); g->slots[at];
		     at = (at + 1) & (g->n_slots - 1)) {
			g->last = g->slots[at] - 1;
			if (has_ids(g, g->last, ids))
				break;
		}
		if (!g->slots[at]) {
			if (g->n == CO_GROUPS_MAX)
				return fail_full(g, err);
			new_group(g, ids);
			g->slots[at] = (uint32_t)g->n;
		}
	}
	*out = g->last;
	return OR_OK;
}

/* ---- measuring */

static void grow_many(struct co_groups *g, struct cell *c, size_t n)
{
	size_t cap = n + n / 2;

	c->many = or_mem_resize(c->many, cap * sizeof(*c->many));
	memset(c->many + c->cap, 0, (cap - c->cap) * sizeof(*c->many));
	g->bytes += (cap - c->cap) * sizeof(*c->many);
	c->cap = cap;
}

static void see(struct co_groups *g, struct cell *c, uint32_t id)
{
	size_t word = id / 64;

	if (word >= c->cap)
		grow_many(g, c, word + 1);
	c->number += !(c->many[word] >> id % 64 & 1);
	c->many[word] |= 1ULL << id % 64;
}

static void remember(struct co_groups *g, struct cell *c, uint64_t number, uint64_t times)
{
	for (; times && g->bytes <= CO_GROUPS_SETS_MAX; times--) {
		if (c->n == c->cap)
			grow_many(g, c, c->n + 8);
		c->many[c->n++] = number;
	}
}

static void measure(struct co_groups *g, struct cell *c, const struct co_query_measure *m,
    uint64_t number, uint32_t id, uint64_t before, uint64_t times)
{
	switch (m->kind) {
	case CO_QUERY_COUNT: break;
	case CO_QUERY_DISTINCT: see(g, c, id); break;
	case CO_QUERY_SUM:
	case CO_QUERY_AVG: c->number += (unsigned __int128)number * times; break;
	case CO_QUERY_MIN:
		c->number = before == 0 || number < c->number ? number : c->number;
		break;
	case CO_QUERY_MAX: c->number = number > c->number ? number : c->number; break;
	case CO_QUERY_QUANTILE: remember(g, c, number, times); break;
	}
}

enum or_code co_groups_add(struct co_groups *g, const uint32_t *ids,
    const uint64_t numbers[CO_QUERY_MEASURES_MAX], uint64_t times, struct or_err *err)
{
	size_t at;
	enum or_code rc = co_groups_find(g, ids, &at, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < g->q->n_measures; i++)
		measure(g, &g->cells[at * g->q->n_measures + i], &g->q->measures[i], numbers[i],
		    ids[g->distinct[i]], g->counts[at], times);
	g->counts[at] += times;
	return OR_OK;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t quantile_of(const struct cell *c, uint32_t millionths)
{
	unsigned __int128 place = (unsigned __int128)c->n * millionths;
	uint64_t rank = (uint64_t)((place + 999999) / 1000000);

	return c->n ? c->many[rank ? rank - 1 : 0] : 0;
}

static uint64_t value_of(const struct co_groups *g, size_t group, size_t i)
{
	const struct co_query_measure *m = &g->q->measures[i];
	const struct cell *c = &g->cells[group * g->q->n_measures + i];

	switch (m->kind) {
	case CO_QUERY_COUNT: return g->counts[group];
	case CO_QUERY_AVG: return (uint64_t)(c->number / g->counts[group]);
	case CO_QUERY_QUANTILE: return quantile_of(c, m->millionths);
	case CO_QUERY_DISTINCT:
	case CO_QUERY_SUM:
	case CO_QUERY_MIN:
	case CO_QUERY_MAX: break;
	}
	return c->number > UINT64_MAX ? UINT64_MAX : (uint64_t)c->number;
}

/* ---- order */

struct subject {
	const struct co_groups *g;
	size_t group;
};

static bool passes(void *arg, const struct co_query_expr *e)
{
	const struct subject *s = arg;

	return co_match_number(value_of(s->g, s->group, e->measure), e);
}

/* {"field":value,…} */
static struct or_slice make_key(struct co_groups *g, size_t group)
{
	struct or_jsonw w;

	or_buf_clear(&g->key);
	or_jsonw_init(&w, &g->key, 0);
	or_jsonw_object(&w);
	for (size_t i = 0; i < g->n_by; i++) {
		or_jsonw_key_slice(&w, g->fields[i].name);
		or_jsonw_raw(&w, tl_intern_get(&g->values, ids_of(g, group)[i]));
	}
	or_jsonw_end(&w);
	return or_arena_dup(g->lines, or_buf_slice(&g->key));
}

static void put_number(struct or_buf *out, uint64_t v)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		or_buf_put_byte(out, (uint8_t)(v >> shift));
}

/* A value's JSON as bytes that compare as the value does: absent is 0 or "". */
static struct or_slice order_of(
    struct co_groups *g, const struct co_query_field *f, struct or_slice json)
{
	enum wire_field_type type = wire_field_type(f->field);
	const struct or_json *v = NULL;
	int64_t ns = 0;
	uint64_t n = 0;

	if (type == WIRE_FIELD_INT) {
		n = or_str_u64(&n, json) == OR_OK ? n : 0;
	} else {
		if (or_json_parse(&v, json, g->lines, NULL) || v->type != OR_JSON_STR)
			return type == WIRE_FIELD_LIST ? or_arena_dup(g->lines, json)
						       : OR_SLICE_NONE;
		if (type != WIRE_FIELD_TIME)
			return v->s;
		n = or_str_time_parse(&ns, v->s) == OR_OK ? (uint64_t)ns : 0;
	}
	or_buf_clear(&g->key);
	put_number(&g->key, n);
	return or_arena_dup(g->lines, or_buf_slice(&g->key));
}

static void make_orders(struct co_groups *g, size_t group)
{
	for (size_t s = 0; s < g->q->n_sorts; s++) {
		const struct co_query_sort *sort = &g->q->sorts[s];

		for (size_t i = 0; sort->measure < 0 && i < g->n_by; i++) {
			if (or_slice_eq(g->fields[i].name, sort->field.name))
				g->orders[group * g->q->n_sorts + s] = order_of(g, &g->fields[i],
				    tl_intern_get(&g->values, ids_of(g, group)[i]));
		}
	}
}

static int compare_measure(const struct co_groups *g, size_t a, size_t b, size_t i)
{
	uint64_t x = value_of(g, a, i), y = value_of(g, b, i);

	return (x > y) - (x < y);
}

static int in_order(const void *a, const void *b, void *groups)
{
	const struct co_groups *g = groups;
	size_t x = *(const uint32_t *)a, y = *(const uint32_t *)b, n = g->q->n_sorts;
	int order = 0;

	for (size_t s = 0; s < n && order == 0; s++) {
		const struct co_query_sort *sort = &g->q->sorts[s];

		order = sort->measure < 0 ? or_slice_cmp(g->orders[x * n + s], g->orders[y * n + s])
					  : compare_measure(g, x, y, (size_t)sort->measure);
		order = sort->descending ? -order : order;
	}
	if (order == 0 && n == 0)
		order = -compare_measure(g, x, y, 0);
	return order ? order : or_slice_cmp(g->keys[x], g->keys[y]);
}

void co_groups_finish(struct co_groups *g)
{
	size_t measures = g->q->n_measures;

	g->lines = or_arena_new(0);
	g->keys = or_mem_array(g->n + 1, sizeof(*g->keys));
	g->orders = or_mem_array(g->n * g->q->n_sorts + 1, sizeof(*g->orders));
	g->sorted = or_mem_array(g->n + 1, sizeof(*g->sorted));
	for (size_t i = 0; i < g->n; i++) {
		struct subject s = {g, i};

		for (size_t m = 0; m < measures; m++) {
			if (g->q->measures[m].kind == CO_QUERY_QUANTILE &&
			    g->cells[i * measures + m].n)
				qsort(g->cells[i * measures + m].many, g->cells[i * measures + m].n,
				    sizeof(uint64_t), by_number);
		}
		if (g->q->having && !co_match_tree(g->q->having, passes, &s))
			continue;
		g->keys[i] = make_key(g, i);
		make_orders(g, i);
		g->sorted[g->n_sorted++] = (uint32_t)i;
	}
	if (g->n_sorted && measures)
		qsort_r(g->sorted, g->n_sorted, sizeof(*g->sorted), in_order, g);
}

size_t co_groups_n(const struct co_groups *g)
{
	return g->sorted ? g->n_sorted : g->n;
}

void co_groups_put(struct co_groups *g, size_t i, struct or_buf *out)
{
	size_t group = g->sorted[i];

	for (size_t m = 0; m < g->q->n_measures; m++) {
		or_buf_put_str(out, m ? ",\"" : "{\"");
		or_buf_put_slice(out, g->q->measures[m].name);
		or_buf_put_str(out, "\":");
		or_buf_put_u64(out, value_of(g, group, m));
	}
	if (g->keys[group].n > 2)
		or_buf_put_byte(out, ',');
	or_buf_put_slice(out, or_slice_from(g->keys[group], 1));
	or_buf_put_byte(out, '\n');
}
