/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof of possession of an enrolment: what an agent signs to show that the key it asks a
 * certificate for is its own (POST /v1/enrol).
 *
 * Signed with the agent's key: the bytes "outrider-enrol-v1", then each field behind its length
 * (32-bit big-endian): the credential, the agent's id as text, the raw public key, each product.
 * Any thread (a key by one thread at a time). Slices are borrowed.
 */
#ifndef PROTO_ENROL_H
#define PROTO_ENROL_H

#include "base/crypto.h"

struct wire_enrol {
	/* A join token's text; for a renewal, the encoded certificate (its bytes, not base64). */
	struct or_slice credential;
	struct or_slice agent_id;   /* a UUID as text, lower case */
	struct or_slice public_key; /* 32 bytes, Ed25519 */
	const struct or_slice *products;
	size_t n_products;
};

/* Appends the signature, 64 bytes. OR_INVAL: the key is no private Ed25519 key. OR_FULL. */
OR_NODISCARD enum or_code wire_enrol_sign(
    struct or_buf *out, const struct wire_enrol *e, const struct or_crypto_key *key);

/* OR_DENIED: proof is not the signature of e->public_key over e. OR_INVAL: public_key is no key. */
OR_NODISCARD enum or_code wire_enrol_verify(const struct wire_enrol *e, struct or_slice proof);

/* "01234567-89ab-…" in lower case to its 16 bytes, and back. OR_PARSE: not a UUID. */
#define WIRE_ENROL_UUID_LEN   16
#define WIRE_ENROL_UUID_CHARS 36
OR_NODISCARD enum or_code wire_enrol_uuid_parse(
    uint8_t out[WIRE_ENROL_UUID_LEN], struct or_slice text);
void wire_enrol_uuid_text(
    char out[WIRE_ENROL_UUID_CHARS + 1], const uint8_t uuid[WIRE_ENROL_UUID_LEN]);

#endif
