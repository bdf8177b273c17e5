/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probes in the running kernel, on real processes in a cgroup of their own. Skipped, with the
 * reason, where the machine does not permit it; a single probe likewise.
 */
#include "base/mem.h"
#include "base/str.h"
#include "ebpf/cgroup.h"
#include "ebpf/exec/exec.h"
#include "ebpf/feed.h"
#include "ebpf/tracefs.h"
#include "tests/support/support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SKIPPED = 77, DEADLINE_S = 20, EVENTS_MAX = 512, NOBODY = 65534 };

static struct tap_loader *tap;
static struct tap_cgroup *inside;
static char *tmp;

/* What came since the last reset. */
static struct tap_event *seen[EVENTS_MAX];
static size_t n_seen;

static void on_event(void *arg, const struct tap_event *ev)
{
	struct tap_event *copy;

	(void)arg;
	assert_true(n_seen < EVENTS_MAX);
	copy = or_mem_new(sizeof(*copy));
	memcpy(copy, ev, sizeof(*copy));
	if (ev->kind == TAP_EXEC) /* the arguments point into the event */
		copy->exec.args = or_slice(copy->exec.args_buf, ev->exec.args.n);
	seen[n_seen++] = copy;
}

static void forget(void)
{
	while (n_seen)
		or_mem_free(seen[--n_seen]);
}

typedef bool match_fn(const struct tap_event *ev, const void *arg);

static const struct tap_event *find(match_fn *match, const void *arg)
{
	for (size_t i = 0; i < n_seen; i++)
		if (match(seen[i], arg))
			return seen[i];
	return NULL;
}

static time_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* Waits until such an event has come. */
static const struct tap_event *await(match_fn *match, const void *arg)
{
	time_t end = now_s() + DEADLINE_S;
	struct pollfd p = {.fd = tap_loader_fd(tap), .events = POLLIN};
	const struct tap_event *ev;

	while (!(ev = find(match, arg)) && now_s() < end) {
		poll(&p, 1, 1000);
		tap_loader_drain(tap, 64, on_event, NULL);
	}
	if (!ev)
		fail_msg("the event did not come; %zu others did", n_seen);
	return ev;
}

static void need(enum tap_kind kind)
{
	const struct tap_status *s = tap_loader_status(tap, kind);

	if (s->state == TAP_ATTACHED)
		return;
	print_message("probe %s: %s\n", tap_event_name(kind), s->why);
	skip();
}

/* Forks; the child enters cg (unless NULL), runs fn and ends. */
typedef void child_fn(const void *arg);

static pid_t run_in(const struct tap_cgroup *cg, child_fn *fn, const void *arg)
{
	pid_t pid = fork();
	int status = 0;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (cg && tap_cgroup_enter(tap_cgroup_entrance(cg)))
			_exit(100);
		fn(arg);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 100);
	return pid;
}

static void do_exec(const void *arg)
{
	char *const *argv = (char *const *)arg;

	execv(argv[0], argv);
	_exit(100);
}

static bool is_exec_of(const struct tap_event *ev, const void *arg)
{
	const pid_t *pid = arg;

	return ev->kind == TAP_EXEC && ev->pid == (uint32_t)*pid;
}

static void assert_args(const struct tap_event *ev, const char *const *argv)
{
	struct or_slice rest = ev->exec.args, arg;

	for (; *argv; argv++) {
		assert_true(tap_exec_arg(&arg, &rest));
		ASSERT_SLICE(arg, *argv);
	}
	assert_false(tap_exec_arg(&arg, &rest));
}

static void exec__shows_program_arguments_and_person(void **state)
{
	const char *argv[] = {"/bin/true", "--first", "", "second word", NULL};
	const struct tap_event *ev;
	char real[4096];
	pid_t pid;

	(void)state;
	need(TAP_EXEC);
	pid = run_in(inside, do_exec, argv);
	ev = await(is_exec_of, &pid);
	assert_non_null(realpath("/bin/true", real));
	assert_string_equal(ev->exec.path, real);
	assert_string_equal(ev->exec.name, "/bin/true");
	assert_string_equal(ev->comm, "true");
	assert_args(ev, argv);
	assert_int_equal(ev->flags, 0);
	assert_int_equal(ev->ppid, getpid());
	assert_int_equal(ev->ns_pid, pid);
	assert_int_equal(ev->uid, getuid());
	assert_int_equal(ev->gid, getgid());
	assert_int_equal(ev->cgroup, tap_cgroup_id(inside));
}

static void exec__tells_a_script_from_its_interpreter(void **state)
{
	const char *path = support_path(tmp, "job.sh");
	const char *argv[] = {path, "x", NULL};
	const char *shown[] = {"/bin/sh", path, "x", NULL};
	const struct tap_event *ev;
	char real[4096];
	pid_t pid;
	FILE *f;

	(void)state;
	need(TAP_EXEC);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("#!/bin/sh\nexit 0\n", f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0755), 0);
	pid = run_in(inside, do_exec, argv);
	ev = await(is_exec_of, &pid);
	assert_non_null(realpath("/bin/sh", real));
	assert_string_equal(ev->exec.path, real);
	assert_string_equal(ev->exec.name, path);
	assert_args(ev, shown);
}

static void exec__flags_what_is_cut(void **state)
{
	static char big[TAP_EXEC_ARGS * 2];
	const char *argv[] = {"/bin/true", big, NULL};
	const struct tap_event *ev;
	pid_t pid;

	(void)state;
	need(TAP_EXEC);
	memset(big, 'x', sizeof(big) - 1);
	pid = run_in(inside, do_exec, argv);
	ev = await(is_exec_of, &pid);
	assert_int_equal(ev->flags, TAP_CUT_ARGS);
	assert_int_equal(ev->exec.args.n, TAP_EXEC_ARGS + 1);
}

/* ---- connections */

static int listen_on_loopback(struct sockaddr_in *addr)
{
	socklen_t n = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*addr =
	    (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)addr, n), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)addr, &n), 0);
	return fd;
}

static void do_connect(const void *arg)
{
	const struct sockaddr_in *addr = arg;
	int fd = socket(addr->sin_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)addr,
		addr->sin_family == AF_INET ? sizeof(*addr) : sizeof(struct sockaddr_in6)) < 0 &&
	    errno != ECONNREFUSED)
		_exit(100);
	close(fd);
}

static bool is_conn_of(const struct tap_event *ev, const void *arg)
{
	const pid_t *pid = arg;

	return ev->kind == TAP_CONN && ev->pid == (uint32_t)*pid;
}

static void conn__shows_both_ends_of_one_that_is_made(void **state)
{
	struct sockaddr_in addr, from;
	socklen_t n = sizeof(from);
	const struct tap_event *ev;
	uint32_t loopback = htonl(INADDR_LOOPBACK);
	int fd, peer;
	pid_t pid;

	(void)state;
	need(TAP_CONN);
	fd = listen_on_loopback(&addr);
	pid = run_in(inside, do_connect, &addr);
	peer = accept(fd, (struct sockaddr *)&from, &n);
	assert_true(peer >= 0);
	ev = await(is_conn_of, &pid);
	assert_int_equal(ev->conn.outcome, TAP_CONN_MADE);
	assert_int_equal(ev->conn.error, 0);
	assert_false(ev->conn.v6);
	assert_int_equal(ev->conn.peer_port, ntohs(addr.sin_port));
	assert_int_equal(ev->conn.local_port, ntohs(from.sin_port));
	assert_memory_equal(ev->conn.peer, &loopback, 4);
	assert_memory_equal(ev->conn.local, &loopback, 4);
	assert_int_equal(ev->cgroup, tap_cgroup_id(inside));
	assert_true(ev->conn.took_ns > 0 && ev->conn.took_ns < 10ULL * OR_NS_PER_S);
	close(peer);
	close(fd);
}

static void conn__says_why_one_failed(void **state)
{
	struct sockaddr_in addr;
	const struct tap_event *ev;
	pid_t pid;

	(void)state;
	need(TAP_CONN);
	close(listen_on_loopback(&addr));
	pid = run_in(inside, do_connect, &addr);
	ev = await(is_conn_of, &pid);
	assert_int_equal(ev->conn.outcome, TAP_CONN_FAILED);
	assert_int_equal(ev->conn.error, ECONNREFUSED);
	assert_int_equal(ev->conn.peer_port, ntohs(addr.sin_port));
}

static void conn__knows_ipv6(void **state)
{
	struct sockaddr_in6 addr = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in free_port;
	const struct tap_event *ev;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool has_v6 = fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0;
	pid_t pid;

	(void)state;
	if (fd >= 0)
		close(fd);
	if (!has_v6) {
		print_message("this machine has no ::1\n");
		skip();
	}
	need(TAP_CONN);
	close(listen_on_loopback(&free_port));
	addr.sin6_port = free_port.sin_port;
	pid = run_in(inside, do_connect, &addr);
	ev = await(is_conn_of, &pid);
	assert_true(ev->conn.v6);
	assert_memory_equal(ev->conn.peer, &in6addr_loopback, 16);
	assert_int_equal(ev->conn.peer_port, ntohs(addr.sin6_port));
}

/* ---- files */

struct opening {
	const char *dir, *name;
	int flags;
	uid_t uid;
};

static void do_open(const void *arg)
{
	const struct opening *o = arg;
	int fd;

	if (chdir(o->dir) < 0 || (o->uid && setuid(o->uid) < 0))
		_exit(100);
	fd = open(o->name, o->flags | O_CLOEXEC, 0640);
	if (fd < 0 && errno != EACCES && errno != ENOENT)
		_exit(100);
}

static bool is_file_of(const struct tap_event *ev, const void *arg)
{
	const pid_t *pid = arg;

	return ev->kind == TAP_FILE && ev->pid == (uint32_t)*pid;
}

static void file__shows_where_a_link_leads(void **state)
{
	struct opening o = {.dir = tmp, .name = "link/../sub/./data", .flags = O_WRONLY | O_CREAT};
	const struct tap_event *ev;
	struct stat st;
	pid_t pid;

	(void)state;
	need(TAP_FILE);
	assert_int_equal(mkdir(support_path(tmp, "sub"), 0755), 0);
	assert_int_equal(symlink("sub", support_path(tmp, "link")), 0);
	pid = run_in(inside, do_open, &o);
	ev = await(is_file_of, &pid);
	assert_string_equal(ev->file.path, support_path(tmp, "sub/data"));
	assert_int_equal(stat(support_path(tmp, "sub/data"), &st), 0);
	assert_int_equal(ev->file.inode, st.st_ino);
	assert_true(S_ISREG(ev->file.mode));
	assert_int_equal(ev->file.error, 0);
	assert_int_equal(ev->file.open_flags & O_ACCMODE, O_WRONLY);
	assert_int_equal(ev->flags, 0);
}

static void file__crosses_mount_points(void **state)
{
	struct opening o = {.dir = "/proc/self", .name = "status", .flags = O_RDONLY};
	const struct tap_event *ev;
	char want[64];
	pid_t pid;

	(void)state;
	need(TAP_FILE);
	pid = run_in(inside, do_open, &o);
	ev = await(is_file_of, &pid);
	snprintf(want, sizeof(want), "/proc/%d/status", pid);
	assert_string_equal(ev->file.path, want);
}

static void file__shows_a_refusal_but_no_absent_name(void **state)
{
	struct opening absent = {.dir = tmp, .name = "absent", .flags = O_RDONLY};
	struct opening secret = {.dir = tmp, .name = "secret", .flags = O_RDWR, .uid = NOBODY};
	const struct tap_event *ev;
	pid_t none, pid;
	int fd;

	(void)state;
	need(TAP_FILE);
	if (geteuid() != 0 || strstr(tap_loader_status(tap, TAP_FILE)->hook, "fexit"))
		skip();
	fd = open(support_path(tmp, "secret"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(chmod(tmp, 0755), 0);
	none = run_in(inside, do_open, &absent);
	pid = run_in(inside, do_open, &secret);
	ev = await(is_file_of, &pid);
	assert_int_equal(ev->file.error, EACCES);
	assert_string_equal(ev->file.path, "secret");
	assert_int_equal(ev->flags, TAP_PATH_ASKED);
	assert_int_equal(ev->uid, NOBODY);
	assert_null(find(is_file_of, &none));
}

/* ---- scope and accounting */

static void do_everything(const void *arg)
{
	const char *argv[] = {"/bin/true", NULL};

	do_connect(arg);
	close(open("/dev/null", O_RDONLY | O_CLOEXEC));
	do_exec(argv);
}

static bool is_of(const struct tap_event *ev, const void *arg)
{
	return ev->pid == (uint32_t) * (const pid_t *)arg;
}

static void scope__leaves_out_everyone_else(void **state)
{
	const char *argv[] = {"/bin/true", NULL};
	struct tap_cgroup *sibling;
	struct sockaddr_in addr;
	struct or_err err;
	char name[64];
	pid_t outside, beside, pid;

	(void)state;
	need(TAP_EXEC);
	close(listen_on_loopback(&addr));
	snprintf(name, sizeof(name), "outrider-sibling-%d", getpid());
	ASSERT_OK(tap_cgroup_new(&sibling, NULL, name, &err), &err);
	outside = run_in(NULL, do_everything, &addr);
	beside = run_in(sibling, do_everything, &addr);
	pid = run_in(inside, do_exec, argv);
	await(is_exec_of, &pid);
	assert_null(find(is_of, &outside));
	assert_null(find(is_of, &beside));
	ASSERT_OK(tap_cgroup_remove(sibling, &err), &err);
	tap_cgroup_free(sibling);
}

static void scope__takes_in_what_is_below(void **state)
{
	const char *argv[] = {"/bin/true", NULL};
	const struct tap_event *ev;
	struct tap_cgroup *below;
	struct or_err err;
	pid_t pid;

	(void)state;
	need(TAP_EXEC);
	ASSERT_OK(tap_cgroup_new(&below, tap_cgroup_dir(inside), "below", &err), &err);
	pid = run_in(below, do_exec, argv);
	ev = await(is_exec_of, &pid);
	assert_int_equal(ev->cgroup, tap_cgroup_id(below));
	ASSERT_OK(tap_cgroup_remove(below, &err), &err);
	tap_cgroup_free(below);
}

static void watch__moves_to_another_cgroup(void **state)
{
	const char *argv[] = {"/bin/true", NULL};
	struct tap_cgroup *other;
	struct or_err err;
	char name[64];
	pid_t before, after;

	(void)state;
	need(TAP_EXEC);
	snprintf(name, sizeof(name), "outrider-other-%d", getpid());
	ASSERT_OK(tap_cgroup_new(&other, NULL, name, &err), &err);
	ASSERT_OK(tap_loader_watch(tap, tap_cgroup_dir(other), &err), &err);
	before = run_in(inside, do_exec, argv);
	after = run_in(other, do_exec, argv);
	await(is_exec_of, &after);
	assert_null(find(is_of, &before));
	ASSERT_OK(tap_loader_watch(tap, tap_cgroup_dir(inside), &err), &err);
	ASSERT_OK(tap_cgroup_remove(other, &err), &err);
	tap_cgroup_free(other);
	ASSERT_CODE(tap_loader_watch(tap, tmp, &err), OR_INVAL);
	ASSERT_CODE(tap_loader_watch(tap, support_path(tmp, "absent"), &err), OR_ABSENT);
}

static void drain__keeps_to_its_budget(void **state)
{
	const char *argv[] = {"/bin/true", NULL};
	pid_t pid = 0;
	size_t total;

	(void)state;
	need(TAP_EXEC);
	for (int i = 0; i < 3; i++)
		pid = run_in(inside, do_exec, argv);
	assert_int_equal(tap_loader_drain(tap, 1, on_event, NULL), 1);
	assert_int_equal(n_seen, 1);
	assert_int_equal(tap_loader_drain(tap, 2, on_event, NULL), 2);
	assert_int_equal(n_seen, 3);
	await(is_exec_of, &pid);
	total = n_seen;
	while (tap_loader_drain(tap, 64, on_event, NULL))
		continue;
	assert_true(n_seen >= total);
	assert_int_equal(tap_loader_drain(tap, 64, on_event, NULL), 0);
}

struct fed {
	struct or_loop *loop;
	struct tap_feed *feed;
	size_t n, stop_at;
	bool late;
};

static void on_fed(void *arg, const struct tap_event *ev)
{
	struct fed *fed = arg;

	(void)ev;
	if (++fed->n != fed->stop_at)
		return;
	tap_feed_cancel(fed->feed);
	or_loop_stop(fed->loop);
}

static void on_late(void *arg)
{
	struct fed *fed = arg;

	fed->late = true;
	or_loop_stop(fed->loop);
}

static void feed__brings_events_until_it_is_cancelled(void **state)
{
	const char *argv[] = {"/bin/true", NULL};
	struct fed fed = {.stop_at = 3};
	struct or_loop_timer *late;
	struct or_err err;

	(void)state;
	need(TAP_EXEC);
	ASSERT_OK(or_loop_new(&fed.loop, NULL, &err), &err);
	for (int i = 0; i < 5; i++)
		run_in(inside, do_exec, argv);
	fed.feed = tap_feed_start(fed.loop, tap, on_fed, &fed);
	late = or_loop_timer_start(fed.loop, DEADLINE_S * OR_NS_PER_S, on_late, &fed);
	or_loop_run(fed.loop);
	assert_false(fed.late);
	/* The other events, two at least, wait for the next one who asks. */
	assert_int_equal(fed.n, 3);
	tap_loader_drain(tap, 64, on_event, NULL);
	assert_true(n_seen >= 2);
	or_loop_timer_cancel(late);
	or_loop_free(fed.loop);
}

enum { OPENINGS = 3000 };

static void do_many(const void *arg)
{
	(void)arg;
	for (int i = 0; i < OPENINGS; i++)
		close(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

static void on_counted(void *arg, const struct tap_event *ev)
{
	(void)ev;
	++*(size_t *)arg;
}

/* A ring of one page and a consumer that sleeps: most is lost, and nothing unaccounted. */
static void stats__account_for_every_event(void **state)
{
	const struct tap_loader_opt opt = {.probes = 1 << TAP_FILE, .ring_bytes = 4096};
	struct tap_loader *small;
	struct tap_stats stats;
	struct or_err err;
	size_t got = 0;

	(void)state;
	need(TAP_FILE);
	ASSERT_OK(tap_loader_open(&small, &opt, &err), &err);
	ASSERT_OK(tap_loader_watch(small, tap_cgroup_dir(inside), &err), &err);
	assert_int_equal(tap_loader_status(small, TAP_EXEC)->state, TAP_OFF);
	run_in(inside, do_many, NULL);
	while (tap_loader_drain(small, 64, on_counted, &got))
		continue;
	tap_loader_stats(&stats, small, TAP_FILE);
	assert_int_equal(stats.seen, OPENINGS);
	assert_true(got > 0 && got < OPENINGS);
	assert_int_equal(stats.received, got);
	assert_int_equal(stats.lost_ring, OPENINGS - got);
	assert_int_equal(stats.malformed, 0);
	assert_int_equal(stats.untracked, 0);
	tap_loader_close(small);
	/* The others had a ring of their own. */
	while (tap_loader_drain(tap, EVENTS_MAX, on_counted, &got))
		continue;
	tap_loader_stats(&stats, tap, TAP_EXEC);
	assert_int_equal(stats.lost_ring, 0);
}

/* ---- the machine */

static int reset(void **state)
{
	(void)state;
	while (tap_loader_drain(tap, 64, on_event, NULL))
		forget();
	forget();
	return 0;
}

static bool is_any_attached(void)
{
	for (unsigned int i = 0; i < TAP_KINDS; i++)
		if (tap_loader_status(tap, (enum tap_kind)i)->state == TAP_ATTACHED)
			return true;
	print_message("skipped: %s\n", tap_loader_status(tap, TAP_EXEC)->why);
	return false;
}

static bool set_up(void)
{
	const struct tap_loader_opt opt = {.private_tracefs = true};
	struct or_err err;
	char name[64];

	snprintf(name, sizeof(name), "outrider-test-%d", getpid());
	if (tap_loader_open(&tap, &opt, &err) != OR_OK ||
	    tap_cgroup_new(&inside, NULL, name, &err) != OR_OK) {
		print_message("skipped: %s\n", err.msg);
		return false;
	}
	if (!is_any_attached())
		return false;
	tmp = support_tmpdir_new();
	if (tap_loader_watch(tap, tap_cgroup_dir(inside), &err) == OR_OK)
		return true;
	print_error("watch: %s\n", err.msg);
	exit(1);
}

static int tear_down(void)
{
	struct or_err err;
	int bad = 0;

	tap_loader_close(tap);
	if (inside && tap_cgroup_remove(inside, &err) != OR_OK) {
		print_error("%s\n", err.msg);
		bad = 1;
	}
	tap_cgroup_free(inside);
	support_tmpdir_remove(tmp);
	forget();
	return bad;
}

#define TEST(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(exec__shows_program_arguments_and_person),
	    TEST(exec__tells_a_script_from_its_interpreter),
	    TEST(exec__flags_what_is_cut),
	    TEST(conn__shows_both_ends_of_one_that_is_made),
	    TEST(conn__says_why_one_failed),
	    TEST(conn__knows_ipv6),
	    TEST(file__shows_where_a_link_leads),
	    TEST(file__crosses_mount_points),
	    TEST(file__shows_a_refusal_but_no_absent_name),
	    TEST(scope__leaves_out_everyone_else),
	    TEST(scope__takes_in_what_is_below),
	    TEST(watch__moves_to_another_cgroup),
	    TEST(drain__keeps_to_its_budget),
	    TEST(feed__brings_events_until_it_is_cancelled),
	    TEST(stats__account_for_every_event),
	};
	int failed = SKIPPED;

	if (set_up())
		failed = cmocka_run_group_tests(tests, NULL, NULL);
	return tear_down() ? 1 : failed;
}
