/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wycheproof's JSON web signatures and keys against agent/gate's verifier.
 *
 * A test passes when its verdict is ours: `valid` verifies with the group's public key or key set,
 * `invalid` is refused. We are asymmetric only, so of the groups with a symmetric key (no public
 * half) an `invalid` one must be refused and a `valid` one is out of scope: counted apart and not
 * in the total. Encryption (jwe) is out of scope altogether. No test is known by its number.
 */
#include "agent/gate/jwks.h"
#include "agent/gate/jwt.h"
#include "base/jsonw.h"
#include "base/sys.h"

#include <stdio.h>

#define TEXT_MAX (16U * 1024 * 1024)

struct counts {
	size_t passed;
	size_t total;
	size_t symmetric;
	size_t encryption;
};

/* Signed by the group's key, or by one of its key set? */
static bool verifies(const struct or_json *public, struct or_slice token, struct or_arena *a)
{
	const struct ag_jwk *key = NULL;
	struct ag_jwks *set = NULL;
	struct ag_jwk single;
	struct ag_jwt t;
	bool ok = false;

	if (!public || ag_jwt_parse(&t, token, a))
		return false;
	if (or_json_get(public, "keys")) {
		struct or_jsonw w;
		struct or_buf text;

		or_buf_init(&text, AG_JWKS_TEXT_MAX);
		or_jsonw_init(&w, &text, 0);
		or_jsonw_tree(&w, public);
		if (ag_jwks_parse(&set, or_buf_slice(&text), NULL) == OR_OK &&
		    ag_jwks_find(&key, set, t.kid, t.alg) == OR_OK)
			ok = ag_jwt_verify(&t, key) == AG_JWT_OK;
		or_buf_done(&text);
		ag_jwks_free(set);
	} else if (ag_jwk_parse(&single, public, NULL) == OR_OK) {
		ok = ag_jwt_verify(&t, &single) == AG_JWT_OK;
		ag_jwk_done(&single);
	}
	return ok;
}

static void exception(const char *file, const struct or_json *id, const char *why)
{
	printf("EXCEPTION %s tcId %lld: %s\n", file,
	    id && id->type == OR_JSON_INT ? (long long)id->i : -1LL, why);
}

static void one(
    struct counts *c, const char *file, const struct or_json *group, const struct or_json *test)
{
	const struct or_json *public = or_json_get(group, "public");
	const struct or_json *id = or_json_get(test, "tcId");
	bool valid = or_slice_is(or_json_get_str(test, "result"), "valid"), ok;
	struct or_arena *a;

	if (or_json_get(test, "jwe")) {
		c->encryption++;
		exception(file, id, "encryption: the gate verifies signatures alone");
		return;
	}
	if (!public && valid) {
		c->symmetric++;
		exception(file, id, "a symmetric key: the gate takes none, so valid is refused");
		return;
	}
	a = or_arena_new(1U << 20);
	/* JSON serialisation is an object, not a string: the empty token stands for it */
	ok = verifies(public, or_json_get_str(test, "jws"), a);
	or_arena_free(a);
	c->total++;
	c->passed += ok == valid;
	if (ok != valid)
		printf("FAILED %s tcId %lld: expected %s: %.*s\n", file,
		    id && id->type == OR_JSON_INT ? (long long)id->i : -1LL,
		    valid ? "valid" : "invalid", OR_SLICE_FMT(or_json_get_str(test, "comment")));
}

static size_t length(const struct or_json *list)
{
	return list ? list->array.n : 0;
}

static void suite(struct counts *c, const char *dir, const char *file)
{
	struct or_arena *a = or_arena_new(256U << 20);
	const char *path = or_arena_printf(a, "%s/testvectors_v1/%s", dir, file);
	const struct or_json *tree, *groups;
	struct or_buf text;
	struct or_err err = {0};
	enum or_code rc;

	or_buf_init(&text, TEXT_MAX);
	rc = or_sys_read_file(&text, path, &err);
	if (rc == OR_OK)
		rc = or_json_parse(&tree, or_buf_slice(&text), a, &err);
	if (rc) {
		printf("%s: %s\n", file, rc == OR_ABSENT ? "not there, left out" : err.msg);
	} else {
		groups = or_json_get_type(tree, "testGroups", OR_JSON_ARRAY);
		for (size_t i = 0; i < length(groups); i++) {
			const struct or_json *g = groups->array.items[i];
			const struct or_json *tests = or_json_get_type(g, "tests", OR_JSON_ARRAY);

			for (size_t k = 0; k < length(tests); k++)
				one(c, file, g, tests->array.items[k]);
		}
	}
	or_buf_done(&text);
	or_arena_free(a);
}

int main(int argc, char **argv)
{
	struct counts c = {0};

	if (argc != 2) {
		fprintf(stderr, "usage: %s DIR\n", argv[0]);
		return 2;
	}
	suite(&c, argv[1], "json_web_signature_test.json");
	suite(&c, argv[1], "json_web_key_test.json");
	suite(&c, argv[1], "json_web_crypto_test.json");
	printf("out of scope: %zu valid with a symmetric key, %zu of encryption\n", c.symmetric,
	    c.encryption);
	printf("wycheproof: %zu/%zu\n", c.passed, c.total);
	if (c.total == 0)
		return 3;
	return c.passed == c.total ? 0 : 1;
}
