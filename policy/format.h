/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lays policy texts out: one style, as Cedar's own formatter has it. Comments are kept, blank lines
 * go but for one between policies, a trailing comma goes.
 *
 * What comes out means the same (checked: it parses to the same trees), and formatting it again
 * changes nothing. Thread: any. Limits: the buffer's, and POL_FORMAT_BUDGET (OR_FULL).
 */
#ifndef POLICY_FORMAT_H
#define POLICY_FORMAT_H

#include "policy/diag.h"

#define POL_FORMAT_BUDGET (512 * OR_MIB)

struct pol_format_opt {
	int width;  /* columns that lines are broken to where they can be; 0: 80 */
	int indent; /* blanks per level; 0: 2 */
};

/* Adds the text, laid out, to b. name is the file in messages; opt and diags may be NULL. OR_PARSE:
 * the text is no policy set; OR_UNSUPPORTED: the check failed (a mistake of this module's). */
OR_NODISCARD enum or_code pol_format_text(struct or_buf *b, const char *name, struct or_slice text,
    const struct pol_format_opt *opt, struct pol_diags *diags, struct or_err *err);

#endif
