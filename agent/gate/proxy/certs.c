/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/proxy/certs.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/watch.h"

enum { PEM_MAX = 256 * 1024, CERT, KEY, CA, N_FILES = 3 };

struct ag_certs {
	struct or_loop *loop;
	struct ag_certs_opt opt;
	char *files[N_FILES]; /* certificate, key, roots; NULL where there is none */
	struct or_watch *watches[N_FILES];
	struct or_tls *tls;
};

static enum or_code read_file(
    struct or_buf *out, struct or_slice *pem, const char *path, struct or_err *err)
{
	enum or_code rc = path ? or_sys_read_file(out, path, err) : OR_OK;

	*pem = or_buf_slice(out);
	return rc;
}

static enum or_code make(struct or_tls **out, const struct ag_certs *c, struct or_err *err)
{
	struct or_tls_opt opt = {
	    .server = c->opt.server, .asks_cert = c->opt.asks_cert, .alpn = c->opt.alpn};
	struct or_slice *pems[N_FILES] = {&opt.cert, &opt.key, &opt.ca};
	struct or_buf texts[N_FILES];
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < N_FILES; i++)
		or_buf_init(&texts[i], PEM_MAX);
	for (size_t i = 0; i < N_FILES && rc == OR_OK; i++)
		rc = read_file(&texts[i], pems[i], c->files[i], err);
	if (rc == OR_OK) {
		rc = or_tls_new(out, &opt, err);
		if (rc && c->files[0])
			rc = or_err_wrap(err, rc, "%s", c->files[0]);
	}
	for (size_t i = 0; i < N_FILES; i++) {
		if (texts[i].n)
			or_mem_wipe(texts[i].p, texts[i].n);
		or_buf_done(&texts[i]);
	}
	return rc;
}

static void on_changed(void *arg)
{
	struct ag_certs *c = arg;
	struct or_tls *tls;
	struct or_err err = {0};

	if (make(&tls, c, &err)) {
		OR_LOG(OR_LOG_WARN, "gate.certificate_kept", or_log_err(&err));
		return;
	}
	or_tls_unref(c->tls);
	c->tls = tls;
	OR_LOG(OR_LOG_INFO, "gate.certificate_taken",
	    or_log_text("file", c->files[0] ? c->files[0] : c->files[2]));
	if (c->opt.on_change)
		c->opt.on_change(c->opt.arg, tls);
}

static enum or_code watch(struct ag_certs *c, struct or_err *err)
{
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < N_FILES && rc == OR_OK; i++) {
		if (c->files[i])
			rc = or_watch_start(
			    &c->watches[i], c->loop, c->files[i], on_changed, c, err);
	}
	return rc;
}

enum or_code ag_certs_open(
    struct ag_certs **out, struct or_loop *loop, const struct ag_certs_opt *opt, struct or_err *err)
{
	const char *const files[N_FILES] = {opt->cert_file, opt->key_file, opt->ca_file};
	struct ag_certs *c;
	enum or_code rc;

	if (!opt->cert_file != !opt->key_file || (opt->server && !opt->cert_file))
		return or_err_set(
		    err, OR_INVAL, "a certificate and its key belong together: one file lacks");
	c = or_mem_new(sizeof(*c));
	c->loop = loop;
	c->opt = *opt;
	for (size_t i = 0; i < N_FILES; i++)
		c->files[i] = files[i] ? or_mem_strdup(files[i]) : NULL;
	/* Watched first: what changes while it is read is read again. */
	rc = watch(c, err);
	if (rc == OR_OK)
		rc = make(&c->tls, c, err);
	if (rc) {
		ag_certs_close(c);
		return rc;
	}
	*out = c;
	return OR_OK;
}

void ag_certs_close(struct ag_certs *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < N_FILES; i++) {
		or_watch_cancel(c->watches[i]);
		or_mem_free(c->files[i]);
	}
	or_tls_unref(c->tls);
	or_mem_free(c);
}

struct or_tls *ag_certs_get(const struct ag_certs *c)
{
	return c->tls;
}
