/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Something happened in one of a set of folders: said once, then not again until it is armed.
 *
 * What it was is for the owner to look: a call for each write of a busy file would cost more than
 * looking now and then. So however much happens between two armings is one wake-up.
 * Thread: the loop's. Owns one inotify instance. A folder that goes is no longer watched; adding
 * one again that is watched costs a call of the system and changes nothing.
 */
#ifndef BASE_NOTICE_H
#define BASE_NOTICE_H

#include "base/loop.h"

struct or_notice;

/* Not armed. OR_IO: no more instances are given to this user. */
OR_NODISCARD enum or_code or_notice_new(
    struct or_notice **out, struct or_loop *loop, or_loop_fn *fn, void *arg, struct or_err *err);
/* NULL does nothing. */
void or_notice_free(struct or_notice *n);

/* Writes, names made, moved and taken away in dir. OR_IO: it is not there, or a limit. */
OR_NODISCARD enum or_code or_notice_add(struct or_notice *n, const char *dir, struct or_err *err);
/* Forgets what happened until now; the next thing that happens calls fn. Look once more after it:
 * what happened while one looked is forgotten too. */
void or_notice_arm(struct or_notice *n);

#endif
