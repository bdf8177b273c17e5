/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes, MACs and signatures, the one home of OpenSSL's libcrypto.
 *
 * Thread: any; a key may be used by one thread at a time. Keys are owned by whoever made them.
 * Private keys never appear in messages; their memory is OpenSSL's, which wipes it on free.
 * Signatures: Ed25519 (RFC 8032), ECDSA with fixed-length R||S (RFC 7518 §3.4), RSASSA-PKCS1-v1_5
 * and PSS with SHA-2 (RFC 7518 §3.3, §3.5; verification only, keys of at least 2,048 bits).
 */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include "base/buf.h"
#include "base/err.h"

#define OR_CRYPTO_HASH_LEN    32
#define OR_CRYPTO_ED25519_LEN 32 /* a raw public key */
#define OR_CRYPTO_SIG_MAX     64 /* of the algorithms that we sign with */

enum or_crypto_kind {
	OR_CRYPTO_ED25519,
	OR_CRYPTO_P256,
	OR_CRYPTO_P384,
	OR_CRYPTO_RSA,
};

/* Names as in RFC 7518 and RFC 8037. */
enum or_crypto_alg {
	OR_CRYPTO_EDDSA,
	OR_CRYPTO_ES256,
	OR_CRYPTO_ES384,
	OR_CRYPTO_RS256,
	OR_CRYPTO_RS384,
	OR_CRYPTO_RS512,
	OR_CRYPTO_PS256,
	OR_CRYPTO_PS384,
	OR_CRYPTO_PS512,
};

struct or_crypto_key;

void or_crypto_sha256(uint8_t out[OR_CRYPTO_HASH_LEN], struct or_slice s);
/* Of several pieces, as if they stood behind one another. */
void or_crypto_sha256_parts(
    uint8_t out[OR_CRYPTO_HASH_LEN], const struct or_slice *parts, size_t n_parts);
void or_crypto_hmac_sha256(
    uint8_t out[OR_CRYPTO_HASH_LEN], struct or_slice key, struct or_slice msg);

/* In a time that depends on the lengths only. */
bool or_crypto_eq(struct or_slice a, struct or_slice b);

/* "EdDSA", "ES256"…; find gives OR_ABSENT for an unknown name ("none" and HMACs are unknown). */
const char *or_crypto_alg_name(enum or_crypto_alg alg);
OR_NODISCARD enum or_code or_crypto_alg_find(enum or_crypto_alg *out, struct or_slice name);
/* True where a key of that kind can carry that algorithm. */
bool or_crypto_alg_fits(enum or_crypto_alg alg, enum or_crypto_kind kind);

/* A new key pair: Ed25519, P-256 or P-384. */
OR_NODISCARD enum or_code or_crypto_key_new(
    struct or_crypto_key **out, enum or_crypto_kind kind, struct or_err *err);
void or_crypto_key_free(struct or_crypto_key *key);

/* PEM: PKCS#8 private or SubjectPublicKeyInfo public; no passphrases. OR_PARSE, OR_UNSUPPORTED. */
OR_NODISCARD enum or_code or_crypto_key_from_pem(
    struct or_crypto_key **out, struct or_slice pem, struct or_err *err);
/* Puts the private (or only the public) half as PEM. OR_INVAL: no private half. */
OR_NODISCARD enum or_code or_crypto_key_to_pem(
    struct or_buf *out, const struct or_crypto_key *key, bool private_half);

/* Public keys from their numbers, big-endian: Ed25519's 32 bytes; EC x and y of the curve's
 * length; RSA modulus and exponent. OR_INVAL: not a valid key (off the curve, too short). */
OR_NODISCARD enum or_code or_crypto_key_from_ed25519(
    struct or_crypto_key **out, struct or_slice raw);
OR_NODISCARD enum or_code or_crypto_key_from_ec(
    struct or_crypto_key **out, enum or_crypto_kind kind, struct or_slice x, struct or_slice y);
OR_NODISCARD enum or_code or_crypto_key_from_rsa(
    struct or_crypto_key **out, struct or_slice n, struct or_slice e);

enum or_crypto_kind or_crypto_key_kind(const struct or_crypto_key *key);
bool or_crypto_key_is_private(const struct or_crypto_key *key);

/* Ed25519: puts the 32 raw bytes. EC: puts x, then y, each of the curve's length. */
OR_NODISCARD enum or_code or_crypto_key_public(struct or_buf *out, const struct or_crypto_key *key);

/* Signs with EdDSA, ES256 or ES384. OR_INVAL: the key does not fit or has no private half. */
OR_NODISCARD enum or_code or_crypto_sign(struct or_buf *out, const struct or_crypto_key *key,
    enum or_crypto_alg alg, struct or_slice msg);

/* OR_OK: it verifies. OR_DENIED: it does not. OR_INVAL: the key does not fit the algorithm. */
OR_NODISCARD enum or_code or_crypto_verify(const struct or_crypto_key *key, enum or_crypto_alg alg,
    struct or_slice msg, struct or_slice sig);

#endif
