/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/query/plan.h"

#include "base/jsonw.h"

void co_plan_put(struct or_buf *out, const struct co_plan *p, uint64_t matched)
{
	static const char *const names[] = {"read", "skipped_by_time", "skipped_by_range",
	    "skipped_by_value", "skipped_by_id", "skipped_by_filter", "skipped_as_older"};
	struct or_jsonw w;

	_Static_assert(OR_LEN(names) == CO_PLAN_SKIPS, "a name for each");
	or_jsonw_init(&w, out, 0);
	or_jsonw_object(&w);
	or_jsonw_key(&w, "explain");
	or_jsonw_object(&w);
	or_jsonw_key(&w, "parts");
	or_jsonw_object(&w);
	for (size_t i = 0; i < CO_PLAN_SKIPS; i++)
		or_jsonw_kv_u64(&w, names[i], p->parts[i]);
	or_jsonw_end(&w);
	or_jsonw_key(&w, "blocks");
	or_jsonw_object(&w);
	or_jsonw_kv_u64(&w, "read", p->blocks_read);
	or_jsonw_kv_u64(&w, "skipped", p->blocks_skipped);
	or_jsonw_end(&w);
	or_jsonw_key(&w, "rows");
	or_jsonw_object(&w);
	or_jsonw_kv_u64(&w, "skipped", p->rows_skipped);
	or_jsonw_kv_u64(&w, "by_column", p->rows_columns);
	or_jsonw_kv_u64(&w, "whole", p->rows_whole);
	or_jsonw_kv_u64(&w, "unsealed", p->rows_tail);
	or_jsonw_kv_u64(&w, "matched", matched);
	or_jsonw_end(&w);
	or_jsonw_end(&w);
	or_jsonw_end(&w);
	or_buf_put_byte(out, '\n');
}
