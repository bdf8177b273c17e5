/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: readiness, timers, signals and deferred calls on one thread.
 *
 * Thread: everything here is called on the loop's own thread; others use base/mbox.h.
 * Nothing that a callback does may block. Every start has a cancel, after which the callback is
 * never called again; cancel of NULL does nothing. Callbacks may start and cancel anything,
 * themselves included. Handles belong to the loop and are freed by their cancel, or (a timer, a
 * deferred call) by having fired.
 * Time: monotonic and wall time are read once per turn; logic takes them as arguments. A loop with
 * a virtual clock stands still until or_loop_advance, for tests.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include "base/err.h"

struct or_loop;
struct or_loop_timer;
struct or_loop_io;
struct or_loop_signal;

enum { OR_LOOP_READ = 1, OR_LOOP_WRITE = 2 };

struct or_loop_opt {
	bool virtual_clock;
	int64_t virtual_wall_ns; /* where its wall clock starts */
};

/* opt may be NULL. OR_IO: the system refused an epoll instance. */
OR_NODISCARD enum or_code or_loop_new(
    struct or_loop **out, const struct or_loop_opt *opt, struct or_err *err);
/* Everything started on it must have been cancelled; what remains is freed without a call. */
void or_loop_free(struct or_loop *loop);

/* Runs until or_loop_stop; one that came before makes it return at once. */
void or_loop_run(struct or_loop *loop);
/* One turn: waits for the first event unless nowait, and handles what is ready. */
void or_loop_turn(struct or_loop *loop, bool nowait);
void or_loop_stop(struct or_loop *loop);

int64_t or_loop_now_ns(struct or_loop *loop);  /* monotonic */
int64_t or_loop_wall_ns(struct or_loop *loop); /* since 1970, UTC */
/* Monotonic and read anew, for how long something took within a turn. */
int64_t or_loop_fresh_ns(struct or_loop *loop);
/* Virtual clock only: moves time, firing timers in their order, each at its own time, with the
 * deferred calls that they make. Not from within a callback. */
void or_loop_advance(struct or_loop *loop, int64_t ns);

typedef void or_loop_fn(void *arg);

/* Once, after_ns from now (>= 0). The handle is gone when fn is called. */
struct or_loop_timer *or_loop_timer_start(
    struct or_loop *loop, int64_t after_ns, or_loop_fn *fn, void *arg);
void or_loop_timer_cancel(struct or_loop_timer *timer);

/* At the end of this turn (from within a deferred call: of the next), in order; for freeing
 * oneself and for yielding. Ends by itself. */
void or_loop_defer(struct or_loop *loop, or_loop_fn *fn, void *arg);
/* Takes back every deferred call of that fn and arg. */
void or_loop_defer_cancel(struct or_loop *loop, or_loop_fn *fn, void *arg);

typedef void or_loop_io_fn(void *arg, int fd, int what);

/* Level-triggered, until cancelled. The fd stays the caller's and must outlive the watch. */
struct or_loop_io *or_loop_io_start(
    struct or_loop *loop, int fd, int what, or_loop_io_fn *fn, void *arg);
void or_loop_io_cancel(struct or_loop_io *io);

typedef void or_loop_signal_fn(void *arg, int signo);

/* Process-wide: one loop of the process may watch a signal. */
struct or_loop_signal *or_loop_signal_start(
    struct or_loop *loop, int signo, or_loop_signal_fn *fn, void *arg);
void or_loop_signal_cancel(struct or_loop_signal *sig);

/* After every turn: how long its callbacks kept other events waiting, from the first of them that
 * asked for the time. One watcher per loop; NULL takes it away. */
typedef void or_loop_turn_fn(void *arg, int64_t busy_ns);
void or_loop_watch(struct or_loop *loop, or_loop_turn_fn *fn, void *arg);

/* For base alone (connections on bufferevents): libevent's base behind the loop. */
struct event_base;
struct event_base *or_loop_event_base(struct or_loop *loop);

#endif
