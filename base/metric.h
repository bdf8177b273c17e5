/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics: counters, gauges and histograms, and their text for Prometheus (exposition 0.0.4).
 *
 * Thread: a registry and what is in it belong to one loop; updates are plain stores.
 * Owns:   every metric; it lives as long as the registry.
 * Limits: max_series metrics (one per name and label values). Asking for more never fails: the
 *         caller gets a metric that nobody sees, and outrider_metrics_refused_total counts it.
 * Names and label names are asserted to be valid; names end in their unit, counters in _total.
 */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include "base/buf.h"
#include "base/loop.h"

struct or_metric_registry;

struct or_metric_label {
	const char *name;
	const char *value; /* copied; any text */
};

struct or_metric_counter {
	uint64_t value;
};

struct or_metric_gauge {
	double value;
};

struct or_metric_histogram;

struct or_metric_registry *or_metric_registry_new(size_t max_series);
void or_metric_registry_free(struct or_metric_registry *reg);

/* The metric of that name and those labels, made where it is new. labels: NULL, or ended by a NULL
 * name. help is static text. The same name must come with the same kind and label names. */
struct or_metric_counter *or_metric_counter_get(struct or_metric_registry *reg, const char *name,
    const char *help, const struct or_metric_label *labels);
struct or_metric_gauge *or_metric_gauge_get(struct or_metric_registry *reg, const char *name,
    const char *help, const struct or_metric_label *labels);
/* bounds: rising upper bounds, without +Inf; static. */
struct or_metric_histogram *or_metric_histogram_get(struct or_metric_registry *reg,
    const char *name, const char *help, const struct or_metric_label *labels, const double *bounds,
    size_t n_bounds);

/* A gauge that is asked for its value when somebody looks. */
typedef double or_metric_read_fn(void *arg);
void or_metric_gauge_read(struct or_metric_registry *reg, const char *name, const char *help,
    const struct or_metric_label *labels, or_metric_read_fn *fn, void *arg);

static inline void or_metric_add(struct or_metric_counter *c, uint64_t n)
{
	c->value += n;
}

static inline void or_metric_set(struct or_metric_gauge *g, double v)
{
	g->value = v;
}

void or_metric_observe(struct or_metric_histogram *h, double v);
uint64_t or_metric_histogram_count(const struct or_metric_histogram *h);

/* Upper bounds in seconds that suit requests: 0.5 ms to 10 s. */
#define OR_METRIC_N_SECONDS 14
extern const double or_metric_seconds[OR_METRIC_N_SECONDS];

/* Feeds outrider_loop_lag_seconds: how long each turn kept other events waiting. */
void or_metric_watch_loop(struct or_metric_registry *reg, struct or_loop *loop);

/* The whole registry as text, families in the order of their making. OR_FULL: out is. */
#define OR_METRIC_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
OR_NODISCARD enum or_code or_metric_write(struct or_buf *out, const struct or_metric_registry *reg);

#endif
