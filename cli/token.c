/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/token.h"

#include "base/jsonw.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/issuer.h"
#include "cli/state.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>

enum { TOKEN_MAX = 16 * 1024, TTL_MAX_DAYS = 365 };

/* --dir, or the issuer of this machine: the one that `outrider run` takes by itself. */
static const char *directory(const char *dir, struct or_err *err)
{
	static char path[PATH_MAX];
	struct ctl_state state;

	if (dir)
		return dir;
	if (ctl_state_open(&state, NULL, err))
		return NULL;
	snprintf(path, sizeof(path), "%s/issuer", state.dir);
	ctl_state_close(&state);
	return path;
}

static int run_new(int argc, char **argv)
{
	const char *dir = NULL, *url = NULL, *alg = "EdDSA";
	const struct ctl_args_flag flags[] = {
	    {.name = "dir",
		.metavar = "DIR",
		.help = "where its keys and jwks.json go (default: issuer/ in the state directory)",
		.value = &dir},
	    {.name = "issuer", .metavar = "URL", .help = "the tokens' iss", .value = &url},
	    {.name = "alg",
		.metavar = "ALG",
		.help = "EdDSA (the default) or ES256",
		.value = &alg},
	};
	const struct ctl_args args = {
	    .usage = "outrider token issuer new --issuer URL [flags]",
	    .about = "Makes an issuer of tokens for development: a private key (mode 0600) and\n"
		     "jwks.json, which agents read. Prints the key's id.",
	    .examples = "  outrider token issuer new --issuer https://issuer.example",
	    .flags = flags,
	    .n_flags = OR_LEN(flags),
	};
	char kid[CTL_KEY_ID_LEN + 1];
	struct or_err err = {0};
	size_t n_words;
	int code;

	if (!ctl_args_parse(&args, argc, argv, &n_words, &code))
		return code;
	if (n_words)
		return ctl_args_misuse(&args, "unexpected word \"%s\"", argv[0]);
	if (!url)
		return ctl_args_misuse(&args, "--issuer is needed");
	dir = directory(dir, &err);
	if (!dir)
		return ctl_term_fail("token issuer new", &err);
	if (!url[0] || strchr(url, '#'))
		return ctl_args_misuse(&args, "--issuer: expected a URL without '#'");
	if (ctl_issuer_new(kid, dir, url, alg, &err))
		return ctl_term_fail("token issuer new", &err);
	printf("%s\n", kid);
	return CTL_EXIT_YES;
}

static int run_rotate(int argc, char **argv)
{
	const char *dir = NULL, *alg = "EdDSA";
	const struct ctl_args_flag flags[] = {
	    {.name = "dir",
		.metavar = "DIR",
		.help = "the issuer's directory (default: issuer/ in the state directory)",
		.value = &dir},
	    {.name = "alg",
		.metavar = "ALG",
		.help = "EdDSA (the default) or ES256",
		.value = &alg},
	};
	const struct ctl_args args = {
	    .usage = "outrider token issuer rotate [flags]",
	    .about = "Gives the issuer another key, which signs from now on. The old ones stay in\n"
		     "jwks.json, so tokens that are out remain valid. Prints the new key's id.",
	    .examples = "  outrider token issuer rotate --dir keys --alg ES256",
	    .flags = flags,
	    .n_flags = OR_LEN(flags),
	};
	char kid[CTL_KEY_ID_LEN + 1];
	struct or_err err = {0};
	size_t n_words;
	int code;

	if (!ctl_args_parse(&args, argc, argv, &n_words, &code))
		return code;
	if (n_words)
		return ctl_args_misuse(&args, "unexpected word \"%s\"", argv[0]);
	dir = directory(dir, &err);
	if (!dir)
		return ctl_term_fail("token issuer rotate", &err);
	if (ctl_issuer_rotate(kid, dir, alg, &err))
		return ctl_term_fail("token issuer rotate", &err);
	printf("%s\n", kid);
	return CTL_EXIT_YES;
}

static int run_issuer(int argc, char **argv)
{
	static const struct ctl_verb verbs[] = {
	    {"new", "make an issuer", run_new},
	    {"rotate", "give it another key", run_rotate},
	};

	return ctl_verb_run("outrider token issuer", "An issuer of tokens for development.", verbs,
	    OR_LEN(verbs), argc, argv);
}

struct mint {
	const char *dir;
	const char *sub;
	const char *kid;
	const char *ttl;
	struct ctl_args_list aud;
	struct ctl_args_list groups;
	struct ctl_args_list claims;
	bool expired;
	int64_t iat_s;
	int64_t exp_s;
};

/* --groups a,b --groups c */
static void put_groups(struct or_jsonw *w, const struct ctl_args_list *list)
{
	or_jsonw_key(w, "groups");
	or_jsonw_array(w);
	for (size_t i = 0; i < list->n; i++) {
		struct or_slice rest = or_slice_str(list->values[i]);

		while (rest.n) {
			size_t comma = or_str_find(rest, ',', 0);

			if (comma)
				or_jsonw_str(w, or_slice(rest.p, comma));
			rest = or_slice_from(rest, comma < rest.n ? comma + 1 : comma);
		}
	}
	or_jsonw_end(w);
}

/* NAME=VALUE: a VALUE that is JSON is that, anything else is a string. A name comes once. */
static enum or_code put_claim(
    struct or_jsonw *w, struct or_map *seen, const char *text, struct or_err *err)
{
	static const char *const ours[] = {
	    "iss", "sub", "aud", "exp", "iat", "jti", "groups", NULL};
	struct or_slice s = or_slice_str(text);
	size_t eq = or_str_find(s, '=', 0);
	struct or_slice name = or_slice(s.p, eq);
	const struct or_json *j;
	struct or_arena *a;

	if (eq == 0 || eq == s.n)
		return or_err_set(err, OR_INVAL, "--claim %s: expected NAME=VALUE", text);
	for (size_t i = 0; ours[i]; i++) {
		if (or_slice_is(name, ours[i]))
			return or_err_set(
			    err, OR_INVAL, "--claim %s: %s has a flag of its own", text, ours[i]);
	}
	if (or_map_put(seen, name, seen))
		return or_err_set(err, OR_INVAL, "--claim %s: said twice", text);
	a = or_arena_new(1U << 20);
	or_jsonw_key_slice(w, name);
	if (or_json_parse(&j, or_slice_from(s, eq + 1), a, NULL) == OR_OK)
		or_jsonw_tree(w, j);
	else
		or_jsonw_str(w, or_slice_from(s, eq + 1));
	or_arena_free(a);
	return OR_OK;
}

static void put_audience(struct or_jsonw *w, const struct ctl_args_list *aud)
{
	or_jsonw_key(w, "aud");
	if (aud->n == 1) {
		or_jsonw_text(w, aud->values[0]);
		return;
	}
	or_jsonw_array(w);
	for (size_t i = 0; i < aud->n; i++)
		or_jsonw_text(w, aud->values[i]);
	or_jsonw_end(w);
}

static enum or_code put_payload(
    struct or_buf *out, const struct mint *m, struct or_slice issuer, struct or_err *err)
{
	char jti[OR_RNG_UUID_LEN + 1];
	struct or_map seen;
	struct or_jsonw w;
	enum or_code rc = OR_OK;

	or_rng_uuid(jti);
	or_map_init(&seen, CTL_ARGS_LIST_MAX);
	or_jsonw_init(&w, out, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_str(&w, "iss", issuer);
	or_jsonw_kv_text(&w, "sub", m->sub);
	put_audience(&w, &m->aud);
	or_jsonw_kv_i64(&w, "iat", m->iat_s);
	or_jsonw_kv_i64(&w, "exp", m->exp_s);
	or_jsonw_kv_text(&w, "jti", jti);
	if (m->groups.n)
		put_groups(&w, &m->groups);
	for (size_t i = 0; i < m->claims.n && rc == OR_OK; i++)
		rc = put_claim(&w, &seen, m->claims.values[i], err);
	if (rc == OR_OK)
		or_jsonw_end(&w);
	or_map_done(&seen);
	return rc;
}

static enum or_code set_times(struct mint *m, struct or_err *err)
{
	int64_t now_s = (int64_t)time(NULL), ttl_ns;

	if (or_str_duration_ns(&ttl_ns, or_slice_str(m->ttl)) || ttl_ns < OR_NS_PER_S ||
	    ttl_ns > TTL_MAX_DAYS * 86400 * OR_NS_PER_S)
		return or_err_set(
		    err, OR_INVAL, "--ttl %s: expected 1s to %dd, like 5m", m->ttl, TTL_MAX_DAYS);
	/* an expired token ended a minute ago, and was as long-lived as it would have been */
	m->exp_s = m->expired ? now_s - 60 : now_s + ttl_ns / OR_NS_PER_S;
	m->iat_s = m->exp_s - ttl_ns / OR_NS_PER_S;
	return OR_OK;
}

static enum or_code mint(struct or_buf *out, struct mint *m, struct or_err *err)
{
	struct ctl_issuer issuer;
	struct or_buf payload;
	enum or_code rc = set_times(m, err);

	if (rc == OR_OK)
		rc = ctl_issuer_open(&issuer, m->dir, m->kid, err);
	if (rc)
		return rc;
	or_buf_init(&payload, TOKEN_MAX);
	rc = put_payload(&payload, m, issuer.url, err);
	if (rc == OR_OK && !or_buf_ok(&payload))
		rc = or_err_set(err, OR_FULL, "the claims do not fit into a token");
	if (rc == OR_OK)
		rc = ctl_issuer_sign(out, &issuer, or_buf_slice(&payload), err);
	or_buf_done(&payload);
	ctl_issuer_close(&issuer);
	return rc;
}

static int run_mint(int argc, char **argv)
{
	struct mint m = {.ttl = "5m"};
	const struct ctl_args_flag flags[] = {
	    {.name = "dir",
		.metavar = "DIR",
		.help = "the issuer's directory (default: issuer/ in the state directory)",
		.value = &m.dir},
	    {.name = "sub", .metavar = "NAME", .help = "who the token is for", .value = &m.sub},
	    {.name = "aud",
		.metavar = "NAME",
		.help = "the product it is good at; may be repeated",
		.list = &m.aud},
	    {.name = "groups",
		.metavar = "A,B",
		.help = "its groups; may be repeated",
		.list = &m.groups},
	    {.name = "claim",
		.metavar = "NAME=VALUE",
		.help = "one more claim, VALUE as JSON or text; may be repeated",
		.list = &m.claims},
	    {.name = "ttl", .metavar = "TIME", .help = "how long it lives (5m)", .value = &m.ttl},
	    {.name = "expired", .help = "one that has ended already", .on = &m.expired},
	    {.name = "kid",
		.metavar = "ID",
		.help = "sign with this key instead of the newest",
		.value = &m.kid},
	};
	const struct ctl_args args = {
	    .usage = "outrider token mint --sub NAME --aud NAME [flags]",
	    .about = "Prints a signed token (compact JWT).",
	    .examples = "  outrider token mint --dir keys --sub alice --aud orders \\\n"
			"      --groups analysts --claim clearance=2 --claim domain=marketing\n"
			"  outrider token mint --dir keys --sub carol --aud orders --expired",
	    .flags = flags,
	    .n_flags = OR_LEN(flags),
	};
	struct or_buf token;
	struct or_err err = {0};
	size_t n_words;
	int code;

	if (!ctl_args_parse(&args, argc, argv, &n_words, &code))
		return code;
	if (n_words)
		return ctl_args_misuse(&args, "unexpected word \"%s\"", argv[0]);
	if (!m.sub || !m.sub[0] || m.aud.n == 0)
		return ctl_args_misuse(&args, "--sub and --aud are needed");
	m.dir = directory(m.dir, &err);
	if (!m.dir)
		return ctl_term_fail("token mint", &err);
	or_buf_init(&token, 2 * TOKEN_MAX);
	code = mint(&token, &m, &err) ? ctl_term_fail("token mint", &err) : CTL_EXIT_YES;
	if (code == CTL_EXIT_YES)
		printf("%s\n", or_buf_text(&token));
	or_buf_done(&token);
	return code;
}

int ctl_token_main(int argc, char **argv)
{
	static const struct ctl_verb verbs[] = {
	    {"issuer", "make an issuer, or give it another key", run_issuer},
	    {"mint", "print a signed token", run_mint},
	};

	return ctl_verb_run("outrider token", "Signed tokens for development and tests.", verbs,
	    OR_LEN(verbs), argc, argv);
}
