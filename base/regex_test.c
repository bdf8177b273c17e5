/* SPDX-License-Identifier: Apache-2.0 */
#include "base/regex.h"

#include "base/buf.h"
#include "tests/support/support.h"

#include <regex.h>

static struct or_regex *compile(struct or_arena *a, const char *text)
{
	struct or_regex *re = NULL;
	struct or_err err;
	size_t at;

	ASSERT_OK(or_regex_compile(&re, or_slice_str(text), a, &at, &err), &err);
	return re;
}

static void match__finds_what_the_expression_says(void **state)
{
	static const struct {
		const char *re, *text;
		bool is;
	} all[] = {
	    {"", "", true},
	    {"", "x", true},
	    {"b", "abc", true},
	    {"^b", "abc", false},
	    {"^abc$", "abc", true},
	    {"^ab$", "abc", false},
	    {"a.c", "a\nc", false},
	    {"a.c", "aéc", true},
	    {"^.$", "é", true},
	    {"^[é-ü]+$", "éü", true},
	    {"^[^a]$", "é", true},
	    {"a|b|cd", "xcd", true},
	    {"^(a|b)*$", "abba", true},
	    {"^(a|b)*$", "abca", false},
	    {"^(?:ab)+$", "abab", true},
	    {"^a{2}$", "aaa", false},
	    {"^a{2,}$", "aaa", true},
	    {"^a{2,3}$", "aaaa", false},
	    {"^a{0}b$", "b", true},
	    {"^(a*)*$", "aaa", true},
	    {"(a|)+b", "b", true},
	    {"\\d+-\\w+", "12-x_9", true},
	    {"^\\D\\W\\S$", "a-b", true},
	    {"[\\d.]+$", "v1.2", true},
	    {"\\bcat\\b", "a cat.", true},
	    {"\\bcat\\b", "concat", false},
	    {"\\Bcat", "concat", true},
	    {"\\.", "a", false},
	    {"[]a]", "]", true},
	    {"[a-]", "-", true},
	    {"[^]]", "]", false},
	    {"(?i)ALiCE", "xalIce", true},
	    {"(?i)^[a-c]$", "B", true},
	    {"(?i)^[^a]$", "A", false},
	    {"a*?b", "aab", true},
	    {"\\t\\n", "\t\n", true},
	    {"x$|^$", "", true},
	};
	struct or_arena *a = or_arena_new(0);

	(void)state;
	for (size_t i = 0; i < OR_LEN(all); i++) {
		if (or_regex_match(compile(a, all[i].re), or_slice_str(all[i].text)) != all[i].is)
			fail_msg("%s on %s", all[i].re, all[i].text);
	}
	assert_true(or_regex_match(compile(a, "^..$"), OR_SLICE_LIT("\xff\x80")));
	or_arena_free(a);
}

static void compile__says_where_it_is_wrong(void **state)
{
	static const struct {
		const char *re;
		size_t at;
		const char *message;
	} all[] = {
	    {"a(b", 1, "this ( does not end"},
	    {"ab)", 2, "this ) closes nothing"},
	    {"x[ab", 1, "this [ does not end"},
	    {"[b-a]", 1, "this range goes backwards"},
	    {"*a", 0, "nothing stands in front"},
	    {"a|+", 2, "nothing stands in front"},
	    {"a**", 0, "put ( ) around"},
	    {"a{x}", 1, "expected {2}"},
	    {"a{3,2}", 1, "expected {2}"},
	    {"a{1001}", 1, "at most 1000"},
	    {"a{2", 1, "this { does not end"},
	    {"(a)\\1", 3, "references back"},
	    {"a(?=b)", 1, "(?:"},
	    {"a\\", 1, "a backslash stands at the end"},
	    {"a\\q", 1, "no such escape"},
	    {"[[:alpha:]]", 1, "write \\d"},
	};
	struct or_arena *a = or_arena_new(0);

	(void)state;
	for (size_t i = 0; i < OR_LEN(all); i++) {
		struct or_regex *re;
		struct or_err err;
		size_t at = 99;

		ASSERT_CODE(or_regex_compile(&re, or_slice_str(all[i].re), a, &at, &err), OR_PARSE);
		ASSERT_HAS(err.msg, all[i].message);
		assert_int_equal(at, all[i].at);
	}
	or_arena_free(a);
}

static void compile__bounds_size_depth_and_memory(void **state)
{
	static const char *const large[] = {
	    "(a{100}){100}", "((((){1000}){1000}){1000}){1000}", "a{1000}b{1000}"};
	struct or_arena *a = or_arena_new(0), *small = or_arena_new(64);
	struct or_regex *re;
	struct or_err err;
	struct or_buf b;
	size_t at;

	(void)state;
	for (size_t i = 0; i < OR_LEN(large); i++)
		ASSERT_CODE(or_regex_compile(&re, or_slice_str(large[i]), a, &at, &err), OR_FULL);
	ASSERT_CODE(or_regex_compile(&re, OR_SLICE_LIT("abcdefgh"), small, &at, &err), OR_FULL);
	or_buf_init(&b, 4096);
	for (int i = 0; i <= OR_REGEX_DEPTH_MAX; i++)
		or_buf_put_byte(&b, '(');
	ASSERT_CODE(or_regex_compile(&re, or_buf_slice(&b), a, &at, &err), OR_PARSE);
	assert_int_equal(at, OR_REGEX_DEPTH_MAX);
	while (b.n <= OR_REGEX_TEXT_MAX)
		or_buf_put_byte(&b, 'x');
	ASSERT_CODE(or_regex_compile(&re, or_buf_slice(&b), a, &at, &err), OR_FULL);
	or_buf_done(&b);
	or_arena_free(a);
	or_arena_free(small);
}

/* What would take an engine that tries and takes back longer than the world exists. */
static void match__is_linear(void **state)
{
	struct or_arena *a = or_arena_new(0);
	struct or_buf text;

	(void)state;
	or_buf_init(&text, 65536);
	while (text.n < 20000)
		or_buf_put_byte(&text, 'a');
	or_buf_put_byte(&text, '!');
	assert_false(or_regex_match(compile(a, "^((a+)+)+$"), or_buf_slice(&text)));
	assert_false(or_regex_match(compile(a, "^(a|aa|a?a)*$"), or_buf_slice(&text)));
	assert_true(or_regex_match(compile(a, "(a?){60}a{60}!$"), or_buf_slice(&text)));
	or_buf_done(&text);
	or_arena_free(a);
}

static uint64_t dice(uint64_t sides)
{
	static uint64_t s = 11;

	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return s % sides;
}

static void put_random(struct or_buf *b, int depth)
{
	static const char *const atoms[] = {"a", "b", "c", ".", "[ab]", "[^a]", "ab", "[b-c]"};
	static const char *const repeats[] = {"*", "+", "?", "{2}", "{1,3}", "{0,1}", "{2,}"};
	uint64_t kind = depth ? dice(4) : 0;

	if (kind == 0) {
		or_buf_put_str(b, atoms[dice(OR_LEN(atoms))]);
	} else if (kind == 1) {
		put_random(b, depth - 1);
		put_random(b, depth - 1);
	} else if (kind == 2) {
		or_buf_put_byte(b, '(');
		put_random(b, depth - 1);
		or_buf_put_byte(b, '|');
		put_random(b, depth - 1);
		or_buf_put_byte(b, ')');
	} else {
		or_buf_put_byte(b, '(');
		put_random(b, depth - 1);
		or_buf_put_byte(b, ')');
		or_buf_put_str(b, repeats[dice(OR_LEN(repeats))]);
	}
}

static void match__agrees_with_the_system_s_library(void **state)
{
	struct or_arena *a = or_arena_new(0);
	struct or_buf re, text;

	(void)state;
	or_buf_init(&re, 4096);
	or_buf_init(&text, 64);
	for (int i = 0; i < 3000; i++) {
		regex_t theirs;

		or_buf_clear(&re);
		or_buf_put_str(&re, dice(2) ? "^" : ""); /* the system's errs where these repeat */
		put_random(&re, 4);
		or_buf_put_str(&re, dice(2) ? "$" : "");
		assert_int_equal(regcomp(&theirs, or_buf_text(&re), REG_EXTENDED | REG_NOSUB), 0);
		for (int k = 0; k < 5; k++) {
			bool ours;

			or_buf_clear(&text);
			for (uint64_t n = dice(8); n; n--)
				or_buf_put_byte(&text, (uint8_t)('a' + dice(3)));
			ours = or_regex_match(compile(a, or_buf_text(&re)), or_buf_slice(&text));
			if (ours != !regexec(&theirs, or_buf_text(&text), 0, NULL, 0))
				fail_msg("%s on \"%s\"", or_buf_text(&re), or_buf_text(&text));
		}
		regfree(&theirs);
		or_arena_clear(a);
	}
	or_buf_done(&re);
	or_buf_done(&text);
	or_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(match__finds_what_the_expression_says),
	    cmocka_unit_test(compile__says_where_it_is_wrong),
	    cmocka_unit_test(compile__bounds_size_depth_and_memory),
	    cmocka_unit_test(match__is_linear),
	    cmocka_unit_test(match__agrees_with_the_system_s_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
