/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints (C2SP tlog-checkpoint): the text of the signed note that is a log's head: origin,
 * size, root, and extension lines. Any thread. Slices are borrowed from the text.
 */
#ifndef TLOG_CHECKPOINT_H
#define TLOG_CHECKPOINT_H

#include "tlog/hash.h"
#include "tlog/note.h"

struct tl_checkpoint {
	struct or_slice origin;
	uint64_t size;
	struct tl_hash root;
	struct or_slice extensions; /* lines with their newlines, none empty */
};

/* Puts the text. OR_INVAL: an origin or extension that the format cannot hold. */
OR_NODISCARD enum or_code tl_checkpoint_encode(
    struct or_buf *out, const struct tl_checkpoint *c, struct or_err *err);

/* Strict: encode would give the same text. OR_PARSE. */
OR_NODISCARD enum or_code tl_checkpoint_parse(
    struct tl_checkpoint *out, struct or_slice text, struct or_err *err);

/* Encodes and signs: puts the whole note. */
OR_NODISCARD enum or_code tl_checkpoint_sign(struct or_buf *out, const struct tl_checkpoint *c,
    const struct tl_note_key *const *keys, size_t n_keys, struct or_err *err);

/* Verifies the note and parses its text, which must have that origin. OR_DENIED, OR_PARSE. */
OR_NODISCARD enum or_code tl_checkpoint_verify(struct tl_checkpoint *out, struct or_slice note,
    struct or_slice origin, const struct tl_note_key *const *keys, size_t n_keys,
    struct or_err *err);

#endif
