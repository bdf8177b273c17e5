/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounting in the running kernel: a generator that counts for itself, a consumer that stalls, and
 * not one event unaccounted. One second for each rate, or OUTRIDER_ACCOUNT_SECONDS; skipped, with
 * the reason, where the machine does not permit it.
 */
#include "base/str.h"
#include "ebpf/cgroup.h"
#include "ebpf/loader.h"
#include "tests/support/support.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SKIPPED = 77, TICK_NS = 1000000 };

static struct tap_cgroup *inside;
static int64_t seconds = 1;

static struct tap_loader *open_file_probe(void)
{
	const struct tap_loader_opt opt = {.probes = 1 << TAP_FILE, .private_tracefs = true};
	struct tap_loader *tap;
	struct or_err err;

	ASSERT_OK(tap_loader_open(&tap, &opt, &err), &err);
	if (tap_loader_status(tap, TAP_FILE)->state != TAP_ATTACHED) {
		print_message("skipped: %s\n", tap_loader_status(tap, TAP_FILE)->why);
		tap_loader_close(tap);
		return NULL;
	}
	ASSERT_OK(tap_loader_watch(tap, tap_cgroup_dir(inside), &err), &err);
	return tap;
}

static void on_event(void *arg, const struct tap_event *ev)
{
	assert_int_equal(ev->kind, TAP_FILE);
	++*(uint64_t *)arg;
}

static uint64_t drain(struct tap_loader *tap)
{
	uint64_t got = 0;

	while (tap_loader_drain(tap, 4096, on_event, &got))
		continue;
	return got;
}

static void open_one(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		_exit(1);
	close(fd);
}

/* rate a second, in ticks of a millisecond; says how many it did. */
static uint64_t generate(uint64_t rate)
{
	const struct itimerspec every = {{0, TICK_NS}, {0, TICK_NS}};
	uint64_t n = 0, ticks = (uint64_t)seconds * 1000, passed = 0, more;
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	if (timer < 0 || timerfd_settime(timer, 0, &every, NULL) < 0)
		_exit(1);
	while (passed < ticks) {
		if (read(timer, &more, sizeof(more)) != sizeof(more))
			_exit(1);
		passed = passed + more < ticks ? passed + more : ticks;
		for (; n < rate * passed / 1000; n++)
			open_one();
	}
	close(timer);
	return n;
}

typedef uint64_t child_fn(uint64_t arg);

/* What fn counted, in a child inside the cgroup. */
static uint64_t run(child_fn *fn, uint64_t arg)
{
	uint64_t n = 0;
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (tap_cgroup_enter(tap_cgroup_entrance(inside)))
			_exit(1);
		n = fn(arg);
		_exit(write(ends[1], &n, sizeof(n)) != sizeof(n));
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &n, sizeof(n)), sizeof(n));
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return n;
}

/* One opening on each CPU; says on how many. */
static uint64_t open_on_every_cpu(uint64_t unused)
{
	uint64_t n = 0;
	cpu_set_t all, one;

	(void)unused;
	if (sched_getaffinity(0, sizeof(all), &all) < 0)
		_exit(1);
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one) < 0)
			_exit(1);
		open_one();
		n++;
	}
	return n;
}

/* The consumer sleeps all the while, wakes up, and goes on. */
static void account_for(uint64_t rate)
{
	struct tap_loader *tap = open_file_probe();
	struct tap_stats s;
	uint64_t made, got;

	if (!tap)
		skip();
	made = run(generate, rate);
	got = drain(tap);
	tap_loader_stats(&s, tap, TAP_FILE);
	print_message("%llu/s: %llu made, %llu received, %llu lost\n", (unsigned long long)rate,
	    (unsigned long long)made, (unsigned long long)got, (unsigned long long)s.lost_ring);
	assert_int_equal(made, rate * (uint64_t)seconds);
	assert_int_equal(s.received, got);
	assert_int_equal(s.malformed + s.untracked + s.missed, 0);
	assert_int_equal(got + s.lost_ring, made);
	assert_int_equal(s.seen, made);
	/* The reader's own view: whatever is missing, is missing between two numbers. */
	made += run(open_on_every_cpu, 0);
	got += drain(tap);
	tap_loader_stats(&s, tap, TAP_FILE);
	assert_int_equal(s.holes, s.lost_ring);
	assert_int_equal(got + s.holes, made);
	tap_loader_close(tap);
}

static void stall__at_1000_a_second(void **state)
{
	(void)state;
	account_for(1000);
}

static void stall__at_10000_a_second(void **state)
{
	(void)state;
	account_for(10000);
}

static void stall__at_50000_a_second(void **state)
{
	(void)state;
	account_for(50000);
}

/* ---- looking after a loss */

struct wanted {
	pid_t pid;
	const char *path;
	bool program, file;
};

static void on_found(void *arg, const struct tap_event *ev)
{
	struct wanted *w = arg;

	assert_true(ev->flags & TAP_FOUND);
	assert_int_equal(ev->seq, 0);
	assert_int_equal(ev->cgroup, tap_cgroup_id(inside));
	if (ev->pid != (uint32_t)w->pid)
		return;
	assert_int_equal(ev->uid, getuid());
	if (ev->kind == TAP_EXEC)
		w->program = strstr(ev->exec.path, "test_ebpf_account_kernel") != NULL;
	if (ev->kind == TAP_FILE && strcmp(ev->file.path, w->path) == 0) {
		w->file = true;
		assert_int_equal(ev->file.open_flags & O_ACCMODE, O_WRONLY);
	}
}

/* As the tap does once it watches; ends the process. */
static void look_without_capabilities(struct tap_loader *tap, struct wanted *w)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
	size_t n;

	if (syscall(SYS_capset, &head, none) < 0)
		_exit(2);
	w->program = false;
	_exit(tap_loader_look(tap, &n, on_found, w, NULL) || !w->program);
}

static void look__tells_what_runs_and_is_open(void **state)
{
	const struct tap_loader_opt opt = {
	    .probes = 1 << TAP_FILE | 1 << TAP_EXEC, .private_tracefs = true};
	char *tmp = support_tmpdir_new();
	const char *path = support_path(tmp, "held");
	struct wanted w = {.path = path};
	struct tap_loader *tap;
	struct or_err err;
	int go[2], ready[2], status;
	pid_t helper;
	char byte;
	size_t n;

	(void)state;
	ASSERT_OK(tap_loader_open(&tap, &opt, &err), &err);
	if (tap_loader_status(tap, TAP_EXEC)->state != TAP_ATTACHED)
		skip();
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	w.pid = fork();
	if (w.pid == 0) {
		if (tap_cgroup_enter(tap_cgroup_entrance(inside)) ||
		    open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0)
			_exit(1);
		close(go[1]);
		(void)!write(ready[1], "r", 1);
		_exit(read(go[0], &byte, 1) != 0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	/* Opened before anybody watched: only looking finds it. */
	ASSERT_OK(tap_loader_watch(tap, tap_cgroup_dir(inside), &err), &err);
	ASSERT_OK(tap_loader_look(tap, &n, on_found, &w, &err), &err);
	helper = fork();
	if (helper == 0)
		look_without_capabilities(tap, &w);
	assert_int_equal(waitpid(helper, &status, 0), helper);
	assert_int_equal(status, 0);
	close(go[1]);
	assert_int_equal(waitpid(w.pid, NULL, 0), w.pid);
	if (tap_loader_status(tap, TAP_FILE)->state == TAP_ATTACHED)
		assert_true(w.file);
	assert_true(w.program);
	assert_true(n >= 1);
	ASSERT_OK(tap_loader_look(tap, &n, on_found, &w, &err), &err);
	assert_int_equal(n, 0);
	close(go[0]);
	close(ready[0]);
	close(ready[1]);
	tap_loader_close(tap);
	support_tmpdir_remove(tmp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stall__at_1000_a_second),
	    cmocka_unit_test(stall__at_10000_a_second),
	    cmocka_unit_test(stall__at_50000_a_second),
	    cmocka_unit_test(look__tells_what_runs_and_is_open),
	};
	const char *wanted = getenv("OUTRIDER_ACCOUNT_SECONDS");
	struct or_err err;
	char name[64];
	int failed;

	if (wanted && (or_str_i64(&seconds, or_slice_str(wanted)) || seconds < 1))
		return 1;
	snprintf(name, sizeof(name), "outrider-account-%d", getpid());
	if (tap_cgroup_new(&inside, NULL, name, &err) != OR_OK) {
		print_message("skipped: %s\n", err.msg);
		return SKIPPED;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (tap_cgroup_remove(inside, &err) != OR_OK) {
		print_error("%s\n", err.msg);
		failed = 1;
	}
	tap_cgroup_free(inside);
	return failed;
}
