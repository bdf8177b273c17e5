/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/issuers.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/watch.h"

enum { ALGS_MAX = 9 };

struct source {
	struct ag_issuers *owner;
	size_t at; /* in the identity core */
	const char *path;
	struct or_watch *watch;
};

struct ag_issuers {
	struct or_loop *loop;
	struct or_arena *arena;
	struct ag_identity *identity;
	struct source sources[AG_IDENTITY_ISSUERS_MAX];
	size_t n;
};

static enum or_code take_keys(struct source *s, struct or_err *err)
{
	struct ag_jwks *set;
	struct or_buf text;
	enum or_code rc;

	or_buf_init(&text, AG_JWKS_TEXT_MAX);
	rc = or_sys_read_file(&text, s->path, err);
	if (rc == OR_OK)
		rc = ag_jwks_parse(&set, or_buf_slice(&text), err);
	if (rc == OR_OK)
		ag_identity_keys_put(s->owner->identity, s->at, set);
	or_buf_done(&text);
	return rc ? or_err_wrap(err, rc, "%s", s->path) : OR_OK;
}

static void on_file(void *arg)
{
	struct source *s = arg;
	struct or_err err = {0};

	if (take_keys(s, &err))
		OR_LOG(OR_LOG_ERROR, "issuer.keys_refused", or_log_err(&err));
	else
		OR_LOG(OR_LOG_INFO, "issuer.keys_taken", or_log_text("file", s->path));
}

void ag_issuers_reload(struct ag_issuers *s)
{
	for (size_t i = 0; i < s->n; i++)
		on_file(&s->sources[i]);
}

static const char *text_of(struct ag_issuers *s, const struct or_json *j, const char *key)
{
	struct or_slice v = or_json_get_str(j, key);

	return v.n ? or_arena_strdup(s->arena, v) : NULL;
}

/* Each key of the object is one that is known. */
static enum or_code check_keys(const struct or_json *j, size_t i, struct or_err *err)
{
	static const char *const names[] = {
	    "issuer", "jwks", "audience", "algs", "groups_claim", "skew", "access_token", NULL};

	for (size_t m = 0; m < j->object.n; m++) {
		struct or_slice key = j->object.members[m].key;
		const char *nearest = or_str_nearest(key, names);
		bool known = false;

		for (size_t n = 0; names[n]; n++)
			known = known || or_slice_is(key, names[n]);
		if (!known)
			return or_err_set(err, OR_INVAL,
			    "issuers[%zu]: line %u: unknown key \"%.*s\"%s%s%s", i,
			    j->object.members[m].value->line, OR_SLICE_FMT(key),
			    nearest ? "; did you mean \"" : "", nearest ? nearest : "",
			    nearest ? "\"?" : "");
	}
	return OR_OK;
}

static enum or_code read_algs(struct ag_issuers *s, struct ag_identity_issuer *out,
    const struct or_json *list, size_t i, struct or_err *err)
{
	const char **algs = or_arena_array(s->arena, ALGS_MAX + 1, sizeof(*algs));

	if (!list)
		return OR_OK;
	if (list->type != OR_JSON_ARRAY || list->array.n == 0 || list->array.n > ALGS_MAX)
		return or_err_set(
		    err, OR_INVAL, "issuers[%zu].algs: expected a list like [EdDSA, ES256]", i);
	for (size_t n = 0; n < list->array.n; n++) {
		if (list->array.items[n]->type != OR_JSON_STR)
			return or_err_set(err, OR_INVAL, "issuers[%zu].algs: names are strings", i);
		algs[n] = or_arena_strdup(s->arena, list->array.items[n]->s);
	}
	out->algs = algs;
	return OR_OK;
}

static enum or_code read_skew(
    struct ag_identity_issuer *out, const struct or_json *j, size_t i, struct or_err *err)
{
	struct or_slice text = or_json_get_str(j, "skew");
	int64_t ns = 0;

	if (text.n && or_str_duration_ns(&ns, text))
		return or_err_set(
		    err, OR_INVAL, "issuers[%zu].skew: expected a duration like 30s", i);
	out->skew_s = ns / OR_NS_PER_S;
	return OR_OK;
}

static enum or_code read_issuer(struct ag_issuers *s, struct ag_identity_issuer *out,
    const struct or_json *j, size_t i, const char *audience, struct or_err *err)
{
	const struct or_json *access = or_json_get_type(j, "access_token", OR_JSON_BOOL);
	enum or_code rc;

	if (j->type != OR_JSON_OBJECT)
		return or_err_set(err, OR_INVAL, "issuers[%zu]: expected {issuer, jwks}", i);
	rc = check_keys(j, i, err);
	if (rc)
		return rc;
	*out = (struct ag_identity_issuer){.issuer = text_of(s, j, "issuer"),
	    .audience = text_of(s, j, "audience"),
	    .groups_claim = text_of(s, j, "groups_claim"),
	    .access_token = access && access->b};
	if (!out->audience)
		out->audience = audience;
	s->sources[i] = (struct source){.owner = s, .path = text_of(s, j, "jwks")};
	if (!out->issuer || !s->sources[i].path)
		return or_err_set(err, OR_INVAL,
		    "issuers[%zu]: issuer and jwks (a file with its keys) are needed", i);
	rc = read_algs(s, out, or_json_get(j, "algs"), i, err);
	return rc ? rc : read_skew(out, j, i, err);
}

static enum or_code start_source(
    struct ag_issuers *s, size_t i, const struct ag_identity_issuer *issuer, struct or_err *err)
{
	struct source *source = &s->sources[i];
	enum or_code rc =
	    ag_identity_issuer_find(&source->at, s->identity, or_slice_str(issuer->issuer));

	if (rc)
		return or_err_set(err, OR_INVAL, "issuers[%zu]: there twice", i);
	rc = take_keys(source, err);
	return rc ? rc
		  : or_watch_start(&source->watch, s->loop, source->path, on_file, source, err);
}

enum or_code ag_issuers_new(struct ag_issuers **out, struct or_loop *loop,
    const struct ag_issuers_opt *opt, struct or_err *err)
{
	struct ag_issuers *s = or_mem_new(sizeof(*s));
	struct ag_identity_issuer issuers[AG_IDENTITY_ISSUERS_MAX];
	const struct or_json *list = opt->config;
	enum or_code rc = OR_OK;

	s->loop = loop;
	s->arena = or_arena_new(0);
	if (list && (list->type != OR_JSON_ARRAY || list->array.n > AG_IDENTITY_ISSUERS_MAX))
		rc = or_err_set(err, OR_INVAL, "issuers: expected a list of at most %d",
		    AG_IDENTITY_ISSUERS_MAX);
	for (size_t i = 0; list && i < list->array.n && rc == OR_OK; i++) {
		rc = read_issuer(s, &issuers[i], list->array.items[i], i, opt->audience, err);
		s->n = i + 1;
	}
	if (rc == OR_OK)
		rc = ag_identity_new(&s->identity, issuers, s->n, opt->cache_max, err);
	for (size_t i = 0; i < s->n && rc == OR_OK; i++)
		rc = start_source(s, i, &issuers[i], err);
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
	for (size_t i = 0; i < s->n; i++)
		or_watch_cancel(s->sources[i].watch);
	ag_identity_free(s->identity);
	or_arena_free(s->arena);
	or_mem_free(s);
}

struct ag_identity *ag_issuers_identity(const struct ag_issuers *s)
{
	return s->identity;
}
