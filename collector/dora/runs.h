/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs of products' jobs, from OpenLineage events: which ended how, when, at which commit.
 *
 * Only the ends are kept (COMPLETE, FAIL, ABORT), each once: (product, run, end). Events are
 * gathered on the loop and written together on the slow thread; what a crash takes away is read
 * again from the stored events at the next start, which offers all of them.
 * Thread: the loop's, or before it runs (writing then blocks). Limits: CO_RUNS_PENDING_MAX events
 * wait; while the loop runs, further ones are left to the next start, and that is logged.
 */
#ifndef COLLECTOR_DORA_RUNS_H
#define COLLECTOR_DORA_RUNS_H

#include "base/db.h"
#include "base/slow.h"
#include "proto/openlineage.h"

#define CO_RUNS_PENDING_MAX 10000
#define CO_RUNS_AFTER_NS    (200 * OR_NS_PER_MS)
#define CO_RUNS_RETRY_NS    (5 * OR_NS_PER_S)

struct co_runs;

struct co_runs *co_runs_new(struct or_loop *loop, struct or_slow *slow, struct or_db *db);
/* After or_slow_free. */
void co_runs_free(struct co_runs *r);

void co_runs_take(struct co_runs *r, struct or_slice product, const struct wire_openlineage *event);

#endif
