/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the verbs of `outrider policy` read, and how they show what is wrong with it.
 */
#ifndef CLI_POLICY_INPUT_H
#define CLI_POLICY_INPUT_H

#include "policy/diag.h"

#define CTL_INPUT_MAX (256 * OR_MIB)

/* The file; "-" is standard input. Its name in messages is then "<stdin>". OR_FULL: too large. */
OR_NODISCARD enum or_code ctl_input_read(struct or_buf *out, const char *path, struct or_err *err);
const char *ctl_input_name(const char *path);

/* Every diagnostic on stderr, cleaned of control characters. */
void ctl_input_complain(const struct pol_diags *diags);

/* The text to stdout as it is. OR_IO. */
OR_NODISCARD enum or_code ctl_input_pass_on(struct or_slice text, struct or_err *err);

#endif
