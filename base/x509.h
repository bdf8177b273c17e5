/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a certificate says and whether a chain leads to given roots (RFC 5280), on OpenSSL.
 *
 * Any thread. Certificates are DER, roots PEM. Names are not judged here: who asks compares them.
 */
#ifndef BASE_X509_H
#define BASE_X509_H

#include "base/err.h"

#define OR_X509_URI_MAX 2048

struct or_x509 {
	size_t n_uris;                 /* URI names among the subject's alternative ones */
	char uri[OR_X509_URI_MAX + 1]; /* the first; "" where it is too long or holds a NUL */
	bool is_ca;
	bool has_usage; /* a keyUsage extension */
	bool usage_is_critical;
	bool may_sign;    /* digitalSignature */
	bool may_certify; /* keyCertSign or cRLSign */
};

/* OR_PARSE: no certificate, or an extension of it that cannot be read. */
OR_NODISCARD enum or_code or_x509_read(
    struct or_x509 *out, struct or_slice der, struct or_err *err);

/* The number of certificates in PEM. OR_PARSE: none, or something that is no certificate. */
OR_NODISCARD enum or_code or_x509_count(size_t *out, struct or_slice pem, struct or_err *err);

/* A chain, the leaf first, against the roots at a time (Unix seconds). OR_DENIED: it does not hold;
 * the message says why. OR_PARSE. */
OR_NODISCARD enum or_code or_x509_verify(const struct or_slice *chain, size_t n,
    struct or_slice roots, int64_t now_s, struct or_err *err);

#endif
