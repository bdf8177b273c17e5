/* SPDX-License-Identifier: Apache-2.0 */
/* What parses must be the same tree after a round through JSON text. */
#include "base/jsonw.h"
#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_arena *a = or_arena_new(1 << 22);
	const struct or_json *tree, *again;
	struct or_jsonw w;
	struct or_buf text;
	struct or_err err;
	enum or_code rc;

	or_buf_init(&text, 1 << 24);
	if (or_yaml_parse(&tree, or_slice(data, size), a, &err) == OR_OK) {
		or_jsonw_init(&w, &text, 0);
		or_jsonw_tree(&w, tree);
		OR_ASSERT(or_buf_ok(&text));
		rc = or_json_parse(&again, or_buf_slice(&text), a, &err);
		OR_ASSERT(rc == OR_FULL || (rc == OR_OK && or_json_eq(tree, again)));
	}
	or_buf_done(&text);
	or_arena_free(a);
	return 0;
}
