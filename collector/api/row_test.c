/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/api/row.h"

#include "tests/support/support.h"

struct asked {
	struct or_arena *a;
	struct co_query q;
};

static void ask(struct asked *x, const char *text)
{
	struct or_err err;

	x->a = or_arena_new(0);
	ASSERT_OK(co_query_parse(&x->q, or_slice_str(text), 1764000000000000000, x->a, &err), &err);
}

static struct wire_audit record_of(const char *path)
{
	return (struct wire_audit){.time_ns = 1764000000000000000,
	    .product = OR_SLICE_LIT("orders"),
	    .kind = WIRE_KIND_ACCESS,
	    .decision = WIRE_DECISION_DENY,
	    .request = {.path = or_slice_str(path), .status = 403}};
}

static void csv__quotes_and_defuses(void **state)
{
	static const struct {
		const char *path, *line;
	} all[] = {
	    {"/a", "id1,/a,403,\r\n"},
	    {"/a,b", "id1,\"/a,b\",403,\r\n"},
	    {"say \"x\"", "id1,\"say \"\"x\"\"\",403,\r\n"},
	    {"two\nlines", "id1,\"two\nlines\",403,\r\n"},
	    {"=cmd()", "id1,'=cmd(),403,\r\n"},
	    {"@a,b", "id1,\"'@a,b\",403,\r\n"},
	    {"", "id1,,403,\r\n"},
	};
	const struct co_run_place place = {.index = 1};
	struct asked x;
	struct or_buf out;

	(void)state;
	ask(&x, "kind=access | fields request.path, request.status, attributes.none");
	or_buf_init(&out, 65536);
	co_row_head(&out, CO_ROW_CSV, &x.q);
	assert_string_equal(
	    or_buf_text(&out), "id,request.path,request.status,attributes.none\r\n");
	for (size_t i = 0; i < OR_LEN(all); i++) {
		struct wire_audit r = record_of(all[i].path);

		or_buf_clear(&out);
		co_row_put(&out, CO_ROW_CSV, &x.q, "id1", &place, &r);
		assert_string_equal(or_buf_text(&out), all[i].line);
	}
	or_buf_done(&out);
	or_arena_free(x.a);
}

static size_t count(const char *text, char c)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == c;
	return n;
}

static void csv__has_every_field_where_none_is_named(void **state)
{
	const struct co_run_place place = {.index = 1};
	struct wire_audit r = record_of("/a");
	struct or_buf head, row;
	struct asked x;

	(void)state;
	ask(&x, "");
	or_buf_init(&head, 65536);
	or_buf_init(&row, 65536);
	co_row_head(&head, CO_ROW_CSV, &x.q);
	co_row_put(&row, CO_ROW_CSV, &x.q, "id1", &place, &r);
	assert_true(count(or_buf_text(&head), ',') > 20);
	assert_int_equal(count(or_buf_text(&head), ','), count(or_buf_text(&row), ','));
	ASSERT_HAS(or_buf_text(&head), ",request.path,");
	ASSERT_HAS(or_buf_text(&row), ",orders,");
	or_buf_done(&head);
	or_buf_done(&row);
	or_arena_free(x.a);
}

static void ocsf__is_one_event_a_line(void **state)
{
	const struct co_run_place place = {.index = 1};
	struct wire_audit r = record_of("/a");
	struct or_buf out;
	struct asked x;

	(void)state;
	ask(&x, "");
	or_buf_init(&out, 65536);
	co_row_head(&out, CO_ROW_OCSF, &x.q);
	co_row_put(&out, CO_ROW_OCSF, &x.q, "id1", &place, &r);
	ASSERT_HAS(or_buf_text(&out), "\"class_uid\":6005");
	ASSERT_HAS(or_buf_text(&out), "\"action_id\":2");
	ASSERT_HAS(or_buf_text(&out), "\"uid\":\"id1\"");
	assert_int_equal(count(or_buf_text(&out), '\n'), 1);
	or_buf_done(&out);
	or_arena_free(x.a);
}

static void forms__have_names(void **state)
{
	enum co_row_form form = CO_ROW_JSON;

	(void)state;
	ASSERT_CODE(co_row_form_parse(&form, OR_SLICE_LIT("csv")), OR_OK);
	assert_int_equal(form, CO_ROW_CSV);
	ASSERT_CODE(co_row_form_parse(&form, OR_SLICE_LIT("xml")), OR_ABSENT);
	assert_int_equal(form, CO_ROW_CSV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(csv__quotes_and_defuses),
	    cmocka_unit_test(csv__has_every_field_where_none_is_named),
	    cmocka_unit_test(ocsf__is_one_event_a_line),
	    cmocka_unit_test(forms__have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
