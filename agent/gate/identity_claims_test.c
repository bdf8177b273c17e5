/* SPDX-License-Identifier: Apache-2.0 */
/* Every token of tests/claims/jwt.tsv, made, signed and checked; the file says how to read it. */
#include "agent/gate/identity.h"
#include "base/str.h"
#include "base/sys.h"
#include "tests/support/support.h"
#include "tests/support/token.h"

#include <stdio.h>

#define NOW (1000000 * OR_NS_PER_S)

enum { MAX = 1024 * 1024, COLUMNS = 6, CASES_MIN = 150 };

struct keys {
	struct or_crypto_key *one, *two, *other, *es, *other_es;
};

struct world {
	struct keys keys;
	struct ag_identity *id;
	struct or_arena *arena;
};

struct row {
	struct or_slice clause, what, signer, how, header, payload, verdict;
};

static struct or_crypto_key *new_key(enum or_crypto_kind kind)
{
	struct or_crypto_key *key;

	ASSERT_CODE(or_crypto_key_new(&key, kind, NULL), OR_OK);
	return key;
}

static void put_keys(struct world *w, const char *issuer, const struct or_crypto_key *first,
    const char *kid, const struct or_crypto_key *second, const char *second_kid)
{
	struct ag_jwks *set;
	struct or_buf text;
	size_t at;

	or_buf_init(&text, 65536);
	or_buf_put_str(&text, "{\"keys\":[");
	support_token_jwk(&text, first, kid, NULL);
	if (second) {
		or_buf_put_byte(&text, ',');
		support_token_jwk(&text, second, second_kid, NULL);
	}
	or_buf_put_str(&text, "]}");
	ASSERT_CODE(ag_jwks_parse(&set, or_buf_slice(&text), NULL), OR_OK);
	ASSERT_CODE(ag_identity_issuer_find(&at, w->id, or_slice_str(issuer)), OR_OK);
	ag_identity_keys_put(w->id, at, set);
	or_buf_done(&text);
}

static void open_world(struct world *w)
{
	static const char *const es256[] = {"ES256", NULL};
	static const struct ag_identity_issuer issuers[] = {
	    {.issuer = "https://one.example", .audience = "orders", .skew_s = 30},
	    {.issuer = "https://two.example", .audience = "orders"},
	    {.issuer = "https://es.example", .audience = "orders", .algs = es256},
	    {.issuer = "https://at.example", .audience = "orders", .access_token = true},
	    {.issuer = "https://zero.example", .audience = "orders"},
	};
	struct keys *k = &w->keys;
	struct or_err err = {0};

	*k = (struct keys){.one = new_key(OR_CRYPTO_ED25519),
	    .two = new_key(OR_CRYPTO_ED25519),
	    .other = new_key(OR_CRYPTO_ED25519),
	    .es = new_key(OR_CRYPTO_P256),
	    .other_es = new_key(OR_CRYPTO_P256)};
	w->arena = or_arena_new(0);
	ASSERT_OK(ag_identity_new(&w->id, issuers, OR_LEN(issuers), 0, &err), &err);
	put_keys(w, "https://one.example", k->one, "k", NULL, NULL);
	put_keys(w, "https://two.example", k->other, "a", k->two, "b");
	put_keys(w, "https://es.example", k->es, "k", NULL, NULL);
	put_keys(w, "https://at.example", k->one, "k", NULL, NULL);
}

static void close_world(struct world *w)
{
	or_crypto_key_free(w->keys.one);
	or_crypto_key_free(w->keys.two);
	or_crypto_key_free(w->keys.other);
	or_crypto_key_free(w->keys.es);
	or_crypto_key_free(w->keys.other_es);
	ag_identity_free(w->id);
	or_arena_free(w->arena);
}

/* -- reading the file -- */

static bool starts(struct or_slice s, size_t at, const char *text)
{
	return at < s.n && or_str_has_prefix(or_slice_from(s, at), text);
}

/* "$(x*n)" at *at: puts x n times. */
static void put_repeated(struct or_buf *out, struct or_slice s, size_t *at)
{
	size_t star = or_str_find(s, '*', *at), close = or_str_find(s, ')', star);
	uint64_t n;

	assert_true(close < s.n && star == *at + 3);
	ASSERT_CODE(or_str_u64(&n, or_slice(s.p + star + 1, close - star - 1)), OR_OK);
	for (uint64_t i = 0; i < n; i++)
		or_buf_put_byte(out, s.p[*at + 2]);
	*at = close + 1;
}

static struct or_slice expand(struct world *w, struct or_slice s, bool raw)
{
	static const struct {
		const char *name, *text;
	} words[] = {{"$iss", "\"iss\":\"https://one.example\""}, {"$sub", "\"sub\":\"alice\""},
	    {"$aud", "\"aud\":\"orders\""}, {"$exp", "\"exp\":1000300"},
	    {"$H", "{\"alg\":\"EdDSA\",\"kid\":\"k\"}"}};
	struct or_slice result;
	struct or_buf out;

	or_buf_init(&out, MAX);
	for (size_t at = 0; at < s.n;) {
		size_t i = 0;

		while (i < OR_LEN(words) && !starts(s, at, words[i].name))
			i++;
		if (i < OR_LEN(words)) {
			or_buf_put_str(&out, words[i].text);
			at += strlen(words[i].name);
		} else if (starts(s, at, "$(")) {
			put_repeated(&out, s, &at);
		} else if (raw && starts(s, at, "\\xff")) {
			or_buf_put_byte(&out, 0xFF);
			at += 4;
		} else if (raw && starts(s, at, "\\n")) {
			or_buf_put_byte(&out, '\n');
			at += 2;
		} else {
			or_buf_put_byte(&out, s.p[at++]);
		}
	}
	result = or_arena_dup(w->arena, or_buf_slice(&out));
	or_buf_done(&out);
	return result;
}

static void read_row(struct world *w, struct row *r, struct or_slice line)
{
	struct or_slice columns[COLUMNS];
	size_t at = 0, semicolon;
	bool raw;

	for (size_t i = 0; i < COLUMNS; i++) {
		size_t end = or_str_find(line, '\t', at);

		if ((end == line.n) != (i + 1 == COLUMNS))
			fail_msg("not six columns: %.*s", OR_SLICE_FMT(line));
		columns[i] = or_slice(line.p + at, end - at);
		at = end + 1;
	}
	semicolon = or_str_find(columns[2], ';', 0);
	*r = (struct row){.clause = columns[0],
	    .what = columns[1],
	    .signer = or_slice(columns[2].p, semicolon),
	    .verdict = columns[5]};
	r->how =
	    semicolon < columns[2].n ? or_slice_from(columns[2], semicolon + 1) : OR_SLICE_NONE;
	raw = or_slice_is(r->how, "raw");
	r->header = expand(w, columns[3], raw);
	r->payload = expand(w, columns[4], raw);
}

/* -- making the token -- */

static const struct or_crypto_key *signer(const struct world *w, const struct row *r)
{
	const struct {
		const char *name;
		const struct or_crypto_key *key;
	} list[] = {{"one", w->keys.one}, {"two", w->keys.two}, {"other", w->keys.other},
	    {"es", w->keys.es}, {"other-es", w->keys.other_es}};

	for (size_t i = 0; i < OR_LEN(list); i++) {
		if (or_slice_is(r->signer, list[i].name))
			return list[i].key;
	}
	fail_msg("unknown signer %.*s", OR_SLICE_FMT(r->signer));
	return NULL;
}

static void put_unsigned(struct or_buf *out, const struct row *r)
{
	or_str_base64url_encode(out, r->header);
	or_buf_put_byte(out, '.');
	or_str_base64url_encode(out, r->payload);
	or_buf_put_byte(out, '.');
}

static void flip_last(struct or_buf *t, size_t signature)
{
	/* the first character of the signature: another one of the alphabet */
	t->p[signature] = t->p[signature] == 'A' ? 'B' : 'A';
}

/* A claim more, so that the signature is another text's. */
static void put_other_claims(struct or_buf *t, size_t signature)
{
	static const char claims[] = "{\"iss\":\"https://one.example\",\"sub\":\"mallory\","
				     "\"aud\":\"orders\",\"exp\":1000300}";
	size_t header = or_str_find(or_buf_slice(t), '.', 0);
	struct or_buf tail;

	or_buf_init(&tail, MAX);
	or_buf_put_slice(&tail, or_slice_from(or_buf_slice(t), signature - 1));
	or_buf_cut(t, header + 1);
	or_str_base64url_encode(t, or_slice_str(claims));
	or_buf_put_slice(t, or_buf_slice(&tail));
	or_buf_done(&tail);
}

/* Replaces the signature by n bytes of zeros. */
static void zeros(struct or_buf *t, size_t signature, size_t n)
{
	static const uint8_t none[64];

	or_buf_cut(t, signature);
	or_str_base64url_encode(t, or_slice(none, n));
}

static void insert(struct or_buf *t, size_t at, const char *text)
{
	struct or_buf tail;

	or_buf_init(&tail, MAX);
	or_buf_put_slice(&tail, or_slice_from(or_buf_slice(t), at));
	or_buf_cut(t, at);
	or_buf_put_str(t, text);
	or_buf_put_slice(t, or_buf_slice(&tail));
	or_buf_done(&tail);
}

static void to_alphabet(struct or_buf *t)
{
	bool changed = false;

	for (size_t i = 0; i < t->n; i++) {
		if (t->p[i] == '-' || t->p[i] == '_') {
			t->p[i] = t->p[i] == '-' ? '+' : '/';
			changed = true;
		}
	}
	assert_true(changed);
}

/* The last character of the claims, with a bit set that no byte has. */
static void spare_bits(struct or_buf *t, size_t signature)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t header = or_str_find(or_buf_slice(t), '.', 0), n = signature - header - 2;
	uint8_t *last = &t->p[signature - 2];

	assert_true(n % 4 != 0);
	*last = (uint8_t)alphabet[(strchr(alphabet, *last) - alphabet) | 1];
}

static void to_json(struct or_buf *t, size_t signature)
{
	size_t header = or_str_find(or_buf_slice(t), '.', 0);
	struct or_buf j;

	or_buf_init(&j, MAX);
	or_buf_printf(&j, "{\"protected\":\"%.*s\",\"payload\":\"%.*s\",\"signature\":\"%.*s\"}",
	    (int)header, t->p, (int)(signature - header - 2), t->p + header + 1,
	    (int)(t->n - signature), t->p + signature);
	or_buf_clear(t);
	or_buf_put_slice(t, or_buf_slice(&j));
	or_buf_done(&j);
}

static bool treat_signature(struct or_buf *t, const struct row *r, size_t signature)
{
	if (or_slice_is(r->how, "flip"))
		flip_last(t, signature);
	else if (or_slice_is(r->how, "swap"))
		put_other_claims(t, signature);
	else if (or_slice_is(r->how, "unsigned"))
		or_buf_cut(t, signature);
	else if (or_slice_is(r->how, "half"))
		or_buf_cut(t, signature + 44);
	else if (or_slice_is(r->how, "longer"))
		or_buf_put_str(t, "AAAA");
	else if (or_slice_is(r->how, "short"))
		zeros(t, signature, 63);
	else if (or_slice_is(r->how, "zeros"))
		zeros(t, signature, 64);
	else
		return false;
	return true;
}

static bool treat_form(struct or_buf *t, const struct row *r, size_t signature)
{
	size_t header = or_str_find(or_buf_slice(t), '.', 0);

	if (or_slice_is(r->how, "two"))
		or_buf_cut(t, signature - 1);
	else if (or_slice_is(r->how, "four"))
		or_buf_put_str(t, ".AAAA");
	else if (or_slice_is(r->how, "five"))
		or_buf_put_str(t, ".AAAA.AAAA");
	else if (or_slice_is(r->how, "single"))
		or_buf_cut(t, header);
	else if (or_slice_is(r->how, "empty"))
		or_buf_clear(t);
	else if (or_slice_is(r->how, "padded"))
		or_buf_put_str(t, "==");
	else if (or_slice_is(r->how, "alphabet"))
		to_alphabet(t);
	else if (or_slice_is(r->how, "blank"))
		insert(t, header + 4, " ");
	else if (or_slice_is(r->how, "newline"))
		or_buf_put_str(t, "\n");
	else if (or_slice_is(r->how, "bits"))
		spare_bits(t, signature);
	else if (or_slice_is(r->how, "json"))
		to_json(t, signature);
	else
		return false;
	return true;
}

static void make(struct or_buf *t, struct world *w, const struct row *r)
{
	enum or_crypto_alg alg =
	    or_str_has_prefix(r->signer, "es") || or_slice_is(r->signer, "other-es")
		? OR_CRYPTO_ES256
		: OR_CRYPTO_EDDSA;
	size_t signature;

	or_buf_clear(t);
	if (or_slice_is(r->signer, "none")) {
		put_unsigned(t, r);
		return;
	}
	support_token_sign(t, signer(w, r), alg, r->header, r->payload);
	signature = t->n;
	while (t->p[signature - 1] != '.')
		signature--;
	if (r->how.n && !or_slice_is(r->how, "raw") && !treat_signature(t, r, signature) &&
	    !treat_form(t, r, signature))
		fail_msg("unknown way %.*s", OR_SLICE_FMT(r->how));
}

static bool holds(struct world *w, const struct row *r)
{
	struct or_arena *a = or_arena_new(OR_MIB);
	struct ag_identity_who who;
	struct ag_identity_verdict v;
	struct or_buf t;
	bool ok;

	or_buf_init(&t, MAX);
	make(&t, w, r);
	v = ag_identity_check(w->id, &who, or_buf_slice(&t), NOW, a);
	ok = or_slice_is(r->verdict, ag_jwt_reason_name(v.reason));
	if (!ok)
		print_error("%.*s: %.*s: expected %.*s, got %s\n", OR_SLICE_FMT(r->clause),
		    OR_SLICE_FMT(r->what), OR_SLICE_FMT(r->verdict), ag_jwt_reason_name(v.reason));
	or_buf_done(&t);
	or_arena_free(a);
	return ok;
}

static void check__follows_the_standards(void **state)
{
	struct or_slice text;
	size_t n = 0, failed = 0;
	struct or_buf file;
	struct world w;
	struct or_err err = {0};

	(void)state;
	open_world(&w);
	or_buf_init(&file, MAX);
	ASSERT_OK(or_sys_read_file(&file, "tests/claims/jwt.tsv", &err), &err);
	text = or_buf_slice(&file);
	for (size_t at = 0, end; at < text.n; at = end + 1) {
		struct or_slice line;
		struct row r;

		end = or_str_find(text, '\n', at);
		line = or_slice(text.p + at, end - at);
		if (!line.n || line.p[0] == '#')
			continue;
		read_row(&w, &r, line);
		n++;
		failed += !holds(&w, &r);
	}
	printf("claims: %zu/%zu\n", n - failed, n);
	assert_true(n >= CASES_MIN);
	assert_int_equal(failed, 0);
	or_buf_done(&file);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(check__follows_the_standards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
