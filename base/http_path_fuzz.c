/* SPDX-License-Identifier: Apache-2.0 */
/* A canonical path is its own canonical form, and holds nothing that climbs or hides. */
#include "base/http_path.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_buf out, again;

	or_buf_init(&out, 64 * 1024);
	or_buf_init(&again, 64 * 1024);
	if (or_http_path_canon(&out, or_slice(data, size), 0) <= OR_HTTP_PATH_CHANGED) {
		const char *text = or_buf_text(&out);

		if (out.n > size || text[0] != '/' || strstr(text, "//") || strstr(text, "/../") ||
		    strstr(text, "/./") || strchr(text, ';') || strchr(text, '\\') ||
		    strchr(text, '?'))
			abort();
		if (or_http_path_canon(&again, or_buf_slice(&out), 0) != OR_HTTP_PATH_SAME)
			abort();
	}
	or_buf_done(&out);
	or_buf_done(&again);
	return 0;
}
