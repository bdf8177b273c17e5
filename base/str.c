/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <time.h>

enum or_code or_str_u64(uint64_t *out, struct or_slice s)
{
	uint64_t v = 0;

	if (s.n == 0)
		return OR_PARSE;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return OR_PARSE;
		if (__builtin_mul_overflow(v, 10U, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return OR_FULL;
	}
	*out = v;
	return OR_OK;
}

enum or_code or_str_i64(int64_t *out, struct or_slice s)
{
	bool minus = s.n && s.p[0] == '-';
	uint64_t v;
	enum or_code rc = or_str_u64(&v, or_slice_from(s, minus));

	if (rc)
		return rc;
	if (v > (uint64_t)INT64_MAX + (minus ? 1 : 0))
		return OR_FULL;
	*out = minus ? (int64_t)(0 - v) : (int64_t)v;
	return OR_OK;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static enum or_code scaled(
    uint64_t *out, struct or_slice s, const struct unit *units, size_t n_units)
{
	size_t digits = 0;
	uint64_t v;
	enum or_code rc;

	while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
		digits++;
	rc = or_str_u64(&v, or_slice(s.p, digits));
	if (rc)
		return rc;
	for (size_t i = 0; i < n_units; i++) {
		if (!or_slice_is(or_slice_from(s, digits), units[i].name))
			continue;
		if (__builtin_mul_overflow(v, units[i].factor, &v))
			return OR_FULL;
		*out = v;
		return OR_OK;
	}
	return OR_PARSE;
}

enum or_code or_str_duration_ns(int64_t *out, struct or_slice s)
{
	static const struct unit units[] = {{"ms", 1000000}, {"s", 1000000000},
	    {"m", 60ULL * 1000000000}, {"h", 3600ULL * 1000000000}, {"d", 86400ULL * 1000000000}};
	uint64_t v;
	enum or_code rc = scaled(&v, s, units, OR_LEN(units));

	if (rc)
		return rc;
	if (v > INT64_MAX)
		return OR_FULL;
	*out = (int64_t)v;
	return OR_OK;
}

enum or_code or_str_bytes(uint64_t *out, struct or_slice s)
{
	static const struct unit units[] = {
	    {"", 1}, {"B", 1}, {"KiB", OR_KIB}, {"MiB", OR_MIB}, {"GiB", OR_MIB * OR_KIB}};

	return scaled(out, s, units, OR_LEN(units));
}

void or_str_hex_encode(struct or_buf *b, struct or_slice s)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < s.n; i++) {
		char two[2] = {digits[s.p[i] >> 4], digits[s.p[i] & 15]};

		or_buf_put(b, two, 2);
	}
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

enum or_code or_str_hex_decode(struct or_buf *b, struct or_slice s)
{
	if (s.n % 2)
		return OR_PARSE;
	for (size_t i = 0; i < s.n; i++) {
		if (hex_value(s.p[i]) < 0)
			return OR_PARSE;
	}
	if (!or_buf_reserve(b, s.n / 2))
		return OR_FULL;
	for (size_t i = 0; i < s.n; i += 2)
		or_buf_put_byte(b, (uint8_t)(hex_value(s.p[i]) << 4 | hex_value(s.p[i + 1])));
	return OR_OK;
}

static const char alphabet_std[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Up to three bytes as a number of 24 bits, 0 where there are fewer. */
static uint32_t group_at(struct or_slice s, size_t at)
{
	uint32_t v = 0;

	for (size_t i = at; i < at + 3; i++)
		v = v << 8 | (i < s.n ? s.p[i] : 0);
	return v;
}

static void encode64(struct or_buf *b, struct or_slice s, const char *alphabet, bool pad)
{
	for (size_t i = 0; i < s.n; i += 3) {
		size_t left = s.n - i;
		uint32_t v = group_at(s, i);
		char four[4] = {alphabet[v >> 18], alphabet[v >> 12 & 63], alphabet[v >> 6 & 63],
		    alphabet[v & 63]};
		size_t n = left >= 3 ? 4 : left + 1;

		or_buf_put(b, four, n);
		if (pad && n < 4)
			or_buf_put(b, "==", 4 - n);
	}
}

static int value64(uint8_t c, const char *alphabet)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == (uint8_t)alphabet[62])
		return 62;
	if (c == (uint8_t)alphabet[63])
		return 63;
	return -1;
}

/* s without padding. A last group that carries unused bits must have them 0. */
static enum or_code decode64(struct or_buf *b, struct or_slice s, const char *alphabet)
{
	size_t start = b->n;
	uint32_t v = 0;
	unsigned int bits = 0;

	if (s.n % 4 == 1)
		return OR_PARSE;
	if (!or_buf_reserve(b, s.n / 4 * 3 + s.n % 4 * 3 / 4))
		return OR_FULL;
	for (size_t i = 0; i < s.n; i++) {
		int d = value64(s.p[i], alphabet);

		if (d < 0)
			goto bad;
		v = v << 6 | (uint32_t)d;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			or_buf_put_byte(b, (uint8_t)(v >> bits));
			v &= (1U << bits) - 1;
		}
	}
	if (v)
		goto bad;
	return OR_OK;
bad:
	or_buf_cut(b, start);
	return OR_PARSE;
}

void or_str_base64_encode(struct or_buf *b, struct or_slice s)
{
	encode64(b, s, alphabet_std, true);
}

enum or_code or_str_base64_decode(struct or_buf *b, struct or_slice s)
{
	size_t pad = 0;

	if (s.n % 4)
		return OR_PARSE;
	while (pad < 2 && pad < s.n && s.p[s.n - 1 - pad] == '=')
		pad++;
	return decode64(b, or_slice(s.p, s.n - pad), alphabet_std);
}

void or_str_base64url_encode(struct or_buf *b, struct or_slice s)
{
	encode64(b, s, alphabet_url, false);
}

enum or_code or_str_base64url_decode(struct or_buf *b, struct or_slice s)
{
	return decode64(b, s, alphabet_url);
}

static size_t utf8_length(uint8_t lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xC2 && lead < 0xE0)
		return 2;
	if (lead >= 0xE0 && lead < 0xF0)
		return 3;
	return lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
}

/* True for a code point that a text may hold, in a form of n bytes that is its shortest. */
static bool is_scalar(uint32_t cp, size_t n)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

	return cp >= least[n] && cp <= 0x10FFFF && (cp < 0xD800 || cp >= 0xE000);
}

size_t or_str_utf8_decode(uint32_t *cp, struct or_slice s)
{
	size_t n = s.n ? utf8_length(s.p[0]) : 0;
	uint32_t v;

	if (n == 0 || n > s.n)
		return 0;
	v = n == 1 ? s.p[0] : s.p[0] & (0xFFU >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((s.p[i] & 0xC0) != 0x80)
			return 0;
		v = v << 6 | (s.p[i] & 0x3FU);
	}
	if (!is_scalar(v, n))
		return 0;
	*cp = v;
	return n;
}

bool or_str_is_utf8(struct or_slice s)
{
	uint32_t cp;
	uint64_t word;

	for (size_t i = 0; i < s.n;) {
		size_t n;

		if (s.n - i >= sizeof(word)) { /* mostly it is ASCII */
			memcpy(&word, s.p + i, sizeof(word));
			if (!(word & 0x8080808080808080ULL)) {
				i += sizeof(word);
				continue;
			}
		}
		n = s.p[i] < 0x80 ? 1 : or_str_utf8_decode(&cp, or_slice_from(s, i));

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

bool or_str_is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x61c || cp == 0x200e ||
	       cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

void or_str_utf8_encode(struct or_buf *b, uint32_t cp)
{
	if (cp < 0x80) {
		or_buf_put_byte(b, (uint8_t)cp);
	} else if (cp < 0x800) {
		or_buf_put_byte(b, (uint8_t)(0xC0 | cp >> 6));
		or_buf_put_byte(b, (uint8_t)(0x80 | (cp & 0x3F)));
	} else if (cp < 0x10000) {
		or_buf_put_byte(b, (uint8_t)(0xE0 | cp >> 12));
		or_buf_put_byte(b, (uint8_t)(0x80 | (cp >> 6 & 0x3F)));
		or_buf_put_byte(b, (uint8_t)(0x80 | (cp & 0x3F)));
	} else {
		or_buf_put_byte(b, (uint8_t)(0xF0 | cp >> 18));
		or_buf_put_byte(b, (uint8_t)(0x80 | (cp >> 12 & 0x3F)));
		or_buf_put_byte(b, (uint8_t)(0x80 | (cp >> 6 & 0x3F)));
		or_buf_put_byte(b, (uint8_t)(0x80 | (cp & 0x3F)));
	}
}

void or_str_time(struct or_buf *b, int64_t unix_ns)
{
	int64_t s = unix_ns / OR_NS_PER_S, ns = unix_ns % OR_NS_PER_S;
	time_t t;
	struct tm tm;

	if (ns < 0) {
		s--;
		ns += OR_NS_PER_S;
	}
	t = (time_t)s;
	gmtime_r(&t, &tm);
	or_buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02d.%06lldZ", tm.tm_year + 1900, tm.tm_mon + 1,
	    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ns / OR_NS_PER_US);
}

/* Reads n digits at *at and steps over them and the separator that must follow (0: none). */
static bool take_digits(struct or_slice s, size_t *at, size_t n, char separator, int *out)
{
	uint64_t v;

	if (*at + n + (separator ? 1 : 0) > s.n || or_str_u64(&v, or_slice(s.p + *at, n)))
		return false;
	*at += n;
	if (separator && s.p[(*at)++] != (uint8_t)separator)
		return false;
	*out = (int)v;
	return true;
}

static bool take_fraction(struct or_slice s, size_t *at, int64_t *ns)
{
	int64_t scale = OR_NS_PER_S / 10;
	size_t start;

	*ns = 0;
	if (*at >= s.n || s.p[*at] != '.')
		return true;
	start = ++*at;
	for (; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9'; ++*at, scale /= 10)
		*ns += (s.p[*at] - '0') * scale;
	return *at > start;
}

static bool take_offset(struct or_slice s, size_t *at, int *minutes)
{
	uint8_t c = *at < s.n ? s.p[(*at)++] : 0;
	int h, m, sign = c == '-' ? -1 : 1;

	*minutes = 0;
	if (c == 'Z' || c == 'z')
		return true;
	if (c != '+' && c != '-')
		return false;
	if (!take_digits(s, at, 2, ':', &h) || !take_digits(s, at, 2, 0, &m) || h > 23 || m > 59)
		return false;
	*minutes = sign * (h * 60 + m);
	return true;
}

static int days_of_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month] + (month == 1 && leap ? 1 : 0);
}

/* Fields were read as digits, so none is negative but a month of 0. A leap second is allowed. */
static bool is_calendar(const struct tm *tm)
{
	if (tm->tm_mon < 0 || tm->tm_mon > 11 || tm->tm_mday < 1 ||
	    tm->tm_mday > days_of_month(tm->tm_year + 1900, tm->tm_mon))
		return false;
	return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

/* "2026-11-24" and the separator behind it. */
static bool take_date(struct or_slice s, size_t *at, struct tm *tm)
{
	if (!take_digits(s, at, 4, '-', &tm->tm_year) || !take_digits(s, at, 2, '-', &tm->tm_mon) ||
	    !take_digits(s, at, 2, 0, &tm->tm_mday) || *at >= s.n)
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	++*at;
	return s.p[*at - 1] == 'T' || s.p[*at - 1] == 't' || s.p[*at - 1] == ' ';
}

/* "11:18:28.123456" */
static bool take_clock(struct or_slice s, size_t *at, struct tm *tm, int64_t *ns)
{
	return take_digits(s, at, 2, ':', &tm->tm_hour) &&
	       take_digits(s, at, 2, ':', &tm->tm_min) && take_digits(s, at, 2, 0, &tm->tm_sec) &&
	       take_fraction(s, at, ns);
}

enum or_code or_str_time_parse(int64_t *unix_ns, struct or_slice s)
{
	struct tm tm = {0};
	size_t at = 0;
	int64_t ns, seconds;
	int offset;

	if (!take_date(s, &at, &tm) || !take_clock(s, &at, &tm, &ns) ||
	    !take_offset(s, &at, &offset) || at != s.n || !is_calendar(&tm))
		return OR_PARSE;
	seconds = (int64_t)timegm(&tm) - (int64_t)offset * 60;
	if (__builtin_mul_overflow(seconds, OR_NS_PER_S, &seconds) ||
	    __builtin_add_overflow(seconds, ns, &seconds))
		return OR_FULL;
	*unix_ns = seconds;
	return OR_OK;
}

size_t or_str_find(struct or_slice s, uint8_t c, size_t from)
{
	const uint8_t *hit = from < s.n ? memchr(s.p + from, c, s.n - from) : NULL;

	return hit ? (size_t)(hit - s.p) : s.n;
}

struct or_slice or_str_trim(struct or_slice s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = or_slice_from(s, 1);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool or_str_eq_nocase(struct or_slice a, struct or_slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	}
	return true;
}

bool or_str_has_prefix(struct or_slice s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && memcmp(s.p ? s.p : (const uint8_t *)"", prefix, n) == 0;
}

bool or_str_has_suffix(struct or_slice s, const char *suffix)
{
	size_t n = strlen(suffix);

	return s.n >= n && (n == 0 || memcmp(s.p + s.n - n, suffix, n) == 0);
}

enum { NEAREST_MAX = 64 };

static size_t edit_distance(struct or_slice a, struct or_slice b)
{
	size_t row[NEAREST_MAX + 1];

	for (size_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t change = diagonal + (a.p[i - 1] != b.p[j - 1]);
			size_t best = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;

			diagonal = row[j];
			row[j] = change < best ? change : best;
		}
	}
	return row[b.n];
}

const char *or_str_nearest(struct or_slice s, const char *const *names)
{
	const char *best = NULL;
	size_t best_distance = s.n / 3 + 2;

	if (s.n > NEAREST_MAX)
		return NULL;
	for (; *names; names++) {
		struct or_slice name = or_slice_str(*names);
		size_t d;

		if (name.n > NEAREST_MAX)
			continue;
		d = edit_distance(s, name);
		if (d < best_distance) {
			best_distance = d;
			best = *names;
		}
	}
	return best;
}
