/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/query/run.h"

#include "base/jsonw.h"
#include "base/mem.h"
#include "collector/query/match.h"
#include "proto/json.h"
#include "tlog/intern.h"

#include <stdlib.h>

enum { PLACES_FIRST = 64, KEY_MAX = 128 * 1024 };

struct group {
	uint64_t count;
	uint64_t number; /* SUM, MIN, MAX, AVG: of what was measured */
	uint64_t *seen;  /* DISTINCT: a bit for each value */
	size_t n_words;
	struct or_slice key; /* its fields as members of a JSON object, made at the end */
	uint32_t ids[CO_RUN_KEYS];
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

	struct co_query_field keys[CO_RUN_KEYS];
	size_t n_keys, n_by;     /* with the distinct one, without */
	struct tl_intern values; /* JSON texts: equal text, equal value */
	struct group *groups;
	size_t n_groups, cap_groups;
	uint32_t *slots; /* by ids: group + 1; 0 is free */
	size_t n_slots;
	size_t last;  /* the group that was added to last */
	size_t bytes; /* of groups' sets */
	struct or_arena *lines;
	struct or_buf key; /* of the record at hand */
	const struct group **sorted;
};

/* Fields that are named twice count once. */
static void list_keys(struct co_run *run)
{
	const struct co_query *q = run->q;

	for (size_t i = 0; i < q->n_fields; i++) {
		bool again = false;

		for (size_t j = 0; j < run->n_keys && !again; j++)
			again = or_slice_eq(run->keys[j].name, q->fields[i].name);
		if (!again)
			run->keys[run->n_keys++] = q->fields[i];
	}
	run->n_by = run->n_keys;
	if (q->measure == CO_QUERY_DISTINCT)
		run->keys[run->n_keys++] = q->of;
}

struct co_run *co_run_new(const struct co_query *q)
{
	struct co_run *run = or_mem_new(sizeof(*run));

	run->q = q;
	or_buf_init(&run->scratch, CO_MATCH_SCRATCH);
	or_buf_init(&run->key, KEY_MAX);
	tl_intern_init(&run->values);
	run->lines = or_arena_new(0);
	if (q->is_count)
		list_keys(run);
	return run;
}

void co_run_free(struct co_run *run)
{
	if (!run)
		return;
	for (size_t i = 0; i < run->n_groups; i++)
		or_mem_free(run->groups[i].seen);
	or_buf_done(&run->scratch);
	or_buf_done(&run->key);
	tl_intern_done(&run->values);
	or_arena_free(run->lines);
	or_mem_free(run->groups);
	or_mem_free(run->slots);
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

size_t co_run_keys(const struct co_run *run)
{
	return run->n_keys;
}

const struct co_query_field *co_run_key(const struct co_run *run, size_t i)
{
	return &run->keys[i];
}

uint32_t co_run_value(struct co_run *run, size_t i, const struct wire_audit *record)
{
	struct wire_field_value v;
	struct or_jsonw w;

	or_buf_clear(&run->key);
	or_jsonw_init(&w, &run->key, 0);
	wire_field_get(&v, run->keys[i].field, record, run->keys[i].name, &run->scratch);
	wire_json_value(&w, &v);
	return tl_intern_put(&run->values, or_buf_slice(&run->key));
}

static uint64_t hash_ids(const struct co_run *run, const uint32_t *ids)
{
	uint64_t h = 0;

	for (size_t i = 0; i < run->n_by; i++)
		h = (h ^ ids[i]) * 0x9e3779b97f4a7c15ULL;
	return h >> 17;
}

static bool has_ids(const struct co_run *run, const struct group *g, const uint32_t *ids)
{
	return memcmp(g->ids, ids, run->n_by * sizeof(*ids)) == 0;
}

static void grow_slots(struct co_run *run)
{
	or_mem_free(run->slots);
	run->n_slots = run->n_slots ? 2 * run->n_slots : 256;
	run->slots = or_mem_array(run->n_slots, sizeof(*run->slots));
	for (size_t i = 0; i < run->n_groups; i++) {
		size_t at = hash_ids(run, run->groups[i].ids) & (run->n_slots - 1);

		while (run->slots[at])
			at = (at + 1) & (run->n_slots - 1);
		run->slots[at] = (uint32_t)i + 1;
	}
}

/* The group of these values, made where it is new; NULL: there are too many. */
static struct group *find_group(struct co_run *run, const uint32_t *ids)
{
	size_t at;

	if (run->n_groups && has_ids(run, &run->groups[run->last], ids))
		return &run->groups[run->last];
	if (2 * (run->n_groups + 1) > run->n_slots)
		grow_slots(run);
	for (at = hash_ids(run, ids) & (run->n_slots - 1); run->slots[at];
	     at = (at + 1) & (run->n_slots - 1)) {
		run->last = run->slots[at] - 1;
		if (has_ids(run, &run->groups[run->last], ids))
			return &run->groups[run->last];
	}
	if (run->n_groups == CO_RUN_GROUPS_MAX)
		return NULL;
	if (run->n_groups == run->cap_groups) {
		run->cap_groups = run->cap_groups ? 2 * run->cap_groups : 64;
		run->groups = or_mem_resize(run->groups, run->cap_groups * sizeof(*run->groups));
	}
	run->last = run->n_groups++;
	run->slots[at] = (uint32_t)run->n_groups;
	run->groups[run->last] = (struct group){.count = 0};
	memcpy(run->groups[run->last].ids, ids, run->n_by * sizeof(*ids));
	return &run->groups[run->last];
}

static void see(struct co_run *run, struct group *g, uint32_t id)
{
	size_t word = id / 64;

	if (word >= g->n_words) {
		size_t n = word + 1 + word / 2;

		g->seen = or_mem_resize(g->seen, n * sizeof(*g->seen));
		memset(g->seen + g->n_words, 0, (n - g->n_words) * sizeof(*g->seen));
		run->bytes += (n - g->n_words) * sizeof(*g->seen);
		g->n_words = n;
	}
	g->number += !(g->seen[word] >> id % 64 & 1);
	g->seen[word] |= 1ULL << id % 64;
}

enum or_code co_run_add(
    struct co_run *run, const uint32_t *ids, uint64_t number, struct or_err *err)
{
	bool is_full = run->values.n_bytes > CO_RUN_KEYS_MAX || run->bytes > CO_RUN_SETS_MAX;
	struct group *g = is_full ? NULL : find_group(run, ids);

	if (!g)
		return or_err_set(err, OR_FULL,
		    "the query makes more than %d groups: narrow the filter, or count by fewer "
		    "fields",
		    CO_RUN_GROUPS_MAX);
	switch (run->q->measure) {
	case CO_QUERY_COUNT: break;
	case CO_QUERY_DISTINCT: see(run, g, ids[run->n_by]); break;
	case CO_QUERY_SUM:
	case CO_QUERY_AVG: g->number += number; break;
	case CO_QUERY_MIN:
		g->number = g->count == 0 || number < g->number ? number : g->number;
		break;
	case CO_QUERY_MAX: g->number = number > g->number ? number : g->number; break;
	}
	g->count++;
	return OR_OK;
}

static enum or_code add_to_group(
    struct co_run *run, const struct wire_audit *record, struct or_err *err)
{
	struct wire_field_value v = {.i = 0};
	uint32_t ids[CO_RUN_KEYS];

	for (size_t i = 0; i < run->n_keys; i++)
		ids[i] = co_run_value(run, i, record);
	if (run->q->measure > CO_QUERY_DISTINCT)
		wire_field_get(&v, run->q->of.field, record, run->q->of.name, &run->scratch);
	return co_run_add(run, ids, v.i, err);
}

static uint64_t measure_of(const struct co_query *q, const struct group *g)
{
	if (q->measure == CO_QUERY_COUNT)
		return g->count;
	return q->measure == CO_QUERY_AVG ? g->number / g->count : g->number;
}

static int most_first(const void *a, const void *b, void *q)
{
	const struct group *x = *(const struct group *const *)a;
	const struct group *y = *(const struct group *const *)b;
	uint64_t i = measure_of(q, x), j = measure_of(q, y);

	if (i != j)
		return i > j ? -1 : 1;
	return or_slice_cmp(x->key, y->key);
}

/* {"field":value,…} */
static struct or_slice make_key(struct co_run *run, const struct group *g)
{
	struct or_jsonw w;

	or_buf_clear(&run->key);
	or_jsonw_init(&w, &run->key, 0);
	or_jsonw_object(&w);
	for (size_t i = 0; i < run->n_by; i++) {
		struct or_slice value = tl_intern_get(&run->values, g->ids[i]);

		or_jsonw_key_slice(&w, run->keys[i].name);
		or_jsonw_raw(&w, value);
	}
	or_jsonw_end(&w);
	return or_arena_dup(run->lines, or_buf_slice(&run->key));
}

static void sort_groups(struct co_run *run)
{
	struct co_query q = *run->q;

	run->sorted = or_mem_array(run->n_groups, sizeof(*run->sorted));
	for (size_t i = 0; i < run->n_groups; i++) {
		run->groups[i].key = make_key(run, &run->groups[i]);
		run->sorted[i] = &run->groups[i];
	}
	qsort_r(run->sorted, run->n_groups, sizeof(*run->sorted), most_first, &q);
}

/* ---- both */

void co_run_count(struct co_run *run, uint64_t scanned, uint64_t matched)
{
	run->scanned += scanned;
	run->matched += matched;
}

void co_run_keep(struct co_run *run, const struct co_run_place *place)
{
	keep_place(run, place);
}

bool co_run_wants(const struct co_run *run, uint64_t time_ns)
{
	return run->q->is_count || run->n_places < run->q->limit ||
	       time_ns >= run->places[0].time_ns;
}

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
	if (run->n_places)
		qsort(run->places, run->n_places, sizeof(*run->places), newest_first);
	if (run->n_groups)
		sort_groups(run);
}

bool co_run_next_place(struct co_run *run, struct co_run_place *out)
{
	if (run->next >= run->n_places)
		return false;
	*out = run->places[run->next++];
	return true;
}

bool co_run_next_group(struct co_run *run, struct or_buf *out)
{
	static const char *const names[] = {"count", "distinct", "sum", "min", "max", "avg"};
	const struct group *g;

	if (!run->sorted || run->next == run->n_groups || run->next == run->q->limit)
		return false;
	g = run->sorted[run->next++];
	or_buf_put_str(out, "{\"");
	or_buf_put_str(out, names[run->q->measure]);
	or_buf_put_str(out, "\":");
	or_buf_put_u64(out, measure_of(run->q, g));
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
	size_t rows = run->q->is_count ? run->n_groups : run->matched;

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
