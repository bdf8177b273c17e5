/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes, as a query and as stored groups: a query that is taken runs over the rows of a group.
 */
#include "collector/telemetry/sift.h"

#include "collector/telemetry/depot.h"

enum { ROOM = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	const struct co_sift *sift;
	struct or_buf out;
};

static bool on_row(void *arg, const struct wire_otlp_row *row)
{
	struct fuzz *f = arg;
	struct or_jsonw w;

	(void)!co_sift_matches(f->sift, row, OR_SLICE_LIT("orders"));
	or_buf_clear(&f->out);
	or_jsonw_init(&w, &f->out, 0);
	co_sift_put(&w, row, OR_SLICE_LIT("orders"), 1);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t split = size ? data[0] : 0;
	struct or_slice in = size ? or_slice(data + 1, size - 1) : OR_SLICE_NONE;
	struct or_slice text = or_slice(in.p, split < in.n ? split : in.n);
	struct or_slice rest = or_slice_from(in, text.n), groups = rest;
	struct or_arena *a = or_arena_new(ROOM);
	struct co_depot_record record;
	struct co_depot_group group;
	struct co_sift sift;
	struct fuzz f = {.sift = &sift};

	or_buf_init(&f.out, ROOM);
	for (enum wire_otlp_kind kind = WIRE_OTLP_LOGS; kind <= WIRE_OTLP_SPANS; kind++) {
		or_arena_clear(a);
		if (co_sift_parse(&sift, kind, text, 1000, a, NULL) == OR_OK)
			wire_otlp_row_each(kind, rest, on_row, &f);
	}
	while (co_depot_next_group(&group, &groups) == OR_OK) {
		while (co_depot_next_record(&record, &group.records))
			OR_ASSERT(record.bytes.n <= size);
	}
	or_buf_done(&f.out);
	or_arena_free(a);
	return 0;
}
