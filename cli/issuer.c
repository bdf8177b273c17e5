/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/issuer.h"

#include "base/jsonw.h"
#include "base/str.h"
#include "base/sys.h"

enum { TEXT_MAX = 64 * 1024, BUDGET = 4 * 1024 * 1024 };

static enum or_code read_json(const struct or_json **out, struct or_arena *a, const char *dir,
    const char *name, struct or_err *err)
{
	const char *path = or_arena_printf(a, "%s/%s", dir, name);
	struct or_buf text;
	enum or_code rc;

	or_buf_init(&text, TEXT_MAX);
	rc = or_sys_read_file(&text, path, err);
	if (rc == OR_OK) {
		rc = or_json_parse(out, or_buf_slice(&text), a, err);
		if (rc)
			or_err_wrap(err, rc, "%s", path);
	}
	or_buf_done(&text);
	return rc;
}

static void put_number(struct or_jsonw *w, const char *name, struct or_slice bytes)
{
	struct or_buf text;

	or_buf_init(&text, 128);
	or_str_base64url_encode(&text, bytes);
	or_jsonw_kv_str(w, name, or_buf_slice(&text));
	or_buf_done(&text);
}

/* RFC 7518 §6.2, RFC 8037 §2 */
static void put_jwk(struct or_jsonw *w, const struct or_crypto_key *key, const char *kid)
{
	bool ed = or_crypto_key_kind(key) == OR_CRYPTO_ED25519;
	struct or_buf raw;
	enum or_code rc;

	or_buf_init(&raw, 256);
	rc = or_crypto_key_public(&raw, key);
	OR_ASSERT(rc == OR_OK);
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "kty", ed ? "OKP" : "EC");
	or_jsonw_kv_text(w, "crv", ed ? "Ed25519" : "P-256");
	put_number(w, "x", or_slice(raw.p, ed ? raw.n : raw.n / 2));
	if (!ed)
		put_number(w, "y", or_slice(raw.p + raw.n / 2, raw.n / 2));
	or_jsonw_kv_text(w, "kid", kid);
	or_jsonw_kv_text(w, "alg", ed ? "EdDSA" : "ES256");
	or_jsonw_kv_text(w, "use", "sig");
	or_jsonw_end(w);
	or_buf_done(&raw);
}

static enum or_code read_issuer(
    const struct or_json **out, struct or_arena *a, const char *dir, struct or_err *err)
{
	enum or_code rc = read_json(out, a, dir, "issuer.json", err);

	if (rc == OR_ABSENT)
		or_err_set(err, rc,
		    "no issuer is in %s; make one with: outrider token issuer new --issuer URL",
		    dir);
	return rc;
}

/* The new key first, then those of the old set (NULL: none). */
static enum or_code write_set(struct or_arena *a, const char *dir, const struct or_crypto_key *key,
    const char *kid, const struct or_json *old, struct or_err *err)
{
	const struct or_json *keys = or_json_get_type(old, "keys", OR_JSON_ARRAY);
	struct or_jsonw w;
	struct or_buf text;
	enum or_code rc;

	if (keys && keys->array.n >= CTL_ISSUER_KEYS_MAX)
		return or_err_set(
		    err, OR_FULL, "%s: it has %d keys already", dir, CTL_ISSUER_KEYS_MAX);
	or_buf_init(&text, TEXT_MAX);
	or_jsonw_init(&w, &text, 2);
	or_jsonw_object(&w);
	or_jsonw_key(&w, "keys");
	or_jsonw_array(&w);
	put_jwk(&w, key, kid);
	for (size_t i = 0; keys && i < keys->array.n; i++)
		or_jsonw_tree(&w, keys->array.items[i]);
	or_jsonw_end(&w);
	or_jsonw_end(&w);
	or_buf_put_byte(&text, '\n');
	rc = or_sys_write_file(
	    or_arena_printf(a, "%s/jwks.json", dir), or_buf_slice(&text), 0644, err);
	or_buf_done(&text);
	return rc;
}

static enum or_code write_issuer(
    struct or_arena *a, const char *dir, struct or_slice url, const char *kid, struct or_err *err)
{
	struct or_jsonw w;
	struct or_buf text;
	enum or_code rc;

	or_buf_init(&text, TEXT_MAX);
	or_jsonw_init(&w, &text, 2);
	or_jsonw_object(&w);
	or_jsonw_kv_str(&w, "issuer", url);
	or_jsonw_kv_text(&w, "kid", kid);
	or_jsonw_end(&w);
	or_buf_put_byte(&text, '\n');
	rc = or_sys_write_file(
	    or_arena_printf(a, "%s/issuer.json", dir), or_buf_slice(&text), 0644, err);
	or_buf_done(&text);
	return rc;
}

/* The key set before issuer.json: verifiers must know a key before it signs. */
static enum or_code add_key(char kid[CTL_KEY_ID_LEN + 1], struct or_arena *a, const char *dir,
    struct or_slice url, const char *alg, const struct or_json *old, struct or_err *err)
{
	struct or_crypto_key *key = NULL;
	enum or_crypto_kind kind = OR_CRYPTO_ED25519;
	enum or_code rc = ctl_key_kind(&kind, alg, err);

	if (rc == OR_OK)
		rc = or_crypto_key_new(&key, kind, err);
	if (rc == OR_OK)
		rc = ctl_key_id(kid, key, err);
	if (rc == OR_OK)
		rc = ctl_key_save(or_arena_printf(a, "%s/%s.pem", dir, kid), key, err);
	if (rc == OR_OK)
		rc = write_set(a, dir, key, kid, old, err);
	if (rc == OR_OK)
		rc = write_issuer(a, dir, url, kid, err);
	or_crypto_key_free(key);
	return rc;
}

enum or_code ctl_issuer_new(char kid[CTL_KEY_ID_LEN + 1], const char *dir, const char *url,
    const char *alg, struct or_err *err)
{
	struct or_arena *a = or_arena_new(BUDGET);
	const struct or_json *there;
	enum or_code rc = or_sys_mkdir(dir, 0700, err);

	if (rc == OR_OK) {
		rc = read_json(&there, a, dir, "issuer.json", err);
		if (rc == OR_OK)
			rc = or_err_set(err, OR_EXISTS,
			    "%s holds an issuer already; `outrider token issuer rotate` gives it "
			    "another key",
			    dir);
		else if (rc == OR_ABSENT)
			rc = add_key(kid, a, dir, or_slice_str(url), alg, NULL, err);
	}
	or_arena_free(a);
	return rc;
}

enum or_code ctl_issuer_rotate(
    char kid[CTL_KEY_ID_LEN + 1], const char *dir, const char *alg, struct or_err *err)
{
	struct or_arena *a = or_arena_new(BUDGET);
	const struct or_json *issuer, *old;
	enum or_code rc = read_issuer(&issuer, a, dir, err);

	if (rc == OR_OK)
		rc = read_json(&old, a, dir, "jwks.json", err);
	if (rc == OR_OK)
		rc = add_key(kid, a, dir, or_json_get_str(issuer, "issuer"), alg, old, err);
	or_arena_free(a);
	return rc;
}

enum or_code ctl_issuer_open(
    struct ctl_issuer *out, const char *dir, const char *kid, struct or_err *err)
{
	struct ctl_issuer i = {.arena = or_arena_new(BUDGET), .dir = dir};
	const struct or_json *issuer;
	enum or_code rc = read_issuer(&issuer, i.arena, dir, err);

	if (rc == OR_OK) {
		i.url = or_json_get_str(issuer, "issuer");
		i.kid = kid ? or_slice_str(kid) : or_json_get_str(issuer, "kid");
		/* the kid becomes a file name */
		if (!i.url.n || i.kid.n != CTL_KEY_ID_LEN || memchr(i.kid.p, '/', i.kid.n))
			rc = or_err_set(err, kid ? OR_ABSENT : OR_INVAL, "%s: %s", dir,
			    kid ? "it has no key of that id" : "issuer.json is not one of ours");
	}
	if (rc == OR_OK)
		rc = ctl_key_load(
		    &i.key, or_arena_printf(i.arena, "%s/%.*s.pem", dir, OR_SLICE_FMT(i.kid)), err);
	if (rc)
		or_arena_free(i.arena);
	else
		*out = i;
	return rc;
}

void ctl_issuer_close(struct ctl_issuer *i)
{
	or_crypto_key_free(i->key);
	or_arena_free(i->arena);
}

enum or_code ctl_issuer_sign(
    struct or_buf *out, const struct ctl_issuer *i, struct or_slice payload, struct or_err *err)
{
	bool ed = or_crypto_key_kind(i->key) == OR_CRYPTO_ED25519;
	struct or_buf header, signature;
	struct or_jsonw w;
	enum or_code rc;

	or_buf_init(&header, 1024);
	or_buf_init(&signature, OR_CRYPTO_SIG_MAX);
	or_jsonw_init(&w, &header, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "alg", ed ? "EdDSA" : "ES256");
	or_jsonw_kv_text(&w, "typ", "JWT");
	or_jsonw_kv_str(&w, "kid", i->kid);
	or_jsonw_end(&w);
	or_str_base64url_encode(out, or_buf_slice(&header));
	or_buf_put_byte(out, '.');
	or_str_base64url_encode(out, payload);
	rc = or_crypto_sign(
	    &signature, i->key, ed ? OR_CRYPTO_EDDSA : OR_CRYPTO_ES256, or_buf_slice(out));
	if (rc)
		or_err_set(err, rc, "%s: the key cannot sign", i->dir);
	or_buf_put_byte(out, '.');
	or_str_base64url_encode(out, or_buf_slice(&signature));
	if (rc == OR_OK && !or_buf_ok(out))
		rc = or_err_set(err, OR_FULL, "the token would be too large");
	or_buf_done(&header);
	or_buf_done(&signature);
	return rc;
}
