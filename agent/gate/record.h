/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate's way into the spool: a record gets agent, epoch, stream and number, is made to fit,
 * encoded and appended, together with the inputs that decided it.
 *
 * Inputs are stored once by content: one that was appended lately is only named by its hash. It is
 * appended anew with another epoch, or after AG_RECORD_INPUTS_NS.
 * Thread: the spool's loop. Owns: nothing on disk; borrows the spool.
 */
#ifndef AGENT_GATE_RECORD_H
#define AGENT_GATE_RECORD_H

#include "agent/spool/spool.h"
#include "base/metric.h"
#include "proto/audit.h"
#include "proto/leaf.h"

#define AG_RECORD_INPUTS_NS (10 * 60 * OR_NS_PER_S)

struct ag_record;

struct ag_record_opt {
	struct ag_spool *spool;
	struct or_loop *loop;
	const uint8_t *agent_id; /* WIRE_AUDIT_AGENT_LEN bytes; copied */
	const char *product;
	const char *workload;                /* may be NULL */
	struct or_metric_registry *registry; /* may be NULL */
};

/* The stream is "outrider.audit/<product>". OR_FULL: the spool has too many streams. OR_INVAL. */
OR_NODISCARD enum or_code ag_record_new(
    struct ag_record **out, const struct ag_record_opt *opt, struct or_err *err);
void ag_record_free(struct ag_record *rec);

/*
 * Completes *r (its time too, where that is 0) and appends it; inputs may be empty, else r->inputs
 * is their hash. It survives kill -9 from then on, a power cut once it is synced. id, where not
 * NULL, becomes the one by which people name the record (proto/leaf.h). What *r refers to may be
 * cut to fit: it is not to be used afterwards. OR_FULL: the spool, and nothing was appended. OR_IO.
 */
OR_NODISCARD enum or_code ag_record_put(struct ag_record *rec, struct wire_audit *r,
    struct or_slice inputs, char id[WIRE_LEAF_ID_LEN + 1]);

/* As ag_spool_sync: fn is called once, later, when all that was put before is durable. */
struct ag_spool_wait *ag_record_sync(struct ag_record *rec, ag_spool_sync_fn *fn, void *arg);

/* False while the spool has no room for another record besides what is owed, or refused one within
 * the last second. */
bool ag_record_has_room(const struct ag_record *rec);
/* False besides while more than half of the spool is used: records that are no decisions stay out
 * then, so that nobody's chatter costs a decision its place. */
bool ag_record_has_spare(const struct ag_record *rec);

/* Bytes that records still to come will want, of requests that were let through on the strength of
 * ag_record_has_room; and their end, once put or given up. */
void ag_record_owe(struct ag_record *rec, uint64_t bytes);
void ag_record_pay(struct ag_record *rec, uint64_t bytes);

#endif
