/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a @mask: what is taken prints in a form that is read back as the same, and twice the
 * same masks are those masks.
 */
#include "policy/mask.h"

#include "base/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum or_code read_twice(struct pol_masks *out, struct or_arena *a, struct or_slice text)
{
	const struct pol_annotation note = {.key = OR_SLICE_LIT("mask"), .value = text};
	const struct pol_policy p = {
	    .id = OR_SLICE_LIT("p"), .file = "f", .annotations = &note, .n_annotations = 1};
	const struct pol_policy *const both[] = {&p, &p};

	return pol_mask_collect(out, a, both, 2, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_arena *a = or_arena_new(8 * OR_MIB);
	struct pol_masks masks, again;
	struct or_buf text;

	or_buf_init(&text, 8 * OR_MIB);
	if (size < 4096 && read_twice(&masks, a, or_slice(data, size)) == OR_OK) {
		for (size_t i = 0; i < masks.n; i++) {
			or_buf_put_str(&text, i ? ", " : "");
			pol_mask_print(&text, &masks.items[i]);
		}
		OR_ASSERT(read_twice(&again, a, or_buf_slice(&text)) == OR_OK);
		OR_ASSERT(again.n == masks.n);
		for (size_t i = 0; i < masks.n; i++) {
			OR_ASSERT(or_slice_eq(masks.items[i].column, again.items[i].column));
			OR_ASSERT(masks.items[i].kind == again.items[i].kind);
			OR_ASSERT(masks.items[i].n == again.items[i].n);
			OR_ASSERT(or_slice_eq(masks.items[i].constant, again.items[i].constant));
			OR_ASSERT(pol_mask_find(&masks, again.items[i].column) == &masks.items[i]);
		}
	}
	or_buf_done(&text);
	or_arena_free(a);
	return 0;
}
