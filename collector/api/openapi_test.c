/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/api/openapi.h"

#include "base/arena.h"
#include "base/str.h"
#include "base/sys.h"
#include "collector/api/api_impl.h"
#include "tests/support/support.h"

static void every_route_is_described(void **state)
{
	const char *method, *path;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; (path = co_api_route(i, &method)); i++) {
		n++;
		if (co_openapi_count(method, path) == 0)
			fail_msg("%s %s is not in openapi.c", method, path);
	}
	assert_true(n > 20);
	assert_int_equal(co_openapi_count("GET", "/v1/audit"), 1);
	assert_int_equal(co_openapi_count("POST", "/v1/audit"), 0);
	assert_int_equal(co_openapi_count("GET", "/v1/log/"), 2);
}

static void put_document(struct or_buf *out)
{
	struct or_jsonw w;

	or_jsonw_init(&w, out, 2);
	co_openapi_put(&w);
	or_buf_put_byte(out, '\n');
}

static void operations_have_answers_and_names_of_their_own(void **state)
{
	struct or_arena *a = or_arena_new(0);
	const struct or_json *j, *paths, *ids[64];
	struct or_buf out;
	struct or_err err;
	size_t n = 0;

	(void)state;
	or_buf_init(&out, 1 << 20);
	put_document(&out);
	ASSERT_OK(or_json_parse(&j, or_buf_slice(&out), a, &err), &err);
	assert_true(or_slice_is(or_json_get_str(j, "openapi"), "3.1.0"));
	paths = or_json_get(j, "paths");
	for (size_t i = 0; i < paths->object.n; i++) {
		const struct or_json *path = paths->object.members[i].value;

		for (size_t k = 0; k < path->object.n; k++) {
			const struct or_json *op = path->object.members[k].value;

			assert_non_null(or_json_get(or_json_get(op, "responses"), "200"));
			ids[n] = or_json_get(op, "operationId");
			for (size_t m = 0; m < n; m++)
				assert_false(or_json_eq(ids[m], ids[n]));
			n++;
		}
	}
	assert_true(n > 20);
	or_buf_done(&out);
	or_arena_free(a);
}

static void the_copy_in_docs_is_this_one(void **state)
{
	struct or_buf out, copy;
	struct or_err err;

	(void)state;
	or_buf_init(&out, 1 << 20);
	or_buf_init(&copy, 1 << 20);
	put_document(&out);
	ASSERT_OK(or_sys_read_file(&copy, "docs/reference/collector-api.json", &err), &err);
	if (!or_slice_eq(or_buf_slice(&out), or_buf_slice(&copy)))
		fail_msg(
		    "docs/reference/collector-api.json is not what GET /v1/openapi.json gives");
	or_buf_done(&out);
	or_buf_done(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_route_is_described),
	    cmocka_unit_test(operations_have_answers_and_names_of_their_own),
	    cmocka_unit_test(the_copy_in_docs_is_this_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
