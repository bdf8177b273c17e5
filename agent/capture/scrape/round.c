/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/scrape/round.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS_MAX = 1U << 20, KEY_MAX = 1U << 20, SPARE_LABELS = 16 };

struct metric {
	struct metric *next;
	struct wire_otlp_metric about;
	struct point *points, **tail;
};

struct step {
	struct step *next;
	struct wire_otlp_metric_step step;
};

struct exemplar {
	struct exemplar *next;
	const struct ag_exposition_exemplar *from;
};

struct point {
	struct point *next;
	struct wire_otlp_metric_point otlp;
	struct or_slice key;
	bool has_time; /* of its own */
	/* While it is made. */
	struct step *steps;
	struct exemplar *exemplars;
	size_t n_steps, n_exemplars;
	bool has_count, has_value, is_dropped;
};

struct ag_round {
	struct or_arena *arena;
	struct or_map points; /* by key */
	struct metric *metrics, **tail;
	struct ag_round_opt opt;
	size_t n, left_out;
	struct or_buf key;
	bool is_full;
};

static void *take(struct ag_round *r, size_t n, size_t size)
{
	void *p = or_arena_array(r->arena, n ? n : 1, size);

	r->is_full = r->is_full || !p;
	return p;
}

static struct or_slice keep(struct ag_round *r, struct or_slice s)
{
	struct or_slice kept = or_arena_dup(r->arena, s);

	r->is_full = r->is_full || !kept.p;
	return kept.p ? kept : OR_SLICE_NONE;
}

/* ---- samples to points */

static enum wire_otlp_metric_kind kind_of(enum ag_exposition_type type)
{
	switch (type) {
	case AG_EXPOSITION_COUNTER:
	case AG_EXPOSITION_INFO:
	case AG_EXPOSITION_STATESET: return WIRE_OTLP_METRIC_SUM;
	case AG_EXPOSITION_HISTOGRAM:
	case AG_EXPOSITION_GAUGEHISTOGRAM: return WIRE_OTLP_METRIC_HISTOGRAM;
	case AG_EXPOSITION_SUMMARY: return WIRE_OTLP_METRIC_SUMMARY;
	case AG_EXPOSITION_UNKNOWN:
	case AG_EXPOSITION_GAUGE:
	case AG_EXPOSITION_TYPES: break;
	}
	return WIRE_OTLP_METRIC_GAUGE;
}

static bool is_step(const struct ag_exposition_family *f, const struct ag_exposition_sample *s)
{
	return s->suffix == AG_EXPOSITION_BUCKET ||
	       (f->type == AG_EXPOSITION_SUMMARY && s->suffix == AG_EXPOSITION_PLAIN);
}

static const char *step_label(const struct ag_exposition_sample *s)
{
	return s->suffix == AG_EXPOSITION_BUCKET ? "le" : "quantile";
}

/* The labels that the point has, kept in the round's arena. False: there is no room. */
static bool copy_labels(struct ag_relabel_labels *out, struct ag_round *r,
    const struct ag_exposition_sample *s, const char *without)
{
	size_t max = s->labels.n + (r->opt.labels ? SPARE_LABELS : 0);

	*out = (struct ag_relabel_labels){.items = take(r, max, sizeof(out->items[0])), .max = max};
	if (!out->items)
		return false;
	for (size_t i = 0; i < s->labels.n; i++) {
		const struct ag_exposition_label *l = &s->labels.items[i];

		/* An empty value is as good as no label. */
		if ((without && or_slice_is(l->name, without)) || !l->value.n)
			continue;
		out->items[out->n++] =
		    (struct wire_otlp_metric_attribute){keep(r, l->name), keep(r, l->value)};
	}
	return !r->is_full;
}

static int by_key(const void *a, const void *b)
{
	return or_slice_cmp(((const struct wire_otlp_metric_attribute *)a)->key,
	    ((const struct wire_otlp_metric_attribute *)b)->key);
}

/* Metric, labels in order, and the time where the exporter gives one: a family may have several. */
static struct or_slice point_key(struct ag_round *r, const struct metric *m,
    const struct ag_relabel_labels *labels, const struct ag_exposition_point *p)
{
	or_buf_clear(&r->key);
	ag_exposition_put_piece(&r->key, m->about.name);
	for (size_t i = 0; i < labels->n; i++) {
		ag_exposition_put_piece(&r->key, labels->items[i].key);
		ag_exposition_put_piece(&r->key, labels->items[i].value);
	}
	if (p->has_time)
		or_buf_put(&r->key, &p->time_ns, sizeof(p->time_ns));
	return or_buf_slice(&r->key);
}

static struct point *new_point(struct ag_round *r, struct metric *m, struct or_slice key,
    const struct ag_relabel_labels *labels, const struct ag_exposition_point *from)
{
	struct point *p = take(r, 1, sizeof(*p));

	if (!p)
		return NULL;
	p->key = keep(r, key);
	p->has_time = from->has_time;
	p->otlp.time_ns = from->has_time ? from->time_ns : r->opt.time_ns;
	p->otlp.attributes = labels->items;
	p->otlp.n_attributes = labels->n;
	if (r->is_full || or_map_put(&r->points, p->key, p)) {
		r->is_full = true;
		return NULL;
	}
	*m->tail = p;
	m->tail = &p->next;
	return p;
}

/* The point that a sample is a part of. NULL: dropped, or no room. */
static struct point *find_point(struct ag_round *r, struct metric *m,
    const struct ag_exposition_family *f, const struct ag_exposition_sample *s)
{
	struct ag_relabel_labels labels;
	struct or_slice key;
	struct point *p;

	if (!copy_labels(&labels, r, s, is_step(f, s) ? step_label(s) : NULL))
		return NULL;
	if (r->opt.labels && !ag_relabel_apply(r->opt.labels, f->name, &labels, r->arena))
		return NULL;
	qsort(labels.items, labels.n, sizeof(labels.items[0]), by_key);
	key = point_key(r, m, &labels, &s->point);
	p = or_map_find(&r->points, key);
	return p ? p : new_point(r, m, key, &labels, &s->point);
}

static void add_step(struct ag_round *r, struct point *p, const struct ag_exposition_sample *s)
{
	struct step *step = take(r, 1, sizeof(*step));

	if (!step ||
	    ag_exposition_number(&step->step.bound, ag_exposition_label(&s->labels, step_label(s))))
		return;
	step->step.value = s->point.value;
	step->next = p->steps;
	p->steps = step;
	p->n_steps++;
}

static void add_exemplar(struct ag_round *r, struct point *p, const struct ag_exposition_sample *s)
{
	struct exemplar *e;

	if (!s->exemplar)
		return;
	e = take(r, 1, sizeof(*e));
	if (!e)
		return;
	*e = (struct exemplar){p->exemplars, s->exemplar};
	p->exemplars = e;
	p->n_exemplars++;
}

static void add_sample(struct ag_round *r, struct point *p, const struct ag_exposition_family *f,
    const struct ag_exposition_sample *s)
{
	double v = s->point.value;

	add_exemplar(r, p, s);
	if (is_step(f, s)) {
		add_step(r, p, s);
		p->has_value = true;
		return;
	}
	p->has_value = p->has_value || s->suffix != AG_EXPOSITION_CREATED;
	switch (s->suffix) {
	case AG_EXPOSITION_CREATED:
		if (v > 0 && v < 9.2e9)
			p->otlp.start_ns = (int64_t)(v * 1e9);
		break;
	case AG_EXPOSITION_COUNT:
		p->otlp.count = v;
		p->has_count = true;
		break;
	case AG_EXPOSITION_SUM:
		p->otlp.sum = v;
		p->otlp.has_sum = true;
		break;
	case AG_EXPOSITION_PLAIN:
	case AG_EXPOSITION_TOTAL:
	case AG_EXPOSITION_INFO_SUFFIX:
	case AG_EXPOSITION_BUCKET:
	case AG_EXPOSITION_GCOUNT:
	case AG_EXPOSITION_GSUM: p->otlp.value = v; break;
	}
}

/* ---- points made complete */

static int by_bound(const void *a, const void *b)
{
	double x = ((const struct wire_otlp_metric_step *)a)->bound,
	       y = ((const struct wire_otlp_metric_step *)b)->bound;

	return (x > y) - (x < y);
}

/* Each bucket counts the ones before it; OTLP's do not. */
static void tell_apart(struct wire_otlp_metric_step *steps, size_t n)
{
	for (size_t i = n; i-- > 1;)
		steps[i].value = fmax(0, steps[i].value - steps[i - 1].value);
}

static void end_steps(struct ag_round *r, struct point *p, bool is_histogram)
{
	struct wire_otlp_metric_step *steps = take(r, p->n_steps + 1, sizeof(*steps));
	size_t n = 0;

	if (!steps)
		return;
	for (const struct step *s = p->steps; s; s = s->next)
		steps[n++] = s->step;
	qsort(steps, n, sizeof(*steps), by_bound);
	if (is_histogram) {
		/* The infinite bucket is the count, should it be missing. */
		if (n && isfinite(steps[n - 1].bound) && p->has_count)
			steps[n++] = (struct wire_otlp_metric_step){INFINITY, p->otlp.count};
		if (n && !p->has_count)
			p->otlp.count = steps[n - 1].value;
		tell_apart(steps, n);
	}
	p->otlp.steps = steps;
	p->otlp.n_steps = n;
}

static bool read_id(uint8_t *id, size_t n, struct or_slice hex)
{
	struct or_buf b;
	bool is_one;

	if (hex.n != 2 * n)
		return false;
	or_buf_init(&b, n);
	is_one = or_str_hex_decode(&b, hex) == OR_OK;
	if (is_one)
		memcpy(id, b.p, n);
	or_buf_done(&b);
	return is_one;
}

static void end_exemplar(struct ag_round *r, struct wire_otlp_metric_exemplar *out,
    const struct ag_exposition_exemplar *from)
{
	struct wire_otlp_metric_attribute *rest = take(r, from->labels.n, sizeof(*rest));
	size_t n = 0;

	if (!rest)
		return;
	out->value = from->point.value;
	out->time_ns = from->point.has_time ? from->point.time_ns : r->opt.time_ns;
	for (size_t i = 0; i < from->labels.n; i++) {
		const struct ag_exposition_label *l = &from->labels.items[i];

		if (or_slice_is(l->name, "trace_id") && !out->has_trace)
			out->has_trace = read_id(out->trace_id, sizeof(out->trace_id), l->value);
		if (or_slice_is(l->name, "span_id") && !out->has_span)
			out->has_span = read_id(out->span_id, sizeof(out->span_id), l->value);
		if ((or_slice_is(l->name, "trace_id") && out->has_trace) ||
		    (or_slice_is(l->name, "span_id") && out->has_span))
			continue;
		rest[n++] =
		    (struct wire_otlp_metric_attribute){keep(r, l->name), keep(r, l->value)};
	}
	out->attributes = rest;
	out->n_attributes = n;
}

static void end_point(struct ag_round *r, struct point *p, enum wire_otlp_metric_kind kind)
{
	struct wire_otlp_metric_exemplar *exemplars =
	    p->n_exemplars ? take(r, p->n_exemplars, sizeof(*exemplars)) : NULL;
	size_t n = 0;

	if (p->n_exemplars && !exemplars)
		return;
	for (const struct exemplar *e = p->exemplars; e; e = e->next)
		end_exemplar(r, &exemplars[n++], e->from);
	p->otlp.exemplars = exemplars;
	p->otlp.n_exemplars = n;
	if (kind == WIRE_OTLP_METRIC_HISTOGRAM || kind == WIRE_OTLP_METRIC_SUMMARY)
		end_steps(r, p, kind == WIRE_OTLP_METRIC_HISTOGRAM);
	p->is_dropped = !p->has_value; /* nothing but a start */
	r->n += !p->is_dropped;
}

static void add_family(struct ag_round *r, const struct ag_exposition_family *f)
{
	struct metric *m;

	if (f->type == AG_EXPOSITION_GAUGEHISTOGRAM) {
		r->left_out += f->n_samples;
		return;
	}
	m = take(r, 1, sizeof(*m));
	if (!m)
		return;
	m->about = (struct wire_otlp_metric){.name = keep(r, f->name),
	    .description = keep(r, f->help),
	    .unit = keep(r, f->unit),
	    .kind = kind_of(f->type),
	    .is_monotonic = f->type == AG_EXPOSITION_COUNTER};
	m->tail = &m->points;
	for (const struct ag_exposition_sample *s = f->samples; s && !r->is_full; s = s->next) {
		struct point *p = find_point(r, m, f, s);

		if (p)
			add_sample(r, p, f, s);
	}
	for (struct point *p = m->points; p && !r->is_full; p = p->next)
		end_point(r, p, m->about.kind);
	*r->tail = m;
	r->tail = &m->next;
}

enum or_code ag_round_new(struct ag_round **out, const struct ag_exposition *e,
    const struct ag_round_opt *opt, struct or_err *err)
{
	struct ag_round *r = or_mem_new(sizeof(*r));

	r->arena = or_arena_new(opt->budget);
	r->opt = *opt;
	r->tail = &r->metrics;
	or_map_init(&r->points, POINTS_MAX);
	or_buf_init(&r->key, KEY_MAX);
	for (const struct ag_exposition_family *f = e ? e->families : NULL; f && !r->is_full;
	     f = f->next)
		add_family(r, f);
	or_buf_done(&r->key);
	r->opt.labels = NULL; /* borrowed for the making */
	if (r->is_full) {
		ag_round_free(r);
		return or_err_set(err, OR_FULL, "the scrape has more series than fit");
	}
	*out = r;
	return OR_OK;
}

void ag_round_free(struct ag_round *r)
{
	if (!r)
		return;
	or_map_done(&r->points);
	or_arena_free(r->arena);
	or_mem_free(r);
}

size_t ag_round_size(const struct ag_round *r)
{
	return r->n;
}

size_t ag_round_left_out(const struct ag_round *r)
{
	return r->left_out;
}

/* ---- writing */

struct out {
	struct wire_otlp_metric_writer *writer;
	size_t enough;
	ag_round_flush_fn *flush;
	void *arg;
};

static void write_point(
    const struct out *out, const struct metric *m, const struct wire_otlp_metric_point *p)
{
	wire_otlp_metric_point(out->writer, p);
	if (wire_otlp_metric_size(out->writer) < out->enough)
		return;
	wire_otlp_metric_end(out->writer);
	out->flush(out->arg);
	wire_otlp_metric_begin(out->writer, &m->about);
}

static bool has_series(const struct ag_round *r, const struct point *p)
{
	const struct point *found = or_map_find(&r->points, p->key);

	return found && !found->is_dropped;
}

static void write_stale(
    const struct ag_round *r, const struct ag_round *last, const struct out *out)
{
	for (const struct metric *m = last->metrics; m; m = m->next) {
		wire_otlp_metric_begin(out->writer, &m->about);
		for (const struct point *p = m->points; p; p = p->next) {
			struct wire_otlp_metric_point stale = {.time_ns = r->opt.time_ns,
			    .is_stale = true,
			    .attributes = p->otlp.attributes,
			    .n_attributes = p->otlp.n_attributes};

			if (!p->is_dropped && !p->has_time && !has_series(r, p))
				write_point(out, m, &stale);
		}
		wire_otlp_metric_end(out->writer);
	}
}

void ag_round_write(const struct ag_round *r, const struct ag_round *last,
    struct wire_otlp_metric_writer *w, size_t enough, ag_round_flush_fn *flush, void *arg)
{
	struct out out = {w, enough, flush, arg};

	for (const struct metric *m = r->metrics; m; m = m->next) {
		wire_otlp_metric_begin(w, &m->about);
		for (const struct point *p = m->points; p; p = p->next)
			if (!p->is_dropped)
				write_point(&out, m, &p->otlp);
		wire_otlp_metric_end(w);
	}
	if (last)
		write_stale(r, last, &out);
}
