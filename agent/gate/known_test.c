/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/known.h"

#include "base/sys.h"
#include "tests/support/support.h"

#include <stdio.h>

struct rig {
	char *dir;
	char file[512];
	struct or_loop *loop;
};

static void start(struct rig *r)
{
	r->dir = support_tmpdir_new();
	snprintf(r->file, sizeof(r->file), "%s/users.yaml", r->dir);
	ASSERT_CODE(or_loop_new(&r->loop, NULL, NULL), OR_OK);
}

static void end(struct rig *r)
{
	or_loop_free(r->loop);
	support_tmpdir_remove(r->dir);
}

static void write_file(struct rig *r, const char *text)
{
	ASSERT_CODE(or_sys_write_file(r->file, or_slice_str(text), 0600, NULL), OR_OK);
}

static void find__gives_claims_and_secret(void **state)
{
	const struct ag_known_one *one;
	struct ag_known *k;
	struct or_err err = {0};
	struct rig r;

	(void)state;
	start(&r);
	write_file(&r, "etl:\n  claims: {iss: 'https://i', sub: e, groups: [a, b], clearance: 2}\n"
		       "key:\n  claims: {iss: i, sub: k}\n  secret: s3\n");
	ASSERT_OK(ag_known_open(&k, r.loop, r.file, &err), &err);
	one = ag_known_find(k, OR_SLICE_LIT("etl"));
	assert_non_null(one);
	ASSERT_SLICE(one->who.issuer, "https://i");
	ASSERT_SLICE(one->who.sub, "e");
	assert_int_equal(one->who.n_groups, 2);
	assert_int_equal(or_json_get(one->who.claims, "clearance")->i, 2);
	assert_int_equal(one->secret.n, 0);
	ASSERT_SLICE(ag_known_find(k, OR_SLICE_LIT("key"))->secret, "s3");
	assert_null(ag_known_find(k, OR_SLICE_LIT("nobody")));
	/* another file is taken while it runs, one that is wrong is not */
	write_file(&r, "new:\n  claims: {iss: i, sub: n}\n");
	while (!ag_known_find(k, OR_SLICE_LIT("new")))
		or_loop_turn(r.loop, false);
	assert_null(ag_known_find(k, OR_SLICE_LIT("etl")));
	ag_known_close(k);
	end(&r);
}

static void open__refuses_what_says_nobody(void **state)
{
	static const char *const bad[] = {"[]", "etl: {}", "etl: {claims: {sub: x}}",
	    "etl: {claims: {iss: i}}", "etl: {claims: {iss: 'i#x', sub: x}}",
	    "etl: {claims: {iss: i, sub: x}, secert: y}",
	    "etl: {claims: {iss: i, sub: x}, secret: 7}",
	    "etl: {claims: {iss: i, sub: x, groups: 7}}", "etl: {claims: {iss: 7, sub: x}}",
	    "etl: {claims: {iss: i, sub: x}}\netl: {claims: {iss: i, sub: y}}"};
	struct rig r;

	(void)state;
	start(&r);
	for (size_t i = 0; i < OR_LEN(bad); i++) {
		struct ag_known *k = NULL;
		struct or_err err = {0};
		enum or_code rc;

		write_file(&r, bad[i]);
		rc = ag_known_open(&k, r.loop, r.file, &err);
		if (rc != OR_INVAL && rc != OR_PARSE)
			fail_msg("case %zu was taken", i);
		assert_null(k);
		ASSERT_HAS(err.msg, "users.yaml");
	}
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(find__gives_claims_and_secret),
	    cmocka_unit_test(open__refuses_what_says_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
