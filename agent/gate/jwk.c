/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/jwk.h"

#include "base/str.h"

enum { NUMBER_MAX = 1024, RSA_BYTES_MIN = 256 };

/* Base64urlUInt and coordinates: strict base64url; a number is minimal (RFC 7518 §2). */
static bool number(struct or_buf *out, const struct or_json *j, const char *member, bool minimal)
{
	struct or_slice text = or_json_get_str(j, member);

	or_buf_clear(out);
	return text.n > 0 && or_str_base64url_decode(out, text) == OR_OK && or_buf_ok(out) &&
	       out->n > 0 && (!minimal || out->p[0] != 0);
}

static unsigned int mod_small(struct or_slice n, unsigned int m)
{
	unsigned int r = 0;

	for (size_t i = 0; i < n.n; i++)
		r = (r * 256 + n.p[i]) % m;
	return r;
}

/* Keys of the ROCA library have moduli that are powers of 65537 modulo every small prime. */
static bool is_roca(struct or_slice n)
{
	static const unsigned int primes[] = {
	    11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157};

	for (size_t i = 0; i < OR_LEN(primes); i++) {
		unsigned int p = primes[i], r = mod_small(n, p), power = 1, k = 0;

		while (power != r && k++ < p)
			power = power * (65537 % p) % p;
		if (power != r)
			return false;
	}
	return true;
}

static enum or_code parse_rsa(struct ag_jwk *out, const struct or_json *j, struct or_err *err)
{
	struct or_buf n, e;
	enum or_code rc = OR_INVAL;

	or_buf_init(&n, NUMBER_MAX);
	or_buf_init(&e, 8);
	if (!number(&n, j, "n", true) || !number(&e, j, "e", true))
		or_err_set(err, rc, "RSA key: n and e must be minimal base64url numbers");
	else if (n.n < RSA_BYTES_MIN)
		or_err_set(err, rc, "RSA key: shorter than 2,048 bits");
	else if (!(e.p[e.n - 1] & 1) || (e.n == 1 && e.p[0] < 3))
		or_err_set(err, rc, "RSA key: the exponent must be odd and at least 3");
	else if (is_roca(or_buf_slice(&n)))
		or_err_set(err, rc, "RSA key: made by a broken generator (CVE-2017-15361)");
	else {
		rc = or_crypto_key_from_rsa(&out->key, or_buf_slice(&n), or_buf_slice(&e));
		if (rc)
			or_err_set(err, rc, "RSA key: not valid");
	}
	or_buf_done(&n);
	or_buf_done(&e);
	return rc;
}

static enum or_code parse_ec(struct ag_jwk *out, const struct or_json *j, struct or_err *err)
{
	struct or_slice crv = or_json_get_str(j, "crv");
	enum or_crypto_kind kind = or_slice_is(crv, "P-384") ? OR_CRYPTO_P384 : OR_CRYPTO_P256;
	size_t coord = kind == OR_CRYPTO_P384 ? 48 : 32;
	struct or_buf x, y;
	enum or_code rc = OR_INVAL;

	if (!or_slice_is(crv, "P-256") && !or_slice_is(crv, "P-384"))
		return or_err_set(err, OR_UNSUPPORTED, "EC key: only P-256 and P-384 are taken");
	or_buf_init(&x, 64);
	or_buf_init(&y, 64);
	/* RFC 7518 §6.2.1.2: as long as the curve's field, leading zeros included */
	if (number(&x, j, "x", false) && number(&y, j, "y", false) && x.n == coord && y.n == coord)
		rc = or_crypto_key_from_ec(&out->key, kind, or_buf_slice(&x), or_buf_slice(&y));
	if (rc)
		or_err_set(err, rc, "EC key: x and y are not a point of its curve");
	or_buf_done(&x);
	or_buf_done(&y);
	return rc;
}

static enum or_code parse_okp(struct ag_jwk *out, const struct or_json *j, struct or_err *err)
{
	struct or_buf x;
	enum or_code rc = OR_INVAL;

	if (!or_slice_is(or_json_get_str(j, "crv"), "Ed25519"))
		return or_err_set(err, OR_UNSUPPORTED, "OKP key: only Ed25519 is taken");
	or_buf_init(&x, 64);
	if (number(&x, j, "x", false) && x.n == OR_CRYPTO_ED25519_LEN)
		rc = or_crypto_key_from_ed25519(&out->key, or_buf_slice(&x));
	if (rc)
		or_err_set(err, rc, "OKP key: x is not a key of Ed25519");
	or_buf_done(&x);
	return rc;
}

static bool is_secret(const struct or_json *j)
{
	static const char *const members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

	for (size_t i = 0; i < OR_LEN(members); i++) {
		if (or_json_get(j, members[i]))
			return true;
	}
	return false;
}

/* RFC 7517 §4.2, §4.3: `use` and `key_ops`, where present, must allow verifying. */
static enum or_code check_use(const struct or_json *j, struct or_err *err)
{
	const struct or_json *use = or_json_get(j, "use"), *ops = or_json_get(j, "key_ops");
	bool verify = false;

	if (use && use->type != OR_JSON_STR)
		return or_err_set(err, OR_INVAL, "use must be a string");
	if (use && !or_slice_is(use->s, "sig"))
		return or_err_set(err, OR_UNSUPPORTED, "a key for another use than signatures");
	if (!ops)
		return OR_OK;
	if (ops->type != OR_JSON_ARRAY)
		return or_err_set(err, OR_INVAL, "key_ops must be a list");
	for (size_t i = 0; i < ops->array.n; i++) {
		if (ops->array.items[i]->type != OR_JSON_STR)
			return or_err_set(err, OR_INVAL, "key_ops must hold strings");
		verify = verify || or_slice_is(ops->array.items[i]->s, "verify");
	}
	return verify ? OR_OK : or_err_set(err, OR_UNSUPPORTED, "a key that may not verify");
}

static enum or_code read_names(struct ag_jwk *out, const struct or_json *j, struct or_err *err)
{
	const struct or_json *kid = or_json_get(j, "kid"), *alg = or_json_get(j, "alg");

	if (kid && (kid->type != OR_JSON_STR || kid->s.n > AG_JWK_KID_MAX))
		return or_err_set(
		    err, OR_INVAL, "kid must be a string of at most %d bytes", AG_JWK_KID_MAX);
	if (alg && alg->type != OR_JSON_STR)
		return or_err_set(err, OR_INVAL, "alg must be a string");
	out->kid = kid ? kid->s : OR_SLICE_NONE;
	out->has_alg = alg != NULL;
	if (alg && or_crypto_alg_find(&out->alg, alg->s))
		return or_err_set(err, OR_UNSUPPORTED, "a key for another algorithm");
	return OR_OK;
}

enum or_code ag_jwk_parse(struct ag_jwk *out, const struct or_json *j, struct or_err *err)
{
	struct ag_jwk k = {0};
	struct or_slice kty = or_json_get_str(j, "kty");
	enum or_code rc;

	if (j->type != OR_JSON_OBJECT || !kty.p)
		return or_err_set(err, OR_INVAL, "a key must be an object with kty");
	if (is_secret(j))
		return or_err_set(err, OR_DENIED, "a private or symmetric key among public ones");
	rc = check_use(j, err);
	if (rc == OR_OK)
		rc = read_names(&k, j, err);
	if (rc)
		return rc;
	if (or_slice_is(kty, "RSA"))
		rc = parse_rsa(&k, j, err);
	else if (or_slice_is(kty, "EC"))
		rc = parse_ec(&k, j, err);
	else if (or_slice_is(kty, "OKP"))
		rc = parse_okp(&k, j, err);
	else
		rc = or_err_set(err, OR_UNSUPPORTED, "a key of another type");
	if (rc)
		return rc;
	if (k.has_alg && !or_crypto_alg_fits(k.alg, or_crypto_key_kind(k.key))) {
		ag_jwk_done(&k);
		return or_err_set(err, OR_INVAL, "alg does not fit the key's type");
	}
	*out = k;
	return OR_OK;
}

void ag_jwk_done(struct ag_jwk *k)
{
	or_crypto_key_free(k->key);
	k->key = NULL;
}

/* kty is what or_crypto_alg_fits looks at; what is left of the family is RSA's padding. */
static bool is_pss(enum or_crypto_alg alg)
{
	return alg == OR_CRYPTO_PS256 || alg == OR_CRYPTO_PS384 || alg == OR_CRYPTO_PS512;
}

bool ag_jwk_fits(const struct ag_jwk *k, enum or_crypto_alg alg)
{
	if (!or_crypto_alg_fits(alg, or_crypto_key_kind(k->key)))
		return false;
	return !k->has_alg || is_pss(k->alg) == is_pss(alg);
}
