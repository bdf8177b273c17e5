/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/token.h"

#include "base/jsonw.h"
#include "base/str.h"
#include "tests/support/support.h"

void support_token_sign(struct or_buf *out, const struct or_crypto_key *key, enum or_crypto_alg alg,
    struct or_slice header, struct or_slice payload)
{
	struct or_buf signature;

	or_buf_init(&signature, OR_CRYPTO_SIG_MAX);
	or_str_base64url_encode(out, header);
	or_buf_put_byte(out, '.');
	or_str_base64url_encode(out, payload);
	ASSERT_CODE(or_crypto_sign(&signature, key, alg, or_buf_slice(out)), OR_OK);
	or_buf_put_byte(out, '.');
	or_str_base64url_encode(out, or_buf_slice(&signature));
	assert_true(or_buf_ok(out));
	or_buf_done(&signature);
}

static void put_number(struct or_jsonw *w, const char *name, struct or_slice bytes)
{
	struct or_buf text;

	or_buf_init(&text, 128);
	or_str_base64url_encode(&text, bytes);
	or_jsonw_kv_str(w, name, or_buf_slice(&text));
	or_buf_done(&text);
}

void support_token_jwk(
    struct or_buf *out, const struct or_crypto_key *key, const char *kid, const char *alg)
{
	enum or_crypto_kind kind = or_crypto_key_kind(key);
	struct or_buf raw;
	struct or_jsonw w;

	or_buf_init(&raw, 128);
	ASSERT_CODE(or_crypto_key_public(&raw, key), OR_OK);
	or_jsonw_init(&w, out, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "kty", kind == OR_CRYPTO_ED25519 ? "OKP" : "EC");
	or_jsonw_kv_text(&w, "crv",
	    kind == OR_CRYPTO_ED25519 ? "Ed25519"
	    : kind == OR_CRYPTO_P384  ? "P-384"
				      : "P-256");
	if (kind == OR_CRYPTO_ED25519) {
		put_number(&w, "x", or_buf_slice(&raw));
	} else {
		put_number(&w, "x", or_slice(raw.p, raw.n / 2));
		put_number(&w, "y", or_slice_from(or_buf_slice(&raw), raw.n / 2));
	}
	if (kid)
		or_jsonw_kv_text(&w, "kid", kid);
	if (alg)
		or_jsonw_kv_text(&w, "alg", alg);
	or_jsonw_end(&w);
	assert_true(or_buf_ok(out));
	or_buf_done(&raw);
}
