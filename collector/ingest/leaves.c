/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/leaves.h"

#include "base/mem.h"
#include "proto/batch.h"

void co_leaves_init(struct co_leaves *l)
{
	l->n = 0;
	or_buf_init(&l->bytes, CO_LEAVES_MAX);
	or_buf_init(&l->ends, (WIRE_BATCH_RECORDS_MAX + 16) * sizeof(size_t));
}

void co_leaves_done(struct co_leaves *l)
{
	or_buf_done(&l->bytes);
	or_buf_done(&l->ends);
}

void co_leaves_add(struct co_leaves *l, enum wire_leaf_type type, struct or_slice content)
{
	wire_leaf_encode(&l->bytes, type, content);
	or_buf_put(&l->ends, &l->bytes.n, sizeof(l->bytes.n));
	l->n++;
}

enum or_code co_leaves_append(
    struct co_leaves *l, struct co_log *log, co_log_fn *fn, void *arg, struct or_err *err)
{
	struct or_slice *slices;
	enum or_code rc;
	size_t from = 0;

	if (!or_buf_ok(&l->bytes) || !or_buf_ok(&l->ends))
		return or_err_set(err, OR_FULL, "too much for one batch");
	slices = or_mem_array(l->n, sizeof(*slices));
	for (size_t i = 0; i < l->n; i++) {
		size_t end;

		memcpy(&end, l->ends.p + i * sizeof(end), sizeof(end));
		slices[i] = or_slice(l->bytes.p + from, end - from);
		from = end;
	}
	rc = co_log_append(log, slices, l->n, fn, arg, err);
	or_mem_free(slices);
	return rc;
}
