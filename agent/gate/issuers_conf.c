/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/issuers_conf.h"

#include "base/fetch.h"
#include "base/str.h"

enum { ALGS_MAX = 9 };

struct reader {
	const struct or_json *j;
	size_t i;
	struct or_arena *arena;
	struct or_err *err;
};

static enum or_code fail(const struct reader *r, const char *key, const char *what)
{
	return or_err_set(r->err, OR_INVAL, "issuers[%zu].%s: %s", r->i, key, what);
}

/* Each key of the object is one that is known. */
static enum or_code check_keys(const struct reader *r)
{
	static const char *const names[] = {"issuer", "jwks", "discovery", "ca", "audience", "algs",
	    "subject_claim", "groups_claim", "principal", "skew", "access_token", "cache", "stale",
	    NULL};

	for (size_t m = 0; m < r->j->object.n; m++) {
		struct or_slice key = r->j->object.members[m].key;
		const char *nearest = or_str_nearest(key, names);
		bool known = false;

		for (size_t n = 0; names[n]; n++)
			known = known || or_slice_is(key, names[n]);
		if (!known)
			return or_err_set(r->err, OR_INVAL,
			    "issuers[%zu]: line %u: unknown key \"%.*s\"%s%s%s", r->i,
			    r->j->object.members[m].value->line, OR_SLICE_FMT(key),
			    nearest ? "; did you mean \"" : "", nearest ? nearest : "",
			    nearest ? "\"?" : "");
	}
	return OR_OK;
}

/* NULL where absent. */
static enum or_code read_text(const struct reader *r, const char **out, const char *key)
{
	const struct or_json *v = or_json_get(r->j, key);

	*out = NULL;
	if (!v)
		return OR_OK;
	if (v->type != OR_JSON_STR || !v->s.n || memchr(v->s.p, 0, v->s.n))
		return fail(r, key, "expected text");
	*out = or_arena_strdup(r->arena, v->s);
	return OR_OK;
}

static enum or_code read_bool(const struct reader *r, bool *out, const char *key)
{
	const struct or_json *v = or_json_get(r->j, key);

	*out = v && v->type == OR_JSON_BOOL && v->b;
	return v && v->type != OR_JSON_BOOL ? fail(r, key, "expected true or false") : OR_OK;
}

static enum or_code read_duration(const struct reader *r, int64_t *out, const char *key)
{
	const struct or_json *v = or_json_get(r->j, key);

	*out = 0;
	if (v && (v->type != OR_JSON_STR || or_str_duration_ns(out, v->s)))
		return fail(r, key, "expected a duration like 30s");
	return OR_OK;
}

static enum or_code read_algs(const struct reader *r, struct ag_identity_issuer *out)
{
	const struct or_json *list = or_json_get(r->j, "algs");
	const char **algs = or_arena_array(r->arena, ALGS_MAX + 1, sizeof(*algs));

	if (!list)
		return OR_OK;
	if (list->type != OR_JSON_ARRAY || list->array.n == 0 || list->array.n > ALGS_MAX)
		return fail(r, "algs", "expected a list like [EdDSA, ES256]");
	for (size_t n = 0; n < list->array.n; n++) {
		if (list->array.items[n]->type != OR_JSON_STR)
			return fail(r, "algs", "names are strings");
		algs[n] = or_arena_strdup(r->arena, list->array.items[n]->s);
	}
	out->algs = algs;
	return OR_OK;
}

static bool is_url(const char *text)
{
	return strstr(text, "://") != NULL;
}

static enum or_code check_url(const struct reader *r, const char *key, const char *url)
{
	struct or_err why = {0};

	if (or_fetch_check(url, &why))
		return fail(r, key, why.msg);
	if (or_fetch_is_open(url))
		return fail(r, key, "keys over plain http from another host could be anybody's");
	return OR_OK;
}

/* OpenID Connect Discovery 1.0 §4: behind the issuer, without a slash at its end. */
static enum or_code read_discovery(const struct reader *r, struct ag_issuers_conf *out)
{
	const struct or_json *v = or_json_get(r->j, "discovery");
	struct or_slice issuer = or_slice_str(out->identity.issuer);

	if (!v || (v->type == OR_JSON_BOOL && !v->b))
		return OR_OK;
	if (v->type == OR_JSON_BOOL) {
		if (issuer.n && issuer.p[issuer.n - 1] == '/')
			issuer.n--;
		out->discovery = or_arena_printf(
		    r->arena, "%.*s/.well-known/openid-configuration", OR_SLICE_FMT(issuer));
	} else if (read_text(r, &out->discovery, "discovery")) {
		return fail(r, "discovery", "expected true, or the document's URL");
	}
	return check_url(r, "discovery", out->discovery);
}

static enum or_code read_source(const struct reader *r, struct ag_issuers_conf *out)
{
	enum or_code rc = read_text(r, &out->jwks, "jwks");

	if (rc == OR_OK)
		rc = read_text(r, &out->ca, "ca");
	if (rc == OR_OK)
		rc = read_discovery(r, out);
	if (rc)
		return rc;
	if (!out->jwks == !out->discovery)
		return or_err_set(r->err, OR_INVAL,
		    "issuers[%zu]: either jwks (a file or URL with its keys) or discovery is "
		    "needed",
		    r->i);
	if (!out->jwks || is_url(out->jwks))
		return out->jwks ? check_url(r, "jwks", out->jwks) : OR_OK;
	out->file = out->jwks;
	out->jwks = NULL;
	return OR_OK;
}

static enum or_code read_principal(const struct reader *r, struct ag_identity_issuer *out)
{
	struct or_slice kind = or_json_get_str(r->j, "principal");

	out->workload = or_slice_is(kind, "workload");
	if (or_json_get(r->j, "principal") && !out->workload && !or_slice_is(kind, "user"))
		return fail(r, "principal", "expected user or workload");
	return OR_OK;
}

static enum or_code read_identity(
    const struct reader *r, struct ag_identity_issuer *out, const char *audience)
{
	int64_t skew_ns = 0;
	enum or_code rc = read_text(r, &out->issuer, "issuer");

	if (rc == OR_OK)
		rc = read_text(r, &out->audience, "audience");
	if (rc == OR_OK)
		rc = read_text(r, &out->groups_claim, "groups_claim");
	if (rc == OR_OK)
		rc = read_text(r, &out->subject_claim, "subject_claim");
	if (rc == OR_OK)
		rc = read_bool(r, &out->access_token, "access_token");
	if (rc == OR_OK)
		rc = read_duration(r, &skew_ns, "skew");
	if (rc == OR_OK)
		rc = read_principal(r, out);
	if (rc == OR_OK)
		rc = read_algs(r, out);
	if (rc)
		return rc;
	if (!out->issuer)
		return fail(r, "issuer", "is needed: exactly the tokens' iss");
	out->skew_s = skew_ns / OR_NS_PER_S;
	if (!out->audience)
		out->audience = audience;
	return OR_OK;
}

enum or_code ag_issuers_conf_read(struct ag_issuers_conf *out, const struct or_json *j, size_t i,
    const char *audience, struct or_arena *a, struct or_err *err)
{
	struct reader r = {.j = j, .i = i, .arena = a, .err = err};
	struct ag_issuers_conf conf = {0};
	enum or_code rc;

	if (j->type != OR_JSON_OBJECT)
		return or_err_set(err, OR_INVAL, "issuers[%zu]: expected {issuer, jwks}", i);
	rc = check_keys(&r);
	if (rc == OR_OK)
		rc = read_identity(&r, &conf.identity, audience);
	if (rc == OR_OK)
		rc = read_source(&r, &conf);
	if (rc == OR_OK)
		rc = read_duration(&r, &conf.cache_ns, "cache");
	if (rc == OR_OK)
		rc = read_duration(&r, &conf.stale_ns, "stale");
	if (rc == OR_OK)
		*out = conf;
	return rc;
}
