/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mailbox: how another thread reaches a loop (a queue and an eventfd).
 *
 * Thread: put from any thread; the callback runs on the loop's thread, in order of put, at most
 * OR_MBOX_BUDGET messages a turn. Messages are intrusive: the sender owns one until put, the
 * receiver from its callback on. Limits: max_queued; beyond it put returns OR_FULL and the
 * message stays the sender's.
 */
#ifndef BASE_MBOX_H
#define BASE_MBOX_H

#include "base/loop.h"

#define OR_MBOX_BUDGET 256

struct or_mbox;

struct or_mbox_msg {
	struct or_mbox_msg *next;
};

typedef void or_mbox_fn(void *arg, struct or_mbox_msg *msg);

OR_NODISCARD enum or_code or_mbox_new(struct or_mbox **out, struct or_loop *loop, size_t max_queued,
    or_mbox_fn *fn, void *arg, struct or_err *err);
/* On the loop's thread but not from within fn, when no sender is left. Messages still queued are
 * handed to fn. NULL does nothing. */
void or_mbox_free(struct or_mbox *mbox);

/* OR_FULL: max_queued messages wait. */
OR_NODISCARD enum or_code or_mbox_put(struct or_mbox *mbox, struct or_mbox_msg *msg);

#endif
