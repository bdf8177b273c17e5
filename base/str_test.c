/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include "tests/support/support.h"

static struct or_slice sl(const char *text)
{
	return or_slice_str(text);
}

static void u64__takes_digits_only(void **state)
{
	static const char *const bad[] = {
	    "", " 1", "1 ", "+1", "-1", "0x1", "1.0", "1e3", "a", "\xd9\xa1"};
	uint64_t v = 7;

	(void)state;
	for (size_t i = 0; i < OR_LEN(bad); i++)
		ASSERT_CODE(or_str_u64(&v, sl(bad[i])), OR_PARSE);
	ASSERT_CODE(or_str_u64(&v, or_slice("1\0", 2)), OR_PARSE);
	ASSERT_CODE(or_str_u64(&v, sl("18446744073709551616")), OR_FULL);
	ASSERT_CODE(or_str_u64(&v, sl("99999999999999999999")), OR_FULL);
	assert_true(v == 7);
	ASSERT_CODE(or_str_u64(&v, sl("18446744073709551615")), OR_OK);
	assert_true(v == UINT64_MAX);
	ASSERT_CODE(or_str_u64(&v, sl("0007")), OR_OK);
	assert_true(v == 7);
	ASSERT_CODE(or_str_u64(&v, or_slice("123", 2)), OR_OK);
	assert_true(v == 12);
}

static void i64__reaches_both_ends(void **state)
{
	int64_t v = 7;

	(void)state;
	ASSERT_CODE(or_str_i64(&v, sl("9223372036854775808")), OR_FULL);
	ASSERT_CODE(or_str_i64(&v, sl("-9223372036854775809")), OR_FULL);
	ASSERT_CODE(or_str_i64(&v, sl("-")), OR_PARSE);
	ASSERT_CODE(or_str_i64(&v, sl("--1")), OR_PARSE);
	ASSERT_CODE(or_str_i64(&v, OR_SLICE_NONE), OR_PARSE);
	assert_true(v == 7);
	ASSERT_CODE(or_str_i64(&v, sl("9223372036854775807")), OR_OK);
	assert_true(v == INT64_MAX);
	ASSERT_CODE(or_str_i64(&v, sl("-9223372036854775808")), OR_OK);
	assert_true(v == INT64_MIN);
	ASSERT_CODE(or_str_i64(&v, sl("-0")), OR_OK);
	assert_true(v == 0);
}

static void duration__needs_a_unit(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {{"250ms", 250000000}, {"0s", 0}, {"30s", 30000000000}, {"5m", 300000000000},
	    {"1h", 3600000000000}, {"7d", 604800000000000}};
	static const char *const bad[] = {
	    "", "5", "ms", "5 s", "5S", "-5s", "1.5s", "5sm", "1h30m"};
	int64_t v;

	(void)state;
	for (size_t i = 0; i < OR_LEN(good); i++) {
		ASSERT_CODE(or_str_duration_ns(&v, sl(good[i].text)), OR_OK);
		assert_true(v == good[i].ns);
	}
	v = 7;
	for (size_t i = 0; i < OR_LEN(bad); i++)
		ASSERT_CODE(or_str_duration_ns(&v, sl(bad[i])), OR_PARSE);
	ASSERT_CODE(or_str_duration_ns(&v, sl("9223372037s")), OR_FULL);
	ASSERT_CODE(or_str_duration_ns(&v, sl("18446744073709551615d")), OR_FULL);
	assert_true(v == 7);
}

static void bytes__may_have_a_unit(void **state)
{
	uint64_t v;

	(void)state;
	ASSERT_CODE(or_str_bytes(&v, sl("7")), OR_OK);
	assert_true(v == 7);
	ASSERT_CODE(or_str_bytes(&v, sl("7B")), OR_OK);
	assert_true(v == 7);
	ASSERT_CODE(or_str_bytes(&v, sl("64KiB")), OR_OK);
	assert_true(v == 65536);
	ASSERT_CODE(or_str_bytes(&v, sl("16MiB")), OR_OK);
	assert_true(v == 16777216);
	ASSERT_CODE(or_str_bytes(&v, sl("1GiB")), OR_OK);
	assert_true(v == 1073741824);
	v = 7;
	ASSERT_CODE(or_str_bytes(&v, sl("18446744073709551615KiB")), OR_FULL);
	ASSERT_CODE(or_str_bytes(&v, sl("1KB")), OR_PARSE);
	ASSERT_CODE(or_str_bytes(&v, sl("1 KiB")), OR_PARSE);
	ASSERT_CODE(or_str_bytes(&v, sl("KiB")), OR_PARSE);
	assert_true(v == 7);
}

typedef void encode_fn(struct or_buf *b, struct or_slice s);
typedef enum or_code decode_fn(struct or_buf *b, struct or_slice s);

static void assert_codec(
    encode_fn *encode, decode_fn *decode, struct or_slice plain, const char *coded)
{
	struct or_buf b;

	or_buf_init(&b, 100);
	or_buf_put_str(&b, "<");
	encode(&b, plain);
	ASSERT_SLICE(or_slice_from(or_buf_slice(&b), 1), coded);
	or_buf_cut(&b, 1);
	ASSERT_CODE(decode(&b, sl(coded)), OR_OK);
	assert_true(or_slice_eq(or_slice_from(or_buf_slice(&b), 1), plain));
	or_buf_done(&b);
}

/* Refused, and the buffer left as it was. */
static void assert_no_code(decode_fn *decode, const char *coded)
{
	struct or_buf b;

	or_buf_init(&b, 100);
	or_buf_put_str(&b, "<");
	ASSERT_CODE(decode(&b, sl(coded)), OR_PARSE);
	assert_string_equal(or_buf_text(&b), "<");
	assert_true(or_buf_ok(&b));
	or_buf_done(&b);
}

static void hex__goes_both_ways(void **state)
{
	struct or_buf b;

	(void)state;
	assert_codec(
	    or_str_hex_encode, or_str_hex_decode, or_slice("\0\xff\x7f\x80", 4), "00ff7f80");
	assert_codec(or_str_hex_encode, or_str_hex_decode, OR_SLICE_NONE, "");
	assert_no_code(or_str_hex_decode, "0");
	assert_no_code(or_str_hex_decode, "0g");
	assert_no_code(or_str_hex_decode, "00 0");
	assert_no_code(or_str_hex_decode, "0011:");
	or_buf_init(&b, 100);
	ASSERT_CODE(or_str_hex_decode(&b, sl("AbCd")), OR_OK);
	ASSERT_SLICE(or_buf_slice(&b), "\xab\xcd");
	or_buf_done(&b);
}

/* RFC 4648 §10. */
static void base64__follows_the_vectors(void **state)
{
	static const char *const rows[][3] = {{"", "", ""}, {"f", "Zg==", "Zg"},
	    {"fo", "Zm8=", "Zm8"}, {"foo", "Zm9v", "Zm9v"}, {"foob", "Zm9vYg==", "Zm9vYg"},
	    {"fooba", "Zm9vYmE=", "Zm9vYmE"}, {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
	    {"\xfb\xff\xfe", "+//+", "-__-"}};

	(void)state;
	for (size_t i = 0; i < OR_LEN(rows); i++) {
		assert_codec(
		    or_str_base64_encode, or_str_base64_decode, sl(rows[i][0]), rows[i][1]);
		assert_codec(
		    or_str_base64url_encode, or_str_base64url_decode, sl(rows[i][0]), rows[i][2]);
	}
}

static void base64__has_one_text_for_each_byte_string(void **state)
{
	static const char *const bad[] = {"Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "=",
	    "Zg==Zg==", "Zm8=\n", "Zm 8", "Zm8-", "Z=g=", "Zm8==", "Zg==="};
	static const char *const bad_url[] = {
	    "Z", "Zg==", "Zh", "Zm9", "Zm8=", "+//+", "Zm9vY", "A", "AAAAA"};

	(void)state;
	for (size_t i = 0; i < OR_LEN(bad); i++)
		assert_no_code(or_str_base64_decode, bad[i]);
	for (size_t i = 0; i < OR_LEN(bad_url); i++)
		assert_no_code(or_str_base64url_decode, bad_url[i]);
}

static void decoders__leave_the_buffer_when_full(void **state)
{
	struct or_buf b;

	(void)state;
	or_buf_init(&b, 4);
	or_buf_put_str(&b, "ab");
	ASSERT_CODE(or_str_hex_decode(&b, sl("636465")), OR_FULL);
	ASSERT_SLICE(or_buf_slice(&b), "ab");
	or_buf_cut(&b, 1);
	b.full = false;
	ASSERT_CODE(or_str_base64_decode(&b, sl("Zm9vYg==")), OR_FULL);
	ASSERT_SLICE(or_buf_slice(&b), "a");
	b.full = false;
	ASSERT_CODE(or_str_base64_decode(&b, sl("Zm9v")), OR_OK);
	ASSERT_SLICE(or_buf_slice(&b), "afoo");
	or_buf_done(&b);
}

/* Every code point, both ways; RFC 3629. */
static void utf8__encodes_what_it_decodes(void **state)
{
	struct or_buf b;

	(void)state;
	or_buf_init(&b, 8);
	for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
		bool surrogate = cp >= 0xD800 && cp < 0xE000;
		uint32_t back = 0;

		or_buf_clear(&b);
		or_str_utf8_encode(&b, cp);
		assert_int_equal(or_str_utf8_decode(&back, or_buf_slice(&b)), surrogate ? 0 : b.n);
		assert_int_equal(back, surrogate ? 0 : cp);
		assert_int_equal(or_str_is_utf8(or_buf_slice(&b)), !surrogate);
		/* Cut short it is nothing. */
		for (size_t n = 1; n < b.n; n++)
			assert_false(or_str_is_utf8(or_slice(b.p, n)));
	}
	or_buf_done(&b);
}

static void utf8__refuses_other_forms(void **state)
{
	static const char *const bad[] = {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80",
	    "\xe0\x9f\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
	    "\xf5\x80\x80\x80", "\xff", "\xfe", "\xed\xa0\x80", "\xed\xbf\xbf", "\xc3(",
	    "\xe2\x82(", "\xf0\x9f\x98(", "ok\xc3"};
	uint32_t cp = 7;

	(void)state;
	for (size_t i = 0; i < OR_LEN(bad); i++)
		assert_false(or_str_is_utf8(sl(bad[i])));
	assert_int_equal(or_str_utf8_decode(&cp, OR_SLICE_NONE), 0);
	assert_int_equal(or_str_utf8_decode(&cp, sl("\xc3(")), 0);
	assert_int_equal(cp, 7);
	assert_true(or_str_is_utf8(OR_SLICE_NONE));
	assert_true(or_str_is_utf8(sl("ä€😀\xef\xbf\xbf")));
}

static void assert_time(const char *text, int64_t ns, const char *written)
{
	struct or_buf b;
	int64_t back = 0;

	or_buf_init(&b, 64);
	ASSERT_CODE(or_str_time_parse(&back, sl(text)), OR_OK);
	assert_true(back == ns);
	or_str_time(&b, ns);
	ASSERT_SLICE(or_buf_slice(&b), written);
	or_buf_done(&b);
}

static void time__goes_both_ways(void **state)
{
	(void)state;
	assert_time("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000000Z");
	assert_time("1969-12-31T23:59:59.999999Z", -1000, "1969-12-31T23:59:59.999999Z");
	assert_time("1969-12-31T23:59:59.9999999Z", -100, "1969-12-31T23:59:59.999999Z");
	assert_time(
	    "2026-11-24T11:18:28.123456Z", 1795519108123456000, "2026-11-24T11:18:28.123456Z");
	assert_time("2026-11-24t13:18:28.123456789999+02:00", 1795519108123456789,
	    "2026-11-24T11:18:28.123456Z");
	assert_time(
	    "2026-11-24 00:18:28-11:00", 1795519108000000000, "2026-11-24T11:18:28.000000Z");
	assert_time("2024-02-29T00:00:00z", 1709164800000000000, "2024-02-29T00:00:00.000000Z");
	assert_time("2000-02-29T12:00:00-00:00", 951825600000000000, "2000-02-29T12:00:00.000000Z");
	assert_time("2016-12-31T23:59:60Z", 1483228800000000000, "2017-01-01T00:00:00.000000Z");
	assert_time("2262-04-11T23:47:16.854775807Z", INT64_MAX, "2262-04-11T23:47:16.854775Z");
}

static void time__refuses_what_is_no_time(void **state)
{
	static const char *const bad[] = {"", "2026", "2026-11-24", "2026-11-24T",
	    "2026-11-24T11:18Z", "2026-11-24T11:18:28", "2026-11-24T11:18:28.Z",
	    "2026-11-24T11:18:28 Z", "2026-11-24T11:18:28Zx", "2026-11-24T11:18:28+0200",
	    "2026-11-24T11:18:28+2:00", "2026-11-24T11:18:28+24:00", "2026-11-24T11:18:28+01:60",
	    "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
	    "2026-01-32T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
	    "2026-04-31T00:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24T11:60:00Z",
	    "2026-11-24T11:18:61Z", "2026-11-24T11:18:-1Z", "26-11-24T11:18:28Z",
	    "+2026-11-24T11:18:28Z", "2026/11/24T11:18:28Z", "2026-11-24_11:18:28Z",
	    " 2026-11-24T11:18:28Z"};
	int64_t ns = 7;

	(void)state;
	for (size_t i = 0; i < OR_LEN(bad); i++)
		ASSERT_CODE(or_str_time_parse(&ns, sl(bad[i])), OR_PARSE);
	ASSERT_CODE(or_str_time_parse(&ns, sl("2262-04-11T23:47:16.854775808Z")), OR_FULL);
	ASSERT_CODE(or_str_time_parse(&ns, sl("9999-12-31T23:59:59Z")), OR_FULL);
	ASSERT_CODE(or_str_time_parse(&ns, sl("0000-01-01T00:00:00Z")), OR_FULL);
	assert_true(ns == 7);
}

static void find_and_trim__stay_inside(void **state)
{
	(void)state;
	assert_int_equal(or_str_find(sl("a=b=c"), '=', 0), 1);
	assert_int_equal(or_str_find(sl("a=b=c"), '=', 2), 3);
	assert_int_equal(or_str_find(sl("a=b=c"), '=', 4), 5);
	assert_int_equal(or_str_find(sl("a=b=c"), '=', 99), 5);
	assert_int_equal(or_str_find(or_slice("ab=", 2), '=', 0), 2);
	assert_int_equal(or_str_find(OR_SLICE_NONE, '=', 0), 0);
	ASSERT_SLICE(or_str_trim(sl(" \t a b\t ")), "a b");
	ASSERT_SLICE(or_str_trim(sl(" \t ")), "");
	ASSERT_SLICE(or_str_trim(sl("\na\r")), "\na\r");
	ASSERT_SLICE(or_str_trim(OR_SLICE_NONE), "");
}

static void comparisons__know_ascii_only(void **state)
{
	(void)state;
	assert_true(or_str_eq_nocase(sl("Content-LENGTH"), sl("content-length")));
	assert_false(or_str_eq_nocase(sl("abc"), sl("abd")));
	assert_false(or_str_eq_nocase(sl("abc"), sl("ab")));
	assert_false(or_str_eq_nocase(sl("\xc4"), sl("\xe4")));
	assert_false(or_str_eq_nocase(sl("@[`{"), sl("`{@[")));
	assert_true(or_str_eq_nocase(OR_SLICE_NONE, sl("")));
	assert_true(or_str_has_prefix(sl("abc"), "ab"));
	assert_true(or_str_has_prefix(OR_SLICE_NONE, ""));
	assert_false(or_str_has_prefix(sl("a"), "ab"));
	assert_false(or_str_has_prefix(OR_SLICE_NONE, "a"));
	assert_true(or_str_has_suffix(sl("abc"), "bc"));
	assert_true(or_str_has_suffix(OR_SLICE_NONE, ""));
	assert_false(or_str_has_suffix(sl("c"), "bc"));
	assert_false(or_str_has_suffix(OR_SLICE_NONE, "a"));
}

static void nearest__is_near_or_nothing(void **state)
{
	static const char *const names[] = {"listen", "upstream", "audit_mode", "routes", NULL};
	static const char *const none[] = {NULL};
	char longest[66];

	(void)state;
	assert_string_equal(or_str_nearest(sl("lisen"), names), "listen");
	assert_string_equal(or_str_nearest(sl("up_stream"), names), "upstream");
	assert_string_equal(or_str_nearest(sl("route"), names), "routes");
	assert_string_equal(or_str_nearest(sl("auditmode"), names), "audit_mode");
	assert_string_equal(or_str_nearest(sl("routes"), names), "routes");
	assert_null(or_str_nearest(sl("quota"), names));
	assert_null(or_str_nearest(sl("x"), names));
	assert_null(or_str_nearest(OR_SLICE_NONE, names));
	assert_null(or_str_nearest(sl("listen"), none));
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_null(or_str_nearest(sl(longest), names));
	assert_string_equal(
	    or_str_nearest(sl("listen"), (const char *const[]){longest, "listen", NULL}), "listen");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(u64__takes_digits_only),
	    cmocka_unit_test(i64__reaches_both_ends),
	    cmocka_unit_test(duration__needs_a_unit),
	    cmocka_unit_test(bytes__may_have_a_unit),
	    cmocka_unit_test(hex__goes_both_ways),
	    cmocka_unit_test(base64__follows_the_vectors),
	    cmocka_unit_test(base64__has_one_text_for_each_byte_string),
	    cmocka_unit_test(decoders__leave_the_buffer_when_full),
	    cmocka_unit_test(utf8__encodes_what_it_decodes),
	    cmocka_unit_test(utf8__refuses_other_forms),
	    cmocka_unit_test(time__goes_both_ways),
	    cmocka_unit_test(time__refuses_what_is_no_time),
	    cmocka_unit_test(find_and_trim__stay_inside),
	    cmocka_unit_test(comparisons__know_ascii_only),
	    cmocka_unit_test(nearest__is_near_or_nothing),
	};

	return cmocka_run_group_tests_name("base.str", tests, NULL, NULL);
}
