/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoders of text: what one takes, its encoder writes again byte for byte where there is one text
 * only; what it refuses leaves the output alone. Times survive a round up to a microsecond.
 */
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef void encode_fn(struct or_buf *b, struct or_slice s);
typedef enum or_code decode_fn(struct or_buf *b, struct or_slice s);

static void check_codec(struct or_slice s, encode_fn *encode, decode_fn *decode, bool any_case)
{
	struct or_buf plain, coded;

	or_buf_init(&plain, 1 << 20);
	or_buf_init(&coded, 1 << 21);
	if (decode(&plain, s) == OR_OK) {
		encode(&coded, or_buf_slice(&plain));
		OR_ASSERT(any_case ? or_str_eq_nocase(or_buf_slice(&coded), s)
				   : or_slice_eq(or_buf_slice(&coded), s));
	} else {
		OR_ASSERT(plain.n == 0);
	}
	or_buf_clear(&plain);
	or_buf_clear(&coded);
	encode(&coded, s);
	OR_ASSERT(decode(&plain, or_buf_slice(&coded)) == OR_OK);
	OR_ASSERT(or_slice_eq(or_buf_slice(&plain), s));
	or_buf_done(&plain);
	or_buf_done(&coded);
}

static void check_time(struct or_slice s)
{
	struct or_buf text;
	int64_t ns, again;

	if (or_str_time_parse(&ns, s) != OR_OK)
		return;
	or_buf_init(&text, 64);
	or_str_time(&text, ns);
	OR_ASSERT(or_str_time_parse(&again, or_buf_slice(&text)) == OR_OK);
	OR_ASSERT(again <= ns && ns - again < OR_NS_PER_US);
	or_buf_done(&text);
}

static void check_numbers(struct or_slice s)
{
	struct or_buf text;
	uint64_t u;
	int64_t i;
	bool is_u, is_i;

	or_buf_init(&text, 64);
	is_u = or_str_u64(&u, s) == OR_OK;
	is_i = or_str_i64(&i, s) == OR_OK;
	OR_ASSERT(!is_u || u > INT64_MAX || (is_i && (uint64_t)i == u));
	if (is_i) {
		or_buf_put_i64(&text, i);
		OR_ASSERT(or_str_i64(&i, or_buf_slice(&text)) == OR_OK);
	}
	if (or_str_duration_ns(&i, s) == OR_OK)
		OR_ASSERT(i >= 0);
	if (or_str_bytes(&u, s) == OR_OK)
		OR_ASSERT(s.n > 0);
	or_buf_done(&text);
}

static void check_utf8(struct or_slice s)
{
	struct or_buf text;
	uint32_t cp;
	size_t at = 0, n;

	or_buf_init(&text, 1 << 20);
	while (at < s.n && (n = or_str_utf8_decode(&cp, or_slice_from(s, at)))) {
		or_str_utf8_encode(&text, cp);
		at += n;
	}
	OR_ASSERT(or_str_is_utf8(s) == (at == s.n));
	OR_ASSERT(or_slice_eq(or_buf_slice(&text), or_slice(s.p, at)));
	or_buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"listen", "upstream", "audit", "", NULL};
	struct or_slice s = or_slice(data, size);

	check_codec(s, or_str_hex_encode, or_str_hex_decode, true);
	check_codec(s, or_str_base64_encode, or_str_base64_decode, false);
	check_codec(s, or_str_base64url_encode, or_str_base64url_decode, false);
	check_time(s);
	check_numbers(s);
	check_utf8(s);
	OR_ASSERT(or_str_trim(s).n <= s.n);
	OR_ASSERT(!or_str_nearest(s, names) || size <= 64);
	return 0;
}
