/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/jwt.h"

#include "base/str.h"

#include <math.h>

enum { SUB_MAX = 1024 };

const char *ag_jwt_reason_name(enum ag_jwt_reason reason)
{
	static const char *const names[] = {
	    [AG_JWT_OK] = "ok",
	    [AG_JWT_TOO_LARGE] = "token_too_large",
	    [AG_JWT_MALFORMED] = "token_malformed",
	    [AG_JWT_CRITICAL] = "token_critical",
	    [AG_JWT_ALGORITHM] = "token_algorithm",
	    [AG_JWT_TYPE] = "token_type",
	    [AG_JWT_ISSUER_UNKNOWN] = "issuer_unknown",
	    [AG_JWT_KEY_UNKNOWN] = "key_unknown",
	    [AG_JWT_KEY_AMBIGUOUS] = "key_ambiguous",
	    [AG_JWT_SIGNATURE] = "token_signature",
	    [AG_JWT_EXPIRED] = "token_expired",
	    [AG_JWT_NOT_YET_VALID] = "token_not_yet_valid",
	    [AG_JWT_FROM_FUTURE] = "token_from_future",
	    [AG_JWT_AUDIENCE] = "token_audience",
	    [AG_JWT_CLAIMS] = "token_claims",
	};

	return names[reason];
}

static enum ag_jwt_reason decode(struct or_slice *out, struct or_slice text, struct or_arena *a)
{
	enum ag_jwt_reason reason = AG_JWT_MALFORMED;
	struct or_buf b;

	if (text.n == 0) {
		*out = OR_SLICE_NONE;
		return AG_JWT_OK;
	}
	or_buf_init(&b, AG_JWT_MAX);
	if (or_str_base64url_decode(&b, text) == OR_OK && or_buf_ok(&b)) {
		*out = or_arena_dup(a, or_buf_slice(&b));
		reason = out->p ? AG_JWT_OK : AG_JWT_TOO_LARGE;
	}
	or_buf_done(&b);
	return reason;
}

static enum ag_jwt_reason object(
    const struct or_json **out, struct or_slice text, struct or_arena *a)
{
	const struct or_json *j;
	enum or_code rc = or_json_parse(&j, text, a, NULL);

	if (rc)
		return or_arena_is_full(a) ? AG_JWT_TOO_LARGE : AG_JWT_MALFORMED;
	if (j->type != OR_JSON_OBJECT)
		return AG_JWT_MALFORMED;
	*out = j;
	return AG_JWT_OK;
}

/* RFC 7515 §4.1.11: no extension is understood, so a list of critical ones is refused whatever it
 * holds; RFC 7797 §3: b64 changes what is signed. */
static bool has_extension(const struct or_json *header)
{
	const struct or_json *b64 = or_json_get(header, "b64");

	return or_json_get(header, "crit") || (b64 && !(b64->type == OR_JSON_BOOL && b64->b));
}

/* A header's text, p == NULL where absent. False: it is no string. */
static bool header_text(struct or_slice *out, const struct or_json *header, const char *name)
{
	const struct or_json *v = or_json_get(header, name);

	*out = v && v->type == OR_JSON_STR ? v->s : OR_SLICE_NONE;
	return !v || v->type == OR_JSON_STR;
}

static enum ag_jwt_reason read_header(struct ag_jwt *t)
{
	struct or_slice alg;

	if (has_extension(t->header))
		return AG_JWT_CRITICAL;
	if (!header_text(&alg, t->header, "alg") || !alg.p)
		return AG_JWT_MALFORMED;
	if (!header_text(&t->kid, t->header, "kid") || t->kid.n > AG_JWK_KID_MAX)
		return AG_JWT_MALFORMED;
	if (!header_text(&t->typ, t->header, "typ"))
		return AG_JWT_MALFORMED;
	return or_crypto_alg_find(&t->alg, alg) ? AG_JWT_ALGORITHM : AG_JWT_OK;
}

/* The three segments; false where there are not exactly three. */
static bool split(struct or_slice out[3], struct or_slice token)
{
	size_t first = or_str_find(token, '.', 0), second;

	if (first == token.n)
		return false;
	second = or_str_find(token, '.', first + 1);
	if (second == token.n || or_str_find(token, '.', second + 1) != token.n)
		return false;
	out[0] = or_slice(token.p, first);
	out[1] = or_slice(token.p + first + 1, second - first - 1);
	out[2] = or_slice_from(token, second + 1);
	return true;
}

enum ag_jwt_reason ag_jwt_parse(struct ag_jwt *out, struct or_slice token, struct or_arena *a)
{
	struct or_slice segments[3], header = OR_SLICE_NONE;
	struct ag_jwt t = {0};
	enum ag_jwt_reason reason;

	if (token.n > AG_JWT_MAX)
		return AG_JWT_TOO_LARGE;
	if (!split(segments, token))
		return AG_JWT_MALFORMED;
	t.signing_input = or_slice(token.p, segments[0].n + 1 + segments[1].n);
	reason = decode(&header, segments[0], a);
	if (reason == AG_JWT_OK)
		reason = decode(&t.payload, segments[1], a);
	if (reason == AG_JWT_OK)
		reason = decode(&t.signature, segments[2], a);
	if (reason == AG_JWT_OK)
		reason = object(&t.header, header, a);
	if (reason == AG_JWT_OK)
		reason = read_header(&t);
	if (reason == AG_JWT_OK)
		*out = t;
	return reason;
}

enum ag_jwt_reason ag_jwt_verify(const struct ag_jwt *t, const struct ag_jwk *key)
{
	if (!ag_jwk_fits(key, t->alg))
		return AG_JWT_ALGORITHM;
	return or_crypto_verify(key->key, t->alg, t->signing_input, t->signature) == OR_OK
		   ? AG_JWT_OK
		   : AG_JWT_SIGNATURE;
}

enum ag_jwt_reason ag_jwt_claims(
    const struct or_json **out, const struct ag_jwt *t, struct or_arena *a)
{
	return object(out, t->payload, a);
}

/* RFC 7519 §2 NumericDate, which may have a fraction: up or down to whole seconds. */
static bool seconds(int64_t *out, const struct or_json *v, bool up)
{
	double d;

	if (v->type == OR_JSON_INT) {
		*out = v->i;
		return true;
	}
	if (v->type != OR_JSON_REAL)
		return false;
	d = up ? ceil(v->r) : floor(v->r);
	if (!(d > -9e15 && d < 9e15))
		return false;
	*out = (int64_t)d;
	return true;
}

static bool has_text(const struct or_json *claims, const char *name, size_t max)
{
	struct or_slice s = or_json_get_str(claims, name);

	return s.n > 0 && s.n <= max;
}

/* RFC 7519 §4.1.3: a string or a list of strings, compared byte for byte. */
static bool names_audience(const struct or_json *aud, struct or_slice wanted)
{
	bool found = false;

	if (aud->type == OR_JSON_STR)
		return or_slice_eq(aud->s, wanted);
	if (aud->type != OR_JSON_ARRAY)
		return false;
	for (size_t i = 0; i < aud->array.n; i++) {
		if (aud->array.items[i]->type != OR_JSON_STR)
			return false;
		found = found || or_slice_eq(aud->array.items[i]->s, wanted);
	}
	return found;
}

static bool is_type_allowed(struct or_slice typ, bool access_token)
{
	/* RFC 7515 §4.1.9: "application/" may be left out; RFC 2045: case does not count */
	if (or_str_eq_nocase(
		or_slice(typ.p, typ.n < 12 ? typ.n : 12), OR_SLICE_LIT("application/")))
		typ = or_slice_from(typ, 12);
	if (or_str_eq_nocase(typ, OR_SLICE_LIT("at+jwt")))
		return true;
	return !access_token && (!typ.p || or_str_eq_nocase(typ, OR_SLICE_LIT("JWT")));
}

struct times {
	int64_t exp;
	int64_t nbf; /* where absent: before everything */
	int64_t iat;
};

static bool optional_time(int64_t *out, const struct or_json *claims, const char *name)
{
	const struct or_json *v = or_json_get(claims, name);

	*out = INT64_MIN;
	return !v || seconds(out, v, true);
}

/* RFC 7519 §4.1.4 to §4.1.6; exp must be there. */
static bool read_times(struct times *out, const struct or_json *claims)
{
	const struct or_json *exp = or_json_get(claims, "exp");

	return exp && seconds(&out->exp, exp, false) && optional_time(&out->nbf, claims, "nbf") &&
	       optional_time(&out->iat, claims, "iat");
}

/* RFC 7519 §4.1.7: what is there must be text. */
static bool is_jti_text(const struct or_json *claims)
{
	const struct or_json *jti = or_json_get(claims, "jti");

	return !jti || jti->type == OR_JSON_STR;
}

/* RFC 9068 §2.2 */
static bool is_access_token(const struct or_json *claims)
{
	return has_text(claims, "client_id", SUB_MAX) && has_text(claims, "jti", SUB_MAX) &&
	       or_json_get(claims, "iat");
}

enum ag_jwt_reason ag_jwt_check(int64_t *exp_s, const struct ag_jwt *t,
    const struct or_json *claims, const struct ag_jwt_rules *rules, int64_t now_s)
{
	const struct or_json *aud = or_json_get(claims, "aud");
	struct times times;
	int64_t limit;

	if (!is_type_allowed(t->typ, rules->access_token))
		return AG_JWT_TYPE;
	if (!read_times(&times, claims) || !aud || !has_text(claims, "sub", SUB_MAX))
		return AG_JWT_CLAIMS;
	if (!is_jti_text(claims) || (rules->access_token && !is_access_token(claims)))
		return AG_JWT_CLAIMS;
	if (now_s >= times.exp)
		return AG_JWT_EXPIRED;
	if (__builtin_add_overflow(now_s, rules->skew_s, &limit))
		limit = INT64_MAX;
	if (times.nbf > limit)
		return AG_JWT_NOT_YET_VALID;
	if (times.iat > limit)
		return AG_JWT_FROM_FUTURE;
	if (!names_audience(aud, rules->audience))
		return AG_JWT_AUDIENCE;
	*exp_s = times.exp;
	return AG_JWT_OK;
}
