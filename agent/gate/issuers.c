/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/issuers.h"

#include "agent/gate/issuers_conf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/watch.h"

enum { CA_MAX = 1024 * 1024 };

struct source {
	struct ag_issuers *owner;
	struct ag_issuers_conf conf;
	size_t at;              /* in the identity core */
	struct or_watch *watch; /* of a file; or */
	struct or_fetch *fetch; /* with roots of its own */
	struct ag_jwks_remote *remote;
};

struct ag_issuers {
	struct or_loop *loop;
	struct or_arena *arena;
	struct ag_identity *identity;
	struct or_fetch *fetch; /* with the system's roots; NULL: nobody needs it */
	struct source sources[AG_IDENTITY_ISSUERS_MAX];
	size_t n;
	size_t n_remote;
};

/* -- files -- */

static enum or_code take_file(struct source *s, struct or_err *err)
{
	struct ag_jwks *set;
	struct or_buf text;
	enum or_code rc;

	or_buf_init(&text, AG_JWKS_TEXT_MAX);
	rc = or_sys_read_file(&text, s->conf.file, err);
	if (rc == OR_OK)
		rc = ag_jwks_parse(&set, or_buf_slice(&text), err);
	if (rc == OR_OK)
		ag_identity_keys_put(s->owner->identity, s->at, set);
	or_buf_done(&text);
	return rc ? or_err_wrap(err, rc, "%s", s->conf.file) : OR_OK;
}

static void on_file(void *arg)
{
	struct source *s = arg;
	struct or_err err = {0};

	if (take_file(s, &err))
		OR_LOG(OR_LOG_ERROR, "issuer.keys_refused", or_log_err(&err));
	else
		OR_LOG(OR_LOG_INFO, "issuer.keys_taken", or_log_text("file", s->conf.file));
}

void ag_issuers_reload(struct ag_issuers *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->sources[i].conf.file)
			on_file(&s->sources[i]);
	}
}

static enum or_code start_file(struct source *s, struct or_err *err)
{
	enum or_code rc = take_file(s, err);

	return rc ? rc : or_watch_start(&s->watch, s->owner->loop, s->conf.file, on_file, s, err);
}

/* -- over HTTP -- */

static void on_keys(void *arg, struct ag_jwks *take)
{
	struct source *s = arg;

	ag_identity_keys_put(s->owner->identity, s->at, take);
}

/* Of the issuer alone where it names roots of trust, else everybody's. */
static enum or_code open_fetch(struct or_fetch **out, struct source *s, struct or_err *err)
{
	struct ag_issuers *owner = s->owner;
	struct or_fetch_opt opt = {0};
	struct or_buf pem;
	enum or_code rc = OR_OK;

	if (!s->conf.ca) {
		if (!owner->fetch)
			rc = or_fetch_new(&owner->fetch, owner->loop, NULL, err);
		*out = owner->fetch;
		return rc;
	}
	or_buf_init(&pem, CA_MAX);
	rc = or_sys_read_file(&pem, s->conf.ca, err);
	opt.ca = or_buf_slice(&pem);
	if (rc == OR_OK)
		rc = or_fetch_new(&s->fetch, owner->loop, &opt, err);
	or_buf_done(&pem);
	*out = s->fetch;
	return rc ? or_err_wrap(err, rc, "%s", s->conf.ca) : OR_OK;
}

static enum or_code start_remote(struct source *s, struct or_err *err)
{
	struct ag_jwks_remote_opt opt = {.loop = s->owner->loop,
	    .issuer = s->conf.identity.issuer,
	    .jwks = s->conf.jwks,
	    .discovery = s->conf.discovery,
	    .cache_ns = s->conf.cache_ns,
	    .stale_ns = s->conf.stale_ns,
	    .on_keys = on_keys,
	    .arg = s};
	enum or_code rc = open_fetch(&opt.fetch, s, err);

	if (rc)
		return rc;
	s->remote = ag_jwks_remote_new(&opt);
	s->owner->n_remote++;
	return OR_OK;
}

bool ag_issuers_are_remote(const struct ag_issuers *s)
{
	return s->n_remote > 0;
}

bool ag_issuers_want(
    struct ag_issuers *s, size_t at, struct ag_jwks_remote_wait *w, or_loop_fn *fn, void *arg)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->sources[i].at == at && s->sources[i].remote)
			return ag_jwks_remote_want(s->sources[i].remote, w, fn, arg);
	}
	return false;
}

const struct ag_jwks_remote *ag_issuers_remote(const struct ag_issuers *s, size_t i)
{
	return i < s->n ? s->sources[i].remote : NULL;
}

/* -- all of them -- */

static enum or_code start_source(struct source *s, size_t i, struct or_err *err)
{
	if (ag_identity_issuer_find(
		&s->at, s->owner->identity, or_slice_str(s->conf.identity.issuer)))
		return or_err_set(err, OR_INVAL, "issuers[%zu]: there twice", i);
	return s->conf.file ? start_file(s, err) : start_remote(s, err);
}

static enum or_code read_all(
    struct ag_issuers *s, const struct ag_issuers_opt *opt, struct or_err *err)
{
	struct ag_identity_issuer issuers[AG_IDENTITY_ISSUERS_MAX];
	const struct or_json *list = opt->config;
	enum or_code rc = OR_OK;

	if (list && (list->type != OR_JSON_ARRAY || list->array.n > AG_IDENTITY_ISSUERS_MAX))
		return or_err_set(err, OR_INVAL, "issuers: expected a list of at most %d",
		    AG_IDENTITY_ISSUERS_MAX);
	for (size_t i = 0; list && i < list->array.n && rc == OR_OK; i++) {
		struct source *source = &s->sources[i];

		source->owner = s;
		rc = ag_issuers_conf_read(
		    &source->conf, list->array.items[i], i, opt->audience, s->arena, err);
		issuers[i] = source->conf.identity;
		s->n = i + 1;
	}
	return rc ? rc : ag_identity_new(&s->identity, issuers, s->n, opt->cache_max, err);
}

enum or_code ag_issuers_new(struct ag_issuers **out, struct or_loop *loop,
    const struct ag_issuers_opt *opt, struct or_err *err)
{
	struct ag_issuers *s = or_mem_new(sizeof(*s));
	enum or_code rc;

	s->loop = loop;
	s->arena = or_arena_new(0);
	rc = read_all(s, opt, err);
	for (size_t i = 0; i < s->n && rc == OR_OK; i++)
		rc = start_source(&s->sources[i], i, err);
	if (rc) {
		ag_issuers_free(s);
		return rc;
	}
	*out = s;
	return OR_OK;
}

void ag_issuers_free(struct ag_issuers *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		or_watch_cancel(s->sources[i].watch);
		ag_jwks_remote_free(s->sources[i].remote);
		or_fetch_free(s->sources[i].fetch);
	}
	or_fetch_free(s->fetch);
	ag_identity_free(s->identity);
	or_arena_free(s->arena);
	or_mem_free(s);
}

struct ag_identity *ag_issuers_identity(const struct ag_issuers *s)
{
	return s->identity;
}
