/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proofs as files (C2SP tlog-proof): that one entry is in a log, to be checked offline by whoever
 * knows the log's key.
 *
 *   c2sp.org/tlog-proof@v1
 *   extra <base64>                 optional
 *   index <number>
 *   <base64 of a hash>             one line for each hash of the inclusion proof
 *
 *   <the checkpoint, a signed note>
 *
 * Any thread. Slices are borrowed from the text. Parsing is strict: encode gives the same text.
 * Limits: TL_PROOF_FILE_EXTRA_MAX bytes of extra data, TL_PROOF_MAX hashes, TL_NOTE_MAX of a note.
 */
#ifndef TLOG_PROOF_FILE_H
#define TLOG_PROOF_FILE_H

#include "base/buf.h"
#include "tlog/proof.h"

#define TL_PROOF_FILE_EXTRA_MAX 65535
#define TL_PROOF_FILE_MAX       (256UL * 1024)

struct tl_proof_file {
	struct or_slice extra; /* raw; .p NULL: there is none */
	uint64_t index;
	struct tl_proof proof;
	struct or_slice checkpoint; /* not verified here */
};

/* Puts the file. OR_INVAL: extra data that is too long, or no checkpoint. */
OR_NODISCARD enum or_code tl_proof_file_encode(
    struct or_buf *out, const struct tl_proof_file *f, struct or_err *err);

/* The extra data is decoded into *extra (cleared first), from which out->extra is borrowed.
 * OR_PARSE: the message says what is malformed. */
OR_NODISCARD enum or_code tl_proof_file_parse(
    struct tl_proof_file *out, struct or_buf *extra, struct or_slice text, struct or_err *err);

#endif
