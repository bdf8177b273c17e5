/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cases of `outrider policy test`: a request and what is expected of it.
 *
 * Thread: one per world. Owns: nothing; what a case reads lies in the world's arena. A key that is
 * not known is an error: an expectation that nobody checks would pass.
 */
#ifndef CLI_POLICY_POLICY_CASES_H
#define CLI_POLICY_POLICY_CASES_H

#include "cli/policy/policy_ask.h"

/*
 * One case: asks, and puts a line into said for everything that is not as expected; nothing: it
 * passed. OR_INVAL, OR_PARSE…: the case itself is wrong, err says where.
 */
OR_NODISCARD enum or_code ctl_policy_cases_try(struct or_buf *said, struct ctl_policy_world *w,
    const struct or_json *c, const char *where, struct or_err *err);

#endif
