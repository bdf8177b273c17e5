/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/entities_json.h"

#include "tests/support/support.h"

/* [{uid, attrs: {a: …}}] with a value n levels deep. */
static void put_nested(struct or_buf *b, const char *open, const char *close, int n)
{
	or_buf_put_str(
	    b, "[{\"uid\":{\"type\":\"U\",\"id\":\"a\"},\"parents\":[],\"attrs\":{\"a\":");
	for (int i = 0; i < n; i++)
		or_buf_put_str(b, open);
	or_buf_put_str(b, "1");
	for (int i = 0; i < n; i++)
		or_buf_put_str(b, close);
	or_buf_put_str(b, "}}]");
}

static void read__bounds_nesting(void **state)
{
	static const struct {
		const char *open, *close;
		int n;
		bool fits;
	} cases[] = {{"[", "]", 100, true}, {"{\"a\":", "}", 100, true}, {"[", "]", 200, false},
	    {"{\"a\":", "}", 200, false}, {"[", "]", 1000000, false}};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		struct pol_entities *es = NULL;
		struct or_err err = {.msg = ""};
		struct or_buf b;
		enum or_code rc;

		or_buf_init(&b, 8 << 20);
		put_nested(&b, cases[i].open, cases[i].close, cases[i].n);
		rc = pol_entities_json_parse(&es, "e.json", or_buf_slice(&b), NULL, NULL, &err);
		assert_int_equal(rc == OR_OK, cases[i].fits);
		if (rc)
			ASSERT_HAS(err.msg, "e.json:1:");
		pol_entities_free(es);
		or_buf_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(read__bounds_nesting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
