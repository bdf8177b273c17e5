/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch of the spool as it travels: the signed frame, encoded, and the encoded AuditBatch.
 *
 * Pure; any thread (a key by one thread at a time). Numbers that the spool could not read become
 * dropped ranges with the reason "damaged". An empty batch gives a heartbeat: no body, and a frame
 * that says up to where everything has been shipped.
 */
#ifndef AGENT_SHIP_SHIP_FRAME_H
#define AGENT_SHIP_SHIP_FRAME_H

#include "agent/spool/spool.h"
#include "base/crypto.h"

struct ag_ship_frame_in {
	const struct ag_spool_batch *batch;
	const char *stream;              /* "outrider.audit/orders" */
	struct or_slice cert;            /* encoded AgentCert */
	const struct or_crypto_key *key; /* the agent's */
	int64_t sent_ns;                 /* wall clock */
};

/* Both buffers are initialised here and the caller's to finish, on failure too; body may be NULL.
 * OR_INVAL: the frame does not hold together (a key that does not fit). OR_FULL. */
OR_NODISCARD enum or_code ag_ship_frame_build(
    struct or_buf *out, struct or_buf *body, const struct ag_ship_frame_in *in, struct or_err *err);

/* Makes *one, zeroed at first, the next record of all as a batch of its own, with the numbers that
 * were lost before it. False: there is none. What was lost behind the last one is not said by any:
 * the number of the next record shows that it is missing. */
bool ag_ship_frame_next(struct ag_spool_batch *one, const struct ag_spool_batch *all);

#endif
