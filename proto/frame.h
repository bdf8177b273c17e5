/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame: what an agent signs for each batch it ships (proto/audit.proto, Frame).
 *
 * Any thread (a key by one thread at a time). Slices are borrowed; decoded ones point into the
 * input and the arena.
 * A frame covers seq_from..seq_to: each number is either a record of the batch or lies in one of
 * the dropped ranges, which ascend and do not touch each other's numbers. seq_to = seq_from - 1 is
 * an empty frame (a heartbeat): everything up to seq_to has been shipped.
 * Signed: "outrider/frame/v1" and each field in the order of the message, every one as a 32-bit
 * big-endian length and its bytes (numbers: 8 bytes big-endian).
 */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include "base/arena.h"
#include "base/crypto.h"

#define WIRE_FRAME_MAX         65500
#define WIRE_FRAME_DROPPED_MAX 256
#define WIRE_FRAME_SPAN_MAX    (1ULL << 40) /* numbers one frame may cover, dropped ones included */

struct wire_dropped {
	uint64_t from;
	uint64_t to;
	struct or_slice reason;
};

struct wire_frame {
	struct or_slice cert; /* encoded AgentCert */
	uint64_t epoch;
	struct or_slice stream;
	uint64_t seq_from;
	uint64_t seq_to;
	struct or_slice root; /* wire_root_compute over the batch's records */
	uint64_t prev_epoch;  /* 0: this is the agent's first */
	uint64_t prev_seq;    /* the final number of prev_epoch on this stream */
	const struct wire_dropped *dropped;
	size_t n_dropped;
	uint64_t sent_ns;
	struct or_slice signature;
};

/* How many records the batch of this frame holds (the frame is valid). */
uint64_t wire_frame_records(const struct wire_frame *f);

/* True where seq is one of the frame's dropped numbers. */
bool wire_frame_is_dropped(const struct wire_frame *f, uint64_t seq);

/* Appends the frame, signed with the agent's private Ed25519 key; f->signature is not read.
 * OR_INVAL: the frame does not hold together, or the key does not fit. OR_FULL. */
OR_NODISCARD enum or_code wire_frame_sign(struct or_buf *out, const struct wire_frame *f,
    const struct or_crypto_key *key, struct or_err *err);

/* Decodes and checks everything but the signature. Frames with fields that we do not know, or not
 * in our encoding, are OR_PARSE: what is signed must be read in one way. OR_FULL: a limit. */
OR_NODISCARD enum or_code wire_frame_decode(
    struct wire_frame *out, struct or_slice in, struct or_arena *a, struct or_err *err);

/* OR_DENIED: the signature is not this key's over these fields. */
OR_NODISCARD enum or_code wire_frame_verify(
    const struct wire_frame *f, const struct or_crypto_key *key, struct or_err *err);

#endif
