/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the text is, parsing ends, its messages are UTF-8, and what parses can be run. */
#include "collector/query/query.h"

#include "base/str.h"
#include "collector/query/run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct wire_audit record = {.time_ns = 1700000000000000000,
    .product = {(const uint8_t *)"orders", 6},
    .decision = WIRE_DECISION_DENY,
    .request = {.path = {(const uint8_t *)"/a/b/aab", 8}, .status = 403}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_arena *a = or_arena_new(CO_QUERY_ARENA);
	struct or_err err = {0};
	struct co_query q;
	struct co_run_place place;
	struct co_run *run;
	struct or_buf out;
	enum or_code rc = co_query_parse(&q, or_slice(data, size), 1800000000000000000, a, &err);

	or_buf_init(&out, CO_RUN_LINE_MAX);
	if (rc == OR_OK) {
		run = co_run_new(&q);
		OR_ASSERT(co_run_feed(run, &record, 0, 7, &err) == OR_OK);
		co_run_finish(run);
		if (co_run_next_place(run, &place))
			co_run_put_record(&out, &q, "0123", &place, &record);
		else
			co_run_next_group(run, &out);
		OR_ASSERT(or_buf_ok(&out) && or_str_is_utf8(or_buf_slice(&out)));
		co_run_free(run);
	} else {
		OR_ASSERT(or_str_is_utf8(or_slice_str(err.msg)));
	}
	or_buf_done(&out);
	or_arena_free(a);
	return 0;
}
