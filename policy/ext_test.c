/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of the extension types: which are read, and as what. */
#include "policy/ext.h"

#include "policy/ext_datetime.h"
#include "policy/ext_decimal.h"
#include "policy/ext_ip.h"
#include "tests/support/support.h"

static void ip__reads_addresses(void **state)
{
	static const char *const good[][2] = {{"1.2.3.4", "ip(\"1.2.3.4\")"},
	    {"0.0.0.0/0", "ip(\"0.0.0.0/0\")"}, {"1.2.3.4/32", "ip(\"1.2.3.4\")"},
	    {"::", "ip(\"0:0:0:0:0:0:0:0\")"}, {"::1", "ip(\"0:0:0:0:0:0:0:1\")"},
	    {"1::", "ip(\"1:0:0:0:0:0:0:0\")"}, {"1:2:3:4:5:6:7::", "ip(\"1:2:3:4:5:6:7:0\")"},
	    {"ABCD:ef::1/64", "ip(\"abcd:ef:0:0:0:0:0:1/64\")"}};

	(void)state;
	for (size_t i = 0; i < OR_LEN(good); i++) {
		struct pol_ip ip;
		struct or_buf b;

		ASSERT_CODE(pol_ext_ip_parse(&ip, or_slice_str(good[i][0])), OR_OK);
		or_buf_init(&b, 100);
		pol_ext_ip_print(&b, &ip);
		assert_string_equal(or_buf_text(&b), good[i][1]);
		or_buf_done(&b);
	}
}

static void ip__refuses_others(void **state)
{
	static const char *const bad[] = {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4",
	    "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/01", "1.2.3.4/+1", "1.2.3.4 ", " 1.2.3.4", ":",
	    ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
	    "1:2:3:4:5:6:7:8::", "12345::", "::g", "::1/129", "::ffff:1.2.3.4", "1:", ":1",
	    "::/0/0"};
	struct pol_ip ip;

	(void)state;
	for (size_t i = 0; i < OR_LEN(bad); i++)
		ASSERT_CODE(pol_ext_ip_parse(&ip, or_slice_str(bad[i])), OR_PARSE);
}

static void ip__compares_ranges(void **state)
{
	static const struct {
		const char *a, *b;
		bool in;
	} cases[] = {{"10.1.2.3", "10.0.0.0/8", true}, {"11.0.0.0", "10.0.0.0/8", false},
	    {"10.0.0.0/7", "10.0.0.0/8", false}, {"10.0.0.0/8", "10.0.0.0/8", true},
	    {"1.2.3.4", "0.0.0.0/0", true}, {"1.2.3.4", "::/0", false}, {"::1", "::/127", true},
	    {"::2", "::/127", false}, {"10.128.0.1", "10.128.0.0/9", true},
	    {"10.127.0.1", "10.128.0.0/9", false}};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		struct pol_ip a, b;

		ASSERT_CODE(pol_ext_ip_parse(&a, or_slice_str(cases[i].a)), OR_OK);
		ASSERT_CODE(pol_ext_ip_parse(&b, or_slice_str(cases[i].b)), OR_OK);
		assert_int_equal(pol_ext_ip_in_range(&a, &b), cases[i].in);
	}
}

static void decimal__reads_up_to_its_limits(void **state)
{
	static const struct {
		const char *text;
		enum or_code rc;
		int64_t v;
	} cases[] = {{"1.0", OR_OK, 10000}, {"-1.5", OR_OK, -15000}, {"-0.0001", OR_OK, -1},
	    {"00.1", OR_OK, 1000}, {"922337203685477.5807", OR_OK, INT64_MAX},
	    {"-922337203685477.5808", OR_OK, INT64_MIN}, {"922337203685477.5808", OR_FULL, 0},
	    {"-922337203685477.5809", OR_FULL, 0}, {"99999999999999999999.0", OR_FULL, 0},
	    {"1.00000", OR_PARSE, 0}, {"1", OR_PARSE, 0}, {"1.", OR_PARSE, 0}, {".1", OR_PARSE, 0},
	    {"-.1", OR_PARSE, 0}, {"+1.0", OR_PARSE, 0}, {"1.-1", OR_PARSE, 0},
	    {"1e1.0", OR_PARSE, 0}, {"", OR_PARSE, 0}};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		int64_t v = 0;

		ASSERT_CODE(pol_ext_decimal_parse(&v, or_slice_str(cases[i].text)), cases[i].rc);
		assert_true(v == cases[i].v);
	}
}

static void datetime__reads_its_forms(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {{"1970-01-01", 0}, {"1970-01-01T00:00:00Z", 0}, {"2000-02-29", 951782400000},
	    {"1969-12-31T23:59:59.999Z", -1}, {"2024-10-15T11:35:00+0000", 1728992100000},
	    {"2024-10-15T11:35:00.000+0100", 1728988500000}, {"0000-01-01", -62167219200000},
	    {"9999-12-31T23:59:59.999-2359", 253402387139999}};
	static const char *const bad[] = {"", "1970-1-1", "1970-13-01", "2023-02-29", "1900-02-29",
	    "1970-01-01T", "1970-01-01T00:00:00", "1970-01-01T24:00:00Z", "1970-01-01T00:60:00Z",
	    "1970-01-01T00:00:60Z", "1970-01-01T00:00:00.1Z", "1970-01-01T00:00:00+01:00",
	    "1970-01-01T00:00:00+2400", "1970-01-01T00:00:00+0060", "1970-01-01t00:00:00Z",
	    "1970-01-01 ", "1970-01-01T00:00:00Zx", "-970-01-01"};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		ASSERT_CODE(pol_ext_datetime_parse(&ms, or_slice_str(cases[i].text)), OR_OK);
		assert_true(ms == cases[i].ms);
	}
	for (size_t i = 0; i < OR_LEN(bad); i++)
		ASSERT_CODE(pol_ext_datetime_parse(&ms, or_slice_str(bad[i])), OR_PARSE);
}

static void datetime__prints_what_it_reads(void **state)
{
	static const int64_t values[] = {0, -1, 951782399999, -62167219200000, 253402300799999};

	(void)state;
	for (size_t i = 0; i < OR_LEN(values); i++) {
		struct or_buf b;
		struct or_slice s;
		int64_t ms;

		or_buf_init(&b, 200);
		pol_ext_datetime_print(&b, values[i]);
		s = or_slice(b.p + 10, b.n - 12); /* between datetime(" and ") */
		ASSERT_CODE(pol_ext_datetime_parse(&ms, s), OR_OK);
		assert_true(ms == values[i]);
		or_buf_done(&b);
	}
}

static void datetime__splits_into_date_and_time(void **state)
{
	int64_t v;

	(void)state;
	assert_true(pol_ext_datetime_to_time(-1) == POL_MS_PER_DAY - 1);
	ASSERT_CODE(pol_ext_datetime_to_date(&v, -1), OR_OK);
	assert_true(v == -POL_MS_PER_DAY);
	ASSERT_CODE(pol_ext_datetime_to_date(&v, INT64_MIN), OR_FULL);
}

static void duration__reads_units_in_order(void **state)
{
	static const struct {
		const char *text;
		enum or_code rc;
		int64_t v;
	} cases[] = {{"1d2h3m4s5ms", OR_OK, 93784005}, {"5ms", OR_OK, 5}, {"1m", OR_OK, 60000},
	    {"1m1ms", OR_OK, 60001}, {"-1h", OR_OK, -3600000},
	    {"-9223372036854775808ms", OR_OK, INT64_MIN}, {"9223372036854775808ms", OR_FULL, 0},
	    {"106751991168d", OR_FULL, 0}, {"", OR_PARSE, 0}, {"-", OR_PARSE, 0},
	    {"1", OR_PARSE, 0}, {"1s1m", OR_PARSE, 0}, {"1d1d", OR_PARSE, 0}, {"d", OR_PARSE, 0},
	    {"+1d", OR_PARSE, 0}, {"1 d", OR_PARSE, 0}, {"1ms1s", OR_PARSE, 0}};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		int64_t v = 0;

		ASSERT_CODE(
		    pol_ext_datetime_parse_duration(&v, or_slice_str(cases[i].text)), cases[i].rc);
		assert_true(v == cases[i].v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ip__reads_addresses),
	    cmocka_unit_test(ip__refuses_others),
	    cmocka_unit_test(ip__compares_ranges),
	    cmocka_unit_test(decimal__reads_up_to_its_limits),
	    cmocka_unit_test(datetime__reads_its_forms),
	    cmocka_unit_test(datetime__prints_what_it_reads),
	    cmocka_unit_test(datetime__splits_into_date_and_time),
	    cmocka_unit_test(duration__reads_units_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
