/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/api/param.h"

#include "base/str.h"

#include "tests/support/support.h"

static void get__decodes_the_first_of_that_name(void **state)
{
	static const struct {
		const char *query, *value;
	} all[] = {
	    {"q=a", "a"},
	    {"x=1&q=a%20b+c&q=other", "a b c"},
	    {"q=", ""},
	    {"qq=1&q=2", "2"},
	    {"q&q=%2B%26%3d", "+&="},
	    {"q=a=b", "a=b"},
	    {"q=%c3%A4", "ä"},
	};
	struct or_buf out;

	(void)state;
	or_buf_init(&out, 100);
	for (size_t i = 0; i < OR_LEN(all); i++) {
		or_buf_clear(&out);
		ASSERT_CODE(co_param_get(&out, or_slice_str(all[i].query), "q"), OR_OK);
		assert_string_equal(or_buf_text(&out), all[i].value);
	}
	or_buf_done(&out);
}

static void get__tells_absent_malformed_and_too_long_apart(void **state)
{
	static const struct {
		const char *query;
		enum or_code code;
	} all[] = {
	    {"", OR_ABSENT},
	    {"q", OR_ABSENT},
	    {"Q=1&x=q=1", OR_ABSENT},
	    {"q=%", OR_PARSE},
	    {"q=%4", OR_PARSE},
	    {"q=%4&x=1", OR_PARSE},
	    {"q=%zz", OR_PARSE},
	    {"q=%+1", OR_PARSE},
	    {"q=12345", OR_FULL},
	    {"q=1234%35", OR_FULL},
	    {"q=1234", OR_OK},
	};
	struct or_buf out;

	(void)state;
	or_buf_init(&out, 4);
	for (size_t i = 0; i < OR_LEN(all); i++) {
		or_buf_clear(&out);
		ASSERT_CODE(co_param_get(&out, or_slice_str(all[i].query), "q"), all[i].code);
	}
	or_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(get__decodes_the_first_of_that_name),
	    cmocka_unit_test(get__tells_absent_malformed_and_too_long_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
