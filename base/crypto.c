/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crypto.h"

#include "base/mem.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <pthread.h>

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 16384, COORD_MAX = 48, PEM_MAX = 64 * 1024 };

struct or_crypto_key {
	EVP_PKEY *pkey;
	enum or_crypto_kind kind;
	bool private_half;
};

struct alg {
	const char *name;
	enum or_crypto_kind kind;
	const char *digest; /* NULL: the algorithm hashes by itself */
	size_t coord;       /* ECDSA: bytes of R and of S */
	bool pss;
};

static const struct alg algs[] = {
    [OR_CRYPTO_EDDSA] = {"EdDSA", OR_CRYPTO_ED25519, NULL, 0, false},
    [OR_CRYPTO_ES256] = {"ES256", OR_CRYPTO_P256, "SHA256", 32, false},
    [OR_CRYPTO_ES384] = {"ES384", OR_CRYPTO_P384, "SHA384", 48, false},
    [OR_CRYPTO_RS256] = {"RS256", OR_CRYPTO_RSA, "SHA256", 0, false},
    [OR_CRYPTO_RS384] = {"RS384", OR_CRYPTO_RSA, "SHA384", 0, false},
    [OR_CRYPTO_RS512] = {"RS512", OR_CRYPTO_RSA, "SHA512", 0, false},
    [OR_CRYPTO_PS256] = {"PS256", OR_CRYPTO_RSA, "SHA256", 0, true},
    [OR_CRYPTO_PS384] = {"PS384", OR_CRYPTO_RSA, "SHA384", 0, true},
    [OR_CRYPTO_PS512] = {"PS512", OR_CRYPTO_RSA, "SHA512", 0, true},
};

/* Frees a thread's context when the thread ends. */
static pthread_key_t hash_key;

static void free_hash_ctx(void *ctx)
{
	EVP_MD_CTX_free(ctx);
}

static void make_hash_key(void)
{
	OR_ASSERT(pthread_key_create(&hash_key, free_hash_ctx) == 0);
}

/* Fetched once per thread: the look-up costs more than hashing a node of the Merkle tree. */
static EVP_MD_CTX *hash_ctx(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	static __thread EVP_MD_CTX *ctx;
	EVP_MD *md;

	if (!ctx) {
		pthread_once(&once, make_hash_key);
		ctx = EVP_MD_CTX_new();
		md = EVP_MD_fetch(NULL, "SHA256", NULL);
		OR_ASSERT(ctx && md);
		OR_ASSERT(EVP_DigestInit_ex2(ctx, md, NULL) == 1);
		EVP_MD_free(md); /* the context has its own reference */
		OR_ASSERT(pthread_setspecific(hash_key, ctx) == 0);
		return ctx;
	}
	OR_ASSERT(EVP_DigestInit_ex2(ctx, NULL, NULL) == 1);
	return ctx;
}

void or_crypto_sha256_parts(
    uint8_t out[OR_CRYPTO_HASH_LEN], const struct or_slice *parts, size_t n_parts)
{
	EVP_MD_CTX *ctx = hash_ctx();
	unsigned int n = 0;

	for (size_t i = 0; i < n_parts; i++)
		OR_ASSERT(EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) == 1);
	OR_ASSERT(EVP_DigestFinal_ex(ctx, out, &n) == 1 && n == OR_CRYPTO_HASH_LEN);
}

void or_crypto_sha256(uint8_t out[OR_CRYPTO_HASH_LEN], struct or_slice s)
{
	or_crypto_sha256_parts(out, &s, 1);
}

void or_crypto_hmac_sha256(
    uint8_t out[OR_CRYPTO_HASH_LEN], struct or_slice key, struct or_slice msg)
{
	unsigned int n = 0;

	OR_ASSERT(key.n <= INT32_MAX);
	OR_ASSERT(HMAC(EVP_sha256(), key.n ? (const void *)key.p : "", (int)key.n, msg.p, msg.n,
		      out, &n) != NULL);
	OR_ASSERT(n == OR_CRYPTO_HASH_LEN);
}

bool or_crypto_eq(struct or_slice a, struct or_slice b)
{
	return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

const char *or_crypto_alg_name(enum or_crypto_alg alg)
{
	return algs[alg].name;
}

enum or_code or_crypto_alg_find(enum or_crypto_alg *out, struct or_slice name)
{
	for (size_t i = 0; i < OR_LEN(algs); i++) {
		if (or_slice_is(name, algs[i].name)) {
			*out = (enum or_crypto_alg)i;
			return OR_OK;
		}
	}
	return OR_ABSENT;
}

bool or_crypto_alg_fits(enum or_crypto_alg alg, enum or_crypto_kind kind)
{
	return algs[alg].kind == kind;
}

static bool kind_of(EVP_PKEY *pkey, enum or_crypto_kind *kind)
{
	char group[64] = "";

	switch (EVP_PKEY_get_base_id(pkey)) {
	case EVP_PKEY_ED25519: *kind = OR_CRYPTO_ED25519; return true;
	case EVP_PKEY_RSA:
		*kind = OR_CRYPTO_RSA;
		return EVP_PKEY_get_bits(pkey) >= RSA_BITS_MIN &&
		       EVP_PKEY_get_bits(pkey) <= RSA_BITS_MAX;
	case EVP_PKEY_EC: break;
	default: return false;
	}
	if (EVP_PKEY_get_utf8_string_param(
		pkey, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group), NULL) != 1)
		return false;
	if (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0)
		*kind = OR_CRYPTO_P256;
	else if (strcmp(group, "secp384r1") == 0 || strcmp(group, "P-384") == 0)
		*kind = OR_CRYPTO_P384;
	else
		return false;
	return true;
}

/* Takes pkey. */
static enum or_code wrap(struct or_crypto_key **out, EVP_PKEY *pkey, bool private_half)
{
	enum or_crypto_kind kind;
	struct or_crypto_key *key;

	ERR_clear_error();
	if (!pkey)
		return OR_INVAL;
	if (!kind_of(pkey, &kind)) {
		EVP_PKEY_free(pkey);
		return OR_UNSUPPORTED;
	}
	key = or_mem_new(sizeof(*key));
	*key = (struct or_crypto_key){.pkey = pkey, .kind = kind, .private_half = private_half};
	*out = key;
	return OR_OK;
}

enum or_code or_crypto_key_new(
    struct or_crypto_key **out, enum or_crypto_kind kind, struct or_err *err)
{
	EVP_PKEY *pkey = NULL;

	if (kind == OR_CRYPTO_ED25519)
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	else if (kind == OR_CRYPTO_P256)
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	else if (kind == OR_CRYPTO_P384)
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	if (!pkey)
		return or_err_set(err, OR_UNSUPPORTED, "no new key of that kind can be made");
	return wrap(out, pkey, true);
}

void or_crypto_key_free(struct or_crypto_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	or_mem_free(key);
}

/* An encrypted key is refused; asking for a passphrase on the terminal is not wanted. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

enum or_code or_crypto_key_from_pem(
    struct or_crypto_key **out, struct or_slice pem, struct or_err *err)
{
	bool private_half = true;
	EVP_PKEY *pkey = NULL;
	enum or_code rc;
	BIO *bio;

	if (pem.n > PEM_MAX)
		return or_err_set(err, OR_FULL, "a PEM key of more than %d bytes", PEM_MAX);
	bio = BIO_new_mem_buf(pem.n ? (const void *)pem.p : "", (int)pem.n);
	OR_ASSERT(bio);
	pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	if (!pkey) {
		private_half = false;
		BIO_free(bio);
		bio = BIO_new_mem_buf(pem.n ? (const void *)pem.p : "", (int)pem.n);
		OR_ASSERT(bio);
		pkey = PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
	}
	BIO_free(bio);
	ERR_clear_error();
	if (!pkey)
		return or_err_set(err, OR_PARSE,
		    "no PEM key found: expected BEGIN PRIVATE KEY (PKCS#8, without a passphrase) "
		    "or "
		    "BEGIN PUBLIC KEY");
	rc = wrap(out, pkey, private_half);
	if (rc)
		return or_err_set(err, rc,
		    "a key of this kind is not supported: use Ed25519, P-256, P-384 or RSA of at "
		    "least "
		    "%d bits",
		    RSA_BITS_MIN);
	return OR_OK;
}

enum or_code or_crypto_key_to_pem(
    struct or_buf *out, const struct or_crypto_key *key, bool private_half)
{
	BIO *bio;
	char *text = NULL;
	long n;
	int ok;

	if (private_half && !key->private_half)
		return OR_INVAL;
	bio = BIO_new(private_half ? BIO_s_secmem() : BIO_s_mem());
	OR_ASSERT(bio);
	if (private_half)
		ok = PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL);
	else
		ok = PEM_write_bio_PUBKEY(bio, key->pkey);
	n = BIO_get_mem_data(bio, &text);
	if (ok && n > 0)
		or_buf_put(out, text, (size_t)n);
	BIO_free(bio);
	ERR_clear_error();
	if (!ok || n <= 0)
		return OR_INVAL;
	return or_buf_ok(out) ? OR_OK : OR_FULL;
}

enum or_code or_crypto_key_from_ed25519(struct or_crypto_key **out, struct or_slice raw)
{
	if (raw.n != OR_CRYPTO_ED25519_LEN)
		return OR_INVAL;
	return wrap(out, EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw.p, raw.n), false);
}

/* Makes a public key from parameters, and has OpenSSL check it (a point must be on its curve). */
static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *build)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL), *check = NULL;
	EVP_PKEY *pkey = NULL;

	if (params && ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1)
		check = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	if (pkey && (!check || EVP_PKEY_public_check_quick(check) != 1)) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	EVP_PKEY_CTX_free(check);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return pkey;
}

enum or_code or_crypto_key_from_ec(
    struct or_crypto_key **out, enum or_crypto_kind kind, struct or_slice x, struct or_slice y)
{
	size_t len = kind == OR_CRYPTO_P256 ? 32 : kind == OR_CRYPTO_P384 ? 48 : 0;
	uint8_t point[1 + 2 * COORD_MAX] = {4 /* uncompressed */};
	OSSL_PARAM_BLD *build;
	EVP_PKEY *pkey = NULL;

	if (len == 0 || x.n != len || y.n != len)
		return OR_INVAL;
	memcpy(point + 1, x.p, len);
	memcpy(point + 1 + len, y.p, len);
	build = OSSL_PARAM_BLD_new();
	OR_ASSERT(build);
	if (OSSL_PARAM_BLD_push_utf8_string(
		build, OSSL_PKEY_PARAM_GROUP_NAME, len == 32 ? "P-256" : "P-384", 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * len) ==
		1)
		pkey = from_params("EC", build);
	OSSL_PARAM_BLD_free(build);
	return wrap(out, pkey, false);
}

enum or_code or_crypto_key_from_rsa(
    struct or_crypto_key **out, struct or_slice n, struct or_slice e)
{
	OSSL_PARAM_BLD *build;
	EVP_PKEY *pkey = NULL;
	BIGNUM *bn_n, *bn_e;

	if (n.n == 0 || e.n == 0 || n.n > RSA_BITS_MAX / 8 || e.n > 8)
		return OR_INVAL;
	bn_n = BN_bin2bn(n.p, (int)n.n, NULL);
	bn_e = BN_bin2bn(e.p, (int)e.n, NULL);
	build = OSSL_PARAM_BLD_new();
	OR_ASSERT(bn_n && bn_e && build);
	if (OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, bn_n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, bn_e) == 1)
		pkey = from_params("RSA", build);
	OSSL_PARAM_BLD_free(build);
	BN_free(bn_n);
	BN_free(bn_e);
	return wrap(out, pkey, false);
}

enum or_crypto_kind or_crypto_key_kind(const struct or_crypto_key *key)
{
	return key->kind;
}

bool or_crypto_key_is_private(const struct or_crypto_key *key)
{
	return key->private_half;
}

enum or_code or_crypto_key_public(struct or_buf *out, const struct or_crypto_key *key)
{
	size_t n = OR_CRYPTO_ED25519_LEN, len = key->kind == OR_CRYPTO_P256 ? 32 : 48;
	uint8_t raw[1 + 2 * COORD_MAX];

	if (key->kind == OR_CRYPTO_RSA)
		return OR_UNSUPPORTED;
	if (key->kind == OR_CRYPTO_ED25519) {
		OR_ASSERT(EVP_PKEY_get_raw_public_key(key->pkey, raw, &n) == 1);
		or_buf_put(out, raw, n);
	} else {
		OR_ASSERT(EVP_PKEY_get_octet_string_param(
			      key->pkey, OSSL_PKEY_PARAM_PUB_KEY, raw, sizeof(raw), &n) == 1);
		if (n != 1 + 2 * len || raw[0] != 4)
			return OR_UNSUPPORTED;
		or_buf_put(out, raw + 1, n - 1);
	}
	return or_buf_ok(out) ? OR_OK : OR_FULL;
}

/* DER SEQUENCE {r, s} to R||S, each of len bytes (RFC 7518 §3.4). */
static bool der_to_fixed(uint8_t *to, size_t len, const uint8_t *der, size_t n)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
	bool ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), to, (int)len) >= 0 &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(sig), to + len, (int)len) >= 0;

	ECDSA_SIG_free(sig);
	return ok;
}

static uint8_t *fixed_to_der(struct or_slice fixed, size_t len, size_t *n)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(fixed.p, (int)len, NULL),
	       *s = BN_bin2bn(fixed.p + len, (int)len, NULL);
	uint8_t *der = NULL;
	int got;

	OR_ASSERT(sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1);
	got = i2d_ECDSA_SIG(sig, &der);
	ECDSA_SIG_free(sig);
	*n = got > 0 ? (size_t)got : 0;
	return der;
}

enum or_code or_crypto_sign(struct or_buf *out, const struct or_crypto_key *key,
    enum or_crypto_alg alg, struct or_slice msg)
{
	const struct alg *how = &algs[alg];
	uint8_t sig[160], fixed[2 * COORD_MAX];
	size_t n = sizeof(sig);
	EVP_MD_CTX *ctx;
	bool ok;

	if (!key->private_half || !or_crypto_alg_fits(alg, key->kind) || key->kind == OR_CRYPTO_RSA)
		return OR_INVAL;
	ctx = EVP_MD_CTX_new();
	OR_ASSERT(ctx);
	ok = EVP_DigestSignInit_ex(ctx, NULL, how->digest, NULL, NULL, key->pkey, NULL) == 1 &&
	     EVP_DigestSign(ctx, sig, &n, msg.p, msg.n) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (!ok)
		return OR_INVAL;
	if (!how->coord) {
		or_buf_put(out, sig, n);
	} else {
		if (!der_to_fixed(fixed, how->coord, sig, n))
			return OR_INVAL;
		or_buf_put(out, fixed, 2 * how->coord);
	}
	return or_buf_ok(out) ? OR_OK : OR_FULL;
}

static bool verify_raw(const struct or_crypto_key *key, const struct alg *how, struct or_slice msg,
    struct or_slice sig)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	bool ok;

	OR_ASSERT(ctx);
	ok = EVP_DigestVerifyInit_ex(ctx, &pctx, how->digest, NULL, NULL, key->pkey, NULL) == 1;
	if (ok && how->pss)
		ok = EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		     EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1;
	ok = ok && EVP_DigestVerify(ctx, sig.p, sig.n, msg.p, msg.n) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

enum or_code or_crypto_verify(const struct or_crypto_key *key, enum or_crypto_alg alg,
    struct or_slice msg, struct or_slice sig)
{
	const struct alg *how = &algs[alg];
	uint8_t *der;
	size_t n;
	bool ok;

	if (!or_crypto_alg_fits(alg, key->kind))
		return OR_INVAL;
	if (!how->coord)
		return sig.n && verify_raw(key, how, msg, sig) ? OR_OK : OR_DENIED;
	if (sig.n != 2 * how->coord)
		return OR_DENIED;
	der = fixed_to_der(sig, how->coord, &n);
	ok = n && verify_raw(key, how, msg, or_slice(der, n));
	OPENSSL_free(der);
	return ok ? OR_OK : OR_DENIED;
}
