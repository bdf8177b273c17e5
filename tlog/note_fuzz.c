/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a note and as a vkey: nobody's signature verifies, and what parses formats alike. */
#include "tlog/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char vkey[] =
	    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
	const struct tl_note_key *list[1];
	struct tl_note_key k, other;
	struct or_slice text;
	struct or_err err;
	struct or_buf out;

	OR_ASSERT(!tl_note_key_parse(&k, or_slice_str(vkey), &err));
	list[0] = &k;
	if (!tl_note_verify(&text, NULL, or_slice(data, size), list, 1, &err))
		OR_ASSERT(text.n < size && text.p[text.n - 1] == '\n');
	or_buf_init(&out, 1 << 16);
	if (!tl_note_key_parse(&other, or_slice(data, size), &err)) {
		tl_note_key_format(&out, &other);
		OR_ASSERT(or_slice_eq(or_buf_slice(&out), or_slice(data, size)));
		tl_note_key_done(&other);
	}
	or_buf_done(&out);
	tl_note_key_done(&k);
	return 0;
}
