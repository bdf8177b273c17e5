/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In the tap: the data sets that the workload was seen to read and write, each told to the agent
 * once, and again to an agent that asks.
 *
 * Pure but for fn. Thread: whoever owns it. Limits: AG_DATASETS_MAX; further ones are counted.
 */
#ifndef AGENT_TAP_DATASETS_H
#define AGENT_TAP_DATASETS_H

#include "agent/tap/note.h"
#include "ebpf/wire/wire.h"

#define AG_DATASETS_MAX 512

struct ag_datasets;

/* Takes a note (AG_NOTE_DATASET). OR_FULL: not now; it is offered again by flush. */
typedef enum or_code ag_datasets_fn(void *arg, const struct ag_note *note);

struct ag_datasets *ag_datasets_new(ag_datasets_fn *fn, void *arg);
/* NULL does nothing. */
void ag_datasets_free(struct ag_datasets *d);

void ag_datasets_put(struct ag_datasets *d, const struct tap_wire_access *access);
/* Tells what is not told yet. True: nothing is left. */
bool ag_datasets_flush(struct ag_datasets *d);
/* Another agent listens, which was told nothing. */
void ag_datasets_again(struct ag_datasets *d);
/* What found no room, since the last call. */
uint64_t ag_datasets_take_crowded(struct ag_datasets *d);

#endif
