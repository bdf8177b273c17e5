/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/grant.h"

#include "base/json.h"
#include "base/jsonw.h"
#include "base/str.h"

#include <stddef.h>

static const char head[] = "obg1.";
static const char domain[] = "outrider break-glass v1\n";

static const struct {
	const char *key;
	size_t offset;
	bool optional;
} texts[] = {
    {"id", offsetof(struct pol_grant, id), false},
    {"product", offsetof(struct pol_grant, product), false},
    {"agent", offsetof(struct pol_grant, agent), true},
    {"principal", offsetof(struct pol_grant, principal), false},
    {"action", offsetof(struct pol_grant, action), true},
    {"reason", offsetof(struct pol_grant, reason), false},
};

static struct or_slice text_of(const struct pol_grant *g, size_t i)
{
	return *(const struct or_slice *)(const void *)((const char *)g + texts[i].offset);
}

static void set_text(struct pol_grant *g, size_t i, struct or_slice value)
{
	*(struct or_slice *)(void *)((char *)g + texts[i].offset) = value;
}

static bool is_text(struct or_slice s)
{
	if (s.n > POL_GRANT_TEXT_MAX || !or_str_is_utf8(s))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	}
	return true;
}

static bool is_life(const struct pol_grant *g)
{
	return g->issued_s > 0 && g->expires_s > g->issued_s &&
	       g->expires_s - g->issued_s <= POL_GRANT_LIFE_MAX_S;
}

static enum or_code check_members(const struct pol_grant *g, struct or_err *err)
{
	for (size_t i = 0; i < OR_LEN(texts); i++) {
		struct or_slice s = text_of(g, i);

		if ((!s.n && !texts[i].optional) || !is_text(s))
			return or_err_set(err, OR_INVAL,
			    "a grant's %s: one line of text, at most %d bytes", texts[i].key,
			    POL_GRANT_TEXT_MAX);
	}
	if (!is_life(g))
		return or_err_set(err, OR_INVAL, "a grant holds for 24 hours at most");
	return OR_OK;
}

static void put_members(struct or_buf *out, const struct pol_grant *g)
{
	struct or_jsonw w;

	or_jsonw_init(&w, out, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_i64(&w, "v", 1);
	for (size_t i = 0; i < OR_LEN(texts); i++) {
		if (text_of(g, i).n)
			or_jsonw_kv_str(&w, texts[i].key, text_of(g, i));
	}
	or_jsonw_kv_i64(&w, "issued", g->issued_s);
	or_jsonw_kv_i64(&w, "expires", g->expires_s);
	or_jsonw_end(&w);
}

enum or_code pol_grant_make(struct or_buf *out, const struct pol_grant *g,
    const struct or_crypto_key *key, struct or_err *err)
{
	struct or_buf msg, sig;
	enum or_code rc = check_members(g, err);
	size_t before = out->n;

	if (rc)
		return rc;
	or_buf_init(&msg, 4 * POL_GRANT_MAX);
	or_buf_init(&sig, OR_CRYPTO_SIG_MAX);
	or_buf_put_str(&msg, domain);
	put_members(&msg, g);
	rc = or_crypto_sign(&sig, key, OR_CRYPTO_EDDSA, or_buf_slice(&msg));
	if (rc) {
		or_err_set(err, rc, "the key cannot sign a grant: a private Ed25519 key is needed");
	} else {
		or_buf_put_str(out, head);
		or_str_base64url_encode(out, or_slice_from(or_buf_slice(&msg), strlen(domain)));
		or_buf_put_byte(out, '.');
		or_str_base64url_encode(out, or_buf_slice(&sig));
		if (!or_buf_ok(&msg) || !or_buf_ok(out) || out->n - before > POL_GRANT_MAX)
			rc = or_err_set(
			    err, OR_INVAL, "the grant is longer than %d bytes", POL_GRANT_MAX);
	}
	or_buf_done(&msg);
	or_buf_done(&sig);
	return rc;
}

const char *pol_grant_fault_name(enum pol_grant_fault fault)
{
	static const char *const names[] = {
	    [POL_GRANT_FINE] = "fine",
	    [POL_GRANT_MALFORMED] = "malformed",
	    [POL_GRANT_SIGNATURE] = "signature",
	    [POL_GRANT_EXPIRED] = "expired",
	    [POL_GRANT_EARLY] = "early",
	    [POL_GRANT_PRODUCT] = "product",
	    [POL_GRANT_AGENT] = "agent",
	    [POL_GRANT_PRINCIPAL] = "principal",
	    [POL_GRANT_ACTION] = "action",
	};

	return names[fault];
}

/* The JSON behind the domain, and the signature; false where it has not that form. */
static bool split(struct or_buf *msg, struct or_buf *sig, struct or_slice text)
{
	size_t n = strlen(head), dot;

	if (text.n > POL_GRANT_MAX || !or_str_has_prefix(text, head))
		return false;
	dot = or_str_find(text, '.', n);
	or_buf_put_str(msg, domain);
	return dot < text.n &&
	       or_str_base64url_decode(msg, or_slice(text.p + n, dot - n)) == OR_OK &&
	       or_str_base64url_decode(sig, or_slice_from(text, dot + 1)) == OR_OK &&
	       or_buf_ok(msg) && or_buf_ok(sig);
}

static bool read_number(int64_t *out, const struct or_json *j, const char *key)
{
	const struct or_json *v = or_json_get_type(j, key, OR_JSON_INT);

	*out = v ? v->i : 0;
	return v;
}

static bool read_members(struct pol_grant *g, struct or_slice text, struct or_arena *a)
{
	const struct or_json *j;
	size_t known = 3;
	int64_t version;

	if (or_json_parse(&j, text, a, NULL) || j->type != OR_JSON_OBJECT)
		return false;
	for (size_t i = 0; i < OR_LEN(texts); i++) {
		const struct or_json *v = or_json_get_type(j, texts[i].key, OR_JSON_STR);

		known += v != NULL;
		set_text(g, i, v ? v->s : OR_SLICE_NONE);
	}
	/* A member that is not known could be a limit that is not kept. */
	return read_number(&version, j, "v") && version == 1 &&
	       read_number(&g->issued_s, j, "issued") && read_number(&g->expires_s, j, "expires") &&
	       j->object.n == known && check_members(g, NULL) == OR_OK;
}

static bool is_signed(struct or_slice msg, struct or_slice sig,
    const struct or_crypto_key *const *keys, size_t n_keys)
{
	for (size_t i = 0; i < n_keys; i++) {
		if (or_crypto_verify(keys[i], OR_CRYPTO_EDDSA, msg, sig) == OR_OK)
			return true;
	}
	return false;
}

static enum pol_grant_fault judge(const struct pol_grant *g, const struct pol_grant_use *use)
{
	if (use->now_s >= g->expires_s)
		return POL_GRANT_EXPIRED;
	if (g->issued_s > use->now_s + POL_GRANT_SKEW_S)
		return POL_GRANT_EARLY;
	if (!or_slice_eq(g->product, use->product))
		return POL_GRANT_PRODUCT;
	if (g->agent.n && !or_slice_eq(g->agent, use->agent))
		return POL_GRANT_AGENT;
	if (!or_slice_eq(g->principal, use->principal))
		return POL_GRANT_PRINCIPAL;
	if (g->action.n && !or_slice_eq(g->action, use->action))
		return POL_GRANT_ACTION;
	return POL_GRANT_FINE;
}

enum pol_grant_fault pol_grant_check(struct pol_grant *out, struct or_slice text,
    const struct or_crypto_key *const *keys, size_t n_keys, const struct pol_grant_use *use,
    struct or_arena *a)
{
	enum pol_grant_fault fault = POL_GRANT_MALFORMED;
	struct pol_grant g;
	struct or_buf msg, sig;

	or_buf_init(&msg, 2 * POL_GRANT_MAX);
	or_buf_init(&sig, POL_GRANT_MAX);
	/* Nothing is read of what nobody vouches for. */
	if (split(&msg, &sig, text)) {
		fault = POL_GRANT_SIGNATURE;
		if (is_signed(or_buf_slice(&msg), or_buf_slice(&sig), keys, n_keys))
			fault =
			    read_members(&g, or_slice_from(or_buf_slice(&msg), strlen(domain)), a)
				? judge(&g, use)
				: POL_GRANT_MALFORMED;
	}
	or_buf_done(&msg);
	or_buf_done(&sig);
	if (fault == POL_GRANT_FINE || fault >= POL_GRANT_EXPIRED)
		*out = g;
	return fault;
}
