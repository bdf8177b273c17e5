/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signed token in compact form (JWS, RFC 7515; JWT, RFC 7519), verified and never made.
 *
 * Strict (RFC 8725): exactly three segments of unpadded base64url with no spare bits; headers and
 * claims are JSON objects without duplicate members; only asymmetric algorithms ("none" and HMAC
 * are unknown names); any `crit` is refused (§4.1.11: we understand no extension), and so is a
 * `b64` other than true. Keys come from the issuer's set alone: jku, x5u, jwk and x5c in a header
 * are never looked at.
 *
 * Thread: any. Everything lies in the caller's arena. Limits: AG_JWT_MAX bytes.
 */
#ifndef AGENT_GATE_JWT_H
#define AGENT_GATE_JWT_H

#include "agent/gate/jwk.h"

#define AG_JWT_MAX (16U * 1024)

/* Why a token is refused. The names (ag_jwt_reason_name) are stable: they stand in audit records.
 */
enum ag_jwt_reason {
	AG_JWT_OK = 0,
	AG_JWT_TOO_LARGE,
	AG_JWT_MALFORMED,      /* not a compact JWS, not JSON, a duplicate member */
	AG_JWT_CRITICAL,       /* crit, or b64 */
	AG_JWT_ALGORITHM,      /* none, symmetric, unknown, or not one of the issuer's */
	AG_JWT_TYPE,           /* typ is of another kind of token */
	AG_JWT_ISSUER_UNKNOWN, /* iss is no configured issuer */
	AG_JWT_KEY_UNKNOWN,    /* the issuer has no such key: a reason to fetch its set anew */
	AG_JWT_KEY_AMBIGUOUS,  /* no kid, and several keys fit */
	AG_JWT_SIGNATURE,
	AG_JWT_EXPIRED,
	AG_JWT_NOT_YET_VALID, /* nbf */
	AG_JWT_FROM_FUTURE,   /* iat */
	AG_JWT_AUDIENCE,
	AG_JWT_CLAIMS, /* a required claim is missing or has a wrong type */
};

/* "ok", "token_malformed", "issuer_unknown", "key_unknown", "token_signature"… */
const char *ag_jwt_reason_name(enum ag_jwt_reason reason);

struct ag_jwt {
	struct or_slice signing_input; /* borrows from the token */
	struct or_slice payload;
	struct or_slice signature;
	const struct or_json *header;
	enum or_crypto_alg alg;
	struct or_slice kid; /* p == NULL: none */
	struct or_slice typ;
};

/* The JWS layer: takes the token apart; the payload may be any bytes. An arena that is used up
 * counts as too large. */
OR_NODISCARD enum ag_jwt_reason ag_jwt_parse(
    struct ag_jwt *out, struct or_slice token, struct or_arena *a);

/* AG_JWT_OK, AG_JWT_ALGORITHM (the key is for another one) or AG_JWT_SIGNATURE. */
OR_NODISCARD enum ag_jwt_reason ag_jwt_verify(const struct ag_jwt *t, const struct ag_jwk *key);

/* The payload as an object of claims. */
OR_NODISCARD enum ag_jwt_reason ag_jwt_claims(
    const struct or_json **out, const struct ag_jwt *t, struct or_arena *a);

/*
 * What is asked of the claims (RFC 7519 §4.1). Times are whole Unix seconds; comparisons cannot
 * overflow. The skew holds for nbf and iat; exp has none.
 */
struct ag_jwt_rules {
	struct or_slice audience; /* must be aud, or in it */
	int64_t skew_s;           /* 0 to 60 */
	/* RFC 9068: typ at+jwt, and client_id, iat and jti besides. Without it typ is absent, JWT
	 * or at+jwt, so that tokens of other kinds are refused (RFC 8725 §3.11). */
	bool access_token;
};

/* exp goes to *exp_s. The order of checks: typ, presence and types, exp, nbf, iat, aud. */
OR_NODISCARD enum ag_jwt_reason ag_jwt_check(int64_t *exp_s, const struct ag_jwt *t,
    const struct or_json *claims, const struct ag_jwt_rules *rules, int64_t now_s);

#endif
