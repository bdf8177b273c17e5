/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: UTF-8 stays UTF-8, and a text that was taken apart once has nothing more in it. */
#include "agent/capture/redact/redact.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ag_redact *make(void)
{
	static const char *items[] = {"card", "mail", "token", "iban"};
	struct ag_redact_opt opt = {.kinds = {items, OR_LEN(items)}};
	struct ag_redact *r = NULL;
	struct or_err err;

	OR_ASSERT(ag_redact_new(&r, &opt, &err) == OR_OK);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ag_redact *r;
	struct or_slice text = or_slice(data, size);
	struct or_buf out;

	r = r ? r : make();
	or_buf_init(&out, size * 16 + 64);
	if (ag_redact_text(r, &out, OR_SLICE_NONE, text)) {
		OR_ASSERT(or_buf_ok(&out));
		OR_ASSERT(!or_str_is_utf8(text) || or_str_is_utf8(or_buf_slice(&out)));
		OR_ASSERT(or_str_find(or_buf_slice(&out), '[', 0) < out.n);
	} else {
		OR_ASSERT(out.n == 0);
	}
	or_buf_done(&out);
	return 0;
}
