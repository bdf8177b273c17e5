/* SPDX-License-Identifier: Apache-2.0 */
/* A child's output through real pipes, and an intake that can be away. */
#include "cli/pump.h"

#include "base/http_server.h"
#include "base/mem.h"
#include "proto/otlp_row.h"
#include "tests/support/support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct rig {
	struct or_loop *loop;
	struct or_http_server *intake;
	struct ctl_pump *pump;
	int passed[2];       /* a socket pair: what the pump passes on comes out at [0] */
	unsigned int status; /* what the intake answers */
	size_t requests, rows;
	char bodies[65536]; /* of rows, each behind its iostream, with line ends */
	size_t n;
	uint64_t told_dropped;
	bool finished;
};

static bool on_row(void *arg, const struct wire_otlp_row *row)
{
	struct rig *rig = arg;
	struct or_slice any = OR_SLICE_NONE, text = wire_otlp_row_text(row->body);

	ASSERT_SLICE(row->service, "orders");
	if (wire_otlp_row_find(
		&any, row->message, row->attributes, OR_SLICE_LIT("outrider.dropped_lines"))) {
		rig->told_dropped++;
		return true;
	}
	rig->rows++;
	assert_true(
	    wire_otlp_row_find(&any, row->message, row->attributes, OR_SLICE_LIT("log.iostream")));
	if (rig->n + text.n + 16 < sizeof(rig->bodies))
		rig->n += (size_t)snprintf(rig->bodies + rig->n, sizeof(rig->bodies) - rig->n,
		    "%.*s:%.*s\n", OR_SLICE_FMT(wire_otlp_row_text(any)), OR_SLICE_FMT(text));
	return true;
}

static void on_body(void *arg, struct or_http_req *req, struct or_slice body)
{
	struct rig *rig = arg;
	uint64_t items;

	ASSERT_CODE(wire_otlp_check(&items, WIRE_OTLP_LOGS, body, NULL), OR_OK);
	rig->requests++;
	if (rig->status == 200)
		wire_otlp_row_each(WIRE_OTLP_LOGS, body, on_row, rig);
	or_http_req_respond(req, rig->status, "application/x-protobuf", OR_SLICE_NONE);
}

static void on_request(void *arg, struct or_http_req *req)
{
	or_http_req_collect(req, OR_MIB, on_body, arg);
}

static void start(struct rig *rig)
{
	struct or_http_server_opt server = {
	    .listen = "127.0.0.1:0", .on_request = on_request, .arg = rig};
	struct ctl_pump_opt opt = {.service = "orders"};
	struct or_err err;

	*rig = (struct rig){.status = 200};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, rig->passed), 0);
	ASSERT_OK(or_loop_new(&rig->loop, NULL, &err), &err);
	ASSERT_OK(or_http_server_new(&rig->intake, rig->loop, &server, &err), &err);
	opt.loop = rig->loop;
	opt.origin = or_http_server_address(rig->intake);
	opt.out_fd = opt.err_fd = rig->passed[1];
	ASSERT_OK(ctl_pump_new(&rig->pump, &opt, &err), &err);
}

static void stop(struct rig *rig)
{
	ctl_pump_free(rig->pump);
	or_http_server_free(rig->intake);
	or_loop_free(rig->loop);
	close(rig->passed[0]);
	close(rig->passed[1]);
}

static void on_finished(void *arg)
{
	((struct rig *)arg)->finished = true;
}

/* Writes as the child would, ends, and waits until the pump has done its part. */
static void run(struct rig *rig, const char *out, const char *errors)
{
	int ends[2] = {dup(ctl_pump_child_fd(rig->pump, 0)), dup(ctl_pump_child_fd(rig->pump, 1))};

	ctl_pump_start(rig->pump);
	assert_int_equal(write(ends[0], out, strlen(out)), strlen(out));
	assert_int_equal(write(ends[1], errors, strlen(errors)), strlen(errors));
	close(ends[0]);
	close(ends[1]);
	ctl_pump_finish(rig->pump, on_finished, rig);
	while (!rig->finished)
		or_loop_turn(rig->loop, false);
}

static void lines__are_passed_on_and_sent(void **state)
{
	char seen[256];
	struct rig rig;
	ssize_t n;

	(void)state;
	start(&rig);
	run(&rig, "one\r\n\ntwo without end", "");
	assert_string_equal(rig.bodies, "stdout:one\nstdout:\nstdout:two without end\n");
	n = read(rig.passed[0], seen, sizeof(seen));
	ASSERT_SLICE(or_slice(seen, (size_t)n), "one\r\n\ntwo without end");
	stop(&rig);

	start(&rig);
	run(&rig, "", "bad\n");
	assert_string_equal(rig.bodies, "stderr:bad\n");
	stop(&rig);
}

static void lines__that_are_long_are_cut(void **state)
{
	char *text = or_mem_new(CTL_PUMP_LINE_MAX + 12);
	struct rig rig;

	(void)state;
	memset(text, 'x', CTL_PUMP_LINE_MAX + 10);
	text[CTL_PUMP_LINE_MAX + 10] = '\n';
	start(&rig);
	run(&rig, text, "");
	assert_int_equal(rig.rows, 2);
	assert_int_equal(rig.n, CTL_PUMP_LINE_MAX + 10 + 2 * strlen("stdout:\n"));
	stop(&rig);
	text[CTL_PUMP_LINE_MAX] = '\n'; /* just as long as may be */
	text[CTL_PUMP_LINE_MAX + 1] = 0;
	start(&rig);
	run(&rig, text, "");
	assert_int_equal(rig.rows, 1);
	stop(&rig);
	or_mem_free(text);
}

static void nothing__ends_at_once(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig);
	run(&rig, "", "");
	assert_int_equal(rig.requests, 0);
	stop(&rig);
}

static void refusals__are_tried_again(void **state)
{
	struct rig rig;
	int end;

	(void)state;
	start(&rig);
	rig.status = 503;
	end = dup(ctl_pump_child_fd(rig.pump, 0));
	ctl_pump_start(rig.pump);
	assert_int_equal(write(end, "first\n", 6), 6);
	while (rig.requests < 2)
		or_loop_turn(rig.loop, false);
	assert_int_equal(write(end, "second\n", 7), 7);
	rig.status = 200;
	while (rig.rows < 2)
		or_loop_turn(rig.loop, false);
	assert_string_equal(rig.bodies, "stdout:first\nstdout:second\n");
	close(end);
	stop(&rig);
}

/* The intake is away and the child writes more than the queue holds: it is never held back, what
 * fits arrives, and the rest is counted. */
static void overflow__drops_and_counts(void **state)
{
	enum { LINES = 4000, LINE = 1000 };
	struct ctl_pump_stats stats;
	char line[LINE + 1], sink[65536];
	struct rig rig;
	int end;

	(void)state;
	start(&rig);
	rig.status = 503;
	end = dup(ctl_pump_child_fd(rig.pump, 0));
	ctl_pump_start(rig.pump);
	memset(line, 'x', sizeof(line));
	line[LINE - 1] = '\n';
	fcntl(rig.passed[0], F_SETFL, O_NONBLOCK);
	fcntl(end, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < LINES;) {
		i += write(end, line, LINE) == LINE;
		or_loop_turn(rig.loop, true);
		while (read(rig.passed[0], sink, sizeof(sink)) > 0)
			;
	}
	ctl_pump_stats(&stats, rig.pump);
	assert_true(stats.dropped > 0 && stats.dropped < stats.lines);
	rig.status = 200;
	close(end);
	ctl_pump_finish(rig.pump, on_finished, &rig);
	while (!rig.finished) {
		or_loop_turn(rig.loop, false);
		while (read(rig.passed[0], sink, sizeof(sink)) > 0)
			;
	}
	ctl_pump_stats(&stats, rig.pump);
	assert_int_equal(stats.lines, LINES);
	assert_int_equal(stats.sent + stats.dropped, LINES);
	assert_int_equal(rig.rows, stats.sent);
	assert_true(rig.told_dropped > 0);
	stop(&rig);
}

static void reader__that_is_gone_does_not_stop_the_logs(void **state)
{
	struct rig rig;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	start(&rig);
	close(rig.passed[0]);
	run(&rig, "still here\n", "");
	assert_string_equal(rig.bodies, "stdout:still here\n");
	rig.passed[0] = dup(0);
	stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines__are_passed_on_and_sent),
	    cmocka_unit_test(lines__that_are_long_are_cut),
	    cmocka_unit_test(nothing__ends_at_once),
	    cmocka_unit_test(refusals__are_tried_again),
	    cmocka_unit_test(overflow__drops_and_counts),
	    cmocka_unit_test(reader__that_is_gone_does_not_stop_the_logs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
