/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/mask/mask.h"
#include "tests/support/support.h"

static const struct pol_mask redact = {.kind = POL_MASK_REDACT};
static const struct pol_mask zero = {.kind = POL_MASK_DEFAULT};
static const struct pol_mask year = {.kind = POL_MASK_DATE_YEAR};
static const struct pol_mask month = {.kind = POL_MASK_DATE_MONTH};
static const struct pol_mask email = {.kind = POL_MASK_EMAIL};
static const struct pol_mask hash = {.kind = POL_MASK_HASH};
static const struct pol_mask nothing = {.kind = POL_MASK_NULL};
static const struct pol_mask last_4 = {.kind = POL_MASK_LAST, .n = 4};
static const struct pol_mask first_2 = {.kind = POL_MASK_FIRST, .n = 2};
static const struct pol_mask gone = {
    .kind = POL_MASK_CONSTANT, .constant = {(const uint8_t *)"gone", 4}};

struct row {
	const struct pol_mask *mask;
	enum ag_mask_type type;
	const char *text;
	const char *shown; /* NULL: nothing */
};

static void check(const struct row *rows, size_t n)
{
	struct or_buf out;

	or_buf_init(&out, 4096);
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		enum ag_mask_form form;

		or_buf_clear(&out);
		form = ag_mask_value(
		    &out, r->mask, OR_SLICE_LIT("key"), r->type, or_slice_str(r->text));
		assert_int_equal(form == AG_MASK_NOTHING, r->shown == NULL);
		if (r->shown)
			ASSERT_SLICE(or_buf_slice(&out), r->shown);
		else
			assert_int_equal(out.n, 0);
	}
	or_buf_done(&out);
}

static void value__keeps_shape_parts_and_domains(void **state)
{
	static const struct row rows[] = {
	    {&redact, AG_MASK_STRING, "Ann Lee-4 é日", "Xxx Xxx-0 xx"},
	    {&redact, AG_MASK_STRING, "", ""},
	    {&redact, AG_MASK_NUMBER, "-12.5E3", "-00.0X0"},
	    {&redact, AG_MASK_BOOL, "true", NULL},
	    {&last_4, AG_MASK_STRING, "4111-1111-1111-1234", "xxxxxxxxxxxxxxx1234"},
	    {&last_4, AG_MASK_STRING, "1234", NULL},
	    {&last_4, AG_MASK_STRING, "é日本語x", "x日本語x"},
	    {&last_4, AG_MASK_NUMBER, "4111111111111111", "xxxxxxxxxxxx1111"},
	    {&first_2, AG_MASK_STRING, "日本語", "日本x"},
	    {&first_2, AG_MASK_STRING, "ab", NULL},
	    {&first_2, AG_MASK_BOOL, "false", NULL},
	    {&email, AG_MASK_STRING, "ann.lee@example.com", "x@example.com"},
	    {&email, AG_MASK_STRING, "a@b@example.com", "x@example.com"},
	    {&email, AG_MASK_STRING, "no domain", NULL},
	    {&email, AG_MASK_STRING, "@example.com", NULL},
	    {&email, AG_MASK_STRING, "ann@", NULL},
	    {&email, AG_MASK_STRING, "ann@call me at 555", NULL},
	};

	(void)state;
	check(rows, OR_LEN(rows));
}

static void value__cuts_dates(void **state)
{
	static const struct row rows[] = {
	    {&year, AG_MASK_STRING, "2024-05-17", "2024-01-01"},
	    {&month, AG_MASK_STRING, "2024-05-17", "2024-05-01"},
	    {&year, AG_MASK_STRING, "2024-05-17T10:11:12.345Z", "2024-01-01T00:00:00Z"},
	    {&month, AG_MASK_STRING, "2024-05-17 10:11:12+02:00", "2024-05-01 00:00:00+02:00"},
	    {&month, AG_MASK_STRING, "2024-05-17T10:11", "2024-05-01T00:00:00"},
	    {&year, AG_MASK_STRING, "2024-05-17T10:11.5", "2024-01-01T00:00:00"},
	    {&year, AG_MASK_STRING, "2024-13-01", NULL},
	    {&year, AG_MASK_STRING, "2024-00-01", NULL},
	    {&year, AG_MASK_STRING, "2024-05-32", NULL},
	    {&year, AG_MASK_STRING, "2024-05-17 and more", NULL},
	    {&year, AG_MASK_STRING, "2024-05-17T", NULL},
	    {&year, AG_MASK_STRING, "2024-05-17T10:11:12.", NULL},
	    {&year, AG_MASK_STRING, "2024-05-17T10:11:12+0", NULL},
	    {&year, AG_MASK_STRING, "20240517", NULL},
	    {&year, AG_MASK_NUMBER, "20240517", NULL},
	};

	(void)state;
	check(rows, OR_LEN(rows));
}

static void value__gives_zeros_constants_and_nothing(void **state)
{
	static const struct row rows[] = {
	    {&zero, AG_MASK_STRING, "text", ""},
	    {&zero, AG_MASK_STRING, "2024-05-17", "1970-01-01"},
	    {&zero, AG_MASK_STRING, "2024-05-17T01:02:03Z", "1970-01-01T00:00:00Z"},
	    {&zero, AG_MASK_NUMBER, "12", "0"},
	    {&zero, AG_MASK_BOOL, "true", "false"},
	    {&gone, AG_MASK_STRING, "text", "gone"},
	    {&gone, AG_MASK_BOOL, "true", "gone"},
	    {&nothing, AG_MASK_STRING, "text", NULL},
	};

	(void)state;
	check(rows, OR_LEN(rows));
}

static void value__hashes_by_the_text_alone(void **state)
{
	/* HMAC-SHA-256 with the key "key" of "1", as openssl dgst gives it */
	static const char one[] =
	    "6da91fb91517be1f5cdcf3af91d7d40c717dd638a306157606fb2e584f7ae926";
	struct or_buf a, b;

	(void)state;
	or_buf_init(&a, 256);
	or_buf_init(&b, 256);
	(void)ag_mask_value(&a, &hash, OR_SLICE_LIT("key"), AG_MASK_NUMBER, OR_SLICE_LIT("1"));
	(void)ag_mask_value(&b, &hash, OR_SLICE_LIT("key"), AG_MASK_STRING, OR_SLICE_LIT("1"));
	assert_true(or_slice_eq(or_buf_slice(&a), or_buf_slice(&b)));
	ASSERT_SLICE(or_buf_slice(&a), one);
	or_buf_clear(&b);
	(void)ag_mask_value(&b, &hash, OR_SLICE_LIT("yek"), AG_MASK_STRING, OR_SLICE_LIT("1"));
	assert_false(or_slice_eq(or_buf_slice(&a), or_buf_slice(&b)));
	or_buf_done(&a);
	or_buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(value__keeps_shape_parts_and_domains),
	    cmocka_unit_test(value__cuts_dates),
	    cmocka_unit_test(value__gives_zeros_constants_and_nothing),
	    cmocka_unit_test(value__hashes_by_the_text_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
