/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing metrics as OTLP: Metric messages with their data points, and the request around them.
 *
 * A writer collects metrics; wire_otlp_metric_take makes an ExportMetricsServiceRequest of them and
 * begins anew. Points of one metric are written between begin and end, so that a metric of any size
 * can be spread over several requests: end it, take, begin it again.
 * Thread: whoever owns the writer. Limits: the writer's maximum; a point with which a request would
 * pass it is left out and counted, the others stay. Standard: opentelemetry-proto 1.x, metrics/v1.
 */
#ifndef PROTO_OTLP_METRIC_H
#define PROTO_OTLP_METRIC_H

#include "base/buf.h"

struct wire_otlp_metric_writer;

enum wire_otlp_metric_kind {
	WIRE_OTLP_METRIC_GAUGE,
	WIRE_OTLP_METRIC_SUM,       /* cumulative */
	WIRE_OTLP_METRIC_HISTOGRAM, /* cumulative, with explicit bounds */
	WIRE_OTLP_METRIC_SUMMARY,
};

struct wire_otlp_metric {
	struct or_slice name, description, unit;
	enum wire_otlp_metric_kind kind;
	bool is_monotonic; /* of a sum */
};

struct wire_otlp_metric_attribute {
	struct or_slice key, value;
};

struct wire_otlp_metric_exemplar {
	int64_t time_ns;
	double value;
	uint8_t trace_id[16], span_id[8];
	bool has_trace, has_span;
	const struct wire_otlp_metric_attribute *attributes; /* the rest */
	size_t n_attributes;
};

/* One bucket of a histogram (bound: its upper one; the last is infinite, and its bound not
 * written), or one quantile of a summary. */
struct wire_otlp_metric_step {
	double bound, value; /* of a bucket: how many fell into it and no lower one */
};

struct wire_otlp_metric_point {
	int64_t start_ns, time_ns; /* start 0: unknown */
	bool is_stale;             /* the series is there no more: no value */
	double value;              /* gauge, sum */
	bool has_sum;              /* of a histogram */
	double count, sum;         /* histogram, summary */
	const struct wire_otlp_metric_step *steps;
	size_t n_steps;
	const struct wire_otlp_metric_attribute *attributes;
	size_t n_attributes;
	const struct wire_otlp_metric_exemplar *exemplars;
	size_t n_exemplars;
};

/* max: bytes of a request. */
struct wire_otlp_metric_writer *wire_otlp_metric_new(size_t max);
void wire_otlp_metric_free(struct wire_otlp_metric_writer *w);

void wire_otlp_metric_begin(
    struct wire_otlp_metric_writer *w, const struct wire_otlp_metric *metric);
void wire_otlp_metric_point(
    struct wire_otlp_metric_writer *w, const struct wire_otlp_metric_point *point);
/* A metric without points leaves nothing. */
void wire_otlp_metric_end(struct wire_otlp_metric_writer *w);

/* Bytes so far, of the metric that is open too. */
size_t wire_otlp_metric_size(const struct wire_otlp_metric_writer *w);
/* Points that did not fit, since the writer was made. */
uint64_t wire_otlp_metric_left_out(const struct wire_otlp_metric_writer *w);
/* The request with the resource's attributes and the scope's name, and how many points it has
 * (0: nothing was written, and out stays empty). The writer begins anew. */
size_t wire_otlp_metric_take(struct or_buf *out, struct wire_otlp_metric_writer *w,
    const struct wire_otlp_metric_attribute *resource, size_t n, const char *scope);

#endif
