/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the server says, byte by byte the client gets what it gets at once. */
#include "agent/gate/postgres/mechanisms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum or_code run(struct or_buf *out, struct or_slice in, size_t step)
{
	struct or_buf held;
	enum or_code rc = OR_OK;
	bool done = false;

	or_buf_init(&held, 10000);
	while (in.n && rc == OR_OK) {
		struct or_slice part = or_slice(in.p, in.n < step ? in.n : step);

		in = or_slice_from(in, part.n);
		or_buf_put_slice(done ? out : &held, part);
		if (!or_buf_ok(&held))
			rc = OR_PARSE;
		else if (!done)
			rc = ag_mechanisms_pass(out, &held, &done);
	}
	or_buf_done(&held);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_slice in = or_slice(data, size < 10000 ? size : 10000);
	struct or_buf whole, bytes;
	enum or_code rc;

	or_buf_init(&whole, 65536);
	or_buf_init(&bytes, 65536);
	rc = run(&whole, in, in.n ? in.n : 1);
	OR_ASSERT(run(&bytes, in, 1) == rc);
	OR_ASSERT(rc || or_slice_eq(or_buf_slice(&whole), or_buf_slice(&bytes)));
	or_buf_done(&whole);
	or_buf_done(&bytes);
	return 0;
}
