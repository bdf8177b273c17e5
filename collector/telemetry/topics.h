/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All telemetry topics of a collector, and the lineage graph that the events of one of them make.
 *
 *   <state>/telemetry/<topic>/    otlp_logs, otlp_metrics, otlp_spans, openlineage
 *
 * Thread: the loop's. Opening blocks: it reads the lineage events that are stored.
 */
#ifndef COLLECTOR_TELEMETRY_TOPICS_H
#define COLLECTOR_TELEMETRY_TOPICS_H

#include "collector/lineage/lineage.h"
#include "collector/telemetry/telemetry.h"

#define CO_TOPICS_N 4

/* Each lineage event that is stored: those read at the opening, then each that comes. */
typedef void co_topics_event_fn(
    void *arg, struct or_slice product, const struct wire_openlineage *event);

struct co_topics {
	struct co_telemetry *list[CO_TOPICS_N]; /* NULL from the first that was not opened */
	struct co_lineage *lineage;
	struct or_arena *arena; /* of the event at hand */
	co_topics_event_fn *fn;
	void *fn_arg;
};

/* opt: topic and dir are filled in here; dir is "<state>/telemetry". The caller closes *out on
 * failure too. */
OR_NODISCARD enum or_code co_topics_open(struct co_topics *out, const struct co_telemetry_opt *opt,
    co_topics_event_fn *fn, void *arg, struct or_err *err);
/* As co_telemetry_close. */
void co_topics_close(struct co_topics *t);

#endif
