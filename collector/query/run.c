/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/query/run.h"

#include "base/jsonw.h"
#include "base/mem.h"
#include "collector/query/match.h"
#include "proto/json.h"

struct co_run {
	const struct co_query *q;
	uint64_t scanned;
	uint64_t matched;
	size_t next; /* row that co_run_next_… gives */
	struct or_buf scratch;
	struct co_groups *groups;
	struct co_rows *rows;
	struct co_plan plan;
};

struct co_run *co_run_new(const struct co_query *q)
{
	struct co_run *run = or_mem_new(sizeof(*run));

	*run = (struct co_run){.q = q};
	or_buf_init(&run->scratch, CO_MATCH_SCRATCH);
	run->groups = co_groups_new(q);
	run->rows = co_rows_new(q);
	return run;
}

void co_run_free(struct co_run *run)
{
	if (!run)
		return;
	or_buf_done(&run->scratch);
	co_groups_free(run->groups);
	co_rows_free(run->rows);
	or_mem_free(run);
}

void co_run_count(struct co_run *run, uint64_t scanned, uint64_t matched)
{
	run->scanned += scanned;
	run->matched += matched;
}

enum or_code co_run_keep(struct co_run *run, const struct co_run_place *place, struct or_err *err)
{
	return co_rows_keep(run->rows, place, NULL, err);
}

enum or_code co_run_keep_newest(
    struct co_run *run, const uint32_t *ids, const struct co_run_place *place, struct or_err *err)
{
	size_t group;
	enum or_code rc = co_groups_find(run->groups, ids, &group, err);

	return rc ? rc : co_rows_keep_newest(run->rows, group, place, NULL, err);
}

bool co_run_wants(const struct co_run *run, uint64_t time_ns)
{
	return run->q->is_count || co_rows_wants(run->rows, time_ns);
}

struct co_groups *co_run_groups(struct co_run *run)
{
	return run->groups;
}

struct co_plan *co_run_plan(struct co_run *run)
{
	return &run->plan;
}

static enum or_code add_to_group(
    struct co_run *run, const struct wire_audit *record, const uint32_t *ids, struct or_err *err)
{
	uint64_t numbers[CO_QUERY_MEASURES_MAX] = {0};
	struct wire_field_value v;

	for (size_t i = 0; i < run->q->n_measures; i++) {
		const struct co_query_measure *m = &run->q->measures[i];

		if (m->kind == CO_QUERY_COUNT || m->kind == CO_QUERY_DISTINCT)
			continue;
		wire_field_get(&v, m->of.field, record, m->of.name, &run->scratch);
		numbers[i] = v.i;
	}
	return co_groups_add(run->groups, ids, numbers, 1, err);
}

enum or_code co_run_feed(struct co_run *run, const struct wire_audit *record, uint32_t shard,
    uint64_t index, struct or_err *err)
{
	struct co_run_place place = {record->time_ns, index, shard};
	uint32_t ids[CO_GROUPS_FIELDS];
	size_t group;
	enum or_code rc;

	run->scanned++;
	if (!co_match_record(run->q, record, &run->scratch))
		return OR_OK;
	run->matched++;
	for (size_t i = 0; i < co_groups_fields(run->groups); i++)
		ids[i] = co_groups_value(run->groups, i, record);
	if (run->q->is_count)
		return add_to_group(run, record, ids, err);
	if (!run->q->n_dedup)
		return co_rows_keep(run->rows, &place, record, err);
	rc = co_groups_find(run->groups, ids, &group, err);
	return rc ? rc : co_rows_keep_newest(run->rows, group, &place, record, err);
}

void co_run_finish(struct co_run *run)
{
	if (run->q->is_count)
		co_groups_finish(run->groups);
	co_rows_finish(run->rows);
}

bool co_run_next_place(struct co_run *run, struct co_run_place *out)
{
	if (run->q->is_explain || run->next >= co_rows_n(run->rows))
		return false;
	*out = *co_rows_get(run->rows, run->next++);
	return true;
}

bool co_run_next_group(struct co_run *run, struct or_buf *out)
{
	if (run->q->is_explain) {
		if (run->next)
			return false;
		co_plan_put(out, &run->plan, run->matched);
		run->next++;
		return true;
	}
	if (!run->q->is_count || run->next >= co_groups_n(run->groups) ||
	    run->next == run->q->limit)
		return false;
	co_groups_put(run->groups, run->next++, out);
	return true;
}

/* ---- writing */

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

/* How many there would be without a limit. */
static size_t rows_of(const struct co_run *run)
{
	if (run->q->is_explain)
		return 1;
	return run->q->is_count || run->q->n_dedup ? co_groups_n(run->groups) : run->matched;
}

void co_run_get_summary(const struct co_run *run, struct co_run_summary *out)
{
	size_t rows = rows_of(run);

	out->scanned = run->scanned;
	out->matched = run->matched;
	out->truncated = rows > run->q->limit;
	out->shown = out->truncated ? run->q->limit : rows;
	out->fields = run->q->fields;
	out->n_fields = run->q->is_count || run->q->is_explain ? 0 : run->q->n_fields;
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
