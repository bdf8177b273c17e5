/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/mask/mask_csv.h"
#include "tests/support/support.h"

enum { MAX = 8 * 1024 * 1024 };

static const struct or_slice email_path[] = {{(const uint8_t *)"email", 5}};
static const struct or_slice card_path[] = {
    {(const uint8_t *)"card", 4}, {(const uint8_t *)"number", 6}};
static const struct or_slice note_path[] = {{(const uint8_t *)"note", 4}};
static const struct or_slice sum_path[] = {{(const uint8_t *)"sum", 3}};
static const struct pol_mask items[] = {
    {.path = email_path, .n_path = 1, .kind = POL_MASK_REDACT},
    {.path = card_path, .n_path = 2, .kind = POL_MASK_LAST, .n = 4},
    {.path = note_path,
	.n_path = 1,
	.kind = POL_MASK_CONSTANT,
	.constant = {(const uint8_t *)"a \"b\", c", 8}},
    {.path = sum_path, .n_path = 1, .kind = POL_MASK_DEFAULT},
};
static const struct pol_masks masks = {items, OR_LEN(items)};

static struct ag_mask_plan *plan;

static int setup(void **state)
{
	(void)state;
	return ag_mask_plan_new(&plan, &masks, OR_SLICE_LIT("key"), NULL);
}

static int teardown(void **state)
{
	(void)state;
	ag_mask_plan_free(plan);
	return 0;
}

static enum ag_mask_fault run(struct or_buf *out, struct or_slice in, size_t piece, size_t high)
{
	struct ag_mask_csv *m = ag_mask_csv_new(plan);
	enum ag_mask_fault fault = AG_MASK_FINE;
	struct or_buf part;

	or_buf_clear(out);
	or_buf_init(&part, MAX);
	for (size_t at = 0, used; at < in.n && !fault; at += used) {
		size_t n = in.n - at < piece ? in.n - at : piece;

		or_buf_clear(&part);
		fault = ag_mask_csv_feed(m, or_slice(in.p + at, n), &used, &part, high);
		or_buf_put_slice(out, or_buf_slice(&part));
	}
	if (!fault)
		fault = ag_mask_csv_end(m, out);
	or_buf_done(&part);
	ag_mask_csv_free(m);
	return fault;
}

/* What is shown, also of a refused one: the rows before the wrong one. */
static void expect(const char *in, const char *wanted, enum ag_mask_fault fault)
{
	static const size_t pieces[] = {MAX, 1, 3, 10};
	struct or_buf out;

	or_buf_init(&out, MAX);
	for (size_t i = 0; i < OR_LEN(pieces); i++) {
		enum ag_mask_fault got = run(&out, or_slice_str(in), pieces[i], i == 0 ? 1 : MAX);

		if (got != fault)
			fail_msg("%s: %s", in, ag_mask_fault_name(got));
		ASSERT_SLICE(or_buf_slice(&out), wanted);
	}
	or_buf_done(&out);
}

static void feed__masks_columns_by_name(void **state)
{
	(void)state;
	expect(
	    "id,email\r\n1,ann@x.org\r\n2,\r\n", "id,email\r\n1,xxx@x.xxx\r\n2,\r\n", AG_MASK_FINE);
	expect("email,id\nA1,2", "email,id\nX0,2", AG_MASK_FINE);
	expect("\xEF\xBB\xBF\"email\", email ,x\n\"a,\"\"b\nc\",d,e\n",
	    "\xEF\xBB\xBF\"email\", email ,x\n\"x,\"\"x\nx\",x,e\n", AG_MASK_FINE);
	expect("card.number,number,my.card.number\n12345,12345,12345\n",
	    "card.number,number,my.card.number\nx2345,12345,x2345\n", AG_MASK_FINE);
	expect("id,note\n1,x\n2,\n3,\"\"\n",
	    "id,note\n1,\"a \"\"b\"\", c\"\n2,\"a \"\"b\"\", c\"\n3,\"a \"\"b\"\", c\"\n",
	    AG_MASK_FINE);
	expect("sum\n12.5\ntrue\nabc\n2024-01-02\n007\n", "sum\n0\nfalse\n\n1970-01-01\n\n",
	    AG_MASK_FINE);
	expect("email\n\nA\n", "email\n\nX\n", AG_MASK_FINE);
	expect("email\ntrue\n\"\"\n", "email\n\n\n", AG_MASK_FINE);
}

static void feed__keeps_other_columns_as_they_stand(void **state)
{
	static const char text[] = "a,\"b\"\r\n\"1\n,\"\"\",\"\"\r\n 2 ,\xff\xfe\n";

	(void)state;
	expect(text, text, AG_MASK_FINE);
	expect("a,b\n", "a,b\n", AG_MASK_FINE);
	expect("a,b", "a,b", AG_MASK_FINE);
	expect("a,\n1,\n", "a,\n1,\n", AG_MASK_FINE);
	expect("a,b\n1,", "a,b\n1,", AG_MASK_FINE);
}

/* A field too many moves values under other names: nothing of that row may be seen. */
static void feed__shows_no_part_of_a_malformed_row(void **state)
{
	(void)state;
	expect("id,email,x\n1,a,b\n2,oops, a@b.c,d\n", "id,email,x\n1,x,b\n", AG_MASK_MALFORMED);
	expect("id,email,x\n1,a\n", "id,email,x\n", AG_MASK_MALFORMED);
	expect("id,email\n\n", "id,email\n", AG_MASK_MALFORMED);
	expect("id,email\n1,a\"b\n", "id,email\n", AG_MASK_MALFORMED);
	expect("id,email\n1,\"a\"b\n", "id,email\n", AG_MASK_MALFORMED);
	expect("id,email\n1,a\rb\n", "id,email\n", AG_MASK_MALFORMED);
	expect("id,email\n1,\xff\n", "id,email\n", AG_MASK_MALFORMED);
	expect("id,email\n1,\"a", "id,email\n", AG_MASK_TRUNCATED);
	expect("id,email\n1,a\r", "id,email\n", AG_MASK_TRUNCATED);
	expect("id,email\n1", "id,email\n", AG_MASK_MALFORMED);
	expect("\xEF\xBB", "", AG_MASK_TRUNCATED);
	expect("\xEF\xBB\xBF", "\xEF\xBB\xBF", AG_MASK_FINE);
	expect("\xEF\xBBx", "", AG_MASK_MALFORMED);
}

static void feed__refuses_other_separators(void **state)
{
	(void)state;
	expect("id;email\n1;a\n", "", AG_MASK_TYPE);
	expect("id\temail\n1\ta\n", "", AG_MASK_TYPE);
	expect("id|email\n", "", AG_MASK_TYPE);
	expect("\"id;x\",email\n1,a\n", "\"id;x\",email\n1,x\n", AG_MASK_FINE);
}

static void feed__has_limits(void **state)
{
	struct or_buf in, out;

	(void)state;
	or_buf_init(&in, MAX);
	or_buf_init(&out, MAX);
	for (size_t i = 0; i <= AG_MASK_CSV_COLUMNS_MAX; i++)
		or_buf_put_str(&in, "c,");
	assert_int_equal(run(&out, or_buf_slice(&in), 1000, MAX), AG_MASK_LARGE);
	or_buf_clear(&in);
	or_buf_put_str(&in, "id,email\n1,");
	while (in.n < AG_MASK_VALUE_MAX + 100)
		or_buf_put_str(&in, "12345678");
	assert_int_equal(run(&out, or_buf_slice(&in), 1000, MAX), AG_MASK_LARGE);
	or_buf_clear(&in);
	or_buf_put_str(&in, "id,email\n");
	while (in.n < AG_MASK_CSV_ROW_MAX + 100)
		or_buf_put_str(&in, "12345678");
	or_buf_put_str(&in, ",a\n");
	assert_int_equal(run(&out, or_buf_slice(&in), 1000, MAX), AG_MASK_LARGE);
	ASSERT_SLICE(or_buf_slice(&out), "id,email\n");
	assert_int_equal(run(&out, or_buf_slice(&in), MAX, MAX), AG_MASK_LARGE);
	ASSERT_SLICE(or_buf_slice(&out), "id,email\n");
	or_buf_done(&in);
	or_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(feed__masks_columns_by_name),
	    cmocka_unit_test(feed__keeps_other_columns_as_they_stand),
	    cmocka_unit_test(feed__shows_no_part_of_a_malformed_row),
	    cmocka_unit_test(feed__refuses_other_separators),
	    cmocka_unit_test(feed__has_limits),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
