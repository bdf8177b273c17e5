/* SPDX-License-Identifier: Apache-2.0 */
/* Any file is refused with a message or gives rules whose templates expand. */
#include "collector/alert/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expand_all(const struct co_rule_set *set)
{
	struct or_buf out;

	or_buf_init(&out, 64UL * 1024);
	for (size_t i = 0; i < set->n_rules; i++) {
		const struct co_rule *r = &set->rules[i];

		OR_ASSERT(co_rule_find(set, r->name) == r);
		for (size_t k = 0; k < r->annotations.n; k++)
			co_rule_expand(&out, r, r->annotations.p[k].value, r->labels);
		or_buf_clear(&out);
	}
	or_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct co_rule_set *set = NULL;
	struct or_err err = {0};

	if (co_rule_parse(&set, "fuzz.yaml", or_slice(data, size), &err)) {
		OR_ASSERT(!set && err.code && err.msg[0]);
		return 0;
	}
	expand_all(set);
	co_rule_free(set);
	return 0;
}
