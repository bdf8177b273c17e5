/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/format.h"

#include "policy/lex.h"
#include "tests/support/support.h"

#include <stdio.h>

enum { TEXT_MAX = 1 << 20 };

/* Laid out twice: the second time nothing changes. */
static void lay_out(struct or_buf *out, const char *text, const struct pol_format_opt *opt)
{
	struct or_buf again;
	struct or_err err = {.msg = ""};

	or_buf_clear(out);
	if (pol_format_text(out, "p.cedar", or_slice_str(text), opt, NULL, &err))
		fail_msg("%s in %s", err.msg, text);
	or_buf_init(&again, TEXT_MAX);
	ASSERT_CODE(pol_format_text(&again, "p.cedar", or_buf_slice(out), opt, NULL, NULL), OR_OK);
	assert_string_equal(or_buf_text(&again), or_buf_text(out));
	or_buf_done(&again);
}

static const struct {
	const char *text;
	const char *style;
} CASES[] = {
    {"", ""},
    {"\n // only\n\n//comments", "// only\n//comments\n"},
    {"permit(principal,action,resource);", "permit (principal, action, resource);\n"},
    {"permit(principal,action,resource,);forbid ( principal , action,resource)when{true};",
	"permit (principal, action, resource);\n\n"
	"forbid (principal, action, resource)\nwhen { true };\n"},
    {"@a@b(\"x\")permit(principal is U in?principal,action in[A::Action::\"x\",Action::\"y\",],"
     "resource==?resource);",
	"@a\n@b(\"x\")\npermit (\n  principal is U in ?principal,\n"
	"  action in [A::Action::\"x\", Action::\"y\"],\n  resource == ?resource\n);\n"},
    {"permit(principal,action,resource)when{principal.aaaaaaaaaaaaaaaaaaaaaaaaa&&"
     "principal.bbbbbbbbbbbbbbbbbbbbbbbbbbbbb||context.ccccccccccccccccccc};",
	"permit (principal, action, resource)\nwhen\n{\n  principal.aaaaaaaaaaaaaaaaaaaaaaaaa &&\n"
	"  principal.bbbbbbbbbbbbbbbbbbbbbbbbbbbbb ||\n  context.ccccccccccccccccccc\n};\n"},
    {"permit(principal,action,resource)when{if context has a.b then{a:[1,-2],\"c d\":!!true}=="
     "{} else ip(\"1.2.3.4\").isInRange(ip(\"::1\"))}unless{context[\"x\"]like\"a*\"};",
	"permit (principal, action, resource)\nwhen\n{\n  if\n    context has a.b\n  then\n"
	"    { a: [1, -2], \"c d\": !!true } == {}\n  else\n"
	"    ip(\"1.2.3.4\").isInRange(ip(\"::1\"))\n}\n"
	"unless { context[\"x\"] like \"a*\" };\n"},
    {"// one\n\npermit(principal,action,resource) // two\n;// three\n\n\n// four\n",
	"// one\npermit (principal, action, resource) // two\n; // three\n// four\n"},
    {"permit(principal,action,resource)when{[1,2// a\n, // b\n]==\"x\n\n  y\"};",
	"permit (principal, action, resource)\nwhen\n{\n  [1,\n   2 // a\n  // b\n  ] == \"x\n\n "
	" "
	"y\"\n};\n"},
};

static void format__has_one_style(void **state)
{
	struct or_buf out;

	(void)state;
	or_buf_init(&out, TEXT_MAX);
	for (size_t i = 0; i < OR_LEN(CASES); i++) {
		lay_out(&out, CASES[i].text, NULL);
		assert_string_equal(or_buf_text(&out), CASES[i].style);
	}
	or_buf_done(&out);
}

static const char WHOLE[] =
    "@a @b(\"x\") permit(principal is N::U in ?principal, action in [Action::\"x\", "
    "Action::\"y\",],"
    "resource == N::R::\"z\",) when { if a::\"x\" in [b::\"y\",] then !!true else - 1 + 2 * 3 < 4 }"
    "unless { context has a.b && context.s like \"a*\" || principal is U in resource &&"
    "{\"k\": 1, l: ip(\"::1\").isInRange(ip(\"::/0\",),),}[\"k\"] == (context.x).y };"
    "forbid(principal, action, resource);";

/* A comment behind (or on the line before) each token stays, and stays in its place. */
static void check_comments(bool before)
{
	struct pol_source src = {"p.cedar", or_slice_str(WHOLE), 0};
	struct or_buf in, out;
	struct pol_lex lex;
	size_t at = 0;
	int n = 0;

	or_buf_init(&in, TEXT_MAX);
	or_buf_init(&out, TEXT_MAX);
	ASSERT_CODE(pol_lex_init(&lex, &src, NULL), OR_OK);
	for (; lex.tok.kind != POL_TOK_END; pol_lex_next(&lex), n++) {
		if (before)
			or_buf_printf(&in, "\n// c%03d\n", n);
		or_buf_put_slice(&in, lex.tok.text);
		if (!before)
			or_buf_printf(&in, " // c%03d\n", n);
	}
	lay_out(&out, or_buf_text(&in), NULL);
	for (int i = 0; i < n; i++) {
		struct or_slice rest = or_slice_from(or_buf_slice(&out), at);
		char comment[16];
		const char *hit;

		snprintf(comment, sizeof(comment), "// c%03d\n", i);
		hit = strstr((const char *)rest.p, comment);
		if (!hit)
			fail_msg("%s is lost in\n%s", comment, or_buf_text(&out));
		at += (size_t)(hit - (const char *)rest.p);
	}
	or_buf_done(&in);
	or_buf_done(&out);
}

static void format__keeps_comments_everywhere(void **state)
{
	(void)state;
	check_comments(true);
	check_comments(false);
}

static void format__fills_the_width_that_is_asked_for(void **state)
{
	static const struct pol_format_opt wide = {100, 4}, narrow = {20, 4};
	struct or_buf out;

	(void)state;
	or_buf_init(&out, TEXT_MAX);
	lay_out(&out, "permit(principal,action==Action::\"aaaaaa\",resource)when{true};", &wide);
	assert_string_equal(or_buf_text(&out),
	    "permit (\n    principal,\n    action == Action::\"aaaaaa\",\n    resource\n)\n"
	    "when { true };\n");
	lay_out(&out, "permit(principal,action==Action::\"aaaaaa\",resource)when{true};", &narrow);
	assert_string_equal(or_buf_text(&out), "permit (\n    principal,\n    action ==\n        "
					       "Action::\"aaaaaa\",\n    resource\n)\n"
					       "when { true };\n");
	or_buf_done(&out);
}

static void format__refuses_what_does_not_parse(void **state)
{
	struct or_err err;
	struct or_buf out;

	(void)state;
	or_buf_init(&out, TEXT_MAX);
	ASSERT_CODE(pol_format_text(&out, "p.cedar", OR_SLICE_LIT("permit(principal, action);"),
			NULL, NULL, &err),
	    OR_PARSE);
	ASSERT_HAS(err.msg, "p.cedar:1:25: error: expected `,`");
	assert_int_equal(out.n, 0);
	or_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(format__has_one_style),
	    cmocka_unit_test(format__keeps_comments_everywhere),
	    cmocka_unit_test(format__fills_the_width_that_is_asked_for),
	    cmocka_unit_test(format__refuses_what_does_not_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
