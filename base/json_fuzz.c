/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What parses is written as JSON that parses to the same tree, on one line and indented; and a
 * small budget is met with OR_FULL, never with another result.
 */
#include "base/jsonw.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round(const struct or_json *tree, int indent, struct or_arena *a)
{
	const struct or_json *again;
	struct or_jsonw w;
	struct or_buf text;
	enum or_code rc;

	or_buf_init(&text, 1 << 24);
	or_jsonw_init(&w, &text, indent);
	or_jsonw_tree(&w, tree);
	OR_ASSERT(or_buf_ok(&text));
	rc = or_json_parse(&again, or_buf_slice(&text), a, NULL);
	OR_ASSERT(rc == OR_OK && or_json_eq(tree, again));
	or_buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_arena *a = or_arena_new(0), *small = or_arena_new(1024);
	const struct or_json *tree, *same;
	struct or_err err;
	enum or_code rc = or_json_parse(&tree, or_slice(data, size), a, &err), less;

	less = or_json_parse(&same, or_slice(data, size), small, NULL);
	OR_ASSERT(less == rc || less == OR_FULL);
	if (rc == OR_OK) {
		check_round(tree, 0, a);
		check_round(tree, 3, a);
	} else {
		OR_ASSERT(rc == OR_PARSE || rc == OR_FULL);
		OR_ASSERT(err.code == rc && err.msg[0]);
	}
	or_arena_free(small);
	or_arena_free(a);
	return 0;
}
