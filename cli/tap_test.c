/* SPDX-License-Identifier: Apache-2.0 */
/* The tap's life, with a script in its place that notes how it was called. */
#include "cli/tap.h"

#include "base/sys.h"
#include "tests/support/support.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct rig {
	char *dir;
	char program[512], calls[512];
	struct or_loop *loop;
	struct or_loop_signal *child;
	struct ctl_tap *tap;
	int settled, stopped;
	pid_t last;
};

static void on_child(void *arg, int signo)
{
	struct rig *rig = arg;
	int status;
	pid_t pid;

	(void)signo;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		assert_true(ctl_tap_on_child(rig->tap, pid, status));
}

static void on_settled(void *arg)
{
	((struct rig *)arg)->settled++;
}

static void on_stopped(void *arg)
{
	((struct rig *)arg)->stopped++;
}

/* Each call of the program appends its arguments to `calls`, then does what `then` says. */
static void start(struct rig *rig, const char *then, bool off)
{
	struct ctl_tap_opt opt = {.config = "config.yaml", .off = off};
	struct or_err err;
	char text[1200];

	*rig = (struct rig){.dir = support_tmpdir_new()};
	snprintf(rig->program, sizeof(rig->program), "%s/tap", rig->dir);
	snprintf(rig->calls, sizeof(rig->calls), "%s/calls", rig->dir);
	snprintf(text, sizeof(text), "#!/bin/sh\necho \"$*\" >> %s\n%s\n", rig->calls, then);
	ASSERT_OK(or_sys_write_file(rig->program, or_slice_str(text), 0700, &err), &err);
	ASSERT_OK(or_loop_new(&rig->loop, NULL, &err), &err);
	rig->child = or_loop_signal_start(rig->loop, SIGCHLD, on_child, rig);
	opt.program = rig->program;
	opt.log = support_path(rig->dir, "log");
	ASSERT_OK(ctl_tap_new(&rig->tap, &opt, &err), &err);
	ctl_tap_start(rig->tap, rig->loop, on_settled, rig);
}

static void stop(struct rig *rig)
{
	ctl_tap_stop(rig->tap, on_stopped, rig);
	while (!rig->stopped)
		or_loop_turn(rig->loop, false);
	ctl_tap_free(rig->tap);
	or_loop_signal_cancel(rig->child);
	or_loop_free(rig->loop);
	support_tmpdir_remove(rig->dir);
}

static const char *calls(struct rig *rig, size_t *lines)
{
	static struct or_buf text;

	or_buf_done(&text);
	or_buf_init(&text, OR_MIB);
	if (or_sys_read_file(&text, rig->calls, NULL))
		or_buf_clear(&text);
	*lines = 0;
	for (const char *p = or_buf_text(&text); (p = strchr(p, '\n')); p++)
		++*lines;
	return or_buf_text(&text);
}

static void start__settles_when_it_is_ready_and_stops_when_told(void **state)
{
	struct rig rig;
	size_t n;

	(void)state;
	start(&rig, "echo >&3; exec 3>&-; exec sleep 600", false);
	while (!rig.settled)
		or_loop_turn(rig.loop, false);
	ASSERT_HAS(calls(&rig, &n), "--role tap --config config.yaml --tap.fd 4 --tap.restarts 0");
	assert_int_equal(n, 1);
	stop(&rig);
	assert_int_equal(rig.settled, 1);
	assert_int_equal(rig.stopped, 1);
}

static void death__is_followed_by_another_that_knows_of_it(void **state)
{
	struct rig rig;
	size_t n = 0;

	(void)state;
	start(&rig, "exit 9", false);
	while (n < 3) {
		or_loop_turn(rig.loop, false);
		calls(&rig, &n);
	}
	ASSERT_HAS(calls(&rig, &n), "--tap.restarts 2");
	ASSERT_HAS(calls(&rig, &n), "--tap.ended exit code 9");
	assert_int_equal(rig.settled, 1); /* nobody waits for one that dies */
	stop(&rig);
}

static void absence__is_told_once_and_to_each_new_agent(void **state)
{
	struct rig rig;
	size_t n;

	(void)state;
	start(&rig, "echo >&3; exit 4", true);
	assert_int_equal(ctl_tap_entrance(rig.tap), 0);
	while (!rig.settled)
		or_loop_turn(rig.loop, false);
	ASSERT_HAS(calls(&rig, &n), "--tap.absent switched off with --no-tap");
	ctl_tap_tell_again(rig.tap); /* it may still be about to end */
	for (n = 1; n < 2; calls(&rig, &n)) {
		or_loop_turn(rig.loop, false);
		ctl_tap_tell_again(rig.tap);
	}
	assert_null(strstr(calls(&rig, &n), "--tap.ended"));
	stop(&rig);
}

static void refuse__tells_the_agent_why(void **state)
{
	struct rig rig;
	size_t n = 0;

	(void)state;
	start(&rig, "echo >&3; exec 3>&-; exec sleep 600", false);
	while (!rig.settled)
		or_loop_turn(rig.loop, false);
	ctl_tap_refuse(rig.tap, "no entrance");
	while (n < 2) {
		or_loop_turn(rig.loop, false);
		calls(&rig, &n);
	}
	ASSERT_HAS(calls(&rig, &n), "--tap.restarts 0 --tap.absent no entrance");
	assert_null(strstr(calls(&rig, &n), "--tap.ended"));
	assert_int_equal(ctl_tap_entrance(rig.tap), 0);
	stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(start__settles_when_it_is_ready_and_stops_when_told),
	    cmocka_unit_test(death__is_followed_by_another_that_knows_of_it),
	    cmocka_unit_test(absence__is_told_once_and_to_each_new_agent),
	    cmocka_unit_test(refuse__tells_the_agent_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
