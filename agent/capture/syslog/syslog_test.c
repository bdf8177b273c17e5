/* SPDX-License-Identifier: Apache-2.0 */
/* Real sockets on one loop; what goes to the spool is read back. */
#include "agent/capture/syslog/syslog.h"

#include "agent/capture/syslog/framing.h"
#include "base/net.h"
#include "base/sys.h"
#include "proto/otlp.h"
#include "proto/otlp_row.h"
#include "tests/support/support.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINES_MAX = 5000, DEADLINE_S = 60 };

struct rig {
	char *dir;
	struct or_loop *loop;
	struct or_metric_registry *registry;
	struct ag_syslog *syslog;
	struct or_loop_timer *deadline;
	struct or_arena *a;
	struct ag_redact *redact;
	bool refuses, is_late;
	unsigned int refused;
	const char *lines[LINES_MAX]; /* "severity|host|app|text" */
	bool cut[LINES_MAX];
	size_t n;
	struct or_err err;
};

static void on_deadline(void *arg)
{
	struct rig *rig = arg;

	rig->deadline = NULL;
	rig->is_late = true;
}

static const char *attribute(struct rig *rig, const struct wire_otlp_row *row, const char *key)
{
	struct or_slice any = OR_SLICE_NONE;

	(void)wire_otlp_row_find(&any, row->message, row->attributes, or_slice_str(key));
	return or_arena_strdup(rig->a, wire_otlp_row_text(any));
}

static bool on_row(void *arg, const struct wire_otlp_row *row)
{
	struct rig *rig = arg;
	struct or_slice any, text = wire_otlp_row_text(row->body);

	assert_true(rig->n < LINES_MAX);
	ASSERT_SLICE(row->service, "orders");
	ASSERT_SLICE(row->scope, "outrider.syslog");
	rig->cut[rig->n] = wire_otlp_row_find(
	    &any, row->message, row->attributes, OR_SLICE_LIT("outrider.truncated"));
	rig->lines[rig->n++] = or_arena_printf(rig->a, "%llu|%s|%s|%.*s",
	    (unsigned long long)row->severity, attribute(rig, row, "host.name"),
	    attribute(rig, row, "syslog.appname"), OR_SLICE_FMT(text));
	return true;
}

static enum or_code take(void *arg, struct or_slice request, uint64_t records)
{
	struct rig *rig = arg;
	uint64_t items;

	rig->refused += rig->refuses;
	if (rig->refuses)
		return OR_FULL;
	ASSERT_OK(wire_otlp_check(&items, WIRE_OTLP_LOGS, request, &rig->err), &rig->err);
	assert_int_equal(items, records);
	wire_otlp_row_each(WIRE_OTLP_LOGS, request, on_row, rig);
	return OR_OK;
}

static enum or_code start(struct rig *rig, const char *config)
{
	struct ag_syslog_opt opt = {.loop = rig->loop,
	    .redact = rig->redact,
	    .product = "orders",
	    .registry = rig->registry,
	    .take = take,
	    .arg = rig};

	ASSERT_OK(or_json_parse(&opt.list, or_slice_str(config), rig->a, &rig->err), &rig->err);
	return ag_syslog_new(&rig->syslog, &opt, &rig->err);
}

static int setup(void **state)
{
	struct rig *rig = test_calloc(1, sizeof(*rig));
	struct ag_redact_opt redact = {
	    .kinds = {.items = (const char *[]){"token", "mail"}, .n = 2}};

	rig->dir = support_tmpdir_new();
	rig->a = or_arena_new(0);
	rig->registry = or_metric_registry_new(64);
	ASSERT_OK(ag_redact_new(&rig->redact, &redact, &rig->err), &rig->err);
	ASSERT_OK(or_loop_new(&rig->loop, NULL, &rig->err), &rig->err);
	rig->deadline = or_loop_timer_start(rig->loop, DEADLINE_S * OR_NS_PER_S, on_deadline, rig);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	ag_syslog_free(rig->syslog);
	or_loop_timer_cancel(rig->deadline);
	or_loop_free(rig->loop);
	or_metric_registry_free(rig->registry);
	ag_redact_free(rig->redact);
	or_arena_free(rig->a);
	support_tmpdir_remove(rig->dir);
	test_free(rig);
	return 0;
}

static const char *url_of(struct rig *rig, const char *scheme)
{
	struct or_buf b;
	struct or_jsonw w;
	const char *at;
	char *url;

	or_buf_init(&b, 4096);
	or_jsonw_init(&w, &b, 0);
	or_jsonw_object(&w);
	ag_syslog_put_status(rig->syslog, &w);
	or_jsonw_end(&w);
	at = strstr(or_buf_text(&b), scheme);
	assert_non_null(at);
	at += strlen(scheme);
	url = or_arena_strdup(rig->a, or_slice(at, strcspn(at, "\"")));
	or_buf_done(&b);
	return url;
}

static int dial(struct rig *rig, const char *scheme, const char *prefix, int type)
{
	const char *address = or_arena_printf(rig->a, "%s%s", prefix, url_of(rig, scheme));
	struct or_net_addr addr;
	int fd;

	ASSERT_OK(or_net_parse(&addr, address, &rig->err), &rig->err);
	fd = socket(addr.sa.sa_family, type | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, &addr.sa, addr.len), 0);
	return fd;
}

static void send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void run_until(struct rig *rig, size_t n)
{
	while (rig->n < n && !rig->is_late)
		or_loop_turn(rig->loop, false);
	assert_int_equal(rig->n, n);
}

static void each_way__is_taken(void **state)
{
	struct rig *rig = *state;
	const char *config = or_arena_printf(rig->a,
	    "[{\"listen\":\"udp://127.0.0.1:0\"},{\"listen\":\"tcp://127.0.0.1:0\"},{\"listen\":"
	    "\"unix://%s/log\"},{\"listen\":\"unix-stream://%s/stream\"}]",
	    rig->dir, rig->dir);
	int udp, tcp, unix_socket, stream;

	ASSERT_OK(start(rig, config), &rig->err);
	udp = dial(rig, "udp://", "", SOCK_DGRAM);
	tcp = dial(rig, "tcp://", "", SOCK_STREAM);
	unix_socket = dial(rig, "unix://", "unix:", SOCK_DGRAM);
	stream = dial(rig, "unix-stream://", "unix:", SOCK_STREAM);
	send_text(udp, "<11>1 2026-11-24T11:00:00Z h app 7 - [x@1 password=\"hunter2\"] one");
	run_until(rig, 1);
	assert_string_equal(rig->lines[0], "17|h|app|one");
	send_text(tcp, "<12>Nov 24 11:00:00 h app[7]: two\n<13>Nov 24 11:00:00 h app: thr");
	run_until(rig, 2);
	send_text(tcp, "ee someone@example.org\n");
	run_until(rig, 3);
	assert_string_equal(rig->lines[1], "13|h|app|two");
	assert_string_equal(rig->lines[2], "10|h|app|three [redacted:mail]");
	send_text(unix_socket, "<14>Nov 24 11:00:00 app: four");
	run_until(rig, 4);
	assert_string_equal(rig->lines[3], "9||app|four");
	send_text(stream, "6 <15>ab7 <15>abc");
	run_until(rig, 6);
	assert_string_equal(rig->lines[5], "5|||abc");
	/* What lacks its end when the sender goes is whole in lines. */
	send_text(tcp, "<13>last");
	close(tcp);
	run_until(rig, 7);
	assert_string_equal(rig->lines[6], "10|||last");
	close(udp);
	close(unix_socket);
	close(stream);
}

static void no_room__makes_senders_wait(void **state)
{
	struct rig *rig = *state;
	char line[64];
	int tcp, sent = 0;

	ASSERT_OK(start(rig, "[{\"listen\":\"tcp://127.0.0.1:0\"}]"), &rig->err);
	tcp = dial(rig, "tcp://", "", SOCK_STREAM);
	rig->refuses = true;
	for (int i = 0; i < 3000; i++) {
		snprintf(line, sizeof(line), "<13>number %d\n", i);
		send_text(tcp, line);
		sent++;
		if (i % 100 == 0)
			or_loop_turn(rig->loop, true);
	}
	while (rig->refused < 3 && !rig->is_late)
		or_loop_turn(rig->loop, false);
	assert_int_equal(rig->n, 0);
	close(tcp); /* what it sent is taken all the same */
	rig->refuses = false;
	run_until(rig, (size_t)sent);
	for (int i = 0; i < sent; i++) {
		snprintf(line, sizeof(line), "10|||number %d", i);
		assert_string_equal(rig->lines[i], line);
	}
}

static uint64_t metric(struct rig *rig, const char *name)
{
	return or_metric_counter_get(rig->registry, name, "", NULL)->value;
}

static void overflow__is_counted(void **state)
{
	struct rig *rig = *state;
	size_t sent = 0;
	int udp, n = 0;

	ASSERT_OK(start(rig, "[{\"listen\":\"udp://127.0.0.1:0\"}]"), &rig->err);
	udp = dial(rig, "udp://", "", SOCK_DGRAM);
	rig->refuses = true;
	send_text(udp, "<13>first");
	while (rig->refused == 0 && !rig->is_late)
		or_loop_turn(rig->loop, false);
	/* Nobody reads now: more than any buffer of the kernel holds. */
	for (; n < 4000; n++) {
		char line[1024] = "<13>";

		memset(line + 4, 'x', sizeof(line) - 5);
		sent += send(udp, line, sizeof(line) - 1, MSG_DONTWAIT) > 0;
	}
	rig->refuses = false;
	run_until(rig, 1);
	for (int turns = 0; turns < 200 && rig->n < LINES_MAX - 200; turns++)
		or_loop_turn(rig->loop, true);
	/* The number comes with what is received next. */
	send_text(udp, "<13>last");
	while (!(rig->n && strstr(rig->lines[rig->n - 1], "last")) && !rig->is_late)
		or_loop_turn(rig->loop, false);
	assert_true(metric(rig, "outrider_syslog_shed_total") > 0);
	assert_int_equal(rig->n - 2 + metric(rig, "outrider_syslog_shed_total"), sent);
	close(udp);
}

static void broken_streams__are_ended(void **state)
{
	struct rig *rig = *state;
	char byte;
	int tcp;

	ASSERT_OK(start(rig, "[{\"listen\":\"tcp://127.0.0.1:0\"}]"), &rig->err);
	tcp = dial(rig, "tcp://", "", SOCK_STREAM);
	send_text(tcp, "6 <13>abx");
	run_until(rig, 1);
	for (struct pollfd p = {.fd = tcp, .events = POLLIN}; poll(&p, 1, 0) == 0 && !rig->is_late;)
		or_loop_turn(rig->loop, true);
	assert_true(recv(tcp, &byte, 1, MSG_DONTWAIT) <= 0);
	assert_int_equal(metric(rig, "outrider_syslog_broken_connections_total"), 1);
	close(tcp);
	tcp = dial(rig, "tcp://", "", SOCK_STREAM);
	send_text(tcp, "<13>");
	for (unsigned int i = 0; i < AG_FRAMING_MAX / 16; i++)
		send_text(tcp, "0123456789abcdef");
	send_text(tcp, "\n<13>b\n");
	run_until(rig, 3);
	assert_true(rig->cut[1]);
	assert_int_equal(metric(rig, "outrider_syslog_truncated_total"), 1);
	assert_string_equal(rig->lines[2], "10|||b");
	close(tcp);
}

static void config__that_is_wrong_is_said(void **state)
{
	static const struct {
		const char *config, *says;
		enum or_code code;
	} cases[] = {
	    {"{}", "a list", OR_INVAL},
	    {"[3]", "number 1: expected a map with listen", OR_INVAL},
	    {"[{\"listen\":\"127.0.0.1:514\"}]", "expected udp://", OR_INVAL},
	    {"[{\"listen\":\"udp://127.0.0.1:0\",\"x\":1}]", "no other key", OR_INVAL},
	    {"[{\"listen\":\"udp://name:0\"}]", "is no address", OR_INVAL},
	    {"[{\"listen\":\"tcp://0.0.0.0:0\"}]", "loopback only", OR_DENIED},
	};
	struct rig *rig = *state;

	for (size_t i = 0; i < OR_LEN(cases); i++) {
		ASSERT_CODE(start(rig, cases[i].config), cases[i].code);
		ASSERT_HAS(rig->err.msg, cases[i].says);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(each_way__is_taken),
	    T(no_room__makes_senders_wait),
	    T(overflow__is_counted),
	    T(broken_streams__are_ended),
	    T(config__that_is_wrong_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
