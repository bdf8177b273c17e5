/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a token costs: raw verification of its signature, the whole check of a token not seen
 * before, and the check of one that is remembered. One JSON line per algorithm.
 */
#include "agent/gate/identity.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NOW (1000000 * OR_NS_PER_S)

enum { ROUNDS = 9 };

/* An algorithm: its key, and how a JWK has that key. */
struct alg {
	enum or_crypto_alg alg;
	enum or_crypto_kind kind;
	const char *jwk;
	bool has_y;
};

static const struct alg algs[] = {
    {OR_CRYPTO_EDDSA, OR_CRYPTO_ED25519, "\"kty\":\"OKP\",\"crv\":\"Ed25519\"", false},
    {OR_CRYPTO_ES256, OR_CRYPTO_P256, "\"kty\":\"EC\",\"crv\":\"P-256\"", true},
};

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

static void sign(struct or_buf *token, const struct alg *alg, const struct or_crypto_key *key)
{
	struct or_buf signature, header;
	enum or_code rc;

	or_buf_init(&signature, OR_CRYPTO_SIG_MAX);
	or_buf_init(&header, 256);
	or_buf_printf(&header, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"0123456789abcdef\"}",
	    or_crypto_alg_name(alg->alg));
	or_str_base64url_encode(token, or_buf_slice(&header));
	or_buf_put_byte(token, '.');
	or_str_base64url_encode(token, or_slice_str(claims));
	rc = or_crypto_sign(&signature, key, alg->alg, or_buf_slice(token));
	OR_ASSERT(rc == OR_OK);
	or_buf_put_byte(token, '.');
	or_str_base64url_encode(token, or_buf_slice(&signature));
	or_buf_done(&signature);
	or_buf_done(&header);
}

static struct ag_identity *identity(
    const struct alg *alg, const struct or_crypto_key *key, size_t cache_max)
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
	or_buf_printf(&text, "{\"keys\":[{%s,\"kid\":\"0123456789abcdef\",\"x\":\"", alg->jwk);
	or_str_base64url_encode(&text, or_slice(raw.p, alg->has_y ? raw.n / 2 : raw.n));
	if (alg->has_y) {
		or_buf_put_str(&text, "\",\"y\":\"");
		or_str_base64url_encode(&text, or_slice_from(or_buf_slice(&raw), raw.n / 2));
	}
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

static double check(const struct alg *alg, const struct or_crypto_key *key, struct or_slice token,
    size_t cache_max, int n)
{
	struct ag_identity *id = identity(alg, key, cache_max);
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

static double raw(
    const struct alg *alg, const struct or_crypto_key *key, struct or_slice token, int n)
{
	struct or_arena *a = or_arena_new(256 * 1024);
	struct ag_jwt t;
	int64_t from;

	OR_ASSERT(ag_jwt_parse(&t, token, a) == AG_JWT_OK);
	from = cpu_ns();
	for (int i = 0; i < n; i++)
		OR_ASSERT(or_crypto_verify(key, alg->alg, t.signing_input, t.signature) == OR_OK);
	from = cpu_ns() - from;
	or_arena_free(a);
	return (double)from / n / 1e3;
}

static int on_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *list)
{
	qsort(list, ROUNDS, sizeof(*list), on_doubles);
	return list[ROUNDS / 2];
}

/* In turns: what the machine does meanwhile meets both. */
static void measure(const struct alg *alg)
{
	double raws[ROUNDS], news[ROUNDS], raw_us, new_us, cached_us;
	struct or_crypto_key *key;
	struct or_buf token;
	enum or_code rc = or_crypto_key_new(&key, alg->kind, NULL);

	OR_ASSERT(rc == OR_OK);
	or_buf_init(&token, 16384);
	sign(&token, alg, key);
	for (int i = 0; i < ROUNDS; i++) {
		raws[i] = raw(alg, key, or_buf_slice(&token), 1000);
		news[i] = check(alg, key, or_buf_slice(&token), 0, 1000);
	}
	cached_us = check(alg, key, or_buf_slice(&token), 64, 200000);
	raw_us = median(raws);
	new_us = median(news);
	printf("{\"bench\":\"gate\",\"case\":\"new_token\",\"alg\":\"%s\",\"cpu_us\":%.2f,"
	       "\"raw_verify_us\":%.2f,\"ratio_vs_raw_verify\":%.2f,\"cached_us\":%.2f,"
	       "\"token_bytes\":%zu}\n",
	    or_crypto_alg_name(alg->alg), new_us, raw_us, new_us / raw_us, cached_us, token.n);
	or_buf_done(&token);
	or_crypto_key_free(key);
}

int main(void)
{
	for (size_t i = 0; i < OR_LEN(algs); i++)
		measure(&algs[i]);
	return 0;
}
