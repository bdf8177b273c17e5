/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of any query are text, bounded, and each there once. */
#include "agent/gate/query.h"

#include "base/str.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_arena *a = or_arena_new(256 * OR_KIB);
	const struct or_slice *keys = NULL;
	size_t n = 0;

	if (ag_query_keys(&keys, &n, or_slice(data, size), a) == OR_OK) {
		if (n > AG_QUERY_KEYS_MAX)
			abort();
		for (size_t i = 0; i < n; i++) {
			if (keys[i].n > AG_QUERY_KEY_MAX || !or_str_is_utf8(keys[i]))
				abort();
			for (size_t k = 0; k < i; k++) {
				if (or_slice_eq(keys[i], keys[k]))
					abort();
			}
		}
	}
	or_arena_free(a);
	return 0;
}
