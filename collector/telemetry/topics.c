/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/telemetry/topics.h"

#include "base/log.h"

#include <limits.h>
#include <stdio.h>

enum { EVENT_ARENA = 32 * 1024 * 1024, NODES_MAX = 200000 };

static const char *const names[CO_TOPICS_N] = {
    "otlp_logs", "otlp_metrics", "otlp_spans", "openlineage"};
enum { LINEAGE = 3 };

/* The agent's intake checked it; what a newer one lets through is stored, and no part of the graph.
 */
static void on_event(
    void *arg, struct or_slice product, int64_t received_ns, struct or_slice record)
{
	struct co_topics *t = arg;
	struct wire_openlineage event;

	(void)received_ns;
	or_arena_clear(t->arena);
	if (wire_openlineage_parse(&event, record, t->arena, NULL))
		return;
	co_lineage_add(t->lineage, product, &event);
	t->fn(t->fn_arg, product, &event);
}

static enum or_code read_events(struct co_topics *t, struct or_err *err)
{
	size_t topic = strlen(names[LINEAGE]) + 1;
	struct co_depot_read *r;
	struct co_depot_record record;
	struct co_depot_group g;
	enum or_code rc = co_depot_read_open(&r, co_telemetry_dir(t->list[LINEAGE]), 0, err);

	if (rc)
		return rc;
	while ((rc = co_depot_read_next(r, &g, err)) == OR_OK) {
		while (g.key.stream.n > topic && co_depot_next_record(&record, &g.records))
			on_event(
			    t, or_slice_from(g.key.stream, topic), g.received_ns, record.bytes);
	}
	if (co_depot_read_damaged(r))
		OR_LOG(OR_LOG_ERROR, "lineage.damaged",
		    or_log_u64("segments", co_depot_read_damaged(r)));
	co_depot_read_close(r);
	return rc == OR_ABSENT ? OR_OK : rc;
}

enum or_code co_topics_open(struct co_topics *out, const struct co_telemetry_opt *opt,
    co_topics_event_fn *fn, void *arg, struct or_err *err)
{
	struct co_telemetry_opt one = *opt;
	char dir[PATH_MAX];
	enum or_code rc = OR_OK;

	*out = (struct co_topics){.lineage = co_lineage_new(NODES_MAX),
	    .arena = or_arena_new(EVENT_ARENA),
	    .fn = fn,
	    .fn_arg = arg};
	one.dir = dir;
	for (size_t i = 0; i < CO_TOPICS_N && rc == OR_OK; i++) {
		snprintf(dir, sizeof(dir), "%s/%s", opt->dir, names[i]);
		one.topic = names[i];
		one.on_stored = i == LINEAGE ? on_event : NULL;
		one.stored_arg = out;
		rc = co_telemetry_open(&out->list[i], &one, err);
	}
	return rc ? rc : read_events(out, err);
}

void co_topics_close(struct co_topics *t)
{
	for (size_t i = 0; i < CO_TOPICS_N; i++)
		co_telemetry_close(t->list[i]);
	co_lineage_free(t->lineage);
	or_arena_free(t->arena);
	*t = (struct co_topics){0};
}
