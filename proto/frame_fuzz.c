/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: what decodes has a range that adds up, and a signature that no one made. */
#include "proto/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t raw[32] = {0x3b, 0x6a, 0x27, 0xbc, 0xce, 0xb6, 0xa4, 0x2d, 0x62, 0xa3,
	    0xa8, 0xd0, 0x2a, 0x6f, 0x0d, 0x73, 0x65, 0x32, 0x15, 0x77, 0x1d, 0xe2, 0x43, 0xa6,
	    0x3a, 0xc0, 0x48, 0xa1, 0x8b, 0x59, 0xda, 0x29};
	struct or_arena *a = or_arena_new(1 << 20);
	struct or_crypto_key *key;
	struct wire_frame f;
	struct or_err err;

	OR_ASSERT(!or_crypto_key_from_ed25519(&key, or_slice(raw, sizeof(raw))));
	if (!wire_frame_decode(&f, or_slice(data, size), a, &err)) {
		OR_ASSERT(wire_frame_records(&f) <= WIRE_FRAME_SPAN_MAX);
		OR_ASSERT(!wire_frame_is_dropped(&f, f.seq_to + 1));
		OR_ASSERT(wire_frame_verify(&f, key, &err));
	}
	or_crypto_key_free(key);
	or_arena_free(a);
	return 0;
}
