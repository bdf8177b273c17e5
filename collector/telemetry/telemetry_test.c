/* SPDX-License-Identifier: Apache-2.0 */
/* A telemetry topic on a real loop and disk: stored once, across faults, restarts and damage. */
#include "collector/telemetry/telemetry.h"

#include "base/mem.h"
#include "base/sys.h"
#include "collector/telemetry/depot_file.h"
#include "collector/telemetry/search.h"
#include "proto/batch.h"
#include "proto/frame.h"
#include "proto/otlp_json.h"
#include "proto/root.h"
#include "tests/support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define STREAM "otlp_logs/orders"

static const uint8_t agent_id[16] = "agent-a-agent-a";

struct fixture {
	char *dir;
	const char *depot; /* its directory */
	struct or_loop *loop;
	struct or_slow *slow;
	struct or_crypto_key *issuer, *agent;
	const struct or_crypto_key *issuers[1];
	struct or_buf cert;
	struct co_telemetry_opt opt;
	struct co_telemetry *t;
	struct or_arena *a;
	struct or_err err;
	struct co_ingest_answer answer;
	char reason[32];
	size_t answers;
	size_t told;    /* records that on_stored was called with */
	int fail_after; /* calls of the file seam that go well, then one fails */
	enum or_sys_op fail_op;
};

static void on_stored(
    void *arg, struct or_slice product, int64_t received_ns, struct or_slice record)
{
	struct fixture *x = arg;

	(void)received_ns;
	assert_true(record.n > 0);
	ASSERT_SLICE(product, "orders");
	x->told++;
}

static void open_topic(struct fixture *x)
{
	ASSERT_OK(or_slow_new(&x->slow, x->loop, 64, &x->err), &x->err);
	x->opt.slow = x->slow;
	ASSERT_OK(co_telemetry_open(&x->t, &x->opt, &x->err), &x->err);
}

static void close_topic(struct fixture *x)
{
	or_slow_free(x->slow);
	co_telemetry_close(x->t);
	x->slow = NULL;
	x->t = NULL;
}

static void issue(struct fixture *x)
{
	static const struct or_slice products[] = {OR_SLICE_LIT("orders")};
	struct wire_cert c = {.agent_id = or_slice(agent_id, 16),
	    .products = products,
	    .n_products = 1,
	    .not_before_ns = 1,
	    .not_after_ns = INT64_MAX};
	struct or_buf raw;

	or_buf_init(&raw, 64);
	ASSERT_CODE(or_crypto_key_public(&raw, x->agent), OR_OK);
	c.public_key = or_buf_slice(&raw);
	or_buf_init(&x->cert, WIRE_CERT_MAX);
	ASSERT_OK(wire_cert_issue(&x->cert, &c, x->issuer, &x->err), &x->err);
	or_buf_done(&raw);
}

static int set_up(void **state)
{
	struct or_loop_opt virtual = {
	    .virtual_clock = true, .virtual_wall_ns = 1764000000LL * OR_NS_PER_S};
	struct fixture *x = or_mem_new(sizeof(*x));

	x->dir = support_tmpdir_new();
	x->a = or_arena_new(0);
	x->depot = or_arena_printf(x->a, "%s/otlp_logs", x->dir);
	ASSERT_OK(or_loop_new(&x->loop, &virtual, &x->err), &x->err);
	ASSERT_OK(or_crypto_key_new(&x->issuer, OR_CRYPTO_ED25519, &x->err), &x->err);
	ASSERT_OK(or_crypto_key_new(&x->agent, OR_CRYPTO_ED25519, &x->err), &x->err);
	issue(x);
	x->issuers[0] = x->issuer;
	x->opt = (struct co_telemetry_opt){.loop = x->loop,
	    .topic = "otlp_logs",
	    .dir = x->depot,
	    .issuers = x->issuers,
	    .n_issuers = 1,
	    .on_stored = on_stored,
	    .stored_arg = x};
	open_topic(x);
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	or_sys_fault_set(NULL, NULL);
	close_topic(x);
	or_loop_free(x->loop);
	or_buf_done(&x->cert);
	or_crypto_key_free(x->issuer);
	or_crypto_key_free(x->agent);
	support_tmpdir_remove(x->dir);
	or_arena_free(x->a);
	or_mem_free(x);
	return 0;
}

static void on_answer(void *arg, const struct co_ingest_answer *answer)
{
	struct fixture *x = arg;

	x->answer = *answer;
	snprintf(x->reason, sizeof(x->reason), "%s", answer->reason);
	x->answers++;
}

/* One log line that names its number, as a request in protobuf. */
static struct or_slice request_of(struct fixture *x, uint64_t seq)
{
	struct wire_otlp_line line = {.time_ns = (1764000000LL + (int64_t)seq) * OR_NS_PER_S,
	    .iostream = seq % 2 ? "stdout" : "stderr"};
	struct or_buf lines, out;
	struct or_slice copy;

	line.text = or_slice_str(or_arena_printf(x->a, "line %llu of it", (unsigned long long)seq));
	or_buf_init(&lines, 4096);
	or_buf_init(&out, 8192);
	wire_otlp_put_line(&lines, &line);
	wire_otlp_put_lines(&out, "orders", or_buf_slice(&lines), 0, 0);
	copy = or_arena_dup(x->a, or_buf_slice(&out));
	or_buf_done(&lines);
	or_buf_done(&out);
	return copy;
}

struct sent {
	uint64_t from, to;
	struct wire_dropped dropped; /* to: 0 for none */
	const char *stream, *topic;
	bool wrong_key;
	uint64_t next; /* it was read from CLUSTER, and this is where to go on */
};

#define CLUSTER "cluster/otlp_logs"
enum { PARTITION = 3 };

static uint64_t get_next(void *arg)
{
	return *(const uint64_t *)arg;
}

static struct co_telemetry_call *submit(struct fixture *x, const struct sent *s)
{
	struct or_slice records[64];
	uint8_t root[32];
	struct wire_frame f = {.cert = or_buf_slice(&x->cert),
	    .epoch = 7,
	    .stream = or_slice_str(s->stream ? s->stream : STREAM),
	    .seq_from = s->from,
	    .seq_to = s->to,
	    .root = or_slice(root, sizeof(root)),
	    .dropped = &s->dropped,
	    .n_dropped = s->dropped.to ? 1 : 0,
	    .sent_ns = 1};
	uint64_t next = s->next;
	struct co_ingest_request request = {
	    .topic = or_slice_str(s->topic ? s->topic : "otlp_logs"),
	    .source = {OR_SLICE_LIT(CLUSTER), PARTITION, next ? get_next : NULL, &next}};
	struct co_telemetry_call *call;
	struct or_buf frame, batch;
	size_t n = 0;

	or_buf_init(&frame, WIRE_FRAME_MAX);
	wire_batch_begin(&batch);
	for (uint64_t seq = s->from; seq <= s->to; seq++) {
		if (s->dropped.to && seq >= s->dropped.from && seq <= s->dropped.to)
			continue;
		records[n] = request_of(x, seq);
		wire_batch_add_record(&batch, records[n++]);
	}
	wire_root_compute(root, records, n);
	ASSERT_OK(
	    wire_frame_sign(&frame, &f, s->wrong_key ? x->issuer : x->agent, &x->err), &x->err);
	request.frame = or_buf_slice(&frame);
	request.batch = or_buf_slice(&batch);
	call = co_telemetry_submit(x->t, &request, on_answer, x);
	or_buf_done(&frame);
	or_buf_done(&batch);
	return call;
}

static void wait_answers(struct fixture *x, size_t n)
{
	while (x->answers < n)
		or_loop_turn(x->loop, false);
}

/* Sends and waits; the answer is in x->answer. */
static enum or_code ship(struct fixture *x, uint64_t from, uint64_t to)
{
	size_t before = x->answers;

	submit(x, &(struct sent){.from = from, .to = to});
	wait_answers(x, before + 1);
	return x->answer.code;
}

/* Reads the depot: every number from 1 to max must be there once, those of `without` not at all. */
static void assert_stored(struct fixture *x, uint64_t max, uint64_t without)
{
	struct co_depot_read *r;
	struct co_depot_group g;
	struct co_depot_record record;
	uint8_t seen[256] = {0};
	enum or_code rc;

	ASSERT_OK(co_depot_read_open(&r, x->depot, 0, &x->err), &x->err);
	while ((rc = co_depot_read_next(r, &g, &x->err)) == OR_OK) {
		while (co_depot_next_record(&record, &g.records)) {
			assert_true(record.seq < sizeof(seen));
			assert_true(or_slice_eq(record.bytes, request_of(x, record.seq)));
			seen[record.seq]++;
		}
	}
	ASSERT_CODE(rc, OR_ABSENT);
	co_depot_read_close(r);
	for (uint64_t seq = 1; seq <= max; seq++)
		assert_int_equal(seen[seq], seq == without ? 0 : 1);
	for (uint64_t seq = max + 1; seq < sizeof(seen); seq++)
		assert_int_equal(seen[seq], 0);
}

static void submit__stores_once(void **state)
{
	struct fixture *x = *state;

	ASSERT_CODE(ship(x, 1, 3), OR_OK);
	assert_int_equal(x->answer.stored, 3);
	ASSERT_CODE(ship(x, 1, 3), OR_OK); /* the answer was lost */
	assert_int_equal(x->answer.stored, 0);
	assert_int_equal(x->answer.duplicates, 3);
	ASSERT_CODE(ship(x, 2, 5), OR_OK);
	assert_int_equal(x->answer.stored, 2);
	assert_int_equal(x->answer.duplicates, 2);
	assert_stored(x, 5, 0);
	assert_int_equal(x->told, 5);
	close_topic(x);
	open_topic(x);
	ASSERT_CODE(ship(x, 1, 6), OR_OK);
	assert_int_equal(x->answer.stored, 1);
	assert_stored(x, 6, 0);
}

static void submit__groups_what_comes_meanwhile(void **state)
{
	struct fixture *x = *state;

	for (uint64_t seq = 1; seq <= 20; seq++)
		submit(x, &(struct sent){.from = seq, .to = seq});
	submit(x, &(struct sent){.from = 3, .to = 4}); /* known, but not durable yet */
	assert_int_equal(x->answers, 0);
	wait_answers(x, 21);
	assert_stored(x, 20, 0);
}

static void submit__counts_what_is_missing_and_dropped(void **state)
{
	struct fixture *x = *state;

	submit(x, &(struct sent){.from = 1, .to = 4, .dropped = {2, 2, OR_SLICE_LIT("damaged")}});
	wait_answers(x, 1);
	ASSERT_CODE(x->answer.code, OR_OK);
	assert_int_equal(x->answer.missing, 0);
	assert_stored(x, 4, 2);
	ASSERT_CODE(ship(x, 8, 8), OR_OK);
	assert_int_equal(x->answer.missing, 3);
	ASSERT_CODE(ship(x, 5, 7), OR_OK); /* late, but not lost */
	assert_int_equal(x->answer.stored, 3);
	assert_stored(x, 8, 2);
	ASSERT_CODE(ship(x, 11, 10), OR_OK); /* a heartbeat that knows more */
	assert_int_equal(x->answer.missing, 2);
	ASSERT_CODE(ship(x, 11, 10), OR_OK);
	assert_int_equal(x->answer.missing, 0);
}

static void submit__refuses(void **state)
{
	static const struct {
		struct sent s;
		enum or_code rc;
		const char *reason;
	} cases[] = {
	    {{.from = 1, .to = 1, .wrong_key = true}, OR_DENIED, "signature"},
	    {{.from = 1, .to = 1, .stream = "otlp_logs/invoices"}, OR_DENIED, "product"},
	    {{.from = 1, .to = 1, .stream = "openlineage/orders"}, OR_PARSE, "frame"},
	};
	struct fixture *x = *state;

	for (size_t i = 0; i < OR_LEN(cases); i++) {
		assert_null(submit(x, &cases[i].s));
		ASSERT_CODE(x->answer.code, cases[i].rc);
		assert_string_equal(x->reason, cases[i].reason);
	}
	assert_stored(x, 0, 0);
}

static void refused__are_kept(void **state)
{
	struct fixture *x = *state;
	struct co_telemetry_stats stats;
	struct or_sys_names names;

	submit(x, &(struct sent){.from = 1, .to = 1, .wrong_key = true});
	submit(x, &(struct sent){.from = 1, .to = 1, .stream = "otlp_logs/invoices"});
	while (or_slow_queued(x->slow))
		or_loop_turn(x->loop, false);
	co_telemetry_stats(&stats, x->t);
	assert_int_equal(stats.refused, 2);
	assert_int_equal(stats.dead_letters, 2);
	ASSERT_OK(
	    or_sys_list(&names, or_arena_printf(x->a, "%s/dead", x->depot), &x->err), &x->err);
	assert_int_equal(names.n, 2);
	or_sys_names_free(&names);
}

static uint64_t next_of(struct fixture *x, uint32_t partition)
{
	return co_telemetry_next(x->t, OR_SLICE_LIT(CLUSTER), partition);
}

static void read_in(struct fixture *x, uint64_t seq, uint64_t next)
{
	size_t before = x->answers;

	submit(x, &(struct sent){.from = seq, .to = seq, .next = next});
	wait_answers(x, before + 1);
}

static void place__is_stored_with_what_was_read(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(next_of(x, PARTITION), 0);
	read_in(x, 1, 1);
	read_in(x, 2, 6); /* others' messages were passed over */
	read_in(x, 3, 7);
	assert_int_equal(next_of(x, PARTITION), 7);
	close_topic(x);
	open_topic(x);
	assert_int_equal(next_of(x, PARTITION), 7);
	assert_int_equal(next_of(x, PARTITION + 1), 0);
	assert_int_equal(co_telemetry_next(x->t, OR_SLICE_LIT("other/otlp_logs"), PARTITION), 0);
	read_in(x, 3, 7); /* again: nothing to store */
	assert_int_equal(x->answer.duplicates, 1);
	assert_stored(x, 3, 0);
}

static int fault(void *arg, enum or_sys_op op, size_t *limit)
{
	struct fixture *x = arg;

	*limit = 5;
	return op == x->fail_op && x->fail_after-- == 0 ? EIO : 0;
}

static void place__is_not_stored_without_what_was_read(void **state)
{
	struct fixture *x = *state;

	read_in(x, 1, 1);
	x->fail_op = OR_SYS_SYNC;
	x->fail_after = 0;
	or_sys_fault_set(fault, x);
	read_in(x, 2, 2);
	or_sys_fault_set(NULL, NULL);
	ASSERT_CODE(x->answer.code, OR_IO);
	assert_int_equal(next_of(x, PARTITION), 1);
	close_topic(x);
	open_topic(x);
	assert_int_equal(next_of(x, PARTITION), 1);
	read_in(x, 2, 2);
	assert_stored(x, 2, 0);
	assert_int_equal(next_of(x, PARTITION), 2);
}

/* After a fault at every write and sync: what was refused is not there, what is sent again is,
 * once. */
static void faults__lose_and_double_nothing(void **state)
{
	static const enum or_sys_op ops[] = {OR_SYS_WRITE, OR_SYS_SYNC};
	struct fixture *x = *state;
	uint64_t next = 1;

	for (size_t op = 0; op < OR_LEN(ops); op++) {
		for (int n = 0; n < 6; n++, next++) {
			x->fail_op = ops[op];
			x->fail_after = n % 2;
			or_sys_fault_set(fault, x);
			(void)!ship(x, next, next);
			(void)!ship(x, next, next);
			or_sys_fault_set(NULL, NULL);
			ASSERT_CODE(ship(x, next, next), OR_OK);
			if (n == 3) {
				close_topic(x);
				open_topic(x);
			}
		}
	}
	assert_stored(x, next - 1, 0);
}

/* The newest segment's path. */
static void newest(struct fixture *x, char path[CO_DEPOT_FILE_PATH])
{
	struct or_sys_names names;

	ASSERT_OK(or_sys_list(&names, x->depot, &x->err), &x->err);
	for (size_t i = 0; i < names.n; i++) {
		if (names.names[i][0] == '0')
			co_depot_file_path(path, x->depot, names.names[i]);
	}
	or_sys_names_free(&names);
}

static void damage__is_left_alone_and_counted(void **state)
{
	struct fixture *x = *state;
	char path[CO_DEPOT_FILE_PATH];
	struct co_telemetry_stats stats;
	struct co_depot_read *r;
	struct co_depot_group g;
	size_t groups = 0;
	uint64_t size;
	int fd;

	ASSERT_CODE(ship(x, 1, 2), OR_OK);
	ASSERT_CODE(ship(x, 3, 4), OR_OK);
	close_topic(x);
	newest(x, path);
	ASSERT_OK(or_sys_open(&fd, path, O_RDWR, 0, &x->err), &x->err);
	ASSERT_OK(or_sys_size(&size, fd, &x->err), &x->err);
	ASSERT_OK(or_sys_truncate(fd, size - 3, &x->err), &x->err); /* torn: 3 and 4 */
	or_sys_close(fd);
	open_topic(x);
	co_telemetry_stats(&stats, x->t);
	assert_int_equal(stats.damaged, 1);
	ASSERT_CODE(ship(x, 3, 5), OR_OK);
	assert_int_equal(x->answer.stored, 3);
	assert_stored(x, 5, 0);
	ASSERT_OK(co_depot_read_open(&r, x->depot, 0, &x->err), &x->err);
	while (co_depot_read_next(r, &g, &x->err) == OR_OK)
		groups++;
	assert_int_equal(groups, 2);
	assert_int_equal(co_depot_read_damaged(r), 1);
	co_depot_read_close(r);
}

static void days__begin_segments_and_old_ones_go(void **state)
{
	struct fixture *x = *state;
	struct or_sys_names names;

	close_topic(x);
	x->opt.keep_ns = 3 * 86400 * OR_NS_PER_S;
	open_topic(x);
	for (uint64_t day = 1; day <= 10; day++) {
		ASSERT_CODE(ship(x, day, day), OR_OK);
		or_loop_advance(x->loop, 86400 * OR_NS_PER_S);
	}
	ASSERT_OK(or_sys_list(&names, x->depot, &x->err), &x->err);
	assert_int_equal(names.n, 6); /* four days, the lock, and the dead letters */
	assert_string_equal(names.names[0] + 10, "-20251130.seg");
	or_sys_names_free(&names);
	close_topic(x);
	open_topic(x);
	ASSERT_CODE(ship(x, 1, 10), OR_OK); /* what went is not taken again */
	assert_int_equal(x->answer.duplicates, 10);
}

/* ---- searching */

struct found {
	char text[8192];
	size_t n;
	uint64_t matched, scanned;
	bool is_done;
};

static void on_found(void *arg, const struct co_search_end *end)
{
	struct found *f = arg;
	size_t at = 0;

	ASSERT_CODE(end->rc, OR_OK);
	f->n = end->n;
	f->matched = end->matched;
	f->scanned = end->scanned;
	f->text[0] = 0;
	for (size_t i = 0; i < end->n && at < sizeof(f->text); i++)
		at += (size_t)snprintf(
		    f->text + at, sizeof(f->text) - at, "%.*s\n", OR_SLICE_FMT(end->lines[i]));
}

static void on_done(void *arg)
{
	((struct found *)arg)->is_done = true;
}

static struct found find(struct fixture *x, const char *query)
{
	struct co_search *search;
	struct found f = {0};
	struct co_sift sift;

	ASSERT_OK(co_sift_parse(&sift, WIRE_OTLP_LOGS, or_slice_str(query),
		      1764000100LL * OR_NS_PER_S, x->a, &x->err),
	    &x->err);
	ASSERT_OK(
	    co_search_start(&search, x->slow, x->depot, &sift, on_found, on_done, &f, &x->err),
	    &x->err);
	while (!f.is_done)
		or_loop_turn(x->loop, false);
	return f;
}

static void search__finds_by_terms(void **state)
{
	struct fixture *x = *state;
	struct found f;

	ASSERT_CODE(ship(x, 1, 9), OR_OK);
	f = find(x, "");
	assert_int_equal(f.n, 9);
	ASSERT_HAS(
	    f.text, "\"product\":\"orders\",\"service\":\"orders\",\"scope\":\"outrider.stdio\"");
	ASSERT_HAS(f.text, "\"body\":\"line 1 of it\"");
	assert_int_equal(find(x, "LINE \"7 of\"").n, 1);
	assert_int_equal(find(x, "iostream=stderr product=orders").n, 4);
	assert_int_equal(find(x, "log.iostream!=stderr").n, 5);
	assert_int_equal(find(x, "body=line*9*").n, 1);
	assert_int_equal(find(x, "product=other").n, 0);
	assert_int_equal(find(x, "since=95s").n, 5); /* lines carry their own time */
	assert_int_equal(find(x, "until=2025-11-24T16:00:03Z").n, 2);
	f = find(x, "limit=2");
	assert_int_equal(f.n, 2);
	assert_int_equal(f.matched, 9);
	ASSERT_HAS(f.text, "line 8");
	ASSERT_HAS(f.text, "line 9");
	assert_null(strstr(f.text, "line 7"));
}

static void search__can_be_cancelled(void **state)
{
	struct fixture *x = *state;
	struct co_search *search;
	struct found f = {.n = 77};
	struct co_sift sift;

	ASSERT_CODE(ship(x, 1, 9), OR_OK);
	ASSERT_OK(co_sift_parse(&sift, WIRE_OTLP_LOGS, OR_SLICE_NONE, 0, x->a, &x->err), &x->err);
	ASSERT_OK(
	    co_search_start(&search, x->slow, x->depot, &sift, on_found, on_done, &f, &x->err),
	    &x->err);
	co_search_cancel(search);
	while (!f.is_done)
		or_loop_turn(x->loop, false);
	assert_int_equal(f.n, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(submit__stores_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(submit__groups_what_comes_meanwhile, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		submit__counts_what_is_missing_and_dropped, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(submit__refuses, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(refused__are_kept, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(place__is_stored_with_what_was_read, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		place__is_not_stored_without_what_was_read, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(faults__lose_and_double_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(damage__is_left_alone_and_counted, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		days__begin_segments_and_old_ones_go, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(search__finds_by_terms, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(search__can_be_cancelled, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
