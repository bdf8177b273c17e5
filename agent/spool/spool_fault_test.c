/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child appends, syncs, reads and acknowledges while its N-th system call fails, for every N;
 * then it ends without closing, as kill -9 would. What it had been promised must be there.
 */
#include "agent/spool/spool.h"

#include "base/mem.h"
#include "base/sys.h"
#include "tests/support/support.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RECORDS = 60, EXIT_OK = 0, EXIT_WRONG = 3 };

/* What the child says, in memory that both see. */
struct story {
	atomic_int calls;
	uint64_t epoch;
	uint64_t appended; /* the last number whose append returned OR_OK */
	uint64_t durable;  /* the last number that a sync reported */
	uint64_t acked;
	int refused;
	int failed_syncs;
	int failed_opens;
	bool is_finished;
};

/* Calls first..last fail, with code. */
struct fault {
	struct story *story;
	int first;
	int last;
	int code;
	size_t limit;
};

struct child {
	struct or_loop *loop;
	struct or_slow *slow;
	struct or_arena *arena;
	struct ag_spool *spool;
	struct story *story;
	uint16_t id;
	bool is_waiting;
	uint64_t asked;
};

static int on_call(void *arg, enum or_sys_op op, size_t *limit)
{
	struct fault *f = arg;
	int n = atomic_fetch_add(&f->story->calls, 1) + 1;

	(void)op;
	*limit = f->limit;
	return n >= f->first && n <= f->last ? f->code : 0;
}

static const char *content(uint64_t seq)
{
	static char text[512];
	int n = snprintf(text, sizeof(text), "record %llu ", (unsigned long long)seq);

	memset(text + n, 'a' + (int)(seq % 26), 300);
	text[n + 300] = 0;
	return text;
}

static void on_synced(void *arg, enum or_code rc)
{
	struct child *c = arg;

	c->is_waiting = false;
	if (rc == OR_OK)
		c->story->durable = c->asked;
	else
		c->story->failed_syncs++;
}

static void sync_and_wait(struct child *c)
{
	c->is_waiting = true;
	c->asked = c->story->appended;
	ag_spool_sync(c->spool, on_synced, c);
	while (c->is_waiting)
		or_loop_turn(c->loop, false);
}

/* Ends the child where content or order is wrong. */
static void read_and_ack(struct child *c)
{
	struct ag_spool_limit limit = {1500, 4};
	struct ag_spool_batch b;

	or_arena_clear(c->arena);
	if (ag_spool_read(&b, c->spool, c->id, &limit, c->arena, NULL) != OR_OK)
		return;
	if (b.n_dropped || b.from != c->story->acked + 1 || b.to > c->story->appended)
		_exit(EXIT_WRONG);
	for (size_t i = 0; i < b.n_records; i++) {
		if (!or_slice_is(b.records[i], content(b.from + i)))
			_exit(EXIT_WRONG);
	}
	ag_spool_read_ack(c->spool, c->id, &b);
	c->story->acked = b.to;
}

static void open_at_last(struct child *c, const char *dir)
{
	struct ag_spool_opt opt = {.dir = dir,
	    .loop = c->loop,
	    .slow = c->slow,
	    .segment_bytes = 4096,
	    .quota_bytes = 1 << 20,
	    .sync_ns = OR_NS_PER_MS,
	    .state_ns = OR_NS_PER_MS,
	    .retry_ns = OR_NS_PER_MS};

	while (ag_spool_open(&c->spool, &opt, NULL) != OR_OK) {
		if (++c->story->failed_opens > 10)
			_exit(EXIT_WRONG);
	}
	OR_ASSERT(ag_spool_stream(&c->id, c->spool, "s", NULL) == OR_OK);
	c->story->epoch = ag_spool_epoch(c->spool);
}

static void run_child(const char *dir, struct story *story, struct fault *fault)
{
	struct child c = {.story = story, .arena = or_arena_new(0)};

	OR_ASSERT(or_loop_new(&c.loop, NULL, NULL) == OR_OK);
	OR_ASSERT(or_slow_new(&c.slow, c.loop, 16, NULL) == OR_OK);
	or_sys_fault_set(on_call, fault);
	open_at_last(&c, dir);
	for (int i = 0; i < RECORDS; i++) {
		uint64_t seq = ag_spool_next_seq(c.spool, c.id);

		if (seq != story->appended + 1)
			_exit(EXIT_WRONG);
		if (ag_spool_append(c.spool, c.id, or_slice_str(content(seq))) == OR_OK)
			story->appended = seq;
		else
			story->refused++;
		if (i % 5 == 4)
			sync_and_wait(&c);
		if (i % 10 == 9)
			read_and_ack(&c);
		or_loop_turn(c.loop, true);
	}
	story->is_finished = true;
	_exit(EXIT_OK);
}

struct fixture {
	char *dir;
	struct or_loop *loop;
	struct or_arena *arena;
	struct story *story;
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	struct or_err err;

	f->arena = or_arena_new(0);
	ASSERT_OK(or_loop_new(&f->loop, NULL, &err), &err);
	f->story = mmap(
	    NULL, sizeof(*f->story), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(f->story != MAP_FAILED);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	or_loop_free(f->loop);
	or_arena_free(f->arena);
	munmap(f->story, sizeof(*f->story));
	test_free(f);
	return 0;
}

/* The slow thread lives in here only: a fork beside another thread could find a lock of the heap
 * held for good. */
static void check_left(struct fixture *f, int n)
{
	struct ag_spool_opt opt = {
	    .dir = f->dir, .loop = f->loop, .segment_bytes = 4096, .quota_bytes = 1 << 20};
	struct ag_spool_limit limit = {1 << 20, 1000};
	struct story *s = f->story;
	struct ag_spool_info info;
	struct ag_spool_batch b;
	struct ag_spool *spool;
	struct or_err err;
	uint16_t id;

	or_arena_clear(f->arena);
	ASSERT_OK(or_slow_new(&opt.slow, f->loop, 16, &err), &err);
	ASSERT_OK(ag_spool_open(&spool, &opt, &err), &err);
	ASSERT_OK(ag_spool_stream(&id, spool, "s", &err), &err);
	ag_spool_get_info(&info, spool);
	ASSERT_OK(ag_spool_read(&b, spool, id, &limit, f->arena, &err), &err);
	if (b.to != s->appended || b.epoch != s->epoch || b.n_dropped)
		fail_msg("call %d: %d of %d readable, %zu ranges dropped", n, (int)b.to,
		    (int)s->appended, b.n_dropped);
	assert_true(b.from <= s->acked + 1);
	assert_true(s->durable <= s->appended);
	for (size_t i = 0; i < b.n_records; i++)
		ASSERT_SLICE(b.records[i], content(b.from + i));
	assert_int_equal(ag_spool_next_seq(spool, id), s->appended + 1);
	assert_int_equal(info.quarantined, 0);
	ag_spool_close(spool);
	or_slow_free(opt.slow);
}

/* Returns how many calls the child made. */
static int run_once(struct fixture *f, struct fault *fault)
{
	pid_t pid;
	int status, calls;

	memset(f->story, 0, sizeof(*f->story));
	fault->story = f->story;
	f->dir = support_tmpdir_new();
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		run_child(f->dir, f->story, fault);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_OK || !f->story->is_finished)
		fail_msg("call %d..%d: the child ended with %x", fault->first, fault->last,
		    (unsigned int)status);
	check_left(f, fault->first);
	calls = atomic_load(&f->story->calls);
	support_tmpdir_remove(f->dir);
	return calls;
}

static void run_all(struct fixture *f, int width, int code, size_t limit)
{
	int n = 0, calls, refused = 0, failed_syncs = 0, failed_opens = 0;

	do {
		struct fault fault = {
		    .first = ++n, .last = n + width - 1, .code = code, .limit = limit};

		calls = run_once(f, &fault);
		refused += f->story->refused;
		failed_syncs += f->story->failed_syncs;
		failed_opens += f->story->failed_opens;
	} while (n <= calls);
	print_message("%d calls failed in turn: %d appends refused, %d syncs failed, %d opens\n", n,
	    refused, failed_syncs, failed_opens);
	/* The faults were felt, each where it can be. */
	assert_true(n > 60 && refused > 0 && failed_syncs > 0 && failed_opens > 0);
}

static void io_errors__break_no_promise(void **state)
{
	run_all(*state, 1, EIO, 0);
}

static void half_written_entries__break_no_promise(void **state)
{
	run_all(*state, 1, ENOSPC, 100);
}

static void a_row_of_errors__breaks_no_promise(void **state)
{
	run_all(*state, 6, EIO, 50);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(io_errors__break_no_promise),
	    CASE(half_written_entries__break_no_promise),
	    CASE(a_row_of_errors__breaks_no_promise),
	};

	/* Nothing here depends on a disk, and memory does not wait for one. */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
