/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/redact/redact.h"

#include "base/yaml.h"
#include "tests/support/support.h"

static struct or_buf out;
static struct ag_redact *all;
static const char *kinds[] = {"mail", "card", "token", "iban"};

static struct ag_redact *made(struct or_opt_list list, const char *patterns)
{
	struct or_arena *a = or_arena_new(1 << 20);
	struct ag_redact_opt opt = {.kinds = list};
	struct ag_redact *r;
	struct or_err err;

	if (patterns)
		ASSERT_OK(or_yaml_parse(&opt.patterns, or_slice_str(patterns), a, &err), &err);
	ASSERT_OK(ag_redact_new(&r, &opt, &err), &err);
	or_arena_free(a);
	return r;
}

static int setup(void **state)
{
	(void)state;
	or_buf_init(&out, 1 << 20);
	all = made((struct or_opt_list){kinds, OR_LEN(kinds)}, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	or_buf_done(&out);
	ag_redact_free(all);
	return 0;
}

static void becomes(const char *text, const char *want)
{
	if (!ag_redact_text(all, &out, OR_SLICE_NONE, or_slice_str(text)))
		fail_msg("nothing was found in: %s", text);
	assert_string_equal(or_buf_text(&out), want);
}

static void stays(const char *text)
{
	if (ag_redact_text(all, &out, OR_SLICE_NONE, or_slice_str(text)))
		fail_msg("'%s' became '%s'", text, or_buf_text(&out));
}

static void text__loses_cards(void **state)
{
	(void)state;
	becomes("pan=4111111111111111.", "pan=[redacted:card].");
	becomes("4111 1111 1111 1111", "[redacted:card]");
	becomes("5500-0000-0000-0004,x", "[redacted:card],x");
	becomes("amex 3782 822463 10005 ok", "amex [redacted:card] ok");
	becomes("\"2223003122003222\"", "\"[redacted:card]\"");
	becomes("4222222222222 and 6011111111111117", "[redacted:card] and [redacted:card]");
	stays("4111111111111112");              /* the check digit is wrong */
	stays("1795515508123456789");           /* a time in ns */
	stays("12345678901234567890123456789"); /* longer than a card */
	stays("id4111111111111111");
	stays("4111111111111111a");
	stays("2026-11-24 11:18:28 took 4111 ms");
	stays("0.4111111111111111");
}

static void text__loses_addresses(void **state)
{
	(void)state;
	becomes("from jan.de-vries+x@mail.example.org.", "from [redacted:mail].");
	becomes("<a@b.nl>,<c@d.nl>", "<[redacted:mail]>,<[redacted:mail]>");
	becomes("mailto:o'neil@example.com", "mailto:[redacted:mail]");
	becomes("j\xc3\xb6rg@b\xc3\xbc"
		"cher.example",
	    "[redacted:mail]");
	stays("@decorator");
	stays("user@localhost");
	stays("git@");
	stays("a @ b.com");
	stays("npm install @types/node@18.0");
}

static void text__loses_accounts(void **state)
{
	(void)state;
	becomes("to DE89370400440532013000;", "to [redacted:iban];");
	becomes("GB82 WEST 1234 5698 7654 32", "[redacted:iban]");
	becomes("NL91ABNA0417164300", "[redacted:iban]");
	stays("DE89370400440532013001");
	stays("XDE89370400440532013000");
	stays("HTTP GET 200");
}

static void text__loses_tokens(void **state)
{
	(void)state;
	becomes("t=eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2ln end", "t=[redacted:token] end");
	becomes("Authorization: Bearer abc.DEF-1", "Authorization: Bearer [redacted:token]");
	becomes("authorization=Basic dXNlcjpwYXNz", "authorization=Basic [redacted:token]");
	becomes("key AKIAIOSFODNN7EXAMPLE", "key [redacted:token]");
	becomes("ghp_0123456789abcdefghijklmnopqrstuvwxyz", "[redacted:token]");
	becomes("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nafter",
	    "[redacted:token]\nafter");
	becomes("-----BEGIN EC PRIVATE KEY-----\nMIIE", "[redacted:token]");
	stays("-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----");
	stays("basic usage of this program");
	stays("the bearer of this letter");
	stays("eyJust.a.word");
}

static void text__loses_what_follows_a_word(void **state)
{
	(void)state;
	becomes("password=hunter2 user=x", "password=[redacted:token] user=x");
	becomes("{\"password\":\"hun\\\"ter2\",\"a\":1}",
	    "{\"password\":\"[redacted:token]\",\"a\":1}");
	becomes("DB_PASSWORD: 's3cr et'", "DB_PASSWORD: '[redacted:token]'");
	becomes("?api_key=abcdef&x=1", "?api_key=[redacted:token]&x=1");
	becomes("log \"{\\\"secret\\\": \\\"abcdef\\\"}\"",
	    "log \"{\\\"secret\\\": \\\"[redacted:token]\\\"}\"");
	becomes("Cookie: a=b1; c=d2\nHost: x", "Cookie: [redacted:token]\nHost: x");
	becomes("client_secret=abcdef", "client_secret=[redacted:token]");
	stays("tokens: 1500");
	stays("token_type=bearer");
	stays("password reset requested");
	stays("token=[redacted:token]");
	stays("secret: {\"a\": 1}");
}

static void key__takes_the_whole_value(void **state)
{
	static const char *const secret[] = {"password", "db.password",
	    "http.request.header.authorization", "client_secret", "X-Api-Key", "cookies",
	    "AWS_SECRET_ACCESS_KEY", "token"};
	static const char *const plain[] = {
	    "gen_ai.usage.input_tokens", "token_type", "password_age", "user", ""};

	(void)state;
	for (size_t i = 0; i < OR_LEN(secret); i++) {
		assert_true(
		    ag_redact_text(all, &out, or_slice_str(secret[i]), OR_SLICE_LIT("x y")));
		assert_string_equal(or_buf_text(&out), "[redacted:token]");
	}
	for (size_t i = 0; i < OR_LEN(plain); i++)
		assert_false(
		    ag_redact_text(all, &out, or_slice_str(plain[i]), OR_SLICE_LIT("x y")));
}

static void patterns__of_ones_own(void **state)
{
	struct ag_redact *r = made((struct or_opt_list){kinds, 1},
	    "[{name: bsn, regex: 'BSN[ :]*[0-9]{9}'}, {name: dot, regex: 'q.'}]");

	(void)state;
	assert_true(ag_redact_text(
	    r, &out, OR_SLICE_NONE, OR_SLICE_LIT("BSN: 123456782, a@b.nl BSN123456782")));
	assert_string_equal(or_buf_text(&out), "[redacted:bsn], [redacted:mail] [redacted:bsn]");
	assert_true(ag_redact_text(r, &out, OR_SLICE_NONE, OR_SLICE_LIT("a\0BSN 123456782")));
	assert_int_equal(out.n, 2 + strlen("[redacted:bsn]"));
	/* A character is not cut in two. */
	assert_true(ag_redact_text(r, &out, OR_SLICE_NONE, OR_SLICE_LIT("q\xe2\x82\xac!")));
	assert_string_equal(or_buf_text(&out), "[redacted:dot]!");
	assert_false(ag_redact_text(r, &out, OR_SLICE_NONE, OR_SLICE_LIT("4111111111111111")));
	ag_redact_free(r);
}

static void new__says_what_is_wrong(void **state)
{
	struct or_arena *a = or_arena_new(1 << 20);
	const char *items[] = {"cards"};
	struct ag_redact_opt opt = {.kinds = {items, 1}};
	struct ag_redact *r = NULL;
	struct or_err err;

	(void)state;
	assert_int_equal(ag_redact_new(&r, &opt, &err), OR_INVAL);
	assert_non_null(strstr(err.msg, "did you mean \"card\""));
	opt.kinds.n = 0;
	ASSERT_OK(
	    or_yaml_parse(&opt.patterns, OR_SLICE_LIT("[{name: x, regex: '('}]"), a, &err), &err);
	assert_int_equal(ag_redact_new(&r, &opt, &err), OR_INVAL);
	assert_non_null(strstr(err.msg, "x: '('"));
	ASSERT_OK(
	    or_yaml_parse(&opt.patterns, OR_SLICE_LIT("[{name: x, regex: 'a*'}]"), a, &err), &err);
	assert_int_equal(ag_redact_new(&r, &opt, &err), OR_INVAL);
	assert_non_null(strstr(err.msg, "matches where nothing stands"));
	or_arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text__loses_cards),
	    cmocka_unit_test(text__loses_addresses),
	    cmocka_unit_test(text__loses_accounts),
	    cmocka_unit_test(text__loses_tokens),
	    cmocka_unit_test(text__loses_what_follows_a_word),
	    cmocka_unit_test(key__takes_the_whole_value),
	    cmocka_unit_test(patterns__of_ones_own),
	    cmocka_unit_test(new__says_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
