/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments of a real connection in a cgroup of its own, in the running kernel. Skipped, with the
 * reason, where the machine does not permit it.
 */
#include "ebpf/stream/stream.h"

#include "base/buf.h"
#include "ebpf/cgroup.h"
#include "tests/support/support.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SKIPPED = 77, DEADLINE_S = 20 };

static struct tap_stream *stream;
static struct tap_cgroup *inside;
static struct or_buf seen;

static void on_access(void *arg, const struct tap_wire_access *a)
{
	(void)arg;
	or_buf_printf(&seen, "%s %s %s %d\n", a->write ? "write" : "read", a->name_space, a->name,
	    (int)a->sure);
}

static void say(int fd, const char *bytes, size_t n)
{
	if (write(fd, bytes, n) != (ssize_t)n)
		_exit(1);
}

static void hear(int fd, size_t n)
{
	char buf[4096];

	for (ssize_t got; n; n -= (size_t)got) {
		got = read(fd, buf, n < sizeof(buf) ? n : sizeof(buf));
		if (got <= 0)
			_exit(1);
	}
}

static int serve(struct sockaddr_in *addr)
{
	socklen_t n = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*addr =
	    (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(bind(fd, (struct sockaddr *)addr, n), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)addr, &n), 0);
	return fd;
}

static const char request[] =
    "PUT /lake/orders HTTP/1.1\r\nx-amz-date: 1\r\nContent-Length: 200000\r\n\r\n";
static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
static char body[200000];

/* Its own port is lower than the server's: who is the client shows by who began. */
static void bind_below(int fd, const struct sockaddr_in *server)
{
	struct sockaddr_in own = *server;

	for (int port = ntohs(server->sin_port) - 1; port > 1024; port--) {
		own.sin_port = htons((uint16_t)port);
		if (bind(fd, (struct sockaddr *)&own, sizeof(own)) == 0)
			return;
	}
	_exit(1);
}

/* The workload puts an object whose body nobody looks at, then another on the same connection. */
static pid_t put_objects(const struct sockaddr_in *addr)
{
	pid_t pid = fork();
	int fd;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	/* A socket is of the cgroup that its process was in when it was made. */
	if (tap_cgroup_enter(tap_cgroup_entrance(inside)))
		_exit(1);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bind_below(fd, addr);
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		_exit(1);
	for (int i = 0; i < 2; i++) {
		say(fd, request, sizeof(request) - 1);
		say(fd, body, sizeof(body));
		hear(fd, sizeof(answer) - 1);
	}
	_exit(0);
}

static void wait_for_line(const char *want)
{
	struct pollfd p = {.fd = tap_stream_fd(stream), .events = POLLIN};
	struct timespec now, end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += DEADLINE_S;
	do {
		while (tap_stream_drain(stream, 64))
			continue;
		if (strstr(or_buf_text(&seen), want))
			return;
		poll(&p, 1, 100);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec);
	fail_msg("no %s in: %s", want, or_buf_text(&seen));
}

static void stream__tells_what_the_workload_writes(void **state)
{
	struct tap_stream_stats stats;
	struct sockaddr_in addr;
	char want[256];
	int fd, peer, status;
	pid_t pid;

	(void)state;
	fd = serve(&addr);
	pid = put_objects(&addr);
	peer = accept(fd, NULL, NULL);
	assert_true(peer >= 0);
	for (int i = 0; i < 2; i++) {
		hear(peer, sizeof(request) - 1 + sizeof(body));
		say(peer, answer, sizeof(answer) - 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	snprintf(want, sizeof(want), "write s3://lake orders 0\nwrite s3://lake orders 0\n");
	wait_for_line(want);
	assert_string_equal(or_buf_text(&seen), want);
	tap_stream_stats(&stats, stream);
	assert_int_equal(stats.seen, stats.received + stats.lost_ring);
	assert_true(stats.seen >= 8);
	assert_int_equal(stats.flows, 1);
	close(peer);
	close(fd);
}

/* Connections to the workload, and those of others, are none of its doing. */
static void stream__leaves_out_what_others_do(void **state)
{
	struct tap_stream_stats before, after;
	struct sockaddr_in addr;
	int fd, peer, mine, ready[2], status;
	char byte;
	pid_t pid;

	(void)state;
	fd = serve(&addr);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	tap_stream_stats(&before, stream);
	pid = fork();
	if (pid == 0) {
		if (tap_cgroup_enter(tap_cgroup_entrance(inside)))
			_exit(1);
		close(fd);
		fd = serve(&addr); /* a server of the workload's */
		say(ready[1], (const char *)&addr.sin_port, sizeof(addr.sin_port));
		peer = accept(fd, NULL, NULL);
		hear(peer, sizeof(request) - 1);
		say(peer, answer, sizeof(answer) - 1);
		_exit(read(peer, &byte, 1) != 0);
	}
	assert_int_equal(
	    read(ready[0], &addr.sin_port, sizeof(addr.sin_port)), sizeof(addr.sin_port));
	mine = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(mine, (struct sockaddr *)&addr, sizeof(addr)), 0);
	say(mine, request, sizeof(request) - 1);
	hear(mine, sizeof(answer) - 1);
	close(mine);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	while (tap_stream_drain(stream, 64))
		continue;
	tap_stream_stats(&after, stream);
	assert_int_equal(after.seen, before.seen);
	close(fd);
	close(ready[0]);
	close(ready[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stream__tells_what_the_workload_writes),
	    cmocka_unit_test(stream__leaves_out_what_others_do),
	};
	struct or_err err = {0};
	char name[64];
	int failed = SKIPPED;

	or_buf_init(&seen, OR_MIB);
	snprintf(name, sizeof(name), "outrider-stream-%d", getpid());
	if (tap_cgroup_new(&inside, NULL, name, &err) == OR_OK &&
	    tap_stream_open(&stream, tap_cgroup_dir(inside), on_access, NULL, &err) == OR_OK)
		failed = cmocka_run_group_tests(tests, NULL, NULL);
	else
		print_message("skipped: %s\n", err.msg);
	tap_stream_close(stream);
	if (inside && tap_cgroup_remove(inside, &err) != OR_OK) {
		print_error("%s\n", err.msg);
		failed = 1;
	}
	tap_cgroup_free(inside);
	or_buf_done(&seen);
	return failed;
}
