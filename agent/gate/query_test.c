/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/query.h"

#include "base/buf.h"
#include "tests/support/support.h"

static const struct {
	const char *query;
	enum or_code code;
	const char *keys; /* each followed by '|' */
} cases[] = {
    {"", OR_OK, ""},
    {"a=1", OR_OK, "a|"},
    {"a=1&b&a=2&&c=", OR_OK, "a|b|c|"},
    {"=1", OR_OK, "|"},
    {"%61=1&a=2", OR_OK, "a|"},
    {"first+name=x&d%C3%BC=1", OR_OK, "first name|d\xc3\xbc|"},
    {"a%2525=1", OR_OK, "a%25|"},
    {"a%3Db=1", OR_OK, "a=b|"},
    {"a%", OR_PARSE, ""},
    {"a%4", OR_PARSE, ""},
    {"a%zz=1", OR_PARSE, ""},
    {"%ff", OR_PARSE, ""},
    {"%c0%af", OR_PARSE, ""},
    {"a%00b", OR_PARSE, ""},
};

static void keys__are_decoded_once_and_each_there_once(void **state)
{
	struct or_arena *a = or_arena_new(0);
	struct or_buf text;

	(void)state;
	or_buf_init(&text, 4096);
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		const struct or_slice *keys = NULL;
		size_t n = 0;

		or_buf_clear(&text);
		ASSERT_CODE(
		    ag_query_keys(&keys, &n, or_slice_str(cases[i].query), a), cases[i].code);
		for (size_t k = 0; k < n; k++)
			or_buf_printf(&text, "%.*s|", OR_SLICE_FMT(keys[k]));
		assert_string_equal(or_buf_text(&text), cases[i].keys);
	}
	or_buf_done(&text);
	or_arena_free(a);
}

static void keys__are_bounded(void **state)
{
	struct or_arena *a = or_arena_new(0);
	const struct or_slice *keys;
	struct or_buf text;
	size_t n;

	(void)state;
	or_buf_init(&text, 65536);
	for (int i = 0; i < AG_QUERY_KEYS_MAX; i++)
		or_buf_printf(&text, "k%d=1&k%d=2&", i, i);
	ASSERT_CODE(ag_query_keys(&keys, &n, or_buf_slice(&text), a), OR_OK);
	assert_int_equal(n, AG_QUERY_KEYS_MAX);
	or_buf_put_str(&text, "more");
	ASSERT_CODE(ag_query_keys(&keys, &n, or_buf_slice(&text), a), OR_FULL);
	or_buf_clear(&text);
	for (int i = 0; i <= AG_QUERY_KEY_MAX; i++)
		or_buf_put_byte(&text, 'k');
	ASSERT_CODE(ag_query_keys(&keys, &n, or_buf_slice(&text), a), OR_FULL);
	or_buf_done(&text);
	or_arena_free(a);
	a = or_arena_new(64);
	ASSERT_CODE(ag_query_keys(&keys, &n, OR_SLICE_LIT("a=1"), a), OR_FULL);
	or_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys__are_decoded_once_and_each_there_once),
	    cmocka_unit_test(keys__are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
