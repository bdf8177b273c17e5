/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In the agent: the data sets that the workload was seen to read and write become OpenLineage
 * events, told apart from what the workload says itself.
 *
 *   START with the first one ──▶ RUNNING while more come, AG_OBSERVED_BATCH_NS apart ──▶ COMPLETE
 *
 * One run is the agent's own life; the job is the workload, in the product's namespace. Each event
 * has all inputs and outputs of the run so far, so that any of them will do. Producer and the facet
 * outrider_observed (method, and for each data set protocol and confidence) mark what was observed.
 * Thread: the loop's. Owns: a timer. Limits: AG_OBSERVED_MAX data sets a run.
 */
#ifndef AGENT_TAP_OBSERVED_H
#define AGENT_TAP_OBSERVED_H

#include "agent/tap/note.h"
#include "base/jsonw.h"
#include "base/loop.h"

#define AG_OBSERVED_BATCH_NS (2 * OR_NS_PER_S)
#define AG_OBSERVED_MAX      1024

struct ag_observed;

/* Takes an event. OR_FULL: not now, it is offered again with the next. */
typedef enum or_code ag_observed_fn(void *arg, struct or_slice event);

struct ag_observed_opt {
	struct or_loop *loop;
	const char *product, *workload; /* copied */
	ag_observed_fn *fn;
	void *arg;
};

struct ag_observed *ag_observed_new(const struct ag_observed_opt *opt);
/* The run is over: a last event, where there is anything to tell. */
void ag_observed_finish(struct ag_observed *o);
/* Finishes it. NULL does nothing. */
void ag_observed_free(struct ag_observed *o);

void ag_observed_put(struct ag_observed *o, const struct ag_note_dataset *dataset);
/* What has not been told is told now. */
void ag_observed_flush(struct ag_observed *o);

/* One object: inputs, outputs, events, dropped. */
void ag_observed_put_status(struct or_jsonw *w, const struct ag_observed *o);

#endif
