/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill -9 under traffic: a child takes frames in and says what it acknowledged; it is killed; the
 * next one gets everything again that was not acknowledged, cut another way. In the end each record
 * is there once, under the checkpoint.
 */
#include "base/mem.h"
#include "collector/audit/read.h"
#include "collector/ingest/ingest.h"
#include "proto/audit.h"
#include "proto/batch.h"
#include "proto/frame.h"
#include "proto/leaf.h"
#include "proto/root.h"
#include "tests/support/support.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define ORIGIN "outrider/test/shard/0"

enum { ROUNDS = 12, IN_FLIGHT = 3, PER_FRAME_MAX = 9 };

static const uint8_t ids[48] = "agent-agent-agentrace-trace-tra-span-sp";

struct fixture {
	char *dir;
	struct or_crypto_key *key; /* everybody's */
	struct tl_note_key log_key;
	struct or_buf cert;
	struct or_err err;
};

static int set_up(void **state)
{
	static const struct or_slice all[] = {OR_SLICE_LIT("*")};
	struct wire_cert c = {.agent_id = or_slice(ids, 16),
	    .products = all,
	    .n_products = 1,
	    .not_before_ns = 1,
	    .not_after_ns = INT64_MAX};
	struct fixture *x = or_mem_new(sizeof(*x));
	struct or_buf raw;

	x->dir = support_tmpdir_new();
	ASSERT_OK(or_crypto_key_new(&x->key, OR_CRYPTO_ED25519, &x->err), &x->err);
	ASSERT_OK(tl_note_key_init(&x->log_key, ORIGIN, x->key, &x->err), &x->err);
	or_buf_init(&raw, 64);
	ASSERT_CODE(or_crypto_key_public(&raw, x->key), OR_OK);
	c.public_key = or_buf_slice(&raw);
	or_buf_init(&x->cert, WIRE_CERT_MAX);
	ASSERT_OK(wire_cert_issue(&x->cert, &c, x->key, &x->err), &x->err);
	or_buf_done(&raw);
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	or_buf_done(&x->cert);
	tl_note_key_done(&x->log_key);
	or_crypto_key_free(x->key);
	support_tmpdir_remove(x->dir);
	or_mem_free(x);
	return 0;
}

/* What runs in a child; failures end it with a code that the parent sees. */

struct child {
	struct fixture *x;
	struct or_loop *loop;
	struct co_ingest *in;
	int pipe;
	uint64_t sent;  /* the last number */
	uint64_t acked; /* frames are answered in their order */
	size_t waiting;
};

struct ack {
	struct child *c;
	uint64_t to;
};

static void must(bool ok)
{
	if (!ok)
		_exit(9);
}

static void on_answer(void *arg, const struct co_ingest_answer *answer)
{
	struct ack *a = arg;

	must(answer->code == OR_OK && answer->conflicts == 0 && answer->missing == 0);
	must(a->to > a->c->acked);
	a->c->acked = a->to;
	a->c->waiting--;
	must(write(a->c->pipe, &a->to, sizeof(a->to)) == sizeof(a->to));
	or_mem_free(a);
}

static struct or_slice put_record(struct or_buf *out, uint64_t seq)
{
	size_t start = out->n;
	struct wire_audit r = {.time_ns = 1000 + seq,
	    .agent_id = or_slice(ids, 16),
	    .epoch = 2,
	    .stream = OR_SLICE_LIT("outrider.audit/orders"),
	    .seq = seq,
	    .product = OR_SLICE_LIT("orders"),
	    .kind = WIRE_KIND_ACCESS,
	    .front = WIRE_FRONT_PROXY,
	    .phase = WIRE_PHASE_COMPLETE,
	    .trace_id = or_slice(ids + 16, 16),
	    .span_id = or_slice(ids + 32, 8)};

	must(wire_audit_encode(out, &r, NULL) == OR_OK);
	return or_slice(out->p + start, out->n - start);
}

static void send_frame(struct child *c, size_t n)
{
	struct or_slice records[PER_FRAME_MAX];
	struct or_buf bytes, batch, frame;
	uint8_t root[32];
	struct wire_frame f = {.cert = or_buf_slice(&c->x->cert),
	    .epoch = 2,
	    .stream = OR_SLICE_LIT("outrider.audit/orders"),
	    .seq_from = c->sent + 1,
	    .seq_to = c->sent + n,
	    .root = or_slice(root, 32),
	    .sent_ns = 5};
	struct co_ingest_request request = {.topic = OR_SLICE_LIT("outrider.audit")};
	struct ack *a = or_mem_new(sizeof(*a));

	or_buf_init(&bytes, 1 << 16);
	must(or_buf_reserve(&bytes, 1 << 15) != NULL); /* records stay where they are put */
	wire_batch_begin(&batch);
	for (size_t i = 0; i < n; i++) {
		records[i] = put_record(&bytes, c->sent + 1 + i);
		wire_batch_add_record(&batch, records[i]);
	}
	wire_root_compute(root, records, n);
	or_buf_init(&frame, WIRE_FRAME_MAX);
	must(wire_frame_sign(&frame, &f, c->x->key, NULL) == OR_OK);
	request.frame = or_buf_slice(&frame);
	request.batch = or_buf_slice(&batch);
	*a = (struct ack){c, f.seq_to};
	c->sent = f.seq_to;
	c->waiting++;
	co_ingest_submit(c->in, &request, on_answer, a);
	or_buf_done(&frame);
	or_buf_done(&batch);
	or_buf_done(&bytes);
}

OR_NORETURN static void run_child(struct fixture *x, int pipe, uint64_t acked)
{
	const struct or_crypto_key *issuers[] = {x->key};
	struct child c = {.x = x, .pipe = pipe, .sent = acked, .acked = acked};
	struct co_ingest_opt opt = {.dir = x->dir,
	    .origin = ORIGIN,
	    .key = &x->log_key,
	    .issuers = issuers,
	    .n_issuers = 1,
	    .own_key = x->key,
	    .own_cert = or_buf_slice(&x->cert),
	    .segment_bytes = 20000};

	must(or_loop_new(&c.loop, NULL, NULL) == OR_OK);
	must(or_slow_new(&opt.slow, c.loop, 64, NULL) == OR_OK);
	opt.loop = c.loop;
	must(co_ingest_open(&c.in, &opt, NULL) == OR_OK);
	must(co_log_trouble(co_ingest_log(c.in)) == NULL);
	for (size_t i = acked % 5;; i++) {
		while (c.waiting >= IN_FLIGHT)
			or_loop_turn(c.loop, false);
		send_frame(&c, i % PER_FRAME_MAX + 1);
	}
}

/* One child, killed when it has acknowledged some frames and is busy with the next. */
static uint64_t run_round(struct fixture *x, uint64_t acked, int frames)
{
	int ends[2], status;
	uint64_t to;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		run_child(x, ends[1], acked);
	}
	close(ends[1]);
	for (int i = 0; i < frames; i++) {
		assert_int_equal(read(ends[0], &to, sizeof(to)), sizeof(to));
		acked = to;
	}
	kill(pid, SIGKILL);
	while (read(ends[0], &to, sizeof(to)) == sizeof(to))
		acked = to;
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	return acked;
}

/* Every number from 1 on, once each, under the checkpoint; returns the last. */
static uint64_t assert_each_once(struct fixture *x)
{
	struct co_store_opt opt = {.dir = x->dir, .origin = ORIGIN, .key = &x->log_key};
	struct or_arena *a = or_arena_new(1 << 20);
	struct co_read_scan scan = {.next = 0};
	struct tl_segment_entry e;
	struct co_store *store;
	struct co_read *r;
	struct wire_leaf leaf;
	struct wire_audit record;
	uint64_t last = 0;

	ASSERT_OK(co_store_open(&store, &opt, &x->err), &x->err);
	assert_null(co_store_damage(store));
	scan.to = co_store_size(store);
	ASSERT_OK(co_read_open(&r, x->dir, scan.to, &x->err), &x->err);
	while (co_read_scan_next(r, &scan, &e, &x->err) == OR_OK) {
		or_arena_clear(a);
		ASSERT_OK(wire_leaf_decode(&leaf, e.leaf, &x->err), &x->err);
		if (leaf.type != WIRE_LEAF_RECORD)
			continue;
		ASSERT_OK(wire_audit_decode(&record, NULL, leaf.content, a, &x->err), &x->err);
		assert_int_equal(record.seq, last + 1);
		last = record.seq;
	}
	assert_int_equal(scan.next, scan.to);
	co_read_close(r);
	co_store_close(store);
	or_arena_free(a);
	return last;
}

static void kill_9__leaves_each_record_once(void **state)
{
	struct fixture *x = *state;
	uint64_t acked = 0, stored;

	for (int round = 0; round < ROUNDS; round++) {
		acked = run_round(x, acked, 5 + round * 3);
		stored = assert_each_once(x);
		assert_true(stored >= acked);
		assert_true(stored <= acked + IN_FLIGHT * PER_FRAME_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(kill_9__leaves_each_record_once, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
