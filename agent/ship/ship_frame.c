/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/ship/ship_frame.h"

#include "proto/batch.h"
#include "proto/frame.h"
#include "proto/root.h"

_Static_assert(AG_SPOOL_DROPPED_MAX <= WIRE_FRAME_DROPPED_MAX, "a frame can say all that is lost");

static void put_batch(struct or_buf *body, const struct ag_spool_batch *batch)
{
	for (size_t i = 0; i < batch->n_records; i++)
		wire_batch_add_record(body, batch->records[i]);
	for (size_t i = 0; i < batch->n_inputs; i++)
		wire_batch_add_inputs(body, batch->inputs[i]);
}

enum or_code ag_ship_frame_build(
    struct or_buf *out, struct or_buf *body, const struct ag_ship_frame_in *in, struct or_err *err)
{
	const struct ag_spool_batch *batch = in->batch;
	struct wire_dropped dropped[AG_SPOOL_DROPPED_MAX];
	uint8_t root[OR_CRYPTO_HASH_LEN];
	struct wire_frame frame = {.cert = in->cert,
	    .epoch = batch->epoch,
	    .stream = or_slice_str(in->stream),
	    .seq_from = batch->from,
	    .seq_to = batch->to,
	    .root = or_slice(root, sizeof(root)),
	    .prev_epoch = batch->prev_epoch,
	    .prev_seq = batch->prev_epoch ? batch->prev_seq : 0,
	    .dropped = dropped,
	    .n_dropped = batch->n_dropped,
	    .sent_ns = (uint64_t)in->sent_ns};
	enum or_code rc;

	for (size_t i = 0; i < batch->n_dropped; i++)
		dropped[i] = (struct wire_dropped){
		    batch->dropped[i].from, batch->dropped[i].to, OR_SLICE_LIT("damaged")};
	wire_root_compute(root, batch->records, batch->n_records);
	or_buf_init(out, WIRE_FRAME_MAX);
	if (body)
		wire_batch_begin(body);
	rc = wire_frame_sign(out, &frame, in->key, err);
	if (rc || !body)
		return rc;
	put_batch(body, batch);
	if (!or_buf_ok(body))
		return or_err_set(err, OR_FULL, "the batch is larger than a batch may be");
	return OR_OK;
}

bool ag_ship_frame_next(struct ag_spool_batch *one, const struct ag_spool_batch *all)
{
	bool is_first = one->n_records == 0;
	size_t i = is_first ? 0 : (size_t)(one->records - all->records) + 1;
	size_t lost = is_first ? 0 : (size_t)(one->dropped - all->dropped) + one->n_dropped;
	uint64_t from = is_first ? all->from : one->to + 1;

	if (i == all->n_records)
		return false;
	*one = *all;
	one->from = one->to = from;
	one->records = &all->records[i];
	one->n_records = 1;
	one->n_inputs = 0;
	one->dropped = all->n_dropped ? &all->dropped[lost] : all->dropped;
	one->n_dropped = 0;
	for (; lost < all->n_dropped && all->dropped[lost].from == one->to; lost++) {
		one->to = all->dropped[lost].to + 1;
		one->n_dropped++;
	}
	return true;
}
