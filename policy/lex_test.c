/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/lex.h"

#include "tests/support/support.h"

static struct pol_diags diags;

static int setup(void **state)
{
	(void)state;
	pol_diag_init(&diags);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pol_diag_done(&diags);
	return 0;
}

static void start(struct pol_lex *lex, const char *text)
{
	struct pol_source src = {"t", or_slice_str(text), 0};

	ASSERT_CODE(pol_lex_init(lex, &src, &diags), OR_OK);
}

static void next__splits_a_text_into_words(void **state)
{
	static const enum pol_tok expected[] = {POL_TOK_AT, POL_TOK_IDENT, POL_TOK_LPAREN,
	    POL_TOK_STR, POL_TOK_RPAREN, POL_TOK_SLOT, POL_TOK_PATH, POL_TOK_COLON, POL_TOK_EQ,
	    POL_TOK_ASSIGN, POL_TOK_LE, POL_TOK_LT, POL_TOK_GE, POL_TOK_GT, POL_TOK_NE, POL_TOK_NOT,
	    POL_TOK_AND, POL_TOK_OR, POL_TOK_INT, POL_TOK_QUESTION, POL_TOK_COLON, POL_TOK_END};
	struct pol_lex lex;

	(void)state;
	start(&lex, "@id(\"a;\\\"b\")?principal:: : == = <= < >= > != ! && || 42 // x ; y\n ?:");
	for (size_t i = 0; i < OR_LEN(expected); i++) {
		assert_int_equal(lex.tok.kind, expected[i]);
		pol_lex_next(&lex);
	}
	assert_int_equal(diags.errors, 0);
}

static void next__skips_blanks_of_unicode(void **state)
{
	struct pol_lex lex;

	(void)state;
	start(&lex, "\xC2\xA0\xE3\x80\x80 a\v\f\r\nb");
	ASSERT_SLICE(lex.tok.text, "a");
	pol_lex_next(&lex);
	ASSERT_SLICE(lex.tok.text, "b");
}

static void next__reports_what_has_no_meaning(void **state)
{
	struct pol_lex lex;

	(void)state;
	start(&lex, "a # b");
	pol_lex_next(&lex);
	assert_int_equal(lex.tok.kind, POL_TOK_BAD);
	assert_int_equal(diags.errors, 1);
	assert_string_equal(diags.items[0].msg, "`#` has no meaning here");
	assert_int_equal(diags.items[0].col, 3);
}

static void next__reports_a_string_without_end(void **state)
{
	struct pol_lex lex;

	(void)state;
	start(&lex, "\n  \"abc\\\"");
	assert_int_equal(lex.tok.kind, POL_TOK_BAD);
	assert_string_equal(diags.items[0].msg, "this string does not end");
	assert_int_equal(diags.items[0].line, 2);
	assert_int_equal(diags.items[0].col, 3);
}

static void init__refuses_what_is_not_utf8(void **state)
{
	static const char *const texts[] = {"a\xFF", "\xC0\x80", "\xED\xA0\x80", "\xE2\x82"};

	(void)state;
	for (size_t i = 0; i < OR_LEN(texts); i++) {
		struct pol_source src = {"t", or_slice_str(texts[i]), 0};
		struct pol_lex lex;

		ASSERT_CODE(pol_lex_init(&lex, &src, &diags), OR_PARSE);
	}
	assert_int_equal(diags.errors, OR_LEN(texts));
}

static void unescape__undoes_every_escape(void **state)
{
	static const char expected[] = "\n\r\t\0\\'\"A\x7F\xE2\x82\xAC\xF0\x9F\x98\x80*\xC3\xA9";
	struct or_arena *a = or_arena_new(0);
	struct pol_lex lex;
	struct or_slice s;

	(void)state;
	start(&lex, "\"\\n\\r\\t\\0\\\\\\'\\\"\\x41\\x7f\\u{20AC}\\u{1_F600}*\xC3\xA9\"");
	ASSERT_CODE(pol_lex_unescape(&s, &lex, &lex.tok, a, false), OR_OK);
	assert_int_equal(s.n, sizeof(expected) - 1);
	assert_memory_equal(s.p, expected, s.n);
	or_arena_free(a);
}

static void unescape__tells_stars_of_a_pattern_apart(void **state)
{
	struct or_arena *a = or_arena_new(0);
	struct pol_lex lex;
	struct or_slice s;

	(void)state;
	start(&lex, "\"a*\\*\"");
	ASSERT_CODE(pol_lex_unescape(&s, &lex, &lex.tok, a, true), OR_OK);
	assert_true(or_slice_eq(s, OR_SLICE_LIT("a\xFF*")));
	ASSERT_CODE(pol_lex_unescape(&s, &lex, &lex.tok, a, false), OR_PARSE);
	or_arena_free(a);
}

static void unescape__reports_the_place_of_a_bad_escape(void **state)
{
	static const char *const texts[] = {"\"ab\\q\"", "\"ab\\x8\"", "\"ab\\x80\"", "\"ab\\u{}\"",
	    "\"ab\\u{110000}\"", "\"ab\\u{D800}\"", "\"ab\\u{1234567}\"", "\"ab\\u12\""};
	struct or_arena *a = or_arena_new(0);

	(void)state;
	for (size_t i = 0; i < OR_LEN(texts); i++) {
		struct pol_lex lex;
		struct or_slice s;

		start(&lex, texts[i]);
		ASSERT_CODE(pol_lex_unescape(&s, &lex, &lex.tok, a, false), OR_PARSE);
		assert_int_equal(diags.items[i].col, 4);
		assert_string_equal(diags.items[i].msg, "this escape is not valid");
	}
	or_arena_free(a);
}

static void is_path__knows_names(void **state)
{
	(void)state;
	assert_true(pol_lex_is_path(OR_SLICE_LIT("A")));
	assert_true(pol_lex_is_path(OR_SLICE_LIT("A::b_1::C")));
	assert_false(pol_lex_is_path(OR_SLICE_LIT("")));
	assert_false(pol_lex_is_path(OR_SLICE_LIT("A::")));
	assert_false(pol_lex_is_path(OR_SLICE_LIT("::A")));
	assert_false(pol_lex_is_path(OR_SLICE_LIT("A:B")));
	assert_false(pol_lex_is_path(OR_SLICE_LIT("A B")));
	assert_false(pol_lex_is_path(OR_SLICE_LIT("A::in")));
	assert_false(pol_lex_is_ident(OR_SLICE_LIT("1a")));
	assert_false(pol_lex_is_ident(OR_SLICE_LIT("__cedar")));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(next__splits_a_text_into_words),
	    TEST(next__skips_blanks_of_unicode),
	    TEST(next__reports_what_has_no_meaning),
	    TEST(next__reports_a_string_without_end),
	    TEST(init__refuses_what_is_not_utf8),
	    TEST(unescape__undoes_every_escape),
	    TEST(unescape__tells_stars_of_a_pattern_apart),
	    TEST(unescape__reports_the_place_of_a_bad_escape),
	    TEST(is_path__knows_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
