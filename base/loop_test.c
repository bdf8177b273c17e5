/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include "tests/support/support.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { MAX_CALLS = 64 };

struct fixture {
	struct or_loop *loop;
	struct or_loop_timer *timer;
	struct or_loop_io *io;
	struct or_loop_signal *sig;
	char calls[MAX_CALLS + 1];
	size_t n;
	int fds[2];
};

/* Which of several calls it was: a callback's arg points at one of these. */
struct mark {
	struct fixture *f;
	char name;
	int64_t again_ns; /* > 0: starts itself again */
	int64_t at_ns;
};

static void note(struct fixture *f, char c)
{
	assert_true(f->n < MAX_CALLS);
	f->calls[f->n++] = c;
}

static void on_mark(void *arg)
{
	struct mark *m = arg;

	m->at_ns = or_loop_now_ns(m->f->loop);
	note(m->f, m->name);
	if (m->again_ns)
		or_loop_timer_start(m->f->loop, m->again_ns, on_mark, m);
}

static int setup(void **state, bool is_virtual)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	struct or_loop_opt opt = {.virtual_clock = is_virtual, .virtual_wall_ns = 1000};
	struct or_err err;

	ASSERT_OK(or_loop_new(&f->loop, &opt, &err), &err);
	assert_int_equal(pipe(f->fds), 0);
	*state = f;
	return 0;
}

static int setup_virtual(void **state)
{
	return setup(state, true);
}

static int setup_real(void **state)
{
	return setup(state, false);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	or_loop_free(f->loop);
	close(f->fds[0]);
	close(f->fds[1]);
	test_free(f);
	return 0;
}

static void timers__fire_by_due_time_then_by_order_of_start(void **state)
{
	struct fixture *f = *state;
	struct mark a = {f, 'a', 0, 0}, b = {f, 'b', 0, 0}, c = {f, 'c', 0, 0}, d = {f, 'd', 0, 0};

	or_loop_timer_start(f->loop, 30, on_mark, &c);
	or_loop_timer_start(f->loop, 10, on_mark, &a);
	or_loop_timer_start(f->loop, 10, on_mark, &b);
	or_loop_timer_start(f->loop, INT64_MAX, on_mark, &d);
	or_loop_advance(f->loop, 9);
	assert_string_equal(f->calls, "");
	or_loop_advance(f->loop, 100);
	assert_string_equal(f->calls, "abc");
	assert_int_equal(a.at_ns, 10);
	assert_int_equal(c.at_ns, 30);
	assert_int_equal(or_loop_now_ns(f->loop), 109);
	assert_int_equal(or_loop_wall_ns(f->loop), 1109);
}

static void timers__a_thousand_come_in_order_and_cancelled_ones_never(void **state)
{
	enum { N = 1000 };
	struct fixture *f = *state;
	struct or_loop_timer *timers[N];
	static struct mark marks[N];
	int64_t last = -1;
	int fired = 0;

	for (int i = 0; i < N; i++) {
		marks[i] = (struct mark){f, 'x', 0, -1};
		timers[i] = or_loop_timer_start(f->loop, 1 + (i * 7919) % N, on_mark, &marks[i]);
	}
	for (int i = 0; i < N; i++) {
		if (i % 3)
			or_loop_timer_cancel(timers[i]);
	}
	for (int t = 1; t <= N; t++) {
		f->n = 0;
		or_loop_advance(f->loop, 1);
		for (int i = 0; i < N; i += 3)
			last = marks[i].at_ns > last ? marks[i].at_ns : last;
		assert_true(last <= t);
	}
	for (int i = 0; i < N; i++) {
		assert_int_equal(marks[i].at_ns, i % 3 ? -1 : 1 + (i * 7919) % N);
		fired += marks[i].at_ns >= 0;
	}
	assert_int_equal(fired, (N + 2) / 3);
}

static void timers__a_periodic_one_fires_once_per_period(void **state)
{
	struct fixture *f = *state;
	struct mark m = {f, 'm', 10, 0};

	or_loop_timer_start(f->loop, 10, on_mark, &m);
	or_loop_advance(f->loop, 55);
	assert_string_equal(f->calls, "mmmmm");
	assert_int_equal(m.at_ns, 50);
}

static void cancel_other(void *arg)
{
	struct fixture *f = arg;

	note(f, 'k');
	or_loop_timer_cancel(f->timer);
}

static void timers__may_cancel_one_another(void **state)
{
	struct fixture *f = *state;
	struct mark m = {f, 'm', 0, 0};

	or_loop_timer_start(f->loop, 5, cancel_other, f);
	f->timer = or_loop_timer_start(f->loop, 5, on_mark, &m);
	or_loop_timer_cancel(NULL);
	or_loop_advance(f->loop, 5);
	assert_string_equal(f->calls, "k");
}

static void defer_self(void *arg)
{
	struct fixture *f = arg;

	note(f, 's');
	if (f->n < 3)
		or_loop_defer(f->loop, defer_self, f);
}

static void defer__runs_in_order_and_what_it_defers_waits_for_the_next_turn(void **state)
{
	struct fixture *f = *state;
	struct mark a = {f, 'a', 0, 0}, b = {f, 'b', 0, 0};

	or_loop_defer(f->loop, on_mark, &a);
	or_loop_defer(f->loop, defer_self, f);
	or_loop_defer(f->loop, on_mark, &b);
	or_loop_defer(f->loop, on_mark, &b);
	or_loop_defer_cancel(f->loop, on_mark, &b);
	or_loop_turn(f->loop, false);
	assert_string_equal(f->calls, "as");
	or_loop_turn(f->loop, false);
	assert_string_equal(f->calls, "ass");
	or_loop_defer(f->loop, on_mark, &b);
	or_loop_turn(f->loop, true);
	assert_string_equal(f->calls, "assb");
}

static void cancel_deferred(void *arg)
{
	struct mark *m = arg;

	note(m->f, 'k');
	or_loop_defer_cancel(m->f->loop, on_mark, m);
}

static void defer__one_may_take_back_a_later_one(void **state)
{
	struct fixture *f = *state;
	struct mark m = {f, 'm', 0, 0}, z = {f, 'z', 0, 0};

	or_loop_defer(f->loop, cancel_deferred, &m);
	or_loop_defer(f->loop, on_mark, &m);
	or_loop_turn(f->loop, false);
	or_loop_defer(f->loop, on_mark, &z);
	or_loop_turn(f->loop, false);
	assert_string_equal(f->calls, "kz");
}

static void on_readable(void *arg, int fd, int what)
{
	struct fixture *f = arg;
	char c;

	assert_int_equal(what, OR_LOOP_READ);
	assert_int_equal(read(fd, &c, 1), 1);
	note(f, c);
	if (c == 'q') {
		or_loop_io_cancel(f->io);
		f->io = NULL;
		or_loop_stop(f->loop);
	}
}

static void io__is_level_triggered_and_may_cancel_itself(void **state)
{
	struct fixture *f = *state;

	f->io = or_loop_io_start(f->loop, f->fds[0], OR_LOOP_READ, on_readable, f);
	assert_int_equal(write(f->fds[1], "abqz", 4), 4);
	or_loop_run(f->loop);
	assert_string_equal(f->calls, "abq");
	or_loop_turn(f->loop, true);
	assert_string_equal(f->calls, "abq");
}

static void on_writable(void *arg, int fd, int what)
{
	struct fixture *f = arg;

	(void)fd;
	assert_int_equal(what, OR_LOOP_WRITE);
	note(f, 'w');
}

static void io__tells_when_it_can_be_written(void **state)
{
	struct fixture *f = *state;
	struct or_loop_io *io = or_loop_io_start(f->loop, f->fds[1], OR_LOOP_WRITE, on_writable, f);

	or_loop_turn(f->loop, false);
	or_loop_turn(f->loop, false);
	or_loop_io_cancel(io);
	assert_string_equal(f->calls, "ww");
}

static void stop(void *arg)
{
	struct fixture *f = arg;

	note(f, '.');
	or_loop_stop(f->loop);
}

static void run__waits_for_a_timer_on_the_real_clock(void **state)
{
	struct fixture *f = *state;
	struct mark a = {f, 'a', 0, 0};
	int64_t start = or_loop_now_ns(f->loop);

	or_loop_timer_start(f->loop, 5 * OR_NS_PER_MS, on_mark, &a);
	or_loop_timer_start(f->loop, 20 * OR_NS_PER_MS, stop, f);
	or_loop_timer_cancel(or_loop_timer_start(f->loop, OR_NS_PER_MS, on_mark, &a));
	or_loop_run(f->loop);
	assert_string_equal(f->calls, "a.");
	assert_true(a.at_ns - start >= 5 * OR_NS_PER_MS);
	assert_true(or_loop_now_ns(f->loop) - start >= 20 * OR_NS_PER_MS);
	assert_true(or_loop_wall_ns(f->loop) > 1577836800 * OR_NS_PER_S);
}

/* A timer that is always due must not keep readiness waiting. */
static void run__a_busy_timer_does_not_starve_io(void **state)
{
	struct fixture *f = *state;
	struct mark busy = {f, 'b', 0, 0};

	f->io = or_loop_io_start(f->loop, f->fds[0], OR_LOOP_READ, on_readable, f);
	assert_int_equal(write(f->fds[1], "q", 1), 1);
	or_loop_timer_start(f->loop, 0, on_mark, &busy);
	or_loop_run(f->loop);
	assert_true(strchr(f->calls, 'q') != NULL);
}

static void run__a_stop_that_came_before_ends_it_at_once(void **state)
{
	struct fixture *f = *state;

	or_loop_stop(f->loop);
	or_loop_run(f->loop);
	assert_string_equal(f->calls, "");
}

static void on_signal(void *arg, int signo)
{
	struct fixture *f = arg;

	assert_int_equal(signo, SIGUSR1);
	note(f, 'u');
	or_loop_signal_cancel(f->sig);
	f->sig = NULL;
	or_loop_stop(f->loop);
}

static void signal__arrives_on_the_loop(void **state)
{
	struct fixture *f = *state;

	f->sig = or_loop_signal_start(f->loop, SIGUSR1, on_signal, f);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	or_loop_run(f->loop);
	assert_string_equal(f->calls, "u");
}

static void free__takes_what_was_left(void **state)
{
	struct fixture *f = *state;
	struct mark m = {f, 'm', 0, 0};

	or_loop_timer_start(f->loop, OR_NS_PER_S, on_mark, &m);
	or_loop_defer(f->loop, on_mark, &m);
	or_loop_free(f->loop);
	f->loop = NULL;
	assert_string_equal(f->calls, "");
}

#define VIRTUAL(name) cmocka_unit_test_setup_teardown(name, setup_virtual, teardown)
#define REAL(name)    cmocka_unit_test_setup_teardown(name, setup_real, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    VIRTUAL(timers__fire_by_due_time_then_by_order_of_start),
	    VIRTUAL(timers__a_periodic_one_fires_once_per_period),
	    VIRTUAL(timers__a_thousand_come_in_order_and_cancelled_ones_never),
	    VIRTUAL(timers__may_cancel_one_another),
	    VIRTUAL(defer__runs_in_order_and_what_it_defers_waits_for_the_next_turn),
	    VIRTUAL(defer__one_may_take_back_a_later_one),
	    REAL(io__is_level_triggered_and_may_cancel_itself),
	    REAL(io__tells_when_it_can_be_written),
	    REAL(run__waits_for_a_timer_on_the_real_clock),
	    REAL(run__a_busy_timer_does_not_starve_io),
	    REAL(run__a_stop_that_came_before_ends_it_at_once),
	    REAL(signal__arrives_on_the_loop),
	    REAL(free__takes_what_was_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
