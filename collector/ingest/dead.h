/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dead-letter folder: what was refused, so that somebody can look at it. A letter is the file
 * <dir>/<time in ns>-<count>.letter: a line of JSON (time, topic, reason, detail, peer,
 * frame_bytes, batch_bytes), then frame and batch as they came.
 *
 * Thread: the loop's; files are written on the slow thread. Never blocks or fails its caller: what
 * finds no room in the quota, or is too much at once, is counted as dropped. What nobody is known
 * to have signed has a quarter of the quota: strangers cannot crowd out what an agent is to answer
 * for.
 */
#ifndef COLLECTOR_INGEST_DEAD_H
#define COLLECTOR_INGEST_DEAD_H

#include "base/slow.h"
#include "collector/ingest/ingest.h"

struct co_dead;

/* Blocks: counts what is there. */
OR_NODISCARD enum or_code co_dead_open(struct co_dead **out, const char *dir, uint64_t quota,
    struct or_slow *slow, struct or_err *err);
/* When no letter is being written, or after or_slow_free. */
void co_dead_close(struct co_dead *d);

/* signed_by_agent: certificate and signature of the frame hold. */
void co_dead_put(struct co_dead *d, const struct co_ingest_request *request, bool signed_by_agent,
    const char *reason, const char *detail, int64_t now_ns);

uint64_t co_dead_letters(const struct co_dead *d); /* written, or on their way */
uint64_t co_dead_dropped(const struct co_dead *d);

#endif
