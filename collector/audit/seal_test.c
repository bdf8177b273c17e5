/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/audit/seal.h"

#include "base/mem.h"
#include "base/sys.h"
#include "collector/audit/parts.h"
#include "collector/audit/read.h"
#include "collector/audit/store.h"
#include "proto/audit.h"
#include "proto/leaf.h"
#include "tests/support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define ORIGIN "outrider/test/shard/0"
#define NOW    1764000000000000000LL
#define HOUR   (3600LL * OR_NS_PER_S)

enum { LEAVES = 1200, GROUP = 20, ROWS = 500 };

struct fixture {
	char *dir;
	struct or_crypto_key *secret;
	struct tl_note_key key;
	struct co_store *store;
	struct co_store_opt opt;
	struct or_err err;
};

static int set_up(void **state)
{
	struct fixture *x = or_mem_new(sizeof(*x));

	ASSERT_OK(or_crypto_key_new(&x->secret, OR_CRYPTO_ED25519, &x->err), &x->err);
	ASSERT_OK(tl_note_key_init(&x->key, ORIGIN, x->secret, &x->err), &x->err);
	x->dir = support_tmpdir_new();
	x->opt = (struct co_store_opt){
	    .dir = x->dir, .origin = ORIGIN, .key = &x->key, .segment_bytes = 16384, .now_ns = NOW};
	ASSERT_OK(co_store_open(&x->store, &x->opt, &x->err), &x->err);
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	or_sys_fault_set(NULL, NULL);
	co_store_close(x->store);
	tl_note_key_done(&x->key);
	or_crypto_key_free(x->secret);
	support_tmpdir_remove(x->dir);
	or_mem_free(x);
	return 0;
}

/* Leaf i, the same one whenever it is asked for: a record, or now and then something else. */
static void make_leaf(struct or_buf *out, uint64_t i)
{
	uint8_t agent[16] = {1}, trace[16] = {2}, span[8] = {3};
	struct wire_audit r = {.time_ns = (uint64_t)NOW + i * 1000,
	    .agent_id = or_slice(agent, 16),
	    .epoch = 7,
	    .stream = OR_SLICE_LIT("outrider.audit/orders"),
	    .seq = i + 1,
	    .product = OR_SLICE_LIT("orders"),
	    .kind = WIRE_KIND_ACCESS,
	    .front = WIRE_FRONT_PROXY,
	    .phase = WIRE_PHASE_COMPLETE,
	    .decision = i % 7 ? WIRE_DECISION_ALLOW : WIRE_DECISION_DENY,
	    .principal.id = i % 3 ? OR_SLICE_LIT("alice") : OR_SLICE_LIT("bob"),
	    .trace_id = or_slice(trace, 16),
	    .span_id = or_slice(span, 8)};
	struct or_buf record;

	memcpy(trace, &i, sizeof(i));
	or_buf_init(&record, WIRE_AUDIT_MAX);
	if (i % 20 == 0)
		or_buf_printf(out, "leaf %llu, no record", (unsigned long long)i);
	else
		ASSERT_OK(wire_audit_encode(&record, &r, NULL), NULL);
	if (i % 20)
		wire_leaf_encode(out, WIRE_LEAF_RECORD, or_buf_slice(&record));
	or_buf_done(&record);
}

static void append(struct fixture *x, uint64_t from, uint64_t to, int64_t now)
{
	for (uint64_t i = from; i < to; i += GROUP) {
		struct or_buf leaves[GROUP];
		struct or_slice slices[GROUP];
		uint64_t first;

		for (uint64_t k = 0; k < GROUP; k++) {
			or_buf_init(&leaves[k], 65536);
			make_leaf(&leaves[k], i + k);
			slices[k] = or_buf_slice(&leaves[k]);
		}
		ASSERT_OK(co_store_put(x->store, slices, GROUP, now, &first, &x->err), &x->err);
		if ((i / GROUP) % 5 == 4 || i + GROUP >= to)
			ASSERT_OK(co_store_commit(x->store, now, &x->err), &x->err);
		for (uint64_t k = 0; k < GROUP; k++)
			or_buf_done(&leaves[k]);
	}
}

/* Every leaf reads back, walking and one by one, with its hash and place in its group. */
static void assert_whole(struct fixture *x, uint64_t size)
{
	struct co_read_scan scan = {.to = size};
	struct tl_segment_entry e;
	struct co_read *r;
	struct or_buf leaf;
	struct tl_hash hash;

	or_buf_init(&leaf, 65536);
	ASSERT_OK(co_read_open(&r, x->dir, size, &x->err), &x->err);
	for (int round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < size; i += round ? 37 : 1) {
			or_buf_clear(&leaf);
			make_leaf(&leaf, i);
			if (round)
				ASSERT_OK(co_read_leaf(r, &e, i, &x->err), &x->err);
			else
				ASSERT_OK(co_read_scan_next(r, &scan, &e, &x->err), &x->err);
			assert_true(or_slice_eq(e.leaf, or_buf_slice(&leaf)));
			tl_hash_leaf(&hash, e.leaf);
			assert_true(tl_hash_eq(&hash, &e.hash));
			assert_int_equal(e.end, i % GROUP == GROUP - 1);
		}
	}
	co_read_close(r);
	or_buf_done(&leaf);
}

static enum or_code run(struct co_seal *seal, uint64_t size, int64_t now, struct or_err *err)
{
	enum or_code rc;

	while ((rc = co_seal_step(seal, size, now, err)) == OR_AGAIN)
		;
	return rc;
}

static size_t count_files(struct fixture *x, const char *sub)
{
	struct or_sys_names names;
	size_t n;

	if (or_sys_list(&names, support_path(x->dir, sub), NULL))
		return 0;
	n = names.n;
	or_sys_names_free(&names);
	return n;
}

static uint64_t sealed(struct fixture *x)
{
	struct co_parts *parts = co_parts_new(x->dir);
	uint64_t end;

	ASSERT_OK(co_parts_list(parts, &x->err), &x->err);
	end = co_parts_sealed(parts);
	co_parts_free(parts);
	return end;
}

static void step__seals_closed_segments_and_removes_them(void **state)
{
	struct fixture *x = *state;
	const struct co_seal_opt opt = {.dir = x->dir, .rows = ROWS};
	struct co_seal *seal = co_seal_new(&opt);
	struct co_seal_stats stats;
	size_t before;

	append(x, 0, LEAVES, NOW);
	before = count_files(x, "segments");
	ASSERT_OK(run(seal, LEAVES, NOW, &x->err), &x->err);
	assert_int_equal(sealed(x), 2 * ROWS);
	assert_int_equal(count_files(x, "parts"), 2);
	assert_in_range(count_files(x, "segments"), 1, before / 2);
	assert_whole(x, LEAVES);
	co_seal_stats(&stats, seal);
	assert_int_equal(stats.parts, 2);
	assert_int_equal(stats.leaves, 2 * ROWS);
	/* What is left waits for its age, and for its segment to be closed. */
	ASSERT_OK(run(seal, LEAVES, NOW + HOUR, &x->err), &x->err);
	assert_in_range(sealed(x), 2 * ROWS + 1, LEAVES - 1);
	ASSERT_OK(co_store_rotate(x->store, NOW, &x->err), &x->err);
	ASSERT_OK(run(seal, LEAVES, NOW + HOUR, &x->err), &x->err);
	assert_int_equal(sealed(x), LEAVES);
	assert_int_equal(count_files(x, "segments"), 1);
	assert_whole(x, LEAVES);
	co_seal_free(seal);
	/* The log goes on where it was. */
	co_store_close(x->store);
	ASSERT_OK(co_store_open(&x->store, &x->opt, &x->err), &x->err);
	assert_null(co_store_damage(x->store));
	append(x, LEAVES, 2 * LEAVES, NOW);
	assert_whole(x, 2 * LEAVES);
}

static void step__makes_parts_of_one_day_and_compacts_them(void **state)
{
	struct fixture *x = *state;
	const struct co_seal_opt opt = {.dir = x->dir, .rows = ROWS};
	struct co_seal *seal = co_seal_new(&opt);
	uint64_t at = 0;

	/* Three days, a little each hour. */
	for (int64_t hour = 0; hour < 72; hour++, at += GROUP) {
		append(x, at, at + GROUP, NOW + hour * HOUR);
		ASSERT_OK(co_store_rotate(x->store, NOW + hour * HOUR, &x->err), &x->err);
		ASSERT_OK(run(seal, at + GROUP, NOW + (hour + 2) * HOUR, &x->err), &x->err);
		assert_in_range(count_files(x, "parts"), 0, 20);
	}
	assert_int_equal(sealed(x), at);
	assert_whole(x, at);
	/* The day that goes on has small ones, the three before are one each. */
	assert_in_range(count_files(x, "parts"), 3, 3 + 8);
	co_seal_free(seal);
}

struct fault {
	size_t at;
	size_t calls;
	size_t limit;
};

static int on_call(void *arg, enum or_sys_op op, size_t *limit)
{
	struct fault *f = arg;

	(void)op;
	if (++f->calls != f->at)
		return 0;
	*limit = f->limit;
	return EIO;
}

static void faults__at_every_call_lose_nothing(void **state)
{
	struct fixture *x = *state;
	const struct co_seal_opt opt = {.dir = x->dir, .rows = 100};
	struct fault f = {.at = SIZE_MAX};
	uint64_t size = 100, next = size;
	struct co_seal *seal;
	enum or_code rc;

	append(x, 0, size, NOW);
	for (size_t at = 1; f.calls >= f.at || at == 1; at++) {
		f = (struct fault){.at = at, .limit = at % 3 * 50};
		/* Something new to seal in each round. */
		append(x, next, next + 100, NOW);
		next += 100;
		ASSERT_OK(co_store_rotate(x->store, NOW, &x->err), &x->err);
		seal = co_seal_new(&opt);
		co_seal_hurry(seal);
		or_sys_fault_set(on_call, &f);
		rc = run(seal, next, NOW, &x->err);
		or_sys_fault_set(NULL, NULL);
		co_seal_free(seal);
		assert_true(rc == OR_IO || f.calls < f.at);
		assert_whole(x, next);
		seal = co_seal_new(&opt);
		co_seal_hurry(seal);
		ASSERT_OK(run(seal, next, NOW, &x->err), &x->err);
		co_seal_free(seal);
		assert_int_equal(sealed(x), next);
		assert_int_equal(count_files(x, "segments"), 1);
	}
	assert_whole(x, next);
	assert_true(next > 4000); /* so many calls failed, each in its round */
}

static void seal_and_tell(struct co_seal *seal, uint64_t size, int fd)
{
	while (co_seal_step(seal, size, NOW, NULL) == OR_AGAIN && write(fd, "", 1) == 1)
		;
	_exit(0);
}

/* A child seals, and says after each step that it did; it is killed between or in steps. */
static void kill_9__loses_nothing(void **state)
{
	struct fixture *x = *state;
	const struct co_seal_opt opt = {.dir = x->dir, .rows = 200};
	uint64_t size = 0;

	for (int round = 0; round < 25; round++) {
		struct co_seal *seal = co_seal_new(&opt);
		int ends[2];
		char byte;
		pid_t pid;

		append(x, size, size + 300, NOW);
		size += 300;
		co_seal_hurry(seal);
		assert_int_equal(pipe(ends), 0);
		pid = fork();
		if (pid == 0)
			seal_and_tell(seal, size, ends[1]);
		/* It goes on while this one wakes up. */
		for (int steps = 0; steps < round * 4 && read(ends[0], &byte, 1) == 1; steps++)
			;
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		close(ends[0]);
		close(ends[1]);
		assert_whole(x, size);
		co_seal_free(seal);
	}
}

static void reader__goes_on_while_segments_are_sealed(void **state)
{
	struct fixture *x = *state;
	const struct co_seal_opt opt = {.dir = x->dir, .rows = 100};
	struct co_read_scan scan = {.to = LEAVES};
	struct co_seal *seal = co_seal_new(&opt);
	struct tl_segment_entry e;
	struct or_buf leaf;
	struct co_read *r;

	append(x, 0, LEAVES, NOW);
	or_buf_init(&leaf, 65536);
	ASSERT_OK(co_read_open(&r, x->dir, LEAVES, &x->err), &x->err);
	for (uint64_t i = 0; i < LEAVES; i++) {
		if (i % 3 == 0)
			assert_true(co_seal_step(seal, LEAVES, NOW, &x->err) != OR_CORRUPT);
		if (i == 700) {
			ASSERT_OK(co_store_rotate(x->store, NOW, &x->err), &x->err);
			co_seal_hurry(seal);
			ASSERT_OK(run(seal, LEAVES, NOW, &x->err), &x->err);
		}
		or_buf_clear(&leaf);
		make_leaf(&leaf, i);
		ASSERT_OK(co_read_scan_next(r, &scan, &e, &x->err), &x->err);
		assert_true(or_slice_eq(e.leaf, or_buf_slice(&leaf)));
	}
	assert_int_equal(sealed(x), LEAVES);
	co_read_close(r);
	co_seal_free(seal);
	or_buf_done(&leaf);
}

/* A leaf that no longer reads back is never sealed away. */
static void step__refuses_a_damaged_segment(void **state)
{
	struct fixture *x = *state;
	const struct co_seal_opt opt = {.dir = x->dir, .rows = ROWS};
	struct co_seal *seal = co_seal_new(&opt);
	char path[4096];
	uint8_t byte;
	size_t got;
	int fd;

	append(x, 0, LEAVES, NOW);
	snprintf(path, sizeof(path), "%s/segments/%020d.seg", x->dir, 0);
	ASSERT_OK(or_sys_open(&fd, path, O_RDWR, 0, &x->err), &x->err);
	ASSERT_OK(or_sys_pread(fd, &byte, 1, 5000, &got, &x->err), &x->err);
	byte ^= 4;
	ASSERT_OK(or_sys_pwrite(fd, or_slice(&byte, 1), 5000, &x->err), &x->err);
	or_sys_close(fd);
	ASSERT_CODE(run(seal, LEAVES, NOW, &x->err), OR_CORRUPT);
	ASSERT_HAS(x->err.msg, "has changed");
	assert_int_equal(sealed(x), 0);
	/* It is not tried again and again. */
	ASSERT_OK(run(seal, LEAVES, NOW, &x->err), &x->err);
	assert_int_equal(sealed(x), 0);
	co_seal_free(seal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		step__seals_closed_segments_and_removes_them, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		step__makes_parts_of_one_day_and_compacts_them, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(faults__at_every_call_lose_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(kill_9__loses_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		reader__goes_on_while_segments_are_sealed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(step__refuses_a_damaged_segment, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
