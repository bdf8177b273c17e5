/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child appends as fast as it can, syncs, reads and acknowledges, and is killed with SIGKILL at a
 * random moment, again and again on the same directory. After each kill: every record whose append
 * had returned is there, whole, in order, under its number; what was acknowledged may come again.
 */
#include "agent/spool/spool.h"

#include "base/rng.h"
#include "tests/support/support.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILLS = 15 };

struct story {
	_Atomic uint64_t epoch;
	_Atomic uint64_t appended; /* behind each append that returned */
	_Atomic uint64_t acked;
	_Atomic int is_wrong;
	_Atomic int is_running;
};

struct fixture {
	char *dir;
	struct story *story;
	struct or_loop *loop;
	struct or_arena *arena;
};

static const char *content(uint64_t seq)
{
	static char text[300];
	int n = snprintf(text, sizeof(text), "%llu:", (unsigned long long)seq);

	memset(text + n, 'a' + (int)(seq % 26), seq % 250);
	text[(size_t)n + seq % 250] = 0;
	return text;
}

static struct ag_spool_opt options(struct fixture *f, struct or_loop *loop, struct or_slow *slow)
{
	return (struct ag_spool_opt){.dir = f->dir,
	    .loop = loop,
	    .slow = slow,
	    .segment_bytes = 16384,
	    .quota_bytes = 64 << 20,
	    .sync_ns = OR_NS_PER_MS,
	    .state_ns = 2 * OR_NS_PER_MS};
}

static void on_watch(void *arg)
{
	*(bool *)arg = true;
}

static void run_child(struct fixture *f)
{
	struct ag_spool_limit limit = {8192, 50};
	struct ag_spool_opt opt;
	struct ag_spool *spool;
	struct or_loop *loop;
	struct or_slow *slow;
	bool is_more = true;
	uint16_t id;

	OR_ASSERT(or_loop_new(&loop, NULL, NULL) == OR_OK);
	OR_ASSERT(or_slow_new(&slow, loop, 16, NULL) == OR_OK);
	opt = options(f, loop, slow);
	OR_ASSERT(ag_spool_open(&spool, &opt, NULL) == OR_OK);
	OR_ASSERT(ag_spool_stream(&id, spool, "s", NULL) == OR_OK);
	ag_spool_watch(spool, on_watch, &is_more);
	f->story->epoch = ag_spool_epoch(spool);
	f->story->is_running = 1;
	for (;;) {
		for (int i = 0; i < 20; i++) {
			uint64_t seq = ag_spool_next_seq(spool, id);

			if (ag_spool_append(spool, id, or_slice_str(content(seq))) == OR_OK)
				f->story->appended = seq;
		}
		or_loop_turn(loop, true);
		while (is_more) {
			struct ag_spool_batch b;

			or_arena_clear(f->arena);
			OR_ASSERT(ag_spool_read(&b, spool, id, &limit, f->arena, NULL) == OR_OK);
			if (b.n_dropped)
				f->story->is_wrong = 1;
			/* Told first: the acknowledgement can be on disk before the next line. */
			f->story->acked = b.to;
			ag_spool_read_ack(spool, id, &b);
			is_more = b.is_full;
		}
	}
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	struct or_err err;

	f->dir = support_tmpdir_new();
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
	support_tmpdir_remove(f->dir);
	test_free(f);
	return 0;
}

static void run_and_kill(struct fixture *f)
{
	pid_t pid;
	int status;

	f->story->is_running = 0;
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		run_child(f);
	while (!f->story->is_running)
		poll(NULL, 0, 1);
	/* The moment is the point of the test: 0 to 20 ms into the child's work. */
	poll(NULL, 0, (int)(or_rng_u64() % 21));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* The slow thread lives in here only: a fork beside another thread could find a lock of the heap
 * held for good. */
static void check_left(struct fixture *f, uint64_t *epoch)
{
	struct ag_spool_limit limit = {1 << 20, 1000};
	struct ag_spool_opt opt;
	uint64_t acked = f->story->acked, appended = f->story->appended;
	struct ag_spool_info info;
	struct or_slow *slow;
	struct ag_spool *spool;
	struct or_err err;
	uint64_t next = 0;
	uint16_t id;

	ASSERT_OK(or_slow_new(&slow, f->loop, 16, &err), &err);
	opt = options(f, f->loop, slow);
	ASSERT_OK(ag_spool_open(&spool, &opt, &err), &err);
	ASSERT_OK(ag_spool_stream(&id, spool, "s", &err), &err);
	ag_spool_get_info(&info, spool);
	if (info.torn_bytes + info.damaged + info.quarantined)
		print_message("torn %d damaged %d quarantined %d\n", (int)info.torn_bytes,
		    (int)info.damaged, (int)info.quarantined);
	assert_true(*epoch == 0 || *epoch == ag_spool_epoch(spool));
	*epoch = ag_spool_epoch(spool);
	assert_int_equal(f->story->epoch, *epoch);
	for (;;) {
		struct ag_spool_batch b;

		or_arena_clear(f->arena);
		ASSERT_OK(ag_spool_read(&b, spool, id, &limit, f->arena, &err), &err);
		if (next == 0)
			assert_true(b.from <= acked + 1);
		assert_true(next == 0 || b.from == next);
		next = b.to + 1;
		if (b.n_records == 0)
			break;
		assert_int_equal(b.n_dropped, 0);
		for (size_t i = 0; i < b.n_records; i++)
			ASSERT_SLICE(b.records[i], content(b.from + i));
		ag_spool_read_ack(spool, id, &b);
	}
	/* One append may have been written and not yet told. */
	assert_true(next == appended + 1 || next == appended + 2);
	assert_int_equal(ag_spool_next_seq(spool, id), next);
	/* From here the next child goes on, which may be killed before it tells anything. */
	f->story->acked = next - 1;
	f->story->appended = next - 1;
	ag_spool_close(spool);
	or_slow_free(slow);
}

static void kill__keeps_every_record_that_was_appended(void **state)
{
	struct fixture *f = *state;
	uint64_t epoch = 0;

	for (int i = 0; i < KILLS; i++) {
		run_and_kill(f);
		check_left(f, &epoch);
	}
	assert_false(f->story->is_wrong);
	print_message("%d kills, %llu records\n", KILLS, (unsigned long long)f->story->appended);
	assert_true(f->story->appended > KILLS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		kill__keeps_every_record_that_was_appended, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
