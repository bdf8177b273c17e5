/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/ext.h"

#include "policy/ext_datetime.h"
#include "policy/ext_decimal.h"
#include "policy/ext_ip.h"

static const struct pol_ext_signature SIGNATURES[POL_EXT_FNS] = {
    [POL_EXT_IP] = {"ip", POL_IP, 1, {POL_STRING}},
    [POL_EXT_DECIMAL] = {"decimal", POL_DECIMAL, 1, {POL_STRING}},
    [POL_EXT_DATETIME] = {"datetime", POL_DATETIME, 1, {POL_STRING}},
    [POL_EXT_DURATION] = {"duration", POL_DURATION, 1, {POL_STRING}},
    [POL_EXT_IS_IPV4] = {"isIpv4", POL_BOOL, 1, {POL_IP}},
    [POL_EXT_IS_IPV6] = {"isIpv6", POL_BOOL, 1, {POL_IP}},
    [POL_EXT_IS_LOOPBACK] = {"isLoopback", POL_BOOL, 1, {POL_IP}},
    [POL_EXT_IS_MULTICAST] = {"isMulticast", POL_BOOL, 1, {POL_IP}},
    [POL_EXT_IS_IN_RANGE] = {"isInRange", POL_BOOL, 2, {POL_IP, POL_IP}},
    [POL_EXT_LESS_THAN] = {"lessThan", POL_BOOL, 2, {POL_DECIMAL, POL_DECIMAL}},
    [POL_EXT_LESS_THAN_OR_EQUAL] = {"lessThanOrEqual", POL_BOOL, 2, {POL_DECIMAL, POL_DECIMAL}},
    [POL_EXT_GREATER_THAN] = {"greaterThan", POL_BOOL, 2, {POL_DECIMAL, POL_DECIMAL}},
    [POL_EXT_GREATER_THAN_OR_EQUAL] = {"greaterThanOrEqual", POL_BOOL, 2,
	{POL_DECIMAL, POL_DECIMAL}},
    [POL_EXT_OFFSET] = {"offset", POL_DATETIME, 2, {POL_DATETIME, POL_DURATION}},
    [POL_EXT_DURATION_SINCE] = {"durationSince", POL_DURATION, 2, {POL_DATETIME, POL_DATETIME}},
    [POL_EXT_TO_DATE] = {"toDate", POL_DATETIME, 1, {POL_DATETIME}},
    [POL_EXT_TO_TIME] = {"toTime", POL_DURATION, 1, {POL_DATETIME}},
    [POL_EXT_TO_MILLISECONDS] = {"toMilliseconds", POL_LONG, 1, {POL_DURATION}},
    [POL_EXT_TO_SECONDS] = {"toSeconds", POL_LONG, 1, {POL_DURATION}},
    [POL_EXT_TO_MINUTES] = {"toMinutes", POL_LONG, 1, {POL_DURATION}},
    [POL_EXT_TO_HOURS] = {"toHours", POL_LONG, 1, {POL_DURATION}},
    [POL_EXT_TO_DAYS] = {"toDays", POL_LONG, 1, {POL_DURATION}},
};

enum pol_ext_fn pol_ext_find(struct or_slice name)
{
	int fn = 0;

	while (fn < POL_EXT_FNS && !or_slice_is(name, SIGNATURES[fn].name))
		fn++;
	return (enum pol_ext_fn)fn;
}

const char *pol_ext_name(enum pol_ext_fn fn)
{
	return SIGNATURES[fn].name;
}

const struct pol_ext_signature *pol_ext_signature(enum pol_ext_fn fn)
{
	return &SIGNATURES[fn];
}

enum or_code pol_ext_construct(
    struct pol_value *out, enum pol_ext_fn fn, struct or_slice text, struct or_arena *a)
{
	struct pol_value v = {.kind = SIGNATURES[fn].result};
	struct pol_ip ip;
	enum or_code rc;

	if (fn == POL_EXT_IP) {
		rc = pol_ext_ip_parse(&ip, text);
		v.ip = rc ? NULL : pol_ext_ip_dup(a, &ip);
		rc = rc ? rc : v.ip ? OR_OK : OR_FULL;
	} else if (fn == POL_EXT_DECIMAL) {
		rc = pol_ext_decimal_parse(&v.i, text);
	} else if (fn == POL_EXT_DATETIME) {
		rc = pol_ext_datetime_parse(&v.i, text);
	} else {
		rc = pol_ext_datetime_parse_duration(&v.i, text);
	}
	if (rc == OR_OK)
		*out = v;
	return rc;
}

static bool call_ip(enum pol_ext_fn fn, const struct pol_ip *a, const struct pol_value *b)
{
	switch ((int)fn) {
	case POL_EXT_IS_IPV4: return !a->v6;
	case POL_EXT_IS_IPV6: return a->v6;
	case POL_EXT_IS_LOOPBACK: return pol_ext_ip_is_loopback(a);
	case POL_EXT_IS_MULTICAST: return pol_ext_ip_is_multicast(a);
	default: return pol_ext_ip_in_range(a, b->ip);
	}
}

static bool call_decimal(enum pol_ext_fn fn, int64_t a, int64_t b)
{
	switch ((int)fn) {
	case POL_EXT_LESS_THAN: return a < b;
	case POL_EXT_LESS_THAN_OR_EQUAL: return a <= b;
	case POL_EXT_GREATER_THAN: return a > b;
	default: return a >= b;
	}
}

static enum or_code call_time(int64_t *out, enum pol_ext_fn fn, int64_t a, int64_t b)
{
	switch ((int)fn) {
	case POL_EXT_OFFSET: return __builtin_add_overflow(a, b, out) ? OR_FULL : OR_OK;
	case POL_EXT_DURATION_SINCE: return __builtin_sub_overflow(a, b, out) ? OR_FULL : OR_OK;
	case POL_EXT_TO_DATE: return pol_ext_datetime_to_date(out, a);
	case POL_EXT_TO_TIME: *out = pol_ext_datetime_to_time(a); return OR_OK;
	case POL_EXT_TO_SECONDS: *out = a / 1000; return OR_OK;
	case POL_EXT_TO_MINUTES: *out = a / 60000; return OR_OK;
	case POL_EXT_TO_HOURS: *out = a / 3600000; return OR_OK;
	case POL_EXT_TO_DAYS: *out = a / POL_MS_PER_DAY; return OR_OK;
	default: *out = a; return OR_OK;
	}
}

enum or_code pol_ext_call(
    struct pol_value *out, enum pol_ext_fn fn, const struct pol_value *a, const struct pol_value *b)
{
	int64_t v;
	enum or_code rc;

	if (SIGNATURES[fn].args[0] == POL_IP) {
		*out = pol_value_bool(call_ip(fn, a->ip, b));
		return OR_OK;
	}
	if (SIGNATURES[fn].args[0] == POL_DECIMAL) {
		*out = pol_value_bool(call_decimal(fn, a->i, b->i));
		return OR_OK;
	}
	rc = call_time(&v, fn, a->i, b ? b->i : 0);
	if (rc == OR_OK)
		*out = pol_value_scaled(SIGNATURES[fn].result, v);
	return rc;
}
