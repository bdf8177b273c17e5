/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One scrape of one target, as OTLP data points, and what went away since the one before.
 *
 * Families become metrics by OpenTelemetry's rules for Prometheus: the family's name as it is;
 * gauge, unknown: gauge; counter: monotonic cumulative sum; info, state set: sum; histogram with
 * buckets told apart, summary. A gauge histogram has no place in OTLP: it is left out and counted.
 * _created is a point's start. A series that the last round had and this one has not gets one stale
 * point (flag NO_RECORDED_VALUE); series with times of their own do not, as in Prometheus.
 *
 * Pure; any thread. A round lives in an arena of its own, and so does everything in it: the text
 * may go. Standard: OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility".
 */
#ifndef AGENT_CAPTURE_SCRAPE_ROUND_H
#define AGENT_CAPTURE_SCRAPE_ROUND_H

#include "agent/capture/scrape/exposition.h"
#include "agent/capture/scrape/relabel.h"
#include "proto/otlp_metric.h"

struct ag_round;

struct ag_round_opt {
	int64_t time_ns;                 /* of points without a time of their own */
	const struct ag_relabel *labels; /* NULL: as they come */
	size_t budget;                   /* bytes of the round's arena */
};

/* NULL for e: a scrape that failed, which has no series. OR_FULL. */
OR_NODISCARD enum or_code ag_round_new(struct ag_round **out, const struct ag_exposition *e,
    const struct ag_round_opt *opt, struct or_err *err);
/* NULL does nothing. */
void ag_round_free(struct ag_round *r);

/* Points; those that relabelling dropped are not among them. */
size_t ag_round_size(const struct ag_round *r);
/* Samples of gauge histograms. */
size_t ag_round_left_out(const struct ag_round *r);

/* Called when the writer holds enough for a request, between two metrics. */
typedef void ag_round_flush_fn(void *arg);

/* Writes all points, and stale ones for what only `last` (NULL: none) has. */
void ag_round_write(const struct ag_round *r, const struct ag_round *last,
    struct wire_otlp_metric_writer *w, size_t enough, ag_round_flush_fn *flush, void *arg);

#endif
