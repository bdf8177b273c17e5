/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slow thread: a FIFO of calls that may block (fsync, unlink, getaddrinfo), and their
 * completions back on the loop.
 *
 * Thread: submit and free on the loop's thread; work runs on the slow thread, done on the loop, in
 * the order of submission. work and done share arg, which must stay valid until done has run.
 * Limits: max_queued calls whose done has not run; beyond it submit returns OR_FULL.
 */
#ifndef BASE_SLOW_H
#define BASE_SLOW_H

#include "base/loop.h"

struct or_slow;

OR_NODISCARD enum or_code or_slow_new(
    struct or_slow **out, struct or_loop *loop, size_t max_queued, struct or_err *err);
/* Waits for the call that is running; queued ones still run, then every done is called (which can
 * submit nothing more: OR_CLOSED). Not from within a done. NULL does nothing. */
void or_slow_free(struct or_slow *slow);

/* done may be NULL. OR_FULL: the queue is. OR_CLOSED: it is being freed. */
OR_NODISCARD enum or_code or_slow_submit(
    struct or_slow *slow, or_loop_fn *work, or_loop_fn *done, void *arg);

/* Calls whose done has not run yet. */
size_t or_slow_queued(const struct or_slow *slow);

#endif
