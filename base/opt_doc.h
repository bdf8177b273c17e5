/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people read about option tables (base/opt.h): --help and the reference.
 *
 * Pure; any thread. Failure is the buffer's, sticky.
 */
#ifndef BASE_OPT_DOC_H
#define BASE_OPT_DOC_H

#include "base/buf.h"
#include "base/opt.h"

/* Two columns, 100 wide: flag with its kind of value; help, default and range. */
void or_opt_doc_help(struct or_buf *out, const struct or_opt_set *set);

/* A Markdown table: key, value, default, range, help, flags. */
void or_opt_doc_markdown(struct or_buf *out, const struct or_opt_set *set);

/* What a value looks like: "DURATION", "strict|async". */
const char *or_opt_doc_value(const struct or_opt *opt);
/* Puts a number of that kind with the largest unit that divides it: "250ms", "64KiB", "7". */
void or_opt_doc_number(struct or_buf *out, const struct or_opt *opt, int64_t v);
/* Puts "1KiB to 64KiB", "at least 1", or nothing where there are no limits. */
void or_opt_doc_range(struct or_buf *out, const struct or_opt *opt);

#endif
