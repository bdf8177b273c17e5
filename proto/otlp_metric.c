/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/otlp_metric.h"

#include "base/mem.h"
#include "proto/pb.h"

#include <math.h>
#include <string.h>

enum {
	METRIC_NAME = 1,
	METRIC_DESCRIPTION = 2,
	METRIC_UNIT = 3,
	DATA_POINTS = 1, /* of each kind of data */
	TEMPORALITY = 2,
	IS_MONOTONIC = 3,
	CUMULATIVE = 2,
	POINT_START = 2, /* of each kind of point */
	POINT_TIME = 3,
	NO_RECORDED_VALUE = 1,
	ROOM = 64 * 1024, /* of a request, for what is not points: resource, scope, lengths */
};

/* Where each kind of data has its fields. */
static const struct {
	uint32_t data, exemplars, attributes, flags;
} kinds[] = {
    [WIRE_OTLP_METRIC_GAUGE] = {5, 5, 7, 8},
    [WIRE_OTLP_METRIC_SUM] = {7, 5, 7, 8},
    [WIRE_OTLP_METRIC_HISTOGRAM] = {9, 8, 9, 10},
    [WIRE_OTLP_METRIC_SUMMARY] = {11, 0, 7, 8},
};

struct wire_otlp_metric_writer {
	struct or_buf metrics; /* ScopeMetrics.metrics */
	struct or_buf head;    /* of the metric that is open: what stands before its data */
	struct or_buf points;  /* its data's fields */
	struct or_buf point, part, inner;
	enum wire_otlp_metric_kind kind;
	bool is_monotonic;
	bool is_full; /* what is being written does not fit */
	size_t n_open, n_points;
	uint64_t left_out;
	size_t max;
};

struct wire_otlp_metric_writer *wire_otlp_metric_new(size_t max)
{
	struct wire_otlp_metric_writer *w = or_mem_new(sizeof(*w));

	w->max = max;
	or_buf_init(&w->metrics, max);
	or_buf_init(&w->head, max);
	or_buf_init(&w->points, max);
	or_buf_init(&w->point, max);
	or_buf_init(&w->part, max);
	or_buf_init(&w->inner, max);
	return w;
}

void wire_otlp_metric_free(struct wire_otlp_metric_writer *w)
{
	if (!w)
		return;
	or_buf_done(&w->metrics);
	or_buf_done(&w->head);
	or_buf_done(&w->points);
	or_buf_done(&w->point);
	or_buf_done(&w->part);
	or_buf_done(&w->inner);
	or_mem_free(w);
}

static uint64_t bits(double v)
{
	uint64_t u;

	memcpy(&u, &v, sizeof(u));
	return u;
}

static void put_double(struct or_buf *b, uint32_t num, double v)
{
	wire_pb_append_fixed64(b, num, bits(v));
}

/* Defaults are left out. */
static void put_time(struct or_buf *b, uint32_t num, int64_t ns)
{
	if (ns > 0)
		wire_pb_append_fixed64(b, num, (uint64_t)ns);
}

static void put_text(struct or_buf *b, uint32_t num, struct or_slice text)
{
	if (text.n)
		wire_pb_append(b, num, text);
}

/* KeyValue{key, AnyValue{string_value}} as field num, through w->inner. */
static void put_attributes(struct wire_otlp_metric_writer *w, struct or_buf *b, uint32_t num,
    const struct wire_otlp_metric_attribute *attributes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct or_buf *kv = &w->inner;
		struct or_slice value = attributes[i].value;
		uint8_t any[20], *end = wire_pb_put_tag(any, 1, WIRE_PB_BYTES);

		end = wire_pb_put_varint(end, value.n);
		or_buf_clear(kv);
		wire_pb_append(kv, 1, attributes[i].key);
		/* AnyValue is a field with nothing but its text in it. */
		wire_pb_append_head(kv, 2, (size_t)(end - any) + value.n);
		or_buf_put(kv, any, (size_t)(end - any));
		or_buf_put_slice(kv, value);
		wire_pb_append(b, num, or_buf_slice(kv));
		w->is_full = w->is_full || !or_buf_ok(kv);
	}
}

void wire_otlp_metric_begin(
    struct wire_otlp_metric_writer *w, const struct wire_otlp_metric *metric)
{
	or_buf_clear(&w->head);
	or_buf_clear(&w->points);
	w->n_open = 0;
	w->kind = metric->kind;
	w->is_monotonic = metric->is_monotonic;
	put_text(&w->head, METRIC_NAME, metric->name);
	put_text(&w->head, METRIC_DESCRIPTION, metric->description);
	put_text(&w->head, METRIC_UNIT, metric->unit);
}

static uint64_t whole(double v)
{
	return v > 0 ? (uint64_t)v : 0;
}

/* Packed bucket_counts and explicit_bounds. */
static void put_buckets(
    struct wire_otlp_metric_writer *w, const struct wire_otlp_metric_point *point)
{
	struct or_buf *b = &w->part;
	uint8_t bytes[8];

	or_buf_clear(b);
	for (size_t i = 0; i < point->n_steps; i++) {
		wire_pb_put_fixed64(bytes, whole(point->steps[i].value));
		or_buf_put(b, bytes, sizeof(bytes));
	}
	put_text(&w->point, 6, or_buf_slice(b));
	w->is_full = w->is_full || !or_buf_ok(b);
	or_buf_clear(b);
	for (size_t i = 0; i + 1 < point->n_steps; i++) {
		wire_pb_put_fixed64(bytes, bits(point->steps[i].bound));
		or_buf_put(b, bytes, sizeof(bytes));
	}
	put_text(&w->point, 7, or_buf_slice(b));
}

static void put_quantiles(
    struct wire_otlp_metric_writer *w, const struct wire_otlp_metric_point *point)
{
	for (size_t i = 0; i < point->n_steps; i++) {
		or_buf_clear(&w->part);
		put_double(&w->part, 1, point->steps[i].bound);
		put_double(&w->part, 2, point->steps[i].value);
		wire_pb_append(&w->point, 6, or_buf_slice(&w->part));
	}
}

static void put_value(struct wire_otlp_metric_writer *w, const struct wire_otlp_metric_point *point)
{
	struct or_buf *b = &w->point;
	bool has_buckets = w->kind == WIRE_OTLP_METRIC_HISTOGRAM;

	if (point->is_stale)
		return;
	if (w->kind == WIRE_OTLP_METRIC_GAUGE || w->kind == WIRE_OTLP_METRIC_SUM) {
		put_double(b, 4, point->value);
		return;
	}
	wire_pb_append_fixed64(b, 4, whole(point->count));
	if (point->has_sum || !has_buckets)
		put_double(b, 5, point->sum);
	if (has_buckets)
		put_buckets(w, point);
	else
		put_quantiles(w, point);
}

static void put_exemplar(struct wire_otlp_metric_writer *w,
    const struct wire_otlp_metric_exemplar *exemplar, uint32_t num)
{
	struct or_buf *b = &w->part;

	or_buf_clear(b);
	put_time(b, 2, exemplar->time_ns);
	put_double(b, 3, exemplar->value);
	if (exemplar->has_span)
		wire_pb_append(b, 4, or_slice(exemplar->span_id, sizeof(exemplar->span_id)));
	if (exemplar->has_trace)
		wire_pb_append(b, 5, or_slice(exemplar->trace_id, sizeof(exemplar->trace_id)));
	put_attributes(w, b, 7, exemplar->attributes, exemplar->n_attributes);
	wire_pb_append(&w->point, num, or_buf_slice(b));
	w->is_full = w->is_full || !or_buf_ok(b);
}

void wire_otlp_metric_point(
    struct wire_otlp_metric_writer *w, const struct wire_otlp_metric_point *point)
{
	or_buf_clear(&w->point);
	put_time(&w->point, POINT_START, point->start_ns);
	put_time(&w->point, POINT_TIME, point->time_ns);
	put_value(w, point);
	for (size_t i = 0; i < point->n_exemplars && kinds[w->kind].exemplars; i++)
		put_exemplar(w, &point->exemplars[i], kinds[w->kind].exemplars);
	put_attributes(
	    w, &w->point, kinds[w->kind].attributes, point->attributes, point->n_attributes);
	if (point->is_stale)
		wire_pb_append_varint(&w->point, kinds[w->kind].flags, NO_RECORDED_VALUE);
	if (w->is_full || !or_buf_ok(&w->point) || !or_buf_ok(&w->head) ||
	    w->metrics.n + w->head.n + w->points.n + w->point.n + ROOM > w->max) {
		w->is_full = false;
		w->left_out++;
		return;
	}
	wire_pb_append(&w->points, DATA_POINTS, or_buf_slice(&w->point));
	w->n_open++;
}

void wire_otlp_metric_end(struct wire_otlp_metric_writer *w)
{
	bool is_cumulative =
	    w->kind == WIRE_OTLP_METRIC_SUM || w->kind == WIRE_OTLP_METRIC_HISTOGRAM;

	if (!w->n_open)
		return;
	if (is_cumulative)
		wire_pb_append_varint(&w->points, TEMPORALITY, CUMULATIVE);
	if (w->kind == WIRE_OTLP_METRIC_SUM && w->is_monotonic)
		wire_pb_append_varint(&w->points, IS_MONOTONIC, 1);
	wire_pb_append(&w->head, kinds[w->kind].data, or_buf_slice(&w->points));
	wire_pb_append(&w->metrics, 2, or_buf_slice(&w->head));
	w->n_points += w->n_open;
	w->n_open = 0;
}

size_t wire_otlp_metric_size(const struct wire_otlp_metric_writer *w)
{
	return w->metrics.n + (w->n_open ? w->head.n + w->points.n : 0);
}

uint64_t wire_otlp_metric_left_out(const struct wire_otlp_metric_writer *w)
{
	return w->left_out;
}

size_t wire_otlp_metric_take(struct or_buf *out, struct wire_otlp_metric_writer *w,
    const struct wire_otlp_metric_attribute *resource, size_t n, const char *scope)
{
	struct or_buf *b = &w->part, *whole_resource = &w->point;
	size_t points = w->n_points;

	if (points) {
		struct or_buf all;

		or_buf_init(&all, w->max);
		or_buf_clear(whole_resource);
		put_attributes(w, whole_resource, 1, resource, n);
		wire_pb_append(&all, 1, or_buf_slice(whole_resource));
		/* ScopeMetrics: its scope, then the metrics as they were collected. */
		or_buf_clear(&w->inner);
		wire_pb_append(&w->inner, 1, or_slice_str(scope));
		or_buf_clear(b);
		wire_pb_append(b, 1, or_buf_slice(&w->inner));
		wire_pb_append_head(&all, 2, b->n + w->metrics.n);
		or_buf_put_slice(&all, or_buf_slice(b));
		or_buf_put_slice(&all, or_buf_slice(&w->metrics));
		if (w->is_full || !or_buf_ok(&all)) {
			w->left_out += points;
			points = 0;
		} else {
			wire_pb_append(out, 1, or_buf_slice(&all));
		}
		or_buf_done(&all);
	}
	or_buf_clear(&w->metrics);
	w->n_points = 0;
	w->is_full = false;
	return points;
}
