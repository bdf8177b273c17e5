/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as JSON and as NDJSON: whole, byte by byte and with hardly any room give the same. What
 * passes is masked: once more through, it does not change. */
#include "agent/gate/mask/mask_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX = 64 * 1024 * 1024 };

static const struct or_slice a_path[] = {{(const uint8_t *)"a", 1}};
static const struct or_slice bc_path[] = {{(const uint8_t *)"b", 1}, {(const uint8_t *)"c", 1}};
static const struct or_slice d_path[] = {{(const uint8_t *)"d", 1}};
static const struct pol_mask items[] = {
    {.path = a_path, .n_path = 1, .kind = POL_MASK_REDACT},
    {.path = bc_path, .n_path = 2, .kind = POL_MASK_DEFAULT},
    {.path = d_path, .n_path = 1, .kind = POL_MASK_DATE_MONTH},
};
static const struct pol_masks masks = {items, OR_LEN(items)};

static enum ag_mask_fault run(struct or_buf *out, const struct ag_mask_plan *plan,
    struct or_slice in, bool lines, size_t piece, size_t high)
{
	struct ag_mask_json *m = ag_mask_json_new(plan, lines);
	enum ag_mask_fault fault = AG_MASK_FINE;
	struct or_buf part;

	or_buf_init(&part, MAX);
	for (size_t at = 0, used; at < in.n && !fault; at += used) {
		size_t n = in.n - at < piece ? in.n - at : piece;

		or_buf_clear(&part);
		fault = ag_mask_json_feed(m, or_slice(in.p + at, n), &used, &part, high);
		or_buf_put_slice(out, or_buf_slice(&part));
	}
	if (!fault)
		fault = ag_mask_json_end(m, out);
	or_buf_done(&part);
	ag_mask_json_free(m);
	return fault;
}

static void check(const struct ag_mask_plan *plan, struct or_slice in, bool lines)
{
	struct or_buf whole, other;
	enum ag_mask_fault fault;

	or_buf_init(&whole, MAX);
	or_buf_init(&other, MAX);
	fault = run(&whole, plan, in, lines, SIZE_MAX, MAX);
	OR_ASSERT(run(&other, plan, in, lines, 1, MAX) == fault);
	OR_ASSERT(fault || or_slice_eq(or_buf_slice(&whole), or_buf_slice(&other)));
	or_buf_clear(&other);
	OR_ASSERT(run(&other, plan, in, lines, SIZE_MAX, 1) == fault);
	OR_ASSERT(fault || or_slice_eq(or_buf_slice(&whole), or_buf_slice(&other)));
	or_buf_clear(&other);
	OR_ASSERT(
	    fault || run(&other, plan, or_buf_slice(&whole), lines, SIZE_MAX, MAX) == AG_MASK_FINE);
	OR_ASSERT(fault || or_slice_eq(or_buf_slice(&whole), or_buf_slice(&other)));
	or_buf_done(&whole);
	or_buf_done(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ag_mask_plan *plan;
	enum or_code rc = ag_mask_plan_new(&plan, &masks, OR_SLICE_LIT("key"), NULL);

	OR_ASSERT(rc == OR_OK);
	check(plan, or_slice(data, size), false);
	check(plan, or_slice(data, size), true);
	ag_mask_plan_free(plan);
	return 0;
}
