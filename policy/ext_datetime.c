/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/ext_datetime.h"

#include "base/str.h"

/* Reads n digits at *at. */
static bool take(struct or_slice s, size_t *at, size_t n, int64_t *out)
{
	uint64_t v;

	if (*at + n > s.n || or_str_u64(&v, or_slice(s.p + *at, n)))
		return false;
	*at += n;
	*out = (int64_t)v;
	return true;
}

static bool take_byte(struct or_slice s, size_t *at, char c)
{
	if (*at >= s.n || s.p[*at] != (uint8_t)c)
		return false;
	++*at;
	return true;
}

static bool is_leap(int64_t y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static bool is_date(int64_t y, int64_t m, int64_t d)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return m >= 1 && m <= 12 && d >= 1 && d <= days[m - 1] + (m == 2 && is_leap(y) ? 1 : 0);
}

/* Days since 1970-01-01: eras of 400 years that begin in March, so that a leap day ends one. */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
	int64_t year = y - (m <= 2), era = (year >= 0 ? year : year - 399) / 400;
	int64_t of_era = year - era * 400;
	int64_t of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* .SSS, and Z or ±hhmm, to the end. */
static bool take_tail(struct or_slice s, size_t *at, int64_t *ms)
{
	int64_t h, m, sign;

	*ms = 0;
	if (take_byte(s, at, '.') && !take(s, at, 3, ms))
		return false;
	if (take_byte(s, at, 'Z'))
		return *at == s.n;
	sign = take_byte(s, at, '+') ? 1 : take_byte(s, at, '-') ? -1 : 0;
	if (sign == 0 || !take(s, at, 2, &h) || !take(s, at, 2, &m) || h > 23 || m > 59)
		return false;
	*ms -= sign * (h * 60 + m) * 60000;
	return *at == s.n;
}

static bool take_date(struct or_slice s, size_t *at, int64_t *days)
{
	int64_t y, m, d;

	if (!take(s, at, 4, &y) || !take_byte(s, at, '-') || !take(s, at, 2, &m) ||
	    !take_byte(s, at, '-') || !take(s, at, 2, &d) || !is_date(y, m, d))
		return false;
	*days = days_of(y, m, d);
	return true;
}

/* Thh:mm:ss */
static bool take_time(struct or_slice s, size_t *at, int64_t *ms)
{
	int64_t h, m, sec;

	if (!take_byte(s, at, 'T') || !take(s, at, 2, &h) || !take_byte(s, at, ':') ||
	    !take(s, at, 2, &m) || !take_byte(s, at, ':') || !take(s, at, 2, &sec))
		return false;
	*ms = ((h * 60 + m) * 60 + sec) * 1000;
	return h < 24 && m < 60 && sec < 60;
}

enum or_code pol_ext_datetime_parse(int64_t *out_ms, struct or_slice s)
{
	int64_t days, time = 0, tail = 0;
	size_t at = 0;

	if (!take_date(s, &at, &days))
		return OR_PARSE;
	if (at < s.n && (!take_time(s, &at, &time) || !take_tail(s, &at, &tail)))
		return OR_PARSE;
	*out_ms = days * POL_MS_PER_DAY + time + tail;
	return OR_OK;
}

struct unit {
	const char *name;
	int64_t ms;
};

static const struct unit UNITS[] = {
    {"d", POL_MS_PER_DAY}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

/* The unit at *at, from UNITS[from] on; "m" is not the start of "ms". */
static size_t take_unit(struct or_slice s, size_t *at, size_t from)
{
	bool ms = *at + 1 < s.n && s.p[*at] == 'm' && s.p[*at + 1] == 's';

	for (size_t u = from; u < OR_LEN(UNITS); u++) {
		bool is_ms = UNITS[u].name[1] != 0;

		if (is_ms ? ms : !ms && *at < s.n && s.p[*at] == (uint8_t)UNITS[u].name[0]) {
			*at += is_ms ? 2 : 1;
			return u;
		}
	}
	return OR_LEN(UNITS);
}

enum or_code pol_ext_datetime_parse_duration(int64_t *out_ms, struct or_slice s)
{
	size_t at = 0, unit = 0;
	bool negative = take_byte(s, &at, '-');
	int64_t sum = 0;
	bool full = false;

	if (at == s.n)
		return OR_PARSE;
	while (at < s.n) {
		size_t start = at;
		int64_t v = 0;

		for (; at < s.n && s.p[at] >= '0' && s.p[at] <= '9'; at++) {
			int digit = s.p[at] - '0';

			full |= __builtin_mul_overflow(v, (int64_t)10, &v);
			full |= __builtin_add_overflow(v, (int64_t)(negative ? -digit : digit), &v);
		}
		if (at == start)
			return OR_PARSE;
		unit = take_unit(s, &at, unit);
		if (unit == OR_LEN(UNITS))
			return OR_PARSE;
		full |= __builtin_mul_overflow(v, UNITS[unit].ms, &v);
		full |= __builtin_add_overflow(sum, v, &sum);
		unit++;
	}
	if (full)
		return OR_FULL;
	*out_ms = sum;
	return OR_OK;
}

int64_t pol_ext_datetime_to_time(int64_t ms)
{
	int64_t rest = ms % POL_MS_PER_DAY;

	return rest < 0 ? rest + POL_MS_PER_DAY : rest;
}

enum or_code pol_ext_datetime_to_date(int64_t *out_ms, int64_t ms)
{
	return __builtin_sub_overflow(ms, pol_ext_datetime_to_time(ms), out_ms) ? OR_FULL : OR_OK;
}

void pol_ext_datetime_print_duration(struct or_buf *b, int64_t ms)
{
	or_buf_printf(b, "duration(\"%lldms\")", (long long)ms);
}

static bool print_civil(struct or_buf *b, int64_t ms)
{
	int64_t time = pol_ext_datetime_to_time(ms);
	int64_t days = (ms - time) / POL_MS_PER_DAY + 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100), mp = (5 * of_year + 2) / 153;
	int64_t d = of_year - (153 * mp + 2) / 5 + 1, m = mp < 10 ? mp + 3 : mp - 9;

	y += era * 400 + (m <= 2);
	if (y < 0 || y > 9999)
		return false;
	or_buf_printf(b, "datetime(\"%04lld-%02lld-%02lldT%02lld:%02lld:%02lld.%03lldZ\")",
	    (long long)y, (long long)m, (long long)d, (long long)(time / 3600000),
	    (long long)(time / 60000 % 60), (long long)(time / 1000 % 60),
	    (long long)(time % 1000));
	return true;
}

void pol_ext_datetime_print(struct or_buf *b, int64_t ms)
{
	/* Outside of what datetime() reads, the way Cedar writes it. */
	if (ms < -POL_MS_PER_DAY * 719528 || ms >= POL_MS_PER_DAY * 2932897 ||
	    !print_civil(b, ms)) {
		or_buf_put_str(b, "datetime(\"1970-01-01\").offset(");
		pol_ext_datetime_print_duration(b, ms);
		or_buf_put_byte(b, ')');
	}
}
