/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the probes cost: each program's own time where it rejects and where it emits, a call of the
 * workload with and without, and events per second through the ring. One JSON line per figure.
 * Wall times depend on what else the machine does; the programs' own times much less.
 */
#include "base/buf.h"
#include "base/jsonw.h"
#include "ebpf/cgroup.h"
#include "ebpf/feed.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OPENS = 50000, EXECS = 300, CONNECTS = 2000, ROUNDS = 7 };

static int64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * OR_NS_PER_S + ts.tv_nsec;
}

static void begin_line(struct or_jsonw *w, struct or_buf *b)
{
	or_buf_init(b, 4096);
	or_jsonw_init(w, b, 0);
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "bench", "ebpf");
}

static void end_line(struct or_jsonw *w, struct or_buf *b)
{
	or_jsonw_end(w);
	puts(or_buf_text(b));
	or_buf_done(b);
}

/* ---- what a workload does; each gives how often */

static int listener = -1;
static struct sockaddr_in address;

static int do_opens(void)
{
	for (int i = 0; i < OPENS; i++)
		close(open("/dev/null", O_RDONLY | O_CLOEXEC));
	return OPENS;
}

static int do_execs(void)
{
	char *argv[] = {"/bin/true", NULL};
	pid_t pid;

	for (int i = 0; i < EXECS; i++) {
		pid = vfork();
		if (pid == 0) {
			execv(argv[0], argv);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
	}
	return EXECS;
}

static int do_connects(void)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0}; /* no TIME_WAIT: ports don't run out */
	int fd;

	for (int i = 0; i < CONNECTS; i++) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			_exit(1);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(fd);
		close(accept(listener, NULL, NULL));
	}
	return CONNECTS;
}

typedef int work_fn(void);

static void on_event(void *arg, const struct tap_event *ev)
{
	(void)ev;
	++*(uint64_t *)arg;
}

/* Runs work in a child (in cg unless NULL) while events are drained; ns per operation, by the
 * child's own clock. */
static double run(work_fn *work, struct tap_cgroup *cg, struct tap_loader *tap, uint64_t *events)
{
	struct pollfd p[2];
	int ends[2];
	double ns = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		exit(1);
	pid = fork();
	if (pid == 0) {
		int64_t start;
		int n;

		if (cg && tap_cgroup_enter(tap_cgroup_entrance(cg)))
			_exit(1);
		start = clock_ns();
		n = work();
		ns = (double)(clock_ns() - start) / n;
		_exit(write(ends[1], &ns, sizeof(ns)) != sizeof(ns));
	}
	close(ends[1]);
	p[0] = (struct pollfd){.fd = ends[0], .events = POLLIN};
	p[1] = (struct pollfd){.fd = tap ? tap_loader_fd(tap) : -1, .events = POLLIN};
	while (poll(p, 2, -1) > 0 && !(p[0].revents & (POLLIN | POLLHUP))) {
		/* As tap_feed does: what comes meanwhile wakes nobody. */
		poll(p, 1, (int)(TAP_FEED_DELAY_NS / OR_NS_PER_MS));
		tap_loader_drain(tap, SIZE_MAX, on_event, events);
	}
	if (read(ends[0], &ns, sizeof(ns)) != sizeof(ns))
		fprintf(stderr, "the workload failed\n");
	close(ends[0]);
	waitpid(pid, NULL, 0);
	while (tap && tap_loader_drain(tap, SIZE_MAX, on_event, events))
		continue;
	return ns;
}

/* ---- figures */

static struct tap_loader *open_loader(struct tap_cgroup *cg, bool measure)
{
	const struct tap_loader_opt opt = {
	    .measure = measure, .private_tracefs = true, .ring_bytes = 4U << 20};
	struct tap_loader *tap;
	struct or_err err;

	if (tap_loader_open(&tap, &opt, &err) == OR_OK &&
	    tap_loader_watch(tap, tap_cgroup_dir(cg), &err) == OR_OK)
		return tap;
	fprintf(stderr, "%s\n", err.msg);
	exit(1);
}

/* The programs' own time, from the kernel's counters. */
static void measure_programs(const char *path, struct tap_cgroup *watched, struct tap_cgroup *cg)
{
	struct tap_cost before[TAP_LOADER_COSTS], after[TAP_LOADER_COSTS];
	struct tap_loader *tap = open_loader(watched, true);
	uint64_t events = 0, runs;
	struct or_jsonw w;
	struct or_buf b;
	size_t n;

	tap_loader_costs(before, tap);
	run(do_opens, cg, tap, &events);
	run(do_execs, cg, tap, &events);
	run(do_connects, cg, tap, &events);
	n = tap_loader_costs(after, tap);
	for (size_t i = 0; i < n; i++) {
		runs = after[i].runs - before[i].runs;
		if (runs < EXECS)
			continue;
		begin_line(&w, &b);
		or_jsonw_kv_text(&w, "program", after[i].program);
		or_jsonw_kv_text(&w, "path", path);
		or_jsonw_key(&w, "avg_ns");
		or_jsonw_real(&w, (double)(after[i].ns - before[i].ns) / (double)runs);
		or_jsonw_kv_u64(&w, "runs", runs);
		end_line(&w, &b);
	}
	tap_loader_close(tap);
}

/* The smallest of some rounds, without probes, rejected, emitted in turn. */
static void measure_calls(const char *name, work_fn *work, struct tap_cgroup *cg)
{
	double least[3] = {1e18, 1e18, 1e18}, ns;
	struct tap_loader *tap;
	uint64_t events = 0;
	struct or_jsonw w;
	struct or_buf b;

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < 3; i++) {
			tap = i ? open_loader(cg, false) : NULL;
			ns = run(work, i == 2 ? cg : NULL, tap, &events);
			tap_loader_close(tap);
			if (ns < least[i])
				least[i] = ns;
		}
	}
	begin_line(&w, &b);
	or_jsonw_kv_text(&w, "call", name);
	or_jsonw_key(&w, "without_ns");
	or_jsonw_real(&w, least[0]);
	or_jsonw_key(&w, "rejected_ns");
	or_jsonw_real(&w, least[1]);
	or_jsonw_key(&w, "emitted_ns");
	or_jsonw_real(&w, least[2]);
	end_line(&w, &b);
}

static double cpu_ms(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

/* Openings as fast as one thread can, with the default ring. */
static void measure_flow(struct tap_cgroup *cg)
{
	struct tap_loader *tap = open_loader(cg, false);
	double cpu = cpu_ms();
	int64_t start = clock_ns();
	struct tap_stats stats;
	uint64_t events = 0;
	struct or_jsonw w;
	struct or_buf b;

	run(do_opens, cg, tap, &events);
	tap_loader_stats(&stats, tap, TAP_FILE);
	begin_line(&w, &b);
	or_jsonw_kv_text(&w, "flow", "file");
	or_jsonw_key(&w, "events_per_s");
	or_jsonw_real(&w, (double)events * 1e9 / (double)(clock_ns() - start));
	or_jsonw_key(&w, "reader_cpu_ms_per_1000");
	or_jsonw_real(&w, events ? (cpu_ms() - cpu) * 1e3 / (double)events : 0);
	or_jsonw_kv_u64(&w, "seen", stats.seen);
	or_jsonw_kv_u64(&w, "received", stats.received);
	or_jsonw_kv_u64(&w, "lost_ring", stats.lost_ring);
	end_line(&w, &b);
	tap_loader_close(tap);
}

static void listen_on_loopback(void)
{
	socklen_t n = sizeof(address);

	address =
	    (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, n) < 0 ||
	    listen(listener, 16) < 0 || getsockname(listener, (struct sockaddr *)&address, &n) < 0)
		exit(1);
}

int main(void)
{
	struct tap_cgroup *cg;
	struct or_err err;

	if (tap_cgroup_new(&cg, NULL, "outrider-bench", &err) != OR_OK) {
		fprintf(stderr, "no figures: %s\n", err.msg);
		return 77;
	}
	listen_on_loopback();
	measure_programs("rejected", cg, NULL);
	measure_programs("emitted", cg, cg);
	measure_calls("open+close", do_opens, cg);
	measure_calls("connect+accept+close", do_connects, cg);
	measure_calls("vfork+exec+wait", do_execs, cg);
	measure_flow(cg);
	if (tap_cgroup_remove(cg, &err) != OR_OK)
		fprintf(stderr, "%s\n", err.msg);
	tap_cgroup_free(cg);
	return 0;
}
