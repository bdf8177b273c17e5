/* SPDX-License-Identifier: Apache-2.0 */
/* An expression, NUL, a text: reading ends, its message points into it, and matching ends. */
#include "base/regex.h"

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_arena *a = or_arena_new(1024UL * 1024);
	size_t split = or_str_find(or_slice(data, size), 0, 0), at = 0;
	struct or_slice text = or_slice_from(or_slice(data, size), split < size ? split + 1 : size);
	struct or_regex *re = NULL;
	struct or_err err = {0};
	enum or_code rc = or_regex_compile(&re, or_slice(data, split), a, &at, &err);

	if (rc == OR_OK)
		or_regex_match(re, text);
	else
		OR_ASSERT(at <= split && err.msg[0]);
	or_arena_free(a);
	return 0;
}
