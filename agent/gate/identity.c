/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/identity.h"

#include "agent/gate/verdict.h"
#include "agent/gate/who.h"
#include "base/mem.h"

enum { CACHE_S_MAX = 60 };

struct issuer {
	char *name;
	char *audience;
	char *groups_claim;
	char *subject_claim;
	bool workload;
	unsigned int algs; /* a bit per enum or_crypto_alg */
	struct ag_jwt_rules rules;
	struct ag_jwks *keys; /* NULL: none yet */
};

struct ag_identity {
	struct issuer issuers[AG_IDENTITY_ISSUERS_MAX];
	uint64_t generations[AG_IDENTITY_ISSUERS_MAX];
	size_t n;
	struct ag_verdict_cache *cache;
	uint64_t verified;
	uint64_t cached;
};

static enum or_code read_algs(
    unsigned int *out, const struct ag_identity_issuer *from, struct or_err *err)
{
	static const char *const usual[] = {"EdDSA", "ES256", "RS256", NULL};
	const char *const *names = from->algs ? from->algs : usual;

	*out = 0;
	for (; *names; names++) {
		enum or_crypto_alg alg;

		if (or_crypto_alg_find(&alg, or_slice_str(*names)))
			return or_err_set(err, OR_INVAL,
			    "issuer %s: the algorithm \"%s\" is not one of the asymmetric ones",
			    from->issuer, *names);
		*out |= 1U << alg;
	}
	return *out ? OR_OK
		    : or_err_set(err, OR_INVAL, "issuer %s: no algorithm is allowed", from->issuer);
}

static enum or_code add_issuer(
    struct ag_identity *id, const struct ag_identity_issuer *from, struct or_err *err)
{
	struct issuer *to = &id->issuers[id->n];
	size_t at;
	enum or_code rc;

	if (!from->issuer || !from->issuer[0] || strchr(from->issuer, '#'))
		return or_err_set(err, OR_INVAL, "an issuer needs a name without '#'");
	if (ag_identity_issuer_find(&at, id, or_slice_str(from->issuer)) == OR_OK)
		return or_err_set(err, OR_INVAL, "issuer %s is there twice", from->issuer);
	if (!from->audience || !from->audience[0])
		return or_err_set(err, OR_INVAL, "issuer %s: an audience is needed", from->issuer);
	if (from->skew_s < 0 || from->skew_s > AG_IDENTITY_SKEW_MAX_S)
		return or_err_set(err, OR_INVAL, "issuer %s: the skew is 0 to %d s", from->issuer,
		    AG_IDENTITY_SKEW_MAX_S);
	rc = read_algs(&to->algs, from, err);
	if (rc)
		return rc;
	to->name = or_mem_strdup(from->issuer);
	to->audience = or_mem_strdup(from->audience);
	to->groups_claim = or_mem_strdup(from->groups_claim ? from->groups_claim : "groups");
	to->subject_claim = or_mem_strdup(from->subject_claim ? from->subject_claim : "sub");
	to->workload = from->workload;
	to->rules = (struct ag_jwt_rules){
	    .audience = or_slice_str(to->audience),
	    .skew_s = from->skew_s,
	    .access_token = from->access_token,
	};
	id->n++;
	return OR_OK;
}

enum or_code ag_identity_new(struct ag_identity **out, const struct ag_identity_issuer *issuers,
    size_t n, size_t cache_max, struct or_err *err)
{
	struct ag_identity *id;
	enum or_code rc = OR_OK;

	if (n > AG_IDENTITY_ISSUERS_MAX)
		return or_err_set(err, OR_INVAL, "more than %d issuers", AG_IDENTITY_ISSUERS_MAX);
	id = or_mem_new(sizeof(*id));
	id->cache = ag_verdict_new(cache_max);
	for (size_t i = 0; i < n && rc == OR_OK; i++)
		rc = add_issuer(id, &issuers[i], err);
	if (rc)
		ag_identity_free(id);
	else
		*out = id;
	return rc;
}

void ag_identity_free(struct ag_identity *id)
{
	if (!id)
		return;
	for (size_t i = 0; i < id->n; i++) {
		or_mem_free(id->issuers[i].name);
		or_mem_free(id->issuers[i].audience);
		or_mem_free(id->issuers[i].groups_claim);
		or_mem_free(id->issuers[i].subject_claim);
		ag_jwks_free(id->issuers[i].keys);
	}
	ag_verdict_free(id->cache);
	or_mem_free(id);
}

enum or_code ag_identity_issuer_find(
    size_t *at, const struct ag_identity *id, struct or_slice issuer)
{
	for (size_t i = 0; i < id->n; i++) {
		if (!or_slice_is(issuer, id->issuers[i].name))
			continue;
		*at = i;
		return OR_OK;
	}
	return OR_ABSENT;
}

void ag_identity_keys_put(struct ag_identity *id, size_t at, struct ag_jwks *take)
{
	OR_ASSERT(at < id->n);
	ag_jwks_free(id->issuers[at].keys);
	id->issuers[at].keys = take;
	id->generations[at]++;
}

static enum ag_jwt_reason check_signature(
    struct ag_identity *id, const struct issuer *issuer, const struct ag_jwt *t)
{
	const struct ag_jwk *key;
	enum or_code rc;

	if (!(issuer->algs & (1U << t->alg)))
		return AG_JWT_ALGORITHM;
	rc = issuer->keys ? ag_jwks_find(&key, issuer->keys, t->kid, t->alg) : OR_ABSENT;
	if (rc)
		return rc == OR_INVAL ? AG_JWT_KEY_AMBIGUOUS : AG_JWT_KEY_UNKNOWN;
	id->verified++;
	return ag_jwt_verify(t, key);
}

/* The whole way, without the cache. */
static enum ag_jwt_reason check(struct ag_identity *id, size_t *at, struct ag_identity_who *who,
    struct or_slice token, int64_t now_s, struct or_arena *a)
{
	const struct or_json *claims;
	const struct issuer *issuer;
	struct ag_jwt t;
	int64_t exp_s;
	enum ag_jwt_reason reason = ag_jwt_parse(&t, token, a);

	if (reason == AG_JWT_OK)
		reason = ag_jwt_claims(&claims, &t, a);
	if (reason)
		return reason;
	if (ag_identity_issuer_find(at, id, or_json_get_str(claims, "iss")))
		return AG_JWT_ISSUER_UNKNOWN;
	issuer = &id->issuers[*at];
	reason = check_signature(id, issuer, &t);
	if (reason == AG_JWT_OK)
		reason = ag_jwt_check(&exp_s, &t, claims, &issuer->rules, now_s);
	if (reason == AG_JWT_OK)
		reason = ag_who_read(who, claims, issuer->subject_claim, issuer->groups_claim, a);
	if (reason == AG_JWT_OK) {
		who->exp_s = exp_s;
		who->workload = issuer->workload;
	}
	return reason;
}

/* At most CACHE_S_MAX seconds from now, never past exp; exp * 1e9 may not fit. */
static int64_t keep_until(int64_t now_ns, int64_t exp_s)
{
	int64_t until = now_ns + CACHE_S_MAX * OR_NS_PER_S, exp_ns;

	if (!__builtin_mul_overflow(exp_s, OR_NS_PER_S, &exp_ns) && exp_ns < until)
		until = exp_ns;
	return until;
}

/* now_ns rounded down: also before 1970, where tests like to be. */
static int64_t whole_seconds(int64_t now_ns)
{
	return now_ns / OR_NS_PER_S - (now_ns % OR_NS_PER_S < 0);
}

struct ag_identity_verdict ag_identity_check(struct ag_identity *id, struct ag_identity_who *who,
    struct or_slice token, int64_t now_ns, struct or_arena *a)
{
	struct ag_identity_verdict v = {.reason = AG_JWT_TOO_LARGE, .issuer = SIZE_MAX};
	uint8_t hash[OR_CRYPTO_HASH_LEN];
	const struct ag_identity_who *kept;
	struct ag_verdict_bond bond;
	struct ag_identity_who found;

	if (token.n > AG_JWT_MAX)
		return v;
	or_crypto_sha256(hash, token);
	kept = ag_verdict_find(id->cache, hash, now_ns, id->generations, &v.issuer);
	if (kept && ag_who_copy(who, kept, a)) {
		v.reason = AG_JWT_OK;
		v.cached = true;
		id->cached++;
		return v;
	}
	v.reason = check(id, &v.issuer, &found, token, whole_seconds(now_ns), a);
	if (v.reason)
		return v;
	*who = found;
	bond = (struct ag_verdict_bond){
	    .issuer = v.issuer,
	    .generation = id->generations[v.issuer],
	    .from_ns = now_ns,
	    .until_ns = keep_until(now_ns, found.exp_s),
	};
	ag_verdict_put(id->cache, hash, &found, &bond);
	return v;
}

bool ag_identity_lacks_key(
    struct ag_identity *id, size_t *at, struct or_slice token, int64_t now_ns, struct or_arena *a)
{
	uint8_t hash[OR_CRYPTO_HASH_LEN];
	const struct ag_jwk *key;
	const struct or_json *claims;
	const struct issuer *issuer;
	struct ag_jwt t;

	if (token.n > AG_JWT_MAX)
		return false;
	or_crypto_sha256(hash, token);
	if (ag_verdict_find(id->cache, hash, now_ns, id->generations, at) ||
	    ag_jwt_parse(&t, token, a) || ag_jwt_claims(&claims, &t, a) ||
	    ag_identity_issuer_find(at, id, or_json_get_str(claims, "iss")))
		return false;
	issuer = &id->issuers[*at];
	if (!(issuer->algs & (1U << t.alg)))
		return false;
	return !issuer->keys || ag_jwks_find(&key, issuer->keys, t.kid, t.alg) == OR_ABSENT;
}

struct ag_identity_counts ag_identity_counts_get(const struct ag_identity *id)
{
	return (struct ag_identity_counts){
	    .verified = id->verified, .cached = id->cached, .kept = ag_verdict_count(id->cache)};
}
