/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed notes (C2SP signed-note): a text, a blank line, and signature lines
 * "— <key name> <base64 of key id and signature>". Ed25519 keys (type 0x01) only.
 *
 * Any thread (a key by one thread at a time). Texts are borrowed from the note.
 * Limits: TL_NOTE_MAX bytes, TL_NOTE_SIGNATURES_MAX signature lines.
 */
#ifndef TLOG_NOTE_H
#define TLOG_NOTE_H

#include "base/crypto.h"

#define TL_NOTE_MAX            65536
#define TL_NOTE_SIGNATURES_MAX 64
#define TL_NOTE_NAME_MAX       255

/* A key with the name that it signs under. The crypto key is owned where the vkey was parsed,
 * borrowed where it was given to init. */
struct tl_note_key {
	char name[TL_NOTE_NAME_MAX + 1];
	uint32_t id; /* SHA-256(name || 0x0A || 0x01 || public key), first four bytes */
	const struct or_crypto_key *key;
	struct or_crypto_key *owned;
};

/* OR_INVAL: an empty name, one with blanks or '+', or a key that is not Ed25519. */
OR_NODISCARD enum or_code tl_note_key_init(
    struct tl_note_key *out, const char *name, const struct or_crypto_key *key, struct or_err *err);
/* From "<name>+<id in hex>+<base64>". OR_PARSE; OR_UNSUPPORTED: another type of key. */
OR_NODISCARD enum or_code tl_note_key_parse(
    struct tl_note_key *out, struct or_slice vkey, struct or_err *err);
void tl_note_key_done(struct tl_note_key *k);

/* Puts the vkey string. */
void tl_note_key_format(struct or_buf *out, const struct tl_note_key *k);

/* Puts the note: text (ends in a newline), blank line, one signature for each key.
 * OR_INVAL: no such text, or a key that cannot sign. */
OR_NODISCARD enum or_code tl_note_sign(struct or_buf *out, struct or_slice text,
    const struct tl_note_key *const *keys, size_t n_keys, struct or_err *err);

/* OR_OK: at least one of the keys signed it, and no signature in the name of one of them is wrong;
 * signatures of others are passed over. *text is what was signed; *by (may be NULL) has the bit of
 * each key that signed (n_keys <= 32). OR_PARSE: no signed note. OR_DENIED. */
OR_NODISCARD enum or_code tl_note_verify(struct or_slice *text, uint32_t *by, struct or_slice note,
    const struct tl_note_key *const *keys, size_t n_keys, struct or_err *err);

#endif
