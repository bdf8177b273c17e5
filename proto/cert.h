/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agent's certificate: the collector's enrolment key says that this Ed25519 key speaks for
 * this agent and these products, from then to then (proto/audit.proto, AgentCert).
 *
 * Any thread (a key by one thread at a time). Slices are borrowed.
 * Signed: "outrider/agent-cert/v1" and each field behind its length, as a frame is.
 * Limits: WIRE_CERT_MAX bytes, WIRE_CERT_PRODUCTS_MAX products.
 */
#ifndef PROTO_CERT_H
#define PROTO_CERT_H

#include "base/arena.h"
#include "base/crypto.h"

#define WIRE_CERT_MAX          32768
#define WIRE_CERT_PRODUCTS_MAX 128
#define WIRE_CERT_KEY_ID_LEN   8

struct wire_cert {
	struct or_slice agent_id;   /* 16 bytes */
	struct or_slice public_key; /* 32 bytes, Ed25519 */
	const struct or_slice *products;
	size_t n_products;
	uint64_t not_before_ns;
	uint64_t not_after_ns;
	struct or_slice issuer_key_id; /* WIRE_CERT_KEY_ID_LEN bytes */
	struct or_slice signature;
};

/* The id of an enrolment key: the first bytes of SHA-256 over its raw public half. OR_INVAL: not
 * an Ed25519 key. */
OR_NODISCARD enum or_code wire_cert_key_id(
    uint8_t out[WIRE_CERT_KEY_ID_LEN], const struct or_crypto_key *issuer);

/* Appends the certificate, signed; issuer_key_id and signature of c are not read. OR_INVAL. */
OR_NODISCARD enum or_code wire_cert_issue(struct or_buf *out, const struct wire_cert *c,
    const struct or_crypto_key *issuer, struct or_err *err);

/* Decodes and checks everything but signature and time. OR_PARSE, OR_FULL. */
OR_NODISCARD enum or_code wire_cert_decode(
    struct wire_cert *out, struct or_slice in, struct or_arena *a, struct or_err *err);

/* OR_DENIED: not this issuer's signature. OR_STALE: now is outside of its time. */
OR_NODISCARD enum or_code wire_cert_verify(const struct wire_cert *c,
    const struct or_crypto_key *issuer, int64_t now_ns, struct or_err *err);

/* A certificate for "*" speaks for every product: the collector's own, which it gives to nobody. */
bool wire_cert_has_product(const struct wire_cert *c, struct or_slice product);

#endif
