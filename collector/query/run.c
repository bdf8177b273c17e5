/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/query/run.h"

#include "base/jsonw.h"
#include "base/map.h"
#include "base/mem.h"
#include "collector/query/match.h"
#include "proto/json.h"

#include <stdlib.h>

enum { PLACES_FIRST = 64, KEY_MAX = 128 * 1024 };

struct group {
	uint64_t count;
	struct or_slice key; /* its fields as members of a JSON object: equal text, equal values */
};

struct co_run {
	const struct co_query *q;
	uint64_t scanned;
	uint64_t matched;
	size_t next; /* row that co_run_next_… gives */
	struct or_buf scratch;

	/* Records: a heap whose first is the oldest, until finish sorts it. */
	struct co_run_place *places;
	size_t n_places;
	size_t cap_places;

	struct or_map groups;
	struct or_arena *keys;
	struct or_buf key; /* of the record at hand */
	const struct group **sorted;
};

struct co_run *co_run_new(const struct co_query *q)
{
	struct co_run *run = or_mem_new(sizeof(*run));

	run->q = q;
	or_buf_init(&run->scratch, CO_MATCH_SCRATCH);
	or_buf_init(&run->key, KEY_MAX);
	or_map_init(&run->groups, CO_RUN_GROUPS_MAX);
	run->keys = or_arena_new(CO_RUN_KEYS_MAX);
	return run;
}

void co_run_free(struct co_run *run)
{
	if (!run)
		return;
	or_buf_done(&run->scratch);
	or_buf_done(&run->key);
	or_map_done(&run->groups);
	or_arena_free(run->keys);
	or_mem_free(run->places);
	or_mem_free(run->sorted);
	or_mem_free(run);
}

/* ---- records */

/* > 0: a is the newer one. */
static int compare_places(const struct co_run_place *a, const struct co_run_place *b)
{
	if (a->time_ns != b->time_ns)
		return a->time_ns > b->time_ns ? 1 : -1;
	if (a->shard != b->shard)
		return a->shard > b->shard ? 1 : -1;
	return (a->index > b->index) - (a->index < b->index);
}

static int newest_first(const void *a, const void *b)
{
	return -compare_places(a, b);
}

static void swap_places(struct co_run_place *a, struct co_run_place *b)
{
	struct co_run_place t = *a;

	*a = *b;
	*b = t;
}

static void sift_up(struct co_run_place *heap, size_t i)
{
	for (; i && compare_places(&heap[i], &heap[(i - 1) / 2]) < 0; i = (i - 1) / 2)
		swap_places(&heap[i], &heap[(i - 1) / 2]);
}

static void sift_down(struct co_run_place *heap, size_t n)
{
	size_t i = 0;

	for (;;) {
		size_t oldest = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++) {
			if (compare_places(&heap[child], &heap[oldest]) < 0)
				oldest = child;
		}
		if (oldest == i)
			return;
		swap_places(&heap[i], &heap[oldest]);
		i = oldest;
	}
}

static void keep_place(struct co_run *run, const struct co_run_place *place)
{
	if (run->n_places == run->q->limit) {
		if (compare_places(place, &run->places[0]) > 0) {
			run->places[0] = *place;
			sift_down(run->places, run->n_places);
		}
		return;
	}
	if (run->n_places == run->cap_places) {
		run->cap_places = run->cap_places ? 2 * run->cap_places : PLACES_FIRST;
		run->places = or_mem_resize(run->places, run->cap_places * sizeof(*run->places));
	}
	run->places[run->n_places] = *place;
	sift_up(run->places, run->n_places++);
}

/* ---- groups */

static void put_fields(struct or_jsonw *w, const struct co_query *q,
    const struct wire_audit *record, bool with_absent, struct or_buf *scratch)
{
	for (size_t i = 0; i < q->n_fields; i++) {
		const struct co_query_field *f = &q->fields[i];
		struct wire_field_value v;
		bool again = false;

		for (size_t j = 0; j < i && !again; j++)
			again = or_slice_eq(q->fields[j].name, f->name);
		wire_field_get(&v, f->field, record, f->name, scratch);
		if (again || (v.type == WIRE_FIELD_NONE && !with_absent))
			continue;
		or_jsonw_key_slice(w, f->name);
		wire_json_value(w, &v);
	}
}

static enum or_code add_to_group(
    struct co_run *run, const struct wire_audit *record, struct or_err *err)
{
	struct or_jsonw w;
	struct or_slice key;
	struct group *g;

	or_buf_clear(&run->key);
	or_jsonw_init(&w, &run->key, 0);
	or_jsonw_object(&w);
	put_fields(&w, run->q, record, true, &run->scratch);
	or_jsonw_end(&w);
	key = or_buf_slice(&run->key);
	g = or_map_find(&run->groups, key);
	if (g) {
		g->count++;
		return OR_OK;
	}
	g = or_arena_alloc(run->keys, sizeof(*g));
	key = or_arena_dup(run->keys, key);
	if (!or_buf_ok(&run->key) || !g || !key.p || or_map_put(&run->groups, key, g) != OR_OK)
		return or_err_set(err, OR_FULL,
		    "the query makes more than %d groups: narrow the filter, or count by fewer "
		    "fields",
		    CO_RUN_GROUPS_MAX);
	g->count = 1;
	g->key = key;
	return OR_OK;
}

static int most_first(const void *a, const void *b)
{
	const struct group *x = *(const struct group *const *)a;
	const struct group *y = *(const struct group *const *)b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return or_slice_cmp(x->key, y->key);
}

/* ---- both */

enum or_code co_run_feed(struct co_run *run, const struct wire_audit *record, uint32_t shard,
    uint64_t index, struct or_err *err)
{
	struct co_run_place place = {record->time_ns, index, shard};

	run->scanned++;
	if (!co_match_record(run->q, record, &run->scratch))
		return OR_OK;
	run->matched++;
	if (run->q->is_count)
		return add_to_group(run, record, err);
	keep_place(run, &place);
	return OR_OK;
}

void co_run_finish(struct co_run *run)
{
	struct or_map_entry *e;
	size_t at = 0, n = 0;

	if (run->n_places)
		qsort(run->places, run->n_places, sizeof(*run->places), newest_first);
	if (!run->q->is_count || !run->groups.n)
		return;
	run->sorted = or_mem_array(run->groups.n, sizeof(*run->sorted));
	while ((e = or_map_next(&run->groups, &at)))
		run->sorted[n++] = e->value;
	qsort(run->sorted, n, sizeof(*run->sorted), most_first);
}

bool co_run_next_place(struct co_run *run, struct co_run_place *out)
{
	if (run->next == run->n_places)
		return false;
	*out = run->places[run->next++];
	return true;
}

bool co_run_next_group(struct co_run *run, struct or_buf *out)
{
	const struct group *g;

	if (!run->sorted || run->next == run->groups.n || run->next == run->q->limit)
		return false;
	g = run->sorted[run->next++];
	or_buf_put_str(out, "{\"count\":");
	or_buf_put_u64(out, g->count);
	if (g->key.n > 2)
		or_buf_put_byte(out, ',');
	or_buf_put_slice(out, or_slice_from(g->key, 1));
	or_buf_put_byte(out, '\n');
	return true;
}

void co_run_put_record(struct or_buf *out, const struct co_query *q, const char *id,
    const struct co_run_place *place, const struct wire_audit *record)
{
	struct or_jsonw w;
	struct or_buf scratch;

	or_jsonw_init(&w, out, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "id", id);
	or_jsonw_kv_u64(&w, "shard", place->shard);
	or_jsonw_kv_u64(&w, "index", place->index);
	or_jsonw_key(&w, "record");
	if (q && q->n_fields) {
		or_buf_init(&scratch, CO_MATCH_SCRATCH);
		or_jsonw_object(&w);
		put_fields(&w, q, record, false, &scratch);
		or_jsonw_end(&w);
		or_buf_done(&scratch);
	} else {
		wire_json_audit(&w, record);
	}
	or_jsonw_end(&w);
	or_buf_put_byte(out, '\n');
}

void co_run_get_summary(const struct co_run *run, struct co_run_summary *out)
{
	size_t rows = run->q->is_count ? run->groups.n : run->matched;

	out->scanned = run->scanned;
	out->matched = run->matched;
	out->truncated = rows > run->q->limit;
	out->shown = out->truncated ? run->q->limit : rows;
	out->fields = run->q->fields;
	out->n_fields = run->q->is_count ? 0 : run->q->n_fields;
}

void co_run_put_summary(struct or_buf *out, const struct co_run_summary *s)
{
	struct or_jsonw w;

	or_jsonw_init(&w, out, 0);
	or_jsonw_object(&w);
	or_jsonw_key(&w, "summary");
	or_jsonw_object(&w);
	or_jsonw_kv_u64(&w, "matched", s->matched);
	or_jsonw_kv_u64(&w, "scanned", s->scanned);
	or_jsonw_kv_u64(&w, "shown", s->shown);
	or_jsonw_kv_bool(&w, "truncated", s->truncated);
	or_jsonw_kv_i64(&w, "took_ms", s->took_ns / OR_NS_PER_MS);
	if (s->damaged) {
		or_jsonw_kv_u64(&w, "damaged", s->damaged);
		or_jsonw_kv_text(&w, "damage", s->damage);
	}
	if (s->n_fields) {
		or_jsonw_key(&w, "fields");
		or_jsonw_array(&w);
		for (size_t i = 0; i < s->n_fields; i++)
			or_jsonw_str(&w, s->fields[i].name);
		or_jsonw_end(&w);
	}
	or_jsonw_end(&w);
	or_jsonw_end(&w);
	or_buf_put_byte(out, '\n');
}
