/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tap tells becomes audit records, within a budget of its own: observed behaviour must
 * never take the room that decisions need.
 *
 *   note ──▶ rate of its kind ──▶ quota of the spool ──▶ record        else: dropped, and counted
 *
 * A record is of kind process (exec), network (connect) or file (open), front kernel, without a
 * decision: the kernel was watched, not asked. What was dropped or lost becomes a record of its own
 * (reason observation_incomplete), at most one per AG_OBSERVE_LOSS_NS. So does each change of what
 * is watched (action observe), with tier and reason; where there is no tap that is the first
 * record. Thread: the loop's. Owns: the watch of fd; fd stays the caller's. Limits: rate records a
 * second of each kind, ten seconds' worth at once; quota bytes of spool, beyond which records of
 * other streams and decisions have the spool to themselves.
 */
#ifndef AGENT_TAP_OBSERVE_H
#define AGENT_TAP_OBSERVE_H

#include "agent/gate/record.h"
#include "agent/tap/observed.h"
#include "base/jsonw.h"

#define AG_OBSERVE_LOSS_NS (10 * OR_NS_PER_S)

struct ag_observe;

struct ag_observe_opt {
	struct or_loop *loop;
	struct ag_record *record;
	struct ag_spool *spool;
	struct or_metric_registry *registry; /* may be NULL */
	const char *workload;                /* copied */
	int fd;                              /* the tap's notes; 0: there is no tap */
	uint64_t rate;                       /* > 0 */
	uint64_t quota_bytes;                /* at most half of the spool's counts */
	struct ag_observed *observed;        /* takes data sets; may be NULL; borrowed */
};

struct ag_observe *ag_observe_new(const struct ag_observe_opt *opt);
/* Takes what still waits, then ends. NULL does nothing. */
void ag_observe_free(struct ag_observe *o);

/* Takes all notes that wait, as before the last records are shipped. */
void ag_observe_drain(struct ag_observe *o);

/* One object: tier, state (absent, starting, running, ended), why, restarts, ended, probes, and
 * what was seen, recorded, dropped; and by kind what the kernel saw, and lost (ring, map, missed).
 */
void ag_observe_put_status(struct or_jsonw *w, const struct ag_observe *o);

#endif
