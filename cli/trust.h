/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `outrider verify` remembers of each log between two runs: the key it pinned on first use,
 * and the last checkpoint it saw. <state>/logs.json, by origin.
 */
#ifndef CLI_TRUST_H
#define CLI_TRUST_H

#include "cli/state.h"
#include "tlog/hash.h"

struct ctl_trust_log {
	struct or_slice vkey; /* empty: never seen */
	uint64_t size;        /* 0: no checkpoint seen */
	struct tl_hash root;
};

/* An origin that was never seen gives an empty *out. */
OR_NODISCARD enum or_code ctl_trust_get(
    struct ctl_trust_log *out, struct ctl_state *s, struct or_slice origin, struct or_err *err);

/* Writes it back, durably; other origins stay. */
OR_NODISCARD enum or_code ctl_trust_put(struct ctl_state *s, struct or_slice origin,
    const struct ctl_trust_log *log, struct or_err *err);

#endif
