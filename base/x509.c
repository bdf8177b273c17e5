/* SPDX-License-Identifier: Apache-2.0 */
#include "base/x509.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

static X509 *parse(struct or_slice der)
{
	const unsigned char *p = der.p;
	X509 *cert = der.n < LONG_MAX ? d2i_X509(NULL, &p, (long)der.n) : NULL;

	ERR_clear_error();
	if (cert && p != der.p + der.n) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

static void take_uri(struct or_x509 *out, const ASN1_IA5STRING *s)
{
	const unsigned char *p = ASN1_STRING_get0_data(s);
	int n = ASN1_STRING_length(s);

	if (out->n_uris++ == 0 && n > 0 && n <= OR_X509_URI_MAX && !memchr(p, 0, (size_t)n))
		snprintf(out->uri, sizeof(out->uri), "%.*s", n, (const char *)p);
}

/* False: the extension is there and cannot be read. */
static bool read_uris(struct or_x509 *out, X509 *cert)
{
	int critical;
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, &critical, NULL);

	if (!names)
		return critical == -1;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_URI)
			take_uri(out, name->d.uniformResourceIdentifier);
	}
	GENERAL_NAMES_free(names);
	return true;
}

static bool read_usage(struct or_x509 *out, X509 *cert)
{
	uint32_t flags = X509_get_extension_flags(cert), usage = X509_get_key_usage(cert);
	int at = X509_get_ext_by_NID(cert, NID_key_usage, -1);

	if (flags & EXFLAG_INVALID)
		return false;
	out->is_ca = flags & EXFLAG_CA;
	out->has_usage = flags & EXFLAG_KUSAGE;
	out->usage_is_critical = at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(cert, at));
	out->may_sign = out->has_usage && (usage & KU_DIGITAL_SIGNATURE);
	out->may_certify = out->has_usage && (usage & (KU_KEY_CERT_SIGN | KU_CRL_SIGN));
	return true;
}

enum or_code or_x509_read(struct or_x509 *out, struct or_slice der, struct or_err *err)
{
	struct or_x509 facts = {0};
	X509 *cert = parse(der);
	bool ok = cert && read_uris(&facts, cert) && read_usage(&facts, cert);

	X509_free(cert);
	ERR_clear_error();
	if (!ok)
		return or_err_set(err, OR_PARSE, "no certificate that can be read");
	*out = facts;
	return OR_OK;
}

/* Adds each certificate of the PEM; how many, or -1. */
static int read_roots(X509_STORE *store, struct or_slice pem)
{
	BIO *bio = BIO_new_mem_buf(pem.n ? (const void *)pem.p : "", (int)pem.n);
	unsigned long error;
	X509 *cert;
	int n = 0;

	OR_ASSERT(bio && pem.n < INT_MAX);
	while (n >= 0 && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		n = X509_STORE_add_cert(store, cert) == 1 ? n + 1 : -1;
		X509_free(cert);
	}
	error = ERR_peek_last_error();
	if (n >= 0 && ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
		n = -1;
	ERR_clear_error();
	BIO_free(bio);
	return n;
}

enum or_code or_x509_count(size_t *out, struct or_slice pem, struct or_err *err)
{
	X509_STORE *store = X509_STORE_new();
	int n = read_roots(store, pem);

	X509_STORE_free(store);
	if (n <= 0)
		return or_err_set(err, OR_PARSE, "no certificates in PEM");
	*out = (size_t)n;
	return OR_OK;
}

static STACK_OF(X509) * read_chain(const struct or_slice *chain, size_t n)
{
	STACK_OF(X509) *stack = sk_X509_new_null();

	OR_ASSERT(stack);
	for (size_t i = 0; i < n; i++) {
		X509 *cert = parse(chain[i]);

		if (!cert || !sk_X509_push(stack, cert)) {
			X509_free(cert);
			sk_X509_pop_free(stack, X509_free);
			return NULL;
		}
	}
	return stack;
}

enum or_code or_x509_verify(const struct or_slice *chain, size_t n, struct or_slice roots,
    int64_t now_s, struct or_err *err)
{
	STACK_OF(X509) *stack = n ? read_chain(chain, n) : NULL;
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	enum or_code rc = OR_OK;

	OR_ASSERT(store && ctx);
	if (!stack || read_roots(store, roots) <= 0) {
		rc = or_err_set(err, OR_PARSE, "no certificates that can be read");
	} else {
		OR_ASSERT(X509_STORE_CTX_init(ctx, store, sk_X509_value(stack, 0), stack) == 1);
		X509_STORE_CTX_set_time(ctx, 0, (time_t)now_s);
		if (X509_verify_cert(ctx) != 1)
			rc = or_err_set(err, OR_DENIED, "%s",
			    X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	}
	ERR_clear_error();
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	sk_X509_pop_free(stack, X509_free);
	return rc;
}
