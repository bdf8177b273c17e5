/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cedar's decimal: a signed number with one to four digits behind the point, kept as an i64 count
 * of ten-thousandths.
 */
#ifndef POLICY_EXT_DECIMAL_H
#define POLICY_EXT_DECIMAL_H

#include "base/buf.h"
#include "base/err.h"

/* OR_PARSE: not of the form -?[0-9]+\.[0-9]{1,4}. OR_FULL: out of range. */
OR_NODISCARD enum or_code pol_ext_decimal_parse(int64_t *out, struct or_slice s);

/* decimal("…") */
void pol_ext_decimal_print(struct or_buf *b, int64_t v);

#endif
