/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a token costs: raw verification of its signature, the whole check of a token not seen
 * before, and the check of one that is remembered. One JSON line per case.
 */
#include "agent/gate/identity.h"

#include "base/str.h"

#include <stdio.h>
#include <time.h>

#define NOW (1000000 * OR_NS_PER_S)

static const char header[] = "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"0123456789abcdef\"}";
static const char claims[] =
    "{\"iss\":\"https://issuer.example\",\"sub\":\"alice\",\"aud\":\"orders\",\"iat\":999990,"
    "\"exp\":1000300,\"jti\":\"1b671a64-40d5-491e-99b0-da01ff1f3341\","
    "\"groups\":[\"analysts\",\"eu\",\"staff\"],\"clearance\":2,\"domain\":\"marketing\"}";

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * OR_NS_PER_S + t.tv_nsec;
}

static void sign(struct or_buf *token, const struct or_crypto_key *key)
{
	struct or_buf signature;
	enum or_code rc;

	or_buf_init(&signature, OR_CRYPTO_SIG_MAX);
	or_str_base64url_encode(token, or_slice_str(header));
	or_buf_put_byte(token, '.');
	or_str_base64url_encode(token, or_slice_str(claims));
	rc = or_crypto_sign(&signature, key, OR_CRYPTO_EDDSA, or_buf_slice(token));
	OR_ASSERT(rc == OR_OK);
	or_buf_put_byte(token, '.');
	or_str_base64url_encode(token, or_buf_slice(&signature));
	or_buf_done(&signature);
}

static struct ag_identity *identity(const struct or_crypto_key *key, size_t cache_max)
{
	static const struct ag_identity_issuer issuer = {
	    .issuer = "https://issuer.example", .audience = "orders"};
	struct ag_identity *id;
	struct ag_jwks *set;
	struct or_buf text, raw;
	enum or_code rc;

	or_buf_init(&text, 4096);
	or_buf_init(&raw, 64);
	rc = or_crypto_key_public(&raw, key);
	OR_ASSERT(rc == OR_OK);
	or_buf_put_str(&text, "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":"
			      "\"0123456789abcdef\",\"x\":\"");
	or_str_base64url_encode(&text, or_buf_slice(&raw));
	or_buf_put_str(&text, "\"}]}");
	rc = ag_jwks_parse(&set, or_buf_slice(&text), NULL);
	OR_ASSERT(rc == OR_OK);
	rc = ag_identity_new(&id, &issuer, 1, cache_max, NULL);
	OR_ASSERT(rc == OR_OK);
	ag_identity_keys_put(id, 0, set);
	or_buf_done(&text);
	or_buf_done(&raw);
	return id;
}

static double check(const struct or_crypto_key *key, struct or_slice token, size_t cache_max, int n)
{
	struct ag_identity *id = identity(key, cache_max);
	struct or_arena *a = or_arena_new(256 * 1024);
	int64_t from = cpu_ns();

	for (int i = 0; i < n; i++) {
		struct ag_identity_who who;

		OR_ASSERT(ag_identity_check(id, &who, token, NOW, a).reason == AG_JWT_OK);
		or_arena_clear(a);
	}
	from = cpu_ns() - from;
	or_arena_free(a);
	ag_identity_free(id);
	return (double)from / n / 1e3;
}

static double raw(const struct or_crypto_key *key, struct or_slice token, int n)
{
	struct or_arena *a = or_arena_new(256 * 1024);
	struct ag_jwt t;
	int64_t from;

	OR_ASSERT(ag_jwt_parse(&t, token, a) == AG_JWT_OK);
	from = cpu_ns();
	for (int i = 0; i < n; i++)
		OR_ASSERT(
		    or_crypto_verify(key, OR_CRYPTO_EDDSA, t.signing_input, t.signature) == OR_OK);
	from = cpu_ns() - from;
	or_arena_free(a);
	return (double)from / n / 1e3;
}

int main(void)
{
	struct or_crypto_key *key;
	struct or_buf token;
	double raw_us, new_us, cached_us;
	enum or_code rc = or_crypto_key_new(&key, OR_CRYPTO_ED25519, NULL);

	OR_ASSERT(rc == OR_OK);
	or_buf_init(&token, 16384);
	sign(&token, key);
	raw_us = raw(key, or_buf_slice(&token), 5000);
	new_us = check(key, or_buf_slice(&token), 0, 5000);
	cached_us = check(key, or_buf_slice(&token), 64, 200000);
	printf(
	    "{\"bench\":\"identity\",\"case\":\"raw_verify\",\"alg\":\"EdDSA\",\"cpu_us\":%.2f}\n",
	    raw_us);
	printf("{\"bench\":\"identity\",\"case\":\"new_token\",\"alg\":\"EdDSA\",\"cpu_us\":%.2f,"
	       "\"ratio_vs_raw_verify\":%.2f}\n",
	    new_us, new_us / raw_us);
	printf("{\"bench\":\"identity\",\"case\":\"cached_token\",\"token_bytes\":%zu,"
	       "\"cpu_us\":%.2f}\n",
	    token.n, cached_us);
	or_buf_done(&token);
	or_crypto_key_free(key);
	return 0;
}
