/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/batch.h"

#include "proto/pb.h"

enum { RECORD = 1, INPUTS = 2 };

void wire_batch_begin(struct or_buf *out)
{
	or_buf_init(out, WIRE_BATCH_MAX);
}

void wire_batch_add_record(struct or_buf *out, struct or_slice record)
{
	OR_ASSERT(record.n > 0 && record.n <= WIRE_BATCH_RECORD_MAX);
	wire_pb_append(out, RECORD, record);
}

void wire_batch_add_inputs(struct or_buf *out, struct or_slice inputs)
{
	OR_ASSERT(inputs.n > 0 && inputs.n <= WIRE_BATCH_INPUTS_MAX);
	wire_pb_append(out, INPUTS, inputs);
}

size_t wire_batch_room(size_t n)
{
	return 1 + wire_pb_varint_size(n) + n;
}

/* Counts both kinds and checks each; the batch's shape is then known to be good. */
static enum or_code measure(struct wire_batch *b, struct or_slice in, struct or_err *err)
{
	struct wire_pb_field f;
	enum or_code rc;

	*b = (struct wire_batch){0};
	while ((rc = wire_pb_next(&f, &in)) == OR_OK) {
		bool record = f.num == RECORD;

		if (f.num > INPUTS || f.type != WIRE_PB_BYTES || f.s.n == 0)
			return or_err_set(err, OR_PARSE, "batch: a field that is none of a batch");
		if (f.s.n > (record ? WIRE_BATCH_RECORD_MAX : WIRE_BATCH_INPUTS_MAX))
			return or_err_set(err, OR_FULL, "batch: %s of %zu bytes",
			    record ? "a record" : "inputs", f.s.n);
		if (record)
			b->n_records++;
		else
			b->n_inputs++;
	}
	if (rc != OR_ABSENT)
		return or_err_set(err, OR_PARSE, "batch: broken encoding");
	if (b->n_records > WIRE_BATCH_RECORDS_MAX || b->n_inputs > WIRE_BATCH_RECORDS_MAX)
		return or_err_set(
		    err, OR_FULL, "batch: more than %d records or inputs", WIRE_BATCH_RECORDS_MAX);
	return OR_OK;
}

enum or_code wire_batch_decode(
    struct wire_batch *out, struct or_slice in, struct or_arena *a, struct or_err *err)
{
	struct or_slice *records, *inputs;
	size_t n_records = 0, n_inputs = 0;
	struct wire_pb_field f;
	struct wire_batch b;
	enum or_code rc;

	if (in.n > WIRE_BATCH_MAX)
		return or_err_set(err, OR_FULL, "batch: longer than %u bytes", WIRE_BATCH_MAX);
	rc = measure(&b, in, err);
	if (rc)
		return rc;
	records = or_arena_array(a, b.n_records, sizeof(*records));
	inputs = or_arena_array(a, b.n_inputs, sizeof(*inputs));
	if (!records || !inputs)
		return or_err_set(err, OR_FULL, "batch: no room left");
	while (wire_pb_next(&f, &in) == OR_OK) {
		if (f.num == RECORD)
			records[n_records++] = f.s;
		else
			inputs[n_inputs++] = f.s;
	}
	b.records = records;
	b.inputs = inputs;
	*out = b;
	return OR_OK;
}
