/* SPDX-License-Identifier: Apache-2.0 */
#include "product/contract.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_arena *a = or_arena_new(16U << 20);
	const struct dp_contract *out = NULL;
	struct dp_diags diags;
	struct or_buf report;
	struct or_err err = {0};
	enum or_code rc;

	or_buf_init(&report, 1U << 18);
	dp_diag_init(&diags, "fuzz", a);
	rc = dp_contract_parse(&out, or_slice(data, size), a, &diags, &err);
	OR_ASSERT((rc == OR_OK) == (out != NULL));
	OR_ASSERT(rc == OR_OK || err.msg[0]);
	dp_diag_print(&report, &diags);
	or_buf_done(&report);
	or_arena_free(a);
	return 0;
}
