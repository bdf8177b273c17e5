/* SPDX-License-Identifier: Apache-2.0 */
/* However the bytes are cut, the same messages are told. */
#include "agent/gate/postgres/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	size_t n;
	uint64_t sum;
};

static void on_message(void *arg, uint8_t type, struct or_slice body, uint32_t length)
{
	struct seen *s = arg;

	OR_ASSERT(body.n <= AG_FRAMES_KEEP_MAX && body.n <= length);
	s->n++;
	s->sum = s->sum * 31 + type + length;
	for (size_t i = 0; i < body.n; i++)
		s->sum = s->sum * 31 + body.p[i];
}

static enum or_code run(struct seen *s, struct or_slice in, size_t step)
{
	struct ag_frames_opt opt = {
	    .allowed = "QPBDESHXCFdcfp", .wanted = "QPBF", .fn = on_message, .arg = s};
	enum or_code rc = OR_OK;
	struct ag_frames f;

	ag_frames_init(&f, &opt);
	while (in.n && rc == OR_OK) {
		size_t n = in.n < step ? in.n : step;

		rc = ag_frames_feed(&f, or_slice(in.p, n));
		in = or_slice_from(in, n);
	}
	ag_frames_done(&f);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_slice in = or_slice(data, size);
	struct seen whole = {0}, bytes = {0};
	enum or_code rc = run(&whole, in, size ? size : 1);

	OR_ASSERT(run(&bytes, in, 1) == rc);
	OR_ASSERT(bytes.n == whole.n && bytes.sum == whole.sum);
	return 0;
}
