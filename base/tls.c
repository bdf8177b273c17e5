/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two memory BIOs per session: what came from the peer, and what is to go there.
 */
#include "base/tls.h"

#include "base/mem.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct or_tls {
	SSL_CTX *ctx;
	unsigned int refs;
	bool server;
	bool http1;
	uint8_t alpn[1 + 255]; /* as it goes over the wire: the length, the name */
};

struct or_tls_session {
	struct or_tls *tls;
	SSL *ssl;
	BIO *in, *out; /* the SSL's */
	bool open, broken;
};

static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return 0;
}

static BIO *read_bio(struct or_slice pem)
{
	BIO *bio = BIO_new_mem_buf(pem.n ? (const void *)pem.p : "", (int)pem.n);

	OR_ASSERT(bio && pem.n < INT_MAX);
	return bio;
}

static enum or_code use_cert(SSL_CTX *ctx, struct or_slice pem, struct or_err *err)
{
	BIO *bio = read_bio(pem);
	X509 *cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	bool ok = cert && SSL_CTX_use_certificate(ctx, cert) == 1;
	size_t n = 0;

	X509_free(cert);
	while (ok && n++ < OR_TLS_CHAIN_MAX &&
	       (cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)))
		ok = SSL_CTX_add0_chain_cert(ctx, cert) == 1;
	BIO_free(bio);
	ERR_clear_error(); /* of the end of the file */
	return ok ? OR_OK : or_err_set(err, OR_PARSE, "no certificate in PEM");
}

static enum or_code use_key(SSL_CTX *ctx, struct or_slice pem, struct or_err *err)
{
	BIO *bio = read_bio(pem);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	bool fits =
	    key && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;
	enum or_code rc = OR_OK;

	if (!key)
		rc = or_err_set(err, OR_PARSE, "no private key in PEM without a passphrase");
	else if (!fits)
		rc = or_err_set(err, OR_INVAL, "the private key is not the certificate's");
	EVP_PKEY_free(key);
	BIO_free(bio);
	ERR_clear_error();
	return rc;
}

static enum or_code use_roots(SSL_CTX *ctx, struct or_slice pem, struct or_err *err)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	BIO *bio;
	X509 *cert;
	size_t n = 0;
	bool ok = true;

	if (!pem.n)
		return SSL_CTX_set_default_verify_paths(ctx) == 1
			   ? OR_OK
			   : or_err_set(err, OR_ABSENT, "the system has no roots of trust");
	bio = read_bio(pem);
	while (ok && (cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
		ok = X509_STORE_add_cert(store, cert) == 1;
		X509_free(cert);
		n++;
	}
	BIO_free(bio);
	ERR_clear_error();
	return ok && n ? OR_OK : or_err_set(err, OR_PARSE, "no root certificate in PEM");
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned int in_len, void *arg)
{
	const struct or_tls *tls = arg;
	unsigned char *chosen;

	(void)ssl;
	/* RFC 7301 §3.2; clients of HTTP/1.1 that offer another name alone are let be */
	if (SSL_select_next_proto(&chosen, out_len, tls->alpn, tls->alpn[0] + 1U, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return tls->http1 ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* Any certificate whose key the client proves: the chain is judged elsewhere. */
static int on_client_chain(X509_STORE_CTX *ctx, void *arg)
{
	(void)ctx;
	(void)arg;
	return 1;
}

static void name_protocol(struct or_tls *tls, const char *alpn)
{
	struct or_slice name = or_slice_str(alpn ? alpn : "http/1.1");

	OR_ASSERT(name.n && name.n < sizeof(tls->alpn));
	tls->http1 = !alpn;
	tls->alpn[0] = (uint8_t)name.n;
	memcpy(tls->alpn + 1, name.p, name.n);
}

static enum or_code set_up(struct or_tls *tls, const struct or_tls_opt *opt, struct or_err *err)
{
	SSL_CTX *ctx = tls->ctx;
	enum or_code rc = OR_OK;

	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				     SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(
	    ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (opt->server) {
		SSL_CTX_set_num_tickets(ctx, 0);
		SSL_CTX_set_alpn_select_cb(ctx, on_alpn, tls);
		if (opt->asks_cert || opt->needs_cert) {
			SSL_CTX_set_verify(ctx,
			    SSL_VERIFY_PEER |
				(opt->needs_cert ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
			    NULL);
			SSL_CTX_set_cert_verify_callback(ctx, on_client_chain, NULL);
		}
	} else {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_alpn_protos(ctx, tls->alpn, tls->alpn[0] + 1U);
		rc = use_roots(ctx, opt->ca, err);
	}
	if (rc == OR_OK && (opt->server || opt->cert.n))
		rc = use_cert(ctx, opt->cert, err);
	if (rc == OR_OK && (opt->server || opt->cert.n))
		rc = use_key(ctx, opt->key, err);
	return rc;
}

enum or_code or_tls_new(struct or_tls **out, const struct or_tls_opt *opt, struct or_err *err)
{
	struct or_tls *tls = or_mem_new(sizeof(*tls));
	enum or_code rc;

	tls->ctx = SSL_CTX_new(opt->server ? TLS_server_method() : TLS_client_method());
	tls->refs = 1;
	tls->server = opt->server;
	OR_ASSERT(tls->ctx);
	name_protocol(tls, opt->alpn);
	rc = set_up(tls, opt, err);
	if (rc)
		or_tls_unref(tls);
	else
		*out = tls;
	return rc;
}

struct or_tls *or_tls_ref(struct or_tls *tls)
{
	tls->refs++;
	return tls;
}

void or_tls_unref(struct or_tls *tls)
{
	if (!tls || --tls->refs)
		return;
	SSL_CTX_free(tls->ctx);
	or_mem_free(tls);
}

/* -- sessions -- */

/* The name is asked for (RFC 6066 §3) and verified; an address is verified only. */
static bool expect_host(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1)
		return true;
	ERR_clear_error();
	X509_VERIFY_PARAM_set_hostflags(
	    param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	/* What SSL_set_tlsext_host_name does; its macro drops a const in sight of the compiler. */
	return host[0] && SSL_set1_host(ssl, host) == 1 &&
	       SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
		   (void *)(uintptr_t)host) == 1;
}

enum or_code or_tls_session_new(
    struct or_tls_session **out, struct or_tls *tls, const char *host, struct or_err *err)
{
	SSL *ssl = SSL_new(tls->ctx);
	struct or_tls_session *s;

	OR_ASSERT(ssl && tls->server == !host);
	if (host && !expect_host(ssl, host)) {
		SSL_free(ssl);
		return or_err_set(err, OR_INVAL, "\"%s\" is no host name", host);
	}
	s = or_mem_new(sizeof(*s));
	s->tls = or_tls_ref(tls);
	s->ssl = ssl;
	s->in = BIO_new(BIO_s_mem());
	s->out = BIO_new(BIO_s_mem());
	OR_ASSERT(s->in && s->out);
	SSL_set_bio(ssl, s->in, s->out);
	if (tls->server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	*out = s;
	return OR_OK;
}

void or_tls_session_free(struct or_tls_session *s)
{
	if (!s)
		return;
	SSL_free(s->ssl);
	or_tls_unref(s->tls);
	or_mem_free(s);
}

void or_tls_session_put(struct or_tls_session *s, struct or_slice in)
{
	OR_ASSERT(in.n < INT_MAX);
	if (in.n)
		OR_ASSERT(BIO_write(s->in, in.p, (int)in.n) == (int)in.n);
}

void or_tls_session_take(struct or_tls_session *s, struct or_buf *out)
{
	size_t n = BIO_ctrl_pending(s->out);
	uint8_t *to;

	if (!n)
		return;
	to = or_buf_reserve(out, n);
	if (!to)
		return; /* the buffer says that it is full */
	OR_ASSERT(BIO_read(s->out, to, (int)n) == (int)n);
	or_buf_commit(out, n);
}

static enum or_code why(struct or_tls_session *s, int result)
{
	enum or_code rc = OR_PARSE;

	switch (SSL_get_error(s->ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE: rc = OR_AGAIN; break;
	case SSL_ERROR_ZERO_RETURN: rc = OR_CLOSED; break;
	default:
		s->broken = true;
		if (SSL_get_verify_result(s->ssl) != X509_V_OK)
			rc = OR_DENIED;
		break;
	}
	ERR_clear_error();
	return rc;
}

enum or_code or_tls_session_read(struct or_tls_session *s, uint8_t *p, size_t max, size_t *n)
{
	int result;

	if (s->broken)
		return OR_PARSE;
	ERR_clear_error();
	if (!s->open) {
		result = SSL_do_handshake(s->ssl);
		if (result != 1)
			return why(s, result);
		s->open = true;
	}
	result = SSL_read(s->ssl, p, max < INT_MAX ? (int)max : INT_MAX);
	if (result <= 0)
		return why(s, result);
	*n = (size_t)result;
	return OR_OK;
}

enum or_code or_tls_session_write(struct or_tls_session *s, struct or_slice in)
{
	OR_ASSERT(s->open);
	while (in.n && !s->broken) {
		int result;

		ERR_clear_error();
		result = SSL_write(s->ssl, in.p, in.n < INT_MAX ? (int)in.n : INT_MAX);
		if (result <= 0) {
			ERR_clear_error();
			s->broken = true;
		} else {
			in = or_slice_from(in, (size_t)result);
		}
	}
	return s->broken ? OR_PARSE : OR_OK;
}

void or_tls_session_close(struct or_tls_session *s)
{
	if (s->open && !s->broken)
		(void)SSL_shutdown(s->ssl);
	ERR_clear_error();
}

bool or_tls_session_is_open(const struct or_tls_session *s)
{
	return s->open;
}

bool or_tls_session_has_alpn(const struct or_tls_session *s)
{
	const unsigned char *name;
	unsigned int n;

	SSL_get0_alpn_selected(s->ssl, &name, &n);
	return n == s->tls->alpn[0] && memcmp(name, s->tls->alpn + 1, n) == 0;
}

static enum or_code put_cert(struct or_slice *out, X509 *cert, struct or_arena *a)
{
	unsigned char *der = NULL;
	int n = i2d_X509(cert, &der);

	OR_ASSERT(n > 0);
	*out = or_arena_dup(a, or_slice(der, (size_t)n));
	OPENSSL_free(der);
	return out->p ? OR_OK : OR_FULL;
}

enum or_code or_tls_session_chain(const struct or_tls_session *s,
    struct or_slice certs[OR_TLS_CHAIN_MAX], size_t *n, struct or_arena *a)
{
	X509 *leaf = SSL_get0_peer_certificate(s->ssl);
	/* a server's has no leaf in it, a client's begins with it */
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(s->ssl);
	enum or_code rc;

	*n = 0;
	if (!leaf)
		return OR_OK;
	rc = put_cert(&certs[(*n)++], leaf, a);
	for (int i = s->tls->server ? 0 : 1; chain && i < sk_X509_num(chain) && rc == OR_OK; i++) {
		if (*n == OR_TLS_CHAIN_MAX)
			return OR_FULL;
		rc = put_cert(&certs[(*n)++], sk_X509_value(chain, i), a);
	}
	return rc;
}
