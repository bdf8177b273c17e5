/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A turn is: wait (libevent), readiness callbacks, due timers, deferred calls.
 *
 * Timers lie in a heap of our own, behind one timerfd that is set for the earliest: libevent's own
 * timeouts run on a coarse clock and wake up to 4 ms early, twice per timer; and a virtual clock
 * then needs nothing from libevent. The timerfd is only ever moved forward: where the earliest
 * timer was cancelled, one idle wake-up is cheaper than a system call per cancel.
 * What a callback adds while timers or deferred calls run has a higher number than the limit of
 * this turn and waits for the next one: nobody starves readiness.
 */
#include "base/loop.h"

#include "base/mem.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct or_loop_timer {
	struct or_loop *loop;
	or_loop_fn *fn;
	void *arg;
	int64_t due_ns;
	uint64_t number; /* order of start, among equal due times */
	size_t at;       /* index in the heap */
};

struct deferred {
	struct deferred *next;
	or_loop_fn *fn;
	void *arg;
	uint64_t number;
};

struct or_loop_io {
	struct or_loop *loop;
	or_loop_io_fn *fn;
	void *arg;
	struct event event;
};

struct or_loop_signal {
	or_loop_signal_fn *fn;
	void *arg;
	struct event event;
};

struct or_loop {
	struct event_base *base;
	struct event alarm;
	int alarm_fd;         /* a timerfd; -1 with a virtual clock */
	int64_t alarm_due_ns; /* what it is set for; INT64_MAX: nothing */
	struct or_loop_timer **heap;
	size_t n_timers;
	size_t cap_timers;
	struct deferred *deferred;
	struct deferred **deferred_tail;
	uint64_t next_number;
	or_loop_turn_fn *watch_fn;
	void *watch_arg;
	int64_t now_ns;
	int64_t wall_ns;
	bool is_now_known; /* the clocks were read in this turn */
	bool is_virtual;
	bool is_stopped;
	bool is_turning;
};

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * OR_NS_PER_S + ts.tv_nsec;
}

static void learn_now(struct or_loop *loop)
{
	if (loop->is_now_known || loop->is_virtual)
		return;
	loop->now_ns = read_clock(CLOCK_MONOTONIC);
	loop->wall_ns = read_clock(CLOCK_REALTIME);
	loop->is_now_known = true;
}

int64_t or_loop_now_ns(struct or_loop *loop)
{
	learn_now(loop);
	return loop->now_ns;
}

int64_t or_loop_wall_ns(struct or_loop *loop)
{
	learn_now(loop);
	return loop->wall_ns;
}

int64_t or_loop_fresh_ns(struct or_loop *loop)
{
	return loop->is_virtual ? loop->now_ns : read_clock(CLOCK_MONOTONIC);
}

/* The wait ends; what is due is found afterwards. */
static void on_alarm(evutil_socket_t fd, short what, void *arg)
{
	struct or_loop *loop = arg;
	uint64_t count;

	(void)what;
	(void)!read(fd, &count, sizeof(count));
	loop->alarm_due_ns = INT64_MAX;
}

static struct event_base *new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config) {
		event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
		base = event_base_new_with_config(config);
		event_config_free(config);
	}
	return base;
}

static enum or_code start_alarm(struct or_loop *loop, struct or_err *err)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		return or_err_sys(err, "making a timerfd");
	loop->alarm_fd = fd;
	event_assign(&loop->alarm, loop->base, fd, EV_READ | EV_PERSIST, on_alarm, loop);
	OR_ASSERT(event_add(&loop->alarm, NULL) == 0);
	return OR_OK;
}

enum or_code or_loop_new(struct or_loop **out, const struct or_loop_opt *opt, struct or_err *err)
{
	struct event_base *base = new_base();
	struct or_loop *loop;
	enum or_code rc = OR_OK;

	if (!base)
		return or_err_sys(err, "starting an event loop");
	loop = or_mem_new(sizeof(*loop));
	loop->base = base;
	loop->alarm_fd = -1;
	loop->alarm_due_ns = INT64_MAX;
	loop->deferred_tail = &loop->deferred;
	if (opt && opt->virtual_clock) {
		loop->is_virtual = true;
		loop->wall_ns = opt->virtual_wall_ns;
	} else {
		rc = start_alarm(loop, err);
	}
	if (rc) {
		or_loop_free(loop);
		return rc;
	}
	*out = loop;
	return OR_OK;
}

void or_loop_free(struct or_loop *loop)
{
	if (!loop)
		return;
	OR_ASSERT(!loop->is_turning);
	if (loop->alarm_fd >= 0) {
		event_del(&loop->alarm);
		close(loop->alarm_fd);
	}
	for (size_t i = 0; i < loop->n_timers; i++)
		or_mem_free(loop->heap[i]);
	or_mem_free(loop->heap);
	while (loop->deferred) {
		struct deferred *d = loop->deferred;

		loop->deferred = d->next;
		or_mem_free(d);
	}
	event_base_free(loop->base);
	or_mem_free(loop);
}

/* -- timers: a binary min-heap by due time, then by order of start -- */

static bool is_before(const struct or_loop_timer *a, const struct or_loop_timer *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->number < b->number;
}

static void heap_set(struct or_loop *loop, size_t at, struct or_loop_timer *timer)
{
	loop->heap[at] = timer;
	timer->at = at;
}

static void heap_up(struct or_loop *loop, size_t at, struct or_loop_timer *timer)
{
	while (at > 0 && is_before(timer, loop->heap[(at - 1) / 2])) {
		heap_set(loop, at, loop->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_set(loop, at, timer);
}

static void heap_down(struct or_loop *loop, size_t at, struct or_loop_timer *timer)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < loop->n_timers &&
		    is_before(loop->heap[child + 1], loop->heap[child]))
			child++;
		if (child >= loop->n_timers || !is_before(loop->heap[child], timer))
			break;
		heap_set(loop, at, loop->heap[child]);
		at = child;
	}
	heap_set(loop, at, timer);
}

static void heap_remove(struct or_loop *loop, size_t at)
{
	struct or_loop_timer *last = loop->heap[--loop->n_timers];

	if (at == loop->n_timers)
		return;
	if (at > 0 && is_before(last, loop->heap[(at - 1) / 2]))
		heap_up(loop, at, last);
	else
		heap_down(loop, at, last);
}

struct or_loop_timer *or_loop_timer_start(
    struct or_loop *loop, int64_t after_ns, or_loop_fn *fn, void *arg)
{
	struct or_loop_timer *timer = or_mem_new(sizeof(*timer));

	OR_ASSERT(after_ns >= 0);
	timer->loop = loop;
	timer->fn = fn;
	timer->arg = arg;
	timer->number = loop->next_number++;
	if (__builtin_add_overflow(or_loop_now_ns(loop), after_ns, &timer->due_ns))
		timer->due_ns = INT64_MAX;
	if (loop->n_timers == loop->cap_timers) {
		loop->cap_timers = loop->cap_timers ? loop->cap_timers * 2 : 16;
		loop->heap =
		    or_mem_resize(loop->heap, loop->cap_timers * sizeof(struct or_loop_timer *));
	}
	heap_up(loop, loop->n_timers++, timer);
	return timer;
}

void or_loop_timer_cancel(struct or_loop_timer *timer)
{
	if (!timer)
		return;
	heap_remove(timer->loop, timer->at);
	or_mem_free(timer);
}

/* Fires the earliest timer, if it is due and was started before `limit`. */
static bool fire_one(struct or_loop *loop, int64_t now_ns, uint64_t limit)
{
	struct or_loop_timer *timer = loop->n_timers ? loop->heap[0] : NULL;
	or_loop_fn *fn;
	void *arg;

	if (!timer || timer->due_ns > now_ns || timer->number >= limit)
		return false;
	fn = timer->fn;
	arg = timer->arg;
	or_loop_timer_cancel(timer);
	fn(arg);
	return true;
}

/* -- deferred calls -- */

void or_loop_defer(struct or_loop *loop, or_loop_fn *fn, void *arg)
{
	struct deferred *d = or_mem_new(sizeof(*d));

	d->fn = fn;
	d->arg = arg;
	d->number = loop->next_number++;
	*loop->deferred_tail = d;
	loop->deferred_tail = &d->next;
}

void or_loop_defer_cancel(struct or_loop *loop, or_loop_fn *fn, void *arg)
{
	struct deferred **at = &loop->deferred;

	while (*at) {
		struct deferred *d = *at;

		if (d->fn == fn && d->arg == arg) {
			*at = d->next;
			or_mem_free(d);
		} else {
			at = &d->next;
		}
	}
	loop->deferred_tail = at;
}

static void run_deferred(struct or_loop *loop)
{
	uint64_t limit = loop->next_number;

	while (loop->deferred && loop->deferred->number < limit) {
		struct deferred d = *loop->deferred;

		or_mem_free(loop->deferred);
		loop->deferred = d.next;
		if (!d.next)
			loop->deferred_tail = &loop->deferred;
		d.fn(d.arg);
	}
}

/* -- turns -- */

static void set_alarm(struct or_loop *loop)
{
	int64_t due_ns = loop->n_timers ? loop->heap[0]->due_ns : INT64_MAX;
	struct itimerspec spec = {0};

	if (loop->is_virtual || due_ns >= loop->alarm_due_ns)
		return;
	spec.it_value.tv_sec = due_ns / OR_NS_PER_S;
	spec.it_value.tv_nsec = due_ns % OR_NS_PER_S;
	OR_ASSERT(timerfd_settime(loop->alarm_fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0);
	loop->alarm_due_ns = due_ns;
}

void or_loop_turn(struct or_loop *loop, bool nowait)
{
	uint64_t limit;
	bool is_due;

	OR_ASSERT(!loop->is_turning);
	loop->is_turning = true;
	loop->is_now_known = false;
	learn_now(loop);
	is_due = loop->n_timers && loop->heap[0]->due_ns <= loop->now_ns;
	nowait = nowait || is_due || loop->deferred;
	if (!nowait)
		set_alarm(loop);
	loop->is_now_known = false;
	event_base_loop(
	    loop->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY | (nowait ? EVLOOP_NONBLOCK : 0));
	learn_now(loop);
	limit = loop->next_number;
	while (!loop->is_stopped && fire_one(loop, loop->now_ns, limit))
		;
	run_deferred(loop);
	if (loop->watch_fn && !loop->is_virtual)
		loop->watch_fn(loop->watch_arg, read_clock(CLOCK_MONOTONIC) - loop->now_ns);
	loop->is_turning = false;
}

void or_loop_watch(struct or_loop *loop, or_loop_turn_fn *fn, void *arg)
{
	loop->watch_fn = fn;
	loop->watch_arg = arg;
}

void or_loop_run(struct or_loop *loop)
{
	while (!loop->is_stopped)
		or_loop_turn(loop, false);
	loop->is_stopped = false;
}

void or_loop_stop(struct or_loop *loop)
{
	loop->is_stopped = true;
}

void or_loop_advance(struct or_loop *loop, int64_t ns)
{
	int64_t target = loop->now_ns + ns;

	OR_ASSERT(loop->is_virtual && ns >= 0 && !loop->is_turning);
	loop->is_turning = true;
	run_deferred(loop);
	while (loop->n_timers && loop->heap[0]->due_ns <= target) {
		int64_t due = loop->heap[0]->due_ns;

		/* A timer may have been due before now where a turn did not look at it yet. */
		if (due > loop->now_ns) {
			loop->wall_ns += due - loop->now_ns;
			loop->now_ns = due;
		}
		fire_one(loop, due, UINT64_MAX);
		run_deferred(loop);
	}
	loop->wall_ns += target - loop->now_ns;
	loop->now_ns = target;
	loop->is_turning = false;
}

struct event_base *or_loop_event_base(struct or_loop *loop)
{
	return loop->base;
}

/* -- readiness and signals -- */

static void on_io(evutil_socket_t fd, short what, void *arg)
{
	struct or_loop_io *io = arg;

	learn_now(io->loop);
	io->fn(io->arg, fd,
	    (what & EV_READ ? OR_LOOP_READ : 0) | (what & EV_WRITE ? OR_LOOP_WRITE : 0));
}

struct or_loop_io *or_loop_io_start(
    struct or_loop *loop, int fd, int what, or_loop_io_fn *fn, void *arg)
{
	struct or_loop_io *io = or_mem_new(sizeof(*io));
	short events = EV_PERSIST;

	OR_ASSERT(what && !(what & ~(OR_LOOP_READ | OR_LOOP_WRITE)));
	events = (short)(events | (what & OR_LOOP_READ ? EV_READ : 0));
	events = (short)(events | (what & OR_LOOP_WRITE ? EV_WRITE : 0));
	io->loop = loop;
	io->fn = fn;
	io->arg = arg;
	event_assign(&io->event, loop->base, fd, events, on_io, io);
	OR_ASSERT(event_add(&io->event, NULL) == 0);
	return io;
}

void or_loop_io_cancel(struct or_loop_io *io)
{
	if (!io)
		return;
	event_del(&io->event);
	or_mem_free(io);
}

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct or_loop_signal *sig = arg;

	(void)what;
	sig->fn(sig->arg, signo);
}

struct or_loop_signal *or_loop_signal_start(
    struct or_loop *loop, int signo, or_loop_signal_fn *fn, void *arg)
{
	struct or_loop_signal *sig = or_mem_new(sizeof(*sig));

	sig->fn = fn;
	sig->arg = arg;
	event_assign(&sig->event, loop->base, signo, EV_SIGNAL | EV_PERSIST, on_signal, sig);
	OR_ASSERT(event_add(&sig->event, NULL) == 0);
	return sig;
}

void or_loop_signal_cancel(struct or_loop_signal *sig)
{
	if (!sig)
		return;
	event_del(&sig->event);
	or_mem_free(sig);
}
