/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector as an agent: its own records, signed and framed like everybody's.
 *
 * Its agent_id is that of its certificate, its epoch belongs to the log (a hash of origin and
 * agent), its stream to the product that a record is about. Thread: the loop's.
 */
#ifndef COLLECTOR_INGEST_OWN_H
#define COLLECTOR_INGEST_OWN_H

#include "collector/ingest/marks.h"
#include "proto/audit.h"
#include "proto/cert.h"

struct co_own {
	const struct or_crypto_key *key;
	struct or_slice cert; /* owned */
	uint8_t agent_id[WIRE_AUDIT_AGENT_LEN];
	uint64_t epoch;
};

/* OR_INVAL: the certificate is none, or not for that key. */
OR_NODISCARD enum or_code co_own_init(struct co_own *own, const struct or_crypto_key *key,
    struct or_slice cert, const char *origin, struct or_err *err);
void co_own_done(struct co_own *own);

/* The marks' key of its stream for that product; stream is storage that must outlive it. */
OR_NODISCARD enum or_code co_own_key(struct co_marks_key *out, const struct co_own *own,
    struct or_slice product, char stream[CO_MARKS_STREAM_MAX + 1]);

/* Puts the encoded record, filled in: who, epoch, stream, seq, front, phase; time, trace and span
 * where they are absent. What does not fit is cut as wire_audit_fit does. OR_INVAL, OR_FULL. */
OR_NODISCARD enum or_code co_own_record(struct or_buf *out, const struct co_marks_key *key,
    const struct wire_audit *r, uint64_t seq, int64_t now_ns, struct or_arena *scratch,
    struct or_err *err);

/* Puts the frame for records seq.. (in order). */
OR_NODISCARD enum or_code co_own_frame(struct or_buf *out, const struct co_own *own,
    const struct co_marks_key *key, const struct or_slice *records, size_t n, uint64_t seq,
    int64_t now_ns, struct or_err *err);

#endif
