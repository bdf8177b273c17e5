/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The batch: what one Kafka message or one POST carries (proto/audit.proto, AuditBatch).
 *
 * Written by appending to a buffer, record by record, so a sender needs no list. Records ascend in
 * seq; inputs (the groups, attributes and context that decided) are those that records name.
 * Any thread. Decoded slices point into the input, the lists into the arena.
 * Limits: WIRE_BATCH_MAX bytes, WIRE_BATCH_RECORDS_MAX records and as many inputs.
 */
#ifndef PROTO_BATCH_H
#define PROTO_BATCH_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define WIRE_BATCH_MAX         (8U * 1024 * 1024)
#define WIRE_BATCH_RECORDS_MAX 10000
#define WIRE_BATCH_INPUTS_MAX  65536 /* bytes of one of the inputs */
/* Bytes of one record: a message of a broker's usual limit. Audit records have WIRE_AUDIT_MAX. */
#define WIRE_BATCH_RECORD_MAX 1000000

struct wire_batch {
	const struct or_slice *records; /* each 1 to WIRE_BATCH_RECORD_MAX bytes, not decoded */
	size_t n_records;
	const struct or_slice *inputs;
	size_t n_inputs;
};

/* Readies out (or_buf_done is the caller's). Fullness is the buffer's: a put that does not fit
 * leaves what was there readable once or_buf_cut has taken the flag's cause away. */
void wire_batch_begin(struct or_buf *out);
void wire_batch_add_record(struct or_buf *out, struct or_slice record);
void wire_batch_add_inputs(struct or_buf *out, struct or_slice inputs);
/* Bytes that a record of n bytes takes in a batch. */
size_t wire_batch_room(size_t n);

/* OR_PARSE: not a batch (unknown fields are none of ours). OR_FULL: a limit. */
OR_NODISCARD enum or_code wire_batch_decode(
    struct wire_batch *out, struct or_slice in, struct or_arena *a, struct or_err *err);

#endif
