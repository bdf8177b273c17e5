/* SPDX-License-Identifier: Apache-2.0 */
/* Notes through a real socket become records in a real spool in a temporary directory. */
#include "agent/tap/observe.h"

#include "agent/tap/note.h"

#include "base/json.h"
#include "base/mem.h"
#include "tests/support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BURST_S = 10, WALL_S = 1767225600 };

struct rig {
	char *dir;
	struct or_loop *loop;
	struct or_slow *slow;
	struct ag_spool *spool;
	struct ag_record *rec;
	struct ag_observe *observe;
	struct or_arena *arena;
	int ends[2];
	bool synced;
};

static const uint8_t agent_id[WIRE_AUDIT_AGENT_LEN] = {1, 2, 3};

static void start(struct rig *rig, uint64_t rate, uint64_t spool_quota, uint64_t quota, bool tap)
{
	struct or_loop_opt loop = {.virtual_clock = true, .virtual_wall_ns = WALL_S * OR_NS_PER_S};
	struct ag_spool_opt spool = {
	    .quota_bytes = spool_quota, .segment_bytes = spool_quota ? spool_quota / 4 : 0};
	struct ag_record_opt record = {.agent_id = agent_id, .product = "orders"};
	struct ag_observe_opt opt = {.workload = "pod-1", .rate = rate, .quota_bytes = quota};
	struct or_err err;

	*rig = (struct rig){.dir = support_tmpdir_new(), .arena = or_arena_new(0)};
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, rig->ends), 0);
	ASSERT_OK(or_loop_new(&rig->loop, &loop, &err), &err);
	ASSERT_OK(or_slow_new(&rig->slow, rig->loop, 64, &err), &err);
	spool.dir = support_path(rig->dir, "spool");
	spool.loop = rig->loop;
	spool.slow = rig->slow;
	ASSERT_OK(ag_spool_open(&rig->spool, &spool, &err), &err);
	record.spool = rig->spool;
	record.loop = rig->loop;
	ASSERT_OK(ag_record_new(&rig->rec, &record, &err), &err);
	opt.loop = rig->loop;
	opt.record = rig->rec;
	opt.spool = rig->spool;
	opt.fd = tap ? rig->ends[0] : 0;
	rig->observe = ag_observe_new(&opt);
}

static void stop(struct rig *rig)
{
	ag_observe_free(rig->observe);
	ag_record_free(rig->rec);
	ag_spool_close(rig->spool);
	or_slow_free(rig->slow);
	or_loop_free(rig->loop);
	or_arena_free(rig->arena);
	close(rig->ends[0]);
	close(rig->ends[1]);
	support_tmpdir_remove(rig->dir);
}

static void on_sync(void *arg, enum or_code rc)
{
	ASSERT_CODE(rc, OR_OK);
	((struct rig *)arg)->synced = true;
}

/* All records so far, decoded. */
static size_t read_records(struct rig *rig, struct wire_audit *out, size_t max)
{
	static const struct ag_spool_limit limit = {16 * OR_MIB, 100000};
	struct ag_spool_batch batch;
	struct or_err err;

	rig->synced = false;
	ag_record_sync(rig->rec, on_sync, rig);
	while (!rig->synced)
		or_loop_turn(rig->loop, false);
	ASSERT_OK(ag_spool_read(&batch, rig->spool, 0, &limit, rig->arena, &err), &err);
	assert_true(batch.n_records <= max);
	for (size_t i = 0; i < batch.n_records; i++)
		ASSERT_OK(
		    wire_audit_decode(&out[i], NULL, batch.records[i], rig->arena, &err), &err);
	return batch.n_records;
}

static struct or_slice attribute(const struct wire_audit *r, const char *key)
{
	for (size_t i = 0; i < r->n_attributes; i++)
		if (or_slice_is(r->attributes[i].key, key))
			return r->attributes[i].value;
	return OR_SLICE_NONE;
}

static void tell(struct rig *rig, const struct ag_note *note)
{
	ASSERT_CODE(ag_note_send(rig->ends[1], note), OR_OK);
	or_loop_turn(rig->loop, true);
}

static struct ag_note a_file(const char *path)
{
	struct ag_note note = {.type = AG_NOTE_SEEN,
	    .seen = {.time_ns = 5, .until_ns = 5, .count = 1, .kind = TAP_FILE}};

	snprintf(note.seen.object, sizeof(note.seen.object), "%s", path);
	snprintf(note.seen.program, sizeof(note.seen.program), "python3");
	return note;
}

static const struct or_json *status(struct rig *rig)
{
	const struct or_json *j;
	struct or_jsonw w;
	struct or_buf text;
	struct or_err err;

	or_buf_init(&text, OR_MIB);
	or_jsonw_init(&w, &text, 0);
	ag_observe_put_status(&w, rig->observe);
	ASSERT_OK(or_json_parse(&j, or_buf_slice(&text), rig->arena, &err), &err);
	or_buf_done(&text);
	return j;
}

static int64_t dropped(struct rig *rig, const char *why)
{
	return or_json_get(or_json_get(status(rig), "dropped"), why)->i;
}

static void note__becomes_a_record_by_kind(void **state)
{
	struct ag_note file = a_file("/data/orders.json"), conn = a_file("127.0.0.1:5432"),
		       exec = a_file("/usr/bin/id");
	struct wire_audit r[8];
	struct rig rig;

	(void)state;
	start(&rig, 50, 0, 1 << 30, true);
	file.seen.access = O_WRONLY | O_APPEND;
	file.seen.count = 12;
	file.seen.again = 1;
	file.seen.until_ns = 5 + 3 * OR_NS_PER_MS;
	conn.seen.kind = TAP_CONN;
	conn.seen.outcome = TAP_CONN_FAILED;
	conn.seen.error = ECONNREFUSED;
	exec.seen.kind = TAP_EXEC;
	snprintf(exec.seen.extra, sizeof(exec.seen.extra), "id");
	tell(&rig, &file);
	tell(&rig, &conn);
	tell(&rig, &exec);
	assert_int_equal(read_records(&rig, r, OR_LEN(r)), 3);
	assert_int_equal(r[0].kind, WIRE_KIND_FILE);
	assert_int_equal(r[0].front, WIRE_FRONT_KERNEL);
	assert_int_equal(r[0].decision, WIRE_DECISION_NONE);
	assert_int_equal(r[0].time_ns, 5);
	ASSERT_SLICE(r[0].action, "open");
	ASSERT_SLICE(r[0].principal.type, "Workload");
	ASSERT_SLICE(r[0].principal.id, "pod-1");
	ASSERT_SLICE(r[0].resource.type, "File");
	ASSERT_SLICE(r[0].resource.id, "/data/orders.json");
	ASSERT_SLICE(attribute(&r[0], "access"), "append");
	ASSERT_SLICE(attribute(&r[0], "program"), "python3");
	ASSERT_SLICE(attribute(&r[0], "count"), "12");
	ASSERT_SLICE(attribute(&r[0], "span_ms"), "3");
	ASSERT_SLICE(attribute(&r[0], "repeats"), "true");
	assert_int_equal(r[1].kind, WIRE_KIND_NETWORK);
	ASSERT_SLICE(r[1].action, "connect");
	ASSERT_SLICE(r[1].resource.type, "Endpoint");
	ASSERT_SLICE(r[1].resource.id, "127.0.0.1:5432");
	ASSERT_SLICE(r[1].reason, "connection_failed");
	ASSERT_SLICE(attribute(&r[1], "error"), "ECONNREFUSED");
	assert_int_equal(r[2].kind, WIRE_KIND_PROCESS);
	ASSERT_SLICE(r[2].action, "exec");
	ASSERT_SLICE(r[2].resource.id, "/usr/bin/id");
	ASSERT_SLICE(attribute(&r[2], "command"), "id");
	assert_int_equal(attribute(&r[2], "count").n, 0);
	stop(&rig);
}

static void note__of_any_bytes_is_recorded(void **state)
{
	struct ag_note note = a_file("/data/\xff\xfe\n");
	struct wire_audit r[2];
	struct rig rig;

	(void)state;
	start(&rig, 50, 0, 1 << 30, true);
	memset(note.seen.extra, '\xff', sizeof(note.seen.extra) - 1);
	note.seen.kind = TAP_EXEC;
	tell(&rig, &note);
	assert_int_equal(send(rig.ends[1], "rubbish", 7, 0), 7);
	tell(&rig, &note);
	assert_int_equal(read_records(&rig, r, OR_LEN(r)), 2);
	assert_int_equal(dropped(&rig, "other"), 1);
	stop(&rig);
}

/* A flood of one kind uses up that kind's rate, and no other's; what is lost is a record. */
static void flood__is_bounded_by_kind_and_counted(void **state)
{
	enum { RATE = 5, FLOOD = 400 };
	struct ag_note note = a_file("/tmp/x"), exec = a_file("/usr/bin/id");
	static struct wire_audit r[FLOOD];
	struct rig rig;
	size_t n, told;

	(void)state;
	start(&rig, RATE, 0, 1 << 30, true);
	for (int i = 0; i < FLOOD; i++)
		tell(&rig, &note);
	n = read_records(&rig, r, OR_LEN(r));
	assert_in_range(n, RATE * BURST_S, RATE * BURST_S + 2);
	told = n; /* the record of what is missing comes later */
	exec.seen.kind = TAP_EXEC;
	tell(&rig, &exec);
	or_loop_advance(rig.loop, 2 * AG_OBSERVE_LOSS_NS);
	n = read_records(&rig, r, OR_LEN(r));
	assert_int_equal(or_json_get(status(&rig), "recorded")->i, (int64_t)n);
	assert_int_equal(dropped(&rig, "rate") + (int64_t)told, FLOOD);
	stop(&rig);
}

static uint64_t sum_of_reports(const struct wire_audit *r, size_t n, const char *key)
{
	uint64_t all = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned long long value = 0;

		if (or_slice_is(r[i].reason, "observation_incomplete") && attribute(&r[i], key).n)
			sscanf((const char *)attribute(&r[i], key).p, "%llu", &value);
		all += value;
	}
	return all;
}

static void loss__is_recorded_once_and_adds_up(void **state)
{
	struct ag_note loss = {.type = AG_NOTE_LOSS,
	    .loss = {.seen = {100, 0, 50}, .ring = {7, 0, 0}, .crowded = {0, 0, 11}}};
	struct wire_audit r[16];
	struct rig rig;
	size_t n;

	(void)state;
	start(&rig, 50, 0, 1 << 30, true);
	tell(&rig, &loss);
	tell(&rig, &loss);
	or_loop_advance(rig.loop, 10 * AG_OBSERVE_LOSS_NS);
	n = read_records(&rig, r, OR_LEN(r));
	assert_int_equal(sum_of_reports(r, n, "ring"), 14);
	assert_int_equal(sum_of_reports(r, n, "crowded"), 22);
	assert_int_equal(or_json_get(status(&rig), "seen")->i, 300);
	stop(&rig);
}

/* However much is observed: half of the spool stays for decisions. */
static void quota__leaves_the_spool_to_decisions(void **state)
{
	enum { QUOTA = 256 * 1024 };
	struct ag_note note = a_file("/tmp/x");
	struct ag_spool_info info;
	uint8_t trace[WIRE_AUDIT_TRACE_LEN] = {1}, span[WIRE_AUDIT_SPAN_LEN] = {1};
	struct rig rig;

	(void)state;
	start(&rig, 100000, QUOTA, 1 << 30, true);
	for (int i = 0; i < 2000; i++)
		tell(&rig, &note);
	assert_true(dropped(&rig, "quota") > 0);
	ag_spool_get_info(&info, rig.spool);
	assert_true(info.bytes <= QUOTA / 2);
	assert_true(ag_record_has_room(rig.rec));
	for (int i = 0; i < 100; i++) {
		struct wire_audit r = {.kind = WIRE_KIND_ACCESS,
		    .front = WIRE_FRONT_PROXY,
		    .phase = WIRE_PHASE_COMPLETE,
		    .trace_id = or_slice(trace, sizeof(trace)),
		    .span_id = or_slice(span, sizeof(span))};

		ASSERT_CODE(ag_record_put(rig.rec, &r, OR_SLICE_NONE, NULL), OR_OK);
	}
	stop(&rig);
}

static void state__is_recorded_when_it_changes(void **state)
{
	struct ag_note note = {.type = AG_NOTE_STATE, .state = {.tier = 1}};
	struct wire_audit r[8];
	struct rig rig;

	(void)state;
	start(&rig, 50, 0, 1 << 30, true);
	ASSERT_SLICE(or_json_get_str(status(&rig), "state"), "starting");
	ASSERT_SLICE(or_json_get_str(status(&rig), "tier"), "T0");
	note.state.pid = (uint32_t)getpid();
	note.state.probe[TAP_EXEC].state = TAP_ATTACHED;
	snprintf(note.state.probe[TAP_EXEC].hook, sizeof(note.state.probe[0].hook), "tp/exec");
	tell(&rig, &note);
	tell(&rig, &note);
	ASSERT_SLICE(or_json_get_str(status(&rig), "state"), "running");
	ASSERT_SLICE(or_json_get_str(status(&rig), "tier"), "T1");
	note.state.tier = 0;
	note.state.restarts = 2;
	snprintf(note.state.why, sizeof(note.state.why), "no cgroup2 is mounted");
	snprintf(note.state.ended, sizeof(note.state.ended), "signal 9");
	tell(&rig, &note);
	ASSERT_SLICE(or_json_get_str(status(&rig), "state"), "absent");
	ASSERT_SLICE(or_json_get_str(status(&rig), "why"), "no cgroup2 is mounted");
	assert_int_equal(read_records(&rig, r, OR_LEN(r)), 2);
	ASSERT_SLICE(r[0].reason, "tap_running");
	ASSERT_SLICE(attribute(&r[0], "tier"), "T1");
	ASSERT_SLICE(attribute(&r[0], "exec"), "tp/exec");
	ASSERT_SLICE(r[1].reason, "tap_absent");
	ASSERT_SLICE(attribute(&r[1], "tier"), "T0");
	ASSERT_SLICE(attribute(&r[1], "why"), "no cgroup2 is mounted");
	ASSERT_SLICE(attribute(&r[1], "ended"), "signal 9");
	stop(&rig);
}

static void new__without_a_tap_says_so(void **state)
{
	struct wire_audit r[2];
	struct rig rig;

	(void)state;
	start(&rig, 50, 0, 1 << 30, false);
	assert_int_equal(read_records(&rig, r, OR_LEN(r)), 1);
	ASSERT_SLICE(r[0].action, "observe");
	ASSERT_SLICE(r[0].reason, "tap_absent");
	assert_true(attribute(&r[0], "why").n > 0);
	stop(&rig);
}

static void new__asks_the_tap_for_its_state(void **state)
{
	char byte;
	struct rig rig;

	(void)state;
	start(&rig, 50, 0, 1 << 30, true);
	assert_int_equal(recv(rig.ends[1], &byte, 1, MSG_DONTWAIT), 1);
	stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(note__becomes_a_record_by_kind),
	    cmocka_unit_test(note__of_any_bytes_is_recorded),
	    cmocka_unit_test(flood__is_bounded_by_kind_and_counted),
	    cmocka_unit_test(loss__is_recorded_once_and_adds_up),
	    cmocka_unit_test(quota__leaves_the_spool_to_decisions),
	    cmocka_unit_test(state__is_recorded_when_it_changes),
	    cmocka_unit_test(new__without_a_tap_says_so),
	    cmocka_unit_test(new__asks_the_tap_for_its_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
