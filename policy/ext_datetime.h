/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cedar's datetime and duration (Cedar RFC 80): milliseconds in an i64, since 1970 in UTC for a
 * datetime. The calendar is the proleptic Gregorian one, years 0000 to 9999.
 */
#ifndef POLICY_EXT_DATETIME_H
#define POLICY_EXT_DATETIME_H

#include "base/buf.h"
#include "base/err.h"

#define POL_MS_PER_DAY 86400000LL

/* YYYY-MM-DD, or with Thh:mm:ss[.SSS](Z|±hhmm) behind it. OR_PARSE. */
OR_NODISCARD enum or_code pol_ext_datetime_parse(int64_t *out_ms, struct or_slice s);

/* -?[0-9]+d[0-9]+h[0-9]+m[0-9]+s[0-9]+ms with any part left out, but not all. OR_PARSE; OR_FULL:
 * out of range. */
OR_NODISCARD enum or_code pol_ext_datetime_parse_duration(int64_t *out_ms, struct or_slice s);

/* The start of its day. OR_FULL: before the least datetime. */
OR_NODISCARD enum or_code pol_ext_datetime_to_date(int64_t *out_ms, int64_t ms);

/* The time since the start of its day. */
int64_t pol_ext_datetime_to_time(int64_t ms);

/* datetime("…") and duration("…") */
void pol_ext_datetime_print(struct or_buf *b, int64_t ms);
void pol_ext_datetime_print_duration(struct or_buf *b, int64_t ms);

#endif
