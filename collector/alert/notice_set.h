/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of fingerprints: which alerts a notice tells. Pure; whoever owns one frees it
 * (co_notice_set_done).
 */
#ifndef COLLECTOR_ALERT_NOTICE_SET_H
#define COLLECTOR_ALERT_NOTICE_SET_H

#include "base/buf.h"
#include "base/err.h"

/* Rising, each once. Zeroed memory is the empty set. */
struct co_notice_set {
	uint64_t *p;
	size_t n;
};

void co_notice_set_done(struct co_notice_set *s);
/* *to becomes *from, which is then empty. */
void co_notice_set_move(struct co_notice_set *to, struct co_notice_set *from);
void co_notice_set_copy(struct co_notice_set *to, const struct co_notice_set *from);
void co_notice_set_add(struct co_notice_set *s, uint64_t fingerprint);
bool co_notice_set_has(const struct co_notice_set *s, uint64_t fingerprint);
/* Every element of a is in b. */
bool co_notice_set_is_subset(const struct co_notice_set *a, const struct co_notice_set *b);

/* As text: 16 hex digits each. */
void co_notice_set_put(struct or_buf *out, const struct co_notice_set *s);
/* OR_CORRUPT: not such a text; *out is untouched then. */
OR_NODISCARD enum or_code co_notice_set_read(struct co_notice_set *out, struct or_slice text);

#endif
