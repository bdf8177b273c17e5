/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/token.h"

#include "base/crypto.h"
#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "cli/key.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct world {
	char *dir;
	struct or_arena *arena;
	char out[32 * 1024]; /* what the command printed, without the last line break */
};

static int set_up(void **state)
{
	static struct world w;

	w.dir = support_tmpdir_new();
	w.arena = or_arena_new(0);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	support_tmpdir_remove(w->dir);
	or_arena_free(w->arena);
	return 0;
}

/* Runs the words, split at blanks; @ is the directory. stderr goes nowhere. */
static int run(struct world *w, int (*command)(int, char **), const char *line)
{
	char *argv[40];
	FILE *to = tmpfile(), *null = fopen("/dev/null", "w");
	int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), argc = 0, code;
	struct or_slice rest = or_slice_str(line);
	size_t n;

	while (rest.n) {
		size_t end = or_str_find(rest, ' ', 0);
		struct or_slice word = or_slice(rest.p, end);

		argv[argc++] = word.p[0] == '@' ? or_arena_printf(w->arena, "%s%.*s", w->dir,
						      OR_SLICE_FMT(or_slice_from(word, 1)))
						: or_arena_strdup(w->arena, word);
		rest = or_slice_from(rest, end < rest.n ? end + 1 : end);
	}
	argv[argc] = NULL;
	fflush(stdout);
	dup2(fileno(to), STDOUT_FILENO);
	dup2(fileno(null), STDERR_FILENO);
	code = command(argc, argv);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(out);
	close(err);
	fclose(null);
	rewind(to);
	n = fread(w->out, 1, sizeof(w->out) - 1, to);
	w->out[n && w->out[n - 1] == '\n' ? n - 1 : n] = '\0';
	fclose(to);
	return code;
}

static const struct or_json *read_json(struct world *w, const char *name)
{
	const struct or_json *j;
	struct or_buf b;
	struct or_err err = {0};

	or_buf_init(&b, 1U << 20);
	ASSERT_OK(or_sys_read_file(&b, support_path(w->dir, name), &err), &err);
	ASSERT_OK(or_json_parse(&j, or_buf_slice(&b), w->arena, &err), &err);
	or_buf_done(&b);
	return j;
}

static unsigned int mode_of(struct world *w, const char *name)
{
	struct stat st;

	assert_int_equal(stat(support_path(w->dir, name), &st), 0);
	return st.st_mode & 07777;
}

static struct or_slice decode(struct world *w, struct or_slice text)
{
	struct or_slice bytes;
	struct or_buf b;

	or_buf_init(&b, 1U << 20);
	ASSERT_CODE(or_str_base64url_decode(&b, text), OR_OK);
	bytes = or_arena_dup(w->arena, or_buf_slice(&b));
	or_buf_done(&b);
	return bytes;
}

/* The claims of the token that was printed, after its signature was checked against jwks.json. */
static const struct or_json *verified(struct world *w)
{
	struct or_slice token = or_slice_str(w->out);
	size_t first = or_str_find(token, '.', 0), second = or_str_find(token, '.', first + 1);
	const struct or_json *header, *claims, *keys, *jwk = NULL;
	struct or_crypto_key *key;
	bool ed;

	ASSERT_CODE(
	    or_json_parse(&header, decode(w, or_slice(token.p, first)), w->arena, NULL), OR_OK);
	ASSERT_CODE(
	    or_json_parse(&claims, decode(w, or_slice(token.p + first + 1, second - first - 1)),
		w->arena, NULL),
	    OR_OK);
	keys = or_json_get(read_json(w, "k/jwks.json"), "keys");
	for (size_t i = 0; i < keys->array.n; i++) {
		if (or_slice_eq(or_json_get_str(keys->array.items[i], "kid"),
			or_json_get_str(header, "kid")))
			jwk = keys->array.items[i];
	}
	assert_non_null(jwk);
	assert_null(or_json_get(jwk, "d"));
	ASSERT_SLICE(or_json_get_str(header, "typ"), "JWT");
	assert_true(or_slice_eq(or_json_get_str(header, "alg"), or_json_get_str(jwk, "alg")));
	ed = or_slice_is(or_json_get_str(jwk, "kty"), "OKP");
	if (ed)
		ASSERT_CODE(
		    or_crypto_key_from_ed25519(&key, decode(w, or_json_get_str(jwk, "x"))), OR_OK);
	else
		ASSERT_CODE(
		    or_crypto_key_from_ec(&key, OR_CRYPTO_P256,
			decode(w, or_json_get_str(jwk, "x")), decode(w, or_json_get_str(jwk, "y"))),
		    OR_OK);
	ASSERT_CODE(or_crypto_verify(key, ed ? OR_CRYPTO_EDDSA : OR_CRYPTO_ES256,
			or_slice(token.p, second), decode(w, or_slice_from(token, second + 1))),
	    OR_OK);
	or_crypto_key_free(key);
	return claims;
}

static void mint__signs_what_was_asked(void **state)
{
	static const char *const algs[] = {"EdDSA", "ES256"};
	struct world *w = *state;

	for (size_t i = 0; i < OR_LEN(algs); i++) {
		const struct or_json *claims;
		int64_t now_s = (int64_t)time(NULL);
		char line[256];

		if (i) {
			tear_down(state);
			set_up(state);
		}
		snprintf(line, sizeof(line),
		    "token issuer new --dir @/k --issuer https://issuer.example --alg %s", algs[i]);
		assert_int_equal(run(w, ctl_token_main, line), 0);
		assert_int_equal(strlen(w->out), CTL_KEY_ID_LEN);
		snprintf(line, sizeof(line), "k/%.*s.pem", CTL_KEY_ID_LEN, w->out);
		assert_int_equal(mode_of(w, line), 0600);
		assert_int_equal(mode_of(w, "k"), 0700);
		assert_int_equal(run(w, ctl_token_main,
				     "token mint --dir @/k --sub alice --aud orders --groups "
				     "analysts,eu --groups x "
				     "--claim clearance=2 --claim domain=marketing --claim "
				     "deep={\"a\":[1]} --ttl 1h"),
		    0);
		claims = verified(w);
		ASSERT_SLICE(or_json_get_str(claims, "iss"), "https://issuer.example");
		ASSERT_SLICE(or_json_get_str(claims, "sub"), "alice");
		ASSERT_SLICE(or_json_get_str(claims, "aud"), "orders");
		assert_int_equal(or_json_get(claims, "clearance")->i, 2);
		ASSERT_SLICE(or_json_get_str(claims, "domain"), "marketing");
		assert_int_equal(or_json_get(claims, "deep")->type, OR_JSON_OBJECT);
		assert_int_equal(or_json_get(claims, "groups")->array.n, 3);
		ASSERT_SLICE(or_json_get(claims, "groups")->array.items[1]->s, "eu");
		assert_in_range(or_json_get(claims, "iat")->i, now_s, now_s + 60);
		assert_int_equal(
		    or_json_get(claims, "exp")->i - or_json_get(claims, "iat")->i, 3600);
		assert_int_equal(or_json_get_str(claims, "jti").n, 36);
	}
}

static void mint__expired_and_several_audiences(void **state)
{
	struct world *w = *state;
	const struct or_json *claims;

	assert_int_equal(run(w, ctl_token_main, "token issuer new --dir @/k --issuer u"), 0);
	assert_int_equal(
	    run(w, ctl_token_main, "token mint --dir @/k --sub c --aud a --aud b --expired"), 0);
	claims = verified(w);
	assert_true(or_json_get(claims, "exp")->i < (int64_t)time(NULL));
	assert_int_equal(or_json_get(claims, "exp")->i - or_json_get(claims, "iat")->i, 300);
	assert_int_equal(or_json_get(claims, "aud")->array.n, 2);
	assert_null(or_json_get(claims, "groups"));
}

static void rotate__keeps_the_old_key_valid(void **state)
{
	struct world *w = *state;
	char old[CTL_KEY_ID_LEN + 1], line[256];

	assert_int_equal(run(w, ctl_token_main, "token issuer new --dir @/k --issuer u"), 0);
	memcpy(old, w->out, sizeof(old));
	assert_int_equal(run(w, ctl_token_main, "token issuer rotate --dir @/k --alg ES256"), 0);
	assert_string_not_equal(w->out, old);
	assert_int_equal(or_json_get(read_json(w, "k/jwks.json"), "keys")->array.n, 2);
	assert_int_equal(run(w, ctl_token_main, "token mint --dir @/k --sub a --aud b"), 0);
	verified(w);
	assert_true(strstr(w->out, ".") - w->out > 0);
	snprintf(line, sizeof(line), "token mint --dir @/k --sub a --aud b --kid %s", old);
	assert_int_equal(run(w, ctl_token_main, line), 0);
	verified(w);
}

static void misuse__has_the_right_exit_code(void **state)
{
	static const struct {
		const char *line;
		int code;
	} rows[] = {
	    {"token", 2},
	    {"token mnit", 2},
	    {"token issuer", 2},
	    {"token issuer new --dir @/k", 2},
	    {"token issuer new --dir @/k --issuer https://x#y", 2},
	    {"token issuer new --dir @/k --issuer u --alg HS256", 2},
	    {"token issuer rotate --dir @/none", 3},
	    {"token mint --dir @/none --sub a --aud b", 3},
	    {"token issuer new --dir @/k --issuer u", 0},
	    {"token issuer new --dir @/k --issuer u", 3},
	    {"token mint --dir @/k --sub a", 2},
	    {"token mint --dir @/k --sub a --aud b --ttl soon", 2},
	    {"token mint --dir @/k --sub a --aud b --ttl 10ms", 2},
	    {"token mint --dir @/k --sub a --aud b --claim x", 2},
	    {"token mint --dir @/k --sub a --aud b --claim =x", 2},
	    {"token mint --dir @/k --sub a --aud b --claim exp=1", 2},
	    {"token mint --dir @/k --sub a --aud b --claim x=1 --claim x=2", 2},
	    {"token mint --dir @/k --sub a --aud b --kid ../../../etc/pass", 3},
	    {"token mint --dir @/k --sub a --aud b --kid 0123456789abcdef", 3},
	    {"token mint --help", 0},
	};
	struct world *w = *state;

	for (size_t i = 0; i < OR_LEN(rows); i++) {
		int code = run(w, ctl_token_main, rows[i].line);

		if (code != rows[i].code)
			fail_msg("%s: %d", rows[i].line, code);
	}
}

static void key__is_made_once_and_named(void **state)
{
	struct world *w = *state;
	char id[CTL_KEY_ID_LEN + 1];

	assert_int_equal(run(w, ctl_key_main, "key new --out @/b.key"), 0);
	assert_int_equal(strlen(w->out), CTL_KEY_ID_LEN);
	memcpy(id, w->out, sizeof(id));
	assert_int_equal(mode_of(w, "b.key"), 0600);
	assert_int_equal(run(w, ctl_key_main, "key id @/b.key"), 0);
	assert_string_equal(w->out, id);
	assert_int_equal(run(w, ctl_key_main, "key id @/b.key.pub"), 0);
	assert_string_equal(w->out, id);
	assert_int_equal(run(w, ctl_key_main, "key new --out @/b.key"), 3);
	assert_int_equal(run(w, ctl_key_main, "key id @/b.key"), 0);
	assert_string_equal(w->out, id);
	assert_int_equal(run(w, ctl_key_main, "key new --out @/c.key --alg ES256"), 0);
	assert_string_not_equal(w->out, id);
	assert_int_equal(run(w, ctl_key_main, "key new"), 2);
	assert_int_equal(run(w, ctl_key_main, "key new --out @/d.key --alg RS256"), 2);
	assert_int_equal(run(w, ctl_key_main, "key id @/none"), 3);
}

/* The id is the hash of the raw public key, so that anyone can compute it. */
static void key__id_is_of_the_raw_key(void **state)
{
	static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
				  "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
				  "-----END PUBLIC KEY-----\n";
	struct world *w = *state;
	struct or_err err = {0};

	ASSERT_OK(
	    or_sys_write_file(support_path(w->dir, "p.pub"), or_slice_str(pem), 0644, &err), &err);
	assert_int_equal(run(w, ctl_key_main, "key id @/p.pub"), 0);
	assert_string_equal(w->out, "21fe31dfa154a261");
}

#define WITH_WORLD(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_WORLD(mint__signs_what_was_asked),
	    WITH_WORLD(mint__expired_and_several_audiences),
	    WITH_WORLD(rotate__keeps_the_old_key_valid),
	    WITH_WORLD(misuse__has_the_right_exit_code),
	    WITH_WORLD(key__is_made_once_and_named),
	    WITH_WORLD(key__id_is_of_the_raw_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
