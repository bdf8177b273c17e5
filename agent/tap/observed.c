/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tap/observed.h"

#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "proto/openlineage.h"

#include <stdio.h>

#define EVENT_MAX (2 * OR_MIB)
#define FACET     "https://outrider.dev/spec/observed/1-0-0.json#/$defs/ObservedFacet"
#define SCHEMA    "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"

struct ag_observed {
	struct ag_observed_opt opt;
	char *product, *workload;
	char run[OR_RNG_UUID_LEN + 1];
	struct ag_note_dataset **sets;
	size_t n;
	uint64_t events, dropped;
	bool changed, finished;
	struct or_loop_timer *due;
};

struct ag_observed *ag_observed_new(const struct ag_observed_opt *opt)
{
	struct ag_observed *o = or_mem_new(sizeof(*o));

	o->opt = *opt;
	o->product = or_mem_strdup(opt->product);
	o->workload = or_mem_strdup(opt->workload);
	o->sets = or_mem_array(AG_OBSERVED_MAX, sizeof(struct ag_note_dataset *));
	or_rng_uuid(o->run);
	return o;
}

/* ---- the event */

static void put_facet(struct or_jsonw *w)
{
	or_jsonw_kv_text(w, "_producer", WIRE_OPENLINEAGE_OBSERVER);
	or_jsonw_kv_text(w, "_schemaURL", FACET);
	or_jsonw_kv_text(w, "method", "ebpf");
}

static void put_dataset(struct or_jsonw *w, const struct ag_note_dataset *d)
{
	static const char *const sure[] = {"exact", "prefix", "guess"};

	or_jsonw_object(w);
	or_jsonw_kv_text(w, "namespace", d->name_space);
	or_jsonw_kv_text(w, "name", d->name);
	or_jsonw_key(w, "facets");
	or_jsonw_object(w);
	or_jsonw_key(w, "outrider_observed");
	or_jsonw_object(w);
	put_facet(w);
	or_jsonw_kv_text(w, "protocol", d->protocol);
	or_jsonw_kv_text(w, "confidence", sure[d->sure]);
	or_jsonw_end(w);
	or_jsonw_end(w);
	or_jsonw_end(w);
}

static void put_side(struct or_jsonw *w, const struct ag_observed *o, const char *key, bool write)
{
	or_jsonw_key(w, key);
	or_jsonw_array(w);
	for (size_t i = 0; i < o->n; i++)
		if (o->sets[i]->write == write)
			put_dataset(w, o->sets[i]);
	or_jsonw_end(w);
}

static void put_run(struct or_jsonw *w, const struct ag_observed *o)
{
	or_jsonw_key(w, "run");
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "runId", o->run);
	or_jsonw_key(w, "facets");
	or_jsonw_object(w);
	or_jsonw_key(w, "outrider_observed");
	or_jsonw_object(w);
	put_facet(w);
	or_jsonw_end(w);
	or_jsonw_end(w);
	or_jsonw_end(w);
	or_jsonw_key(w, "job");
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "namespace", o->product);
	or_jsonw_kv_text(w, "name", o->workload);
	or_jsonw_end(w);
}

static void put_event(struct or_buf *out, const struct ag_observed *o, const char *type)
{
	struct or_buf time;
	struct or_jsonw w;

	or_buf_init(&time, 64);
	or_str_time(&time, or_loop_wall_ns(o->opt.loop));
	or_jsonw_init(&w, out, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "eventType", type);
	or_jsonw_kv_str(&w, "eventTime", or_buf_slice(&time));
	or_jsonw_kv_text(&w, "producer", WIRE_OPENLINEAGE_OBSERVER);
	or_jsonw_kv_text(&w, "schemaURL", SCHEMA);
	put_run(&w, o);
	put_side(&w, o, "inputs", false);
	put_side(&w, o, "outputs", true);
	or_jsonw_end(&w);
	or_buf_done(&time);
}

static void send(struct ag_observed *o, const char *type)
{
	struct or_buf event;

	or_buf_init(&event, EVENT_MAX);
	put_event(&event, o, type);
	if (!or_buf_ok(&event))
		o->dropped++;
	else if (o->opt.fn(o->opt.arg, or_buf_slice(&event)) == OR_OK) {
		o->events++;
		o->changed = false;
	}
	or_buf_done(&event);
}

void ag_observed_flush(struct ag_observed *o)
{
	if (o->changed)
		send(o, o->events ? "RUNNING" : "START");
}

static void on_due(void *arg)
{
	struct ag_observed *o = arg;

	o->due = NULL;
	ag_observed_flush(o);
	if (o->changed) /* the spool had no room */
		o->due = or_loop_timer_start(o->opt.loop, AG_OBSERVED_BATCH_NS, on_due, o);
}

/* ---- what comes */

static bool is_same(const struct ag_note_dataset *a, const struct ag_note_dataset *b)
{
	return a->write == b->write && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->name_space, b->name_space) == 0;
}

void ag_observed_put(struct ag_observed *o, const struct ag_note_dataset *dataset)
{
	struct ag_note_dataset *d = NULL;

	for (size_t i = 0; i < o->n && !d; i++)
		if (is_same(o->sets[i], dataset))
			d = o->sets[i];
	if (o->finished || (d && dataset->sure >= d->sure))
		return;
	if (!d && o->n == AG_OBSERVED_MAX) {
		o->dropped++;
		return;
	}
	if (!d)
		d = o->sets[o->n++] = or_mem_new(sizeof(*d));
	*d = *dataset;
	o->changed = true;
	if (!o->due)
		o->due = or_loop_timer_start(o->opt.loop, AG_OBSERVED_BATCH_NS, on_due, o);
}

void ag_observed_finish(struct ag_observed *o)
{
	or_loop_timer_cancel(o->due);
	o->due = NULL;
	if (o->n && !o->finished)
		send(o, "COMPLETE");
	o->finished = true;
}

void ag_observed_free(struct ag_observed *o)
{
	if (!o)
		return;
	ag_observed_finish(o);
	for (size_t i = 0; i < o->n; i++)
		or_mem_free(o->sets[i]);
	or_mem_free(o->sets);
	or_mem_free(o->product);
	or_mem_free(o->workload);
	or_mem_free(o);
}

void ag_observed_put_status(struct or_jsonw *w, const struct ag_observed *o)
{
	size_t written = 0;

	for (size_t i = 0; i < o->n; i++)
		written += o->sets[i]->write;
	or_jsonw_object(w);
	or_jsonw_kv_u64(w, "inputs", o->n - written);
	or_jsonw_kv_u64(w, "outputs", written);
	or_jsonw_kv_u64(w, "events", o->events);
	or_jsonw_kv_u64(w, "dropped", o->dropped);
	or_jsonw_end(w);
}
