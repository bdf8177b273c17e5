/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/uid_parse.h"
#include "tests/support/support.h"

static enum or_code parse(struct pol_uid *out, struct or_arena *a, const char *text)
{
	return pol_uid_parse(out, a, or_slice_str(text), NULL);
}

static void parse__reads_what_print_writes(void **state)
{
	struct or_arena *a = or_arena_new(0);
	const struct pol_uid odd =
	    pol_uid_make(OR_SLICE_LIT("Shop::User"), OR_SLICE_LIT("a\"b\\c\n\xc3\xa9 ::\"x\""));
	struct pol_uid uid;
	struct or_buf b;

	(void)state;
	or_buf_init(&b, 1024);
	pol_uid_print(&b, &odd);
	ASSERT_CODE(parse(&uid, a, or_buf_text(&b)), OR_OK);
	assert_true(pol_uid_eq(&uid, &odd));
	ASSERT_CODE(parse(&uid, a, " User::\"\" // nobody"), OR_OK);
	ASSERT_SLICE(uid.type, "User");
	assert_int_equal(uid.id.n, 0);
	assert_non_null(uid.id.p);
	or_buf_done(&b);
	or_arena_free(a);
}

static void parse__refuses_anything_else(void **state)
{
	static const char *const bad[] = {"", "alice", "User::alice", "User::\"a\" x", "\"a\"",
	    "User:\"a\"", "User::\"a", "::\"a\"", "if::\"a\"", "User::\"\\q\"",
	    "User::\"a\"::\"b\"", "User::\"a\";", "1::\"a\"", "\xff::\"a\""};
	struct or_arena *a = or_arena_new(0);
	struct pol_uid uid = {.hash = 77};
	struct or_err err;

	(void)state;
	for (size_t i = 0; i < OR_LEN(bad); i++) {
		if (parse(&uid, a, bad[i]) != OR_PARSE)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(uid.hash, 77);
	}
	ASSERT_CODE(pol_uid_parse(&uid, a, OR_SLICE_LIT("alice"), &err), OR_PARSE);
	ASSERT_HAS(err.msg, "alice: expected an entity like User::\"alice\"");
	or_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parse__reads_what_print_writes),
	    cmocka_unit_test(parse__refuses_anything_else),
	};

	return cmocka_run_group_tests_name("policy/uid_parse", tests, NULL, NULL);
}
