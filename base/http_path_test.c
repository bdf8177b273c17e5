/* SPDX-License-Identifier: Apache-2.0 */
#include "base/http_path.h"
#include "tests/support/support.h"

static const struct {
	const char *raw;
	enum or_http_path_result result;
	const char *canonical;
} cases[] = {
    {"/", OR_HTTP_PATH_SAME, "/"},
    {"/a/b", OR_HTTP_PATH_SAME, "/a/b"},
    {"/a/b/", OR_HTTP_PATH_SAME, "/a/b/"},
    {"/a%20b", OR_HTTP_PATH_SAME, "/a%20b"},
    {"/d%C3%BCsseldorf", OR_HTTP_PATH_SAME, "/d%C3%BCsseldorf"},
    {"/a:b@c,d=e+f", OR_HTTP_PATH_SAME, "/a:b@c,d=e+f"},
    {"/a...b/..c/.d", OR_HTTP_PATH_SAME, "/a...b/..c/.d"},
    {"/a%c3%bcb", OR_HTTP_PATH_CHANGED, "/a%C3%BCb"},
    {"/%61%7e%2D", OR_HTTP_PATH_CHANGED, "/a~-"},
    {"//a///b//", OR_HTTP_PATH_CHANGED, "/a/b/"},
    {"/a/./b/.", OR_HTTP_PATH_CHANGED, "/a/b/"},
    {"/a/../b", OR_HTTP_PATH_CHANGED, "/b"},
    {"/a/b/..", OR_HTTP_PATH_CHANGED, "/a/"},
    {"/a/b/../", OR_HTTP_PATH_CHANGED, "/a/"},
    {"/a//../b", OR_HTTP_PATH_CHANGED, "/b"},
    {"/a/%2e%2E/b", OR_HTTP_PATH_CHANGED, "/b"},
    {"/a/%2e/b", OR_HTTP_PATH_CHANGED, "/a/b"},
    {"/%252e%252e/x", OR_HTTP_PATH_SAME, "/%252e%252e/x"},
    {"", OR_HTTP_PATH_NOT_ABSOLUTE, ""},
    {"a/b", OR_HTTP_PATH_NOT_ABSOLUTE, ""},
    {"*", OR_HTTP_PATH_NOT_ABSOLUTE, ""},
    {"/..", OR_HTTP_PATH_ABOVE_ROOT, ""},
    {"/../etc/passwd", OR_HTTP_PATH_ABOVE_ROOT, ""},
    {"/a/../../b", OR_HTTP_PATH_ABOVE_ROOT, ""},
    {"/%2e%2e/a", OR_HTTP_PATH_ABOVE_ROOT, ""},
    {"/a%2fb", OR_HTTP_PATH_SLASH, ""},
    {"/a%2Fb", OR_HTTP_PATH_SLASH, ""},
    {"/a%5cb", OR_HTTP_PATH_BACKSLASH, ""},
    {"/a\\b", OR_HTTP_PATH_BYTE, ""},
    {"/a b", OR_HTTP_PATH_BYTE, ""},
    {"/a\"b", OR_HTTP_PATH_BYTE, ""},
    {"/a|b", OR_HTTP_PATH_BYTE, ""},
    {"/d\xc3\xbc", OR_HTTP_PATH_BYTE, ""},
    {"/a%00b", OR_HTTP_PATH_CONTROL, ""},
    {"/a%0d%0ab", OR_HTTP_PATH_CONTROL, ""},
    {"/a%7f", OR_HTTP_PATH_CONTROL, ""},
    {"/a;v=1/b", OR_HTTP_PATH_PARAMETER, ""},
    {"/a/..;/b", OR_HTTP_PATH_PARAMETER, ""},
    {"/a%3bb", OR_HTTP_PATH_PARAMETER, ""},
    {"/a%", OR_HTTP_PATH_ESCAPE, ""},
    {"/a%2", OR_HTTP_PATH_ESCAPE, ""},
    {"/a%g0", OR_HTTP_PATH_ESCAPE, ""},
    {"/a%u002f", OR_HTTP_PATH_ESCAPE, ""},
    {"/%c0%af", OR_HTTP_PATH_ENCODING, ""},
    {"/%c0%ae%c0%ae/", OR_HTTP_PATH_ENCODING, ""},
    {"/%ff", OR_HTTP_PATH_ENCODING, ""},
    {"/%c3/%bc", OR_HTTP_PATH_ENCODING, ""},
    {"/%c3x", OR_HTTP_PATH_ENCODING, ""},
};

static void canon__has_one_form_for_each_path(void **state)
{
	struct or_buf out, again;

	(void)state;
	or_buf_init(&out, 4096);
	or_buf_init(&again, 4096);
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		enum or_http_path_result result =
		    or_http_path_canon(&out, or_slice_str(cases[i].raw), 0);

		if (result != cases[i].result)
			fail_msg("%s: %s", cases[i].raw, or_http_path_name(result));
		ASSERT_SLICE(or_buf_slice(&out), cases[i].canonical);
		if (result <= OR_HTTP_PATH_CHANGED)
			assert_int_equal(
			    or_http_path_canon(&again, or_buf_slice(&out), 0), OR_HTTP_PATH_SAME);
	}
	or_buf_done(&out);
	or_buf_done(&again);
}

static void canon__keeps_parameters_where_allowed(void **state)
{
	struct or_buf out;

	(void)state;
	or_buf_init(&out, 64);
	assert_int_equal(
	    or_http_path_canon(&out, or_slice_str("/a;v=1/%3b"), OR_HTTP_PATH_ALLOW_PARAMETERS),
	    OR_HTTP_PATH_SAME + 1);
	ASSERT_SLICE(or_buf_slice(&out), "/a;v=1/%3B");
	or_buf_done(&out);
}

static void canon__refuses_what_passes_the_limit(void **state)
{
	struct or_buf out;

	(void)state;
	or_buf_init(&out, 4);
	assert_int_equal(or_http_path_canon(&out, or_slice_str("/abcd"), 0), OR_HTTP_PATH_FULL);
	assert_int_equal(out.n, 0);
	assert_int_equal(or_http_path_canon(&out, or_slice_str("/abc"), 0), OR_HTTP_PATH_SAME);
	or_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(canon__has_one_form_for_each_path),
	    cmocka_unit_test(canon__keeps_parameters_where_allowed),
	    cmocka_unit_test(canon__refuses_what_passes_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
