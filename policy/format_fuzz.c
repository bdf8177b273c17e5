/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What parses can be laid out, means the same (the formatter looks itself), and laid out again it
 * stays as it is; at any width. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pol_format_opt opt = {size ? 1 + data[0] % 120 : 0, 0};
	struct or_buf once, twice;
	enum or_code rc;

	or_buf_init(&once, 64 << 20);
	or_buf_init(&twice, 64 << 20);
	rc = pol_format_text(&once, "f.cedar", or_slice(data, size), &opt, NULL, NULL);
	OR_ASSERT(rc == OR_OK || rc == OR_PARSE || rc == OR_EXISTS || rc == OR_FULL);
	if (rc == OR_OK) {
		OR_ASSERT(pol_format_text(
			      &twice, "f.cedar", or_buf_slice(&once), &opt, NULL, NULL) == OR_OK);
		OR_ASSERT(or_slice_eq(or_buf_slice(&once), or_buf_slice(&twice)));
	}
	or_buf_done(&once);
	or_buf_done(&twice);
	return 0;
}
