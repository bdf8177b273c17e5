/* SPDX-License-Identifier: Apache-2.0 */
/* What survives a kill, a power cut and a failing disk. */
#include "agent/spool/segment.h"
#include "tests/support/spool_steps.h"

#include <errno.h>
#include <stdatomic.h>

static void copy_file(struct fixture *f, const char *from, const char *to)
{
	struct or_buf b;

	or_buf_init(&b, 1 << 20);
	ASSERT_OK(or_sys_read_file(&b, from, &f->err), &f->err);
	ASSERT_OK(or_sys_write_file(to, or_buf_slice(&b), 0600, &f->err), &f->err);
	or_buf_done(&b);
}

/* What kill -9 leaves: the files as they are now, in another directory. */
static const char *snapshot(struct fixture *f, const char *name)
{
	const char *to = or_arena_printf(f->arena, "%s/%s", f->dir, name);
	struct or_sys_names names;

	ASSERT_OK(or_sys_mkdir(to, 0700, &f->err), &f->err);
	ASSERT_OK(or_sys_list(&names, f->dir, &f->err), &f->err);
	for (size_t i = 0; i < names.n; i++) {
		if (strcmp(names.names[i], "state") == 0 ||
		    or_str_has_suffix(or_slice_str(names.names[i]), ".seg"))
			copy_file(f, support_path(f->dir, names.names[i]),
			    support_path(to, names.names[i]));
	}
	or_sys_names_free(&names);
	return to;
}

/* The newest segment's path, in the arena. */
static const char *newest_segment(struct fixture *f, const char *dir)
{
	struct or_sys_names names;
	const char *path = NULL;

	ASSERT_OK(or_sys_list(&names, dir, &f->err), &f->err);
	for (size_t i = 0; i < names.n; i++) {
		if (or_str_has_suffix(or_slice_str(names.names[i]), ".seg"))
			path = or_arena_printf(f->arena, "%s/%s", dir, names.names[i]);
	}
	or_sys_names_free(&names);
	assert_non_null(path);
	return path;
}

static uint64_t file_size(const char *path)
{
	struct or_err err;
	uint64_t size;
	int fd;

	ASSERT_OK(or_sys_open(&fd, path, O_RDONLY, 0, &err), &err);
	ASSERT_OK(or_sys_size(&size, fd, &err), &err);
	or_sys_close(fd);
	return size;
}

/* Goes on with the files of another directory. */
static void reopen_in(struct fixture *f, const char *dir)
{
	close_spool(f);
	f->opt.dir = dir;
	open_spool(f);
}

static void flip(const char *path, uint64_t at)
{
	struct or_err err;
	uint8_t byte;
	size_t got;
	int fd;

	ASSERT_OK(or_sys_open(&fd, path, O_RDWR, 0, &err), &err);
	ASSERT_OK(or_sys_pread(fd, &byte, 1, at, &got, &err), &err);
	assert_int_equal(got, 1);
	byte ^= 0x10;
	ASSERT_OK(or_sys_pwrite(fd, or_slice(&byte, 1), at, &err), &err);
	or_sys_close(fd);
}

static void reopen__goes_on_with_epoch_numbers_and_marks(void **state)
{
	struct fixture *f = *state;
	uint64_t epoch = ag_spool_epoch(f->spool);
	struct ag_spool_batch b;

	append_n(f, f->orders, 30);
	ASSERT_CODE(sync_now(f), OR_OK);
	b = read_batch(f, f->orders, 20);
	ag_spool_read_ack(f->spool, f->orders, &b);
	close_spool(f);
	open_spool(f);
	assert_int_equal(ag_spool_epoch(f->spool), epoch);
	assert_int_equal(ag_spool_next_seq(f->spool, f->orders), 31);
	assert_int_equal(info_of(f).pending, 10);
	b = read_batch(f, f->orders, 1000);
	check_batch(&b, f->orders, 21, 30);
	ack_all(f, f->orders);
	close_spool(f);
	open_spool(f);
	settle(f);
	assert_int_equal(count_files(f, ".seg"), 1);
	append_n(f, f->orders, 1);
	ASSERT_CODE(sync_now(f), OR_OK);
	b = read_batch(f, f->orders, 1000);
	check_batch(&b, f->orders, 31, 31);
}

static void kill__loses_nothing_that_was_appended(void **state)
{
	struct fixture *f = *state;
	uint64_t epoch = ag_spool_epoch(f->spool);
	struct ag_spool_batch b;

	append_n(f, f->orders, 10);
	ASSERT_CODE(sync_now(f), OR_OK);
	append_n(f, f->orders, 30); /* never synced */
	reopen_in(f, snapshot(f, "killed"));
	assert_int_equal(ag_spool_epoch(f->spool), epoch);
	b = read_batch(f, f->orders, 1000);
	check_batch(&b, f->orders, 1, 40);
	assert_int_equal(info_of(f).torn_bytes + info_of(f).damaged + info_of(f).quarantined, 0);
}

/* A power cut at any byte of the last segment: what lies before is read, numbering goes on. */
static void power_cut__leaves_a_prefix_at_every_byte(void **state)
{
	struct fixture *f = *state;
	uint64_t epoch = ag_spool_epoch(f->spool), size, last = 12;

	append_n(f, f->orders, 12);
	snapshot(f, "cut");
	size = file_size(newest_segment(f, support_path(f->dir, "cut")));
	for (uint64_t n = size; n > 0; n -= n > 7 ? 7 : 1) {
		const char *dir = snapshot(f, "cut"), *path = newest_segment(f, dir);
		struct ag_spool_opt opt = f->opt;
		struct ag_spool *spool;
		struct ag_spool_limit limit = {1 << 20, 1000};
		struct ag_spool_batch b;
		uint16_t id;

		assert_int_equal(truncate(path, (off_t)(n - 1)), 0);
		opt.dir = dir;
		ASSERT_OK(ag_spool_open(&spool, &opt, &f->err), &f->err);
		ASSERT_OK(ag_spool_stream(&id, spool, STREAM, &f->err), &f->err);
		ASSERT_OK(ag_spool_read(&b, spool, id, &limit, f->arena, &f->err), &f->err);
		check_batch(&b, id, 1, b.to);
		assert_true(b.to <= last && b.to + 1 == ag_spool_next_seq(spool, id));
		last = b.to;
		/* Only without its head has the file nothing to tell the epoch. */
		assert_int_equal(ag_spool_epoch(spool) == epoch, n - 1 >= AG_SEGMENT_HEAD_LEN);
		ag_spool_close(spool);
		support_tmpdir_remove(or_mem_strdup(dir));
	}
	assert_int_equal(last, 0);
}

/* What a power cut may leave of bytes that were never synced: nothing, some, or zeros. */
static void power_cut__keeps_what_a_sync_reported(void **state)
{
	struct fixture *f = *state;
	const char *dir, *path;
	uint64_t durable, size;

	append_n(f, f->orders, 10);
	ASSERT_CODE(sync_now(f), OR_OK);
	durable = file_size(newest_segment(f, f->dir));
	append_n(f, f->orders, 10);
	size = file_size(newest_segment(f, f->dir));
	assert_true(size > durable);
	for (uint64_t n = durable; n < size; n += 11) {
		struct ag_spool_batch b;

		dir = snapshot(f, "cut");
		path = newest_segment(f, dir);
		assert_int_equal(truncate(path, (off_t)n), 0);
		assert_int_equal(truncate(path, (off_t)size), 0); /* zeros behind n */
		reopen_in(f, dir);
		b = read_batch(f, f->orders, 1000);
		check_batch(&b, f->orders, 1, b.to);
		assert_true(b.to >= 10 && b.to < 20);
		close_spool(f);
		support_tmpdir_remove(or_mem_strdup(dir));
		f->opt.dir = f->dir;
		open_spool(f);
	}
}

static void zeros_at_the_end__are_a_torn_tail(void **state)
{
	struct fixture *f = *state;
	uint64_t epoch = ag_spool_epoch(f->spool), size;
	const char *dir, *path;
	struct ag_spool_batch b;

	append_n(f, f->orders, 3);
	dir = snapshot(f, "zeros");
	path = newest_segment(f, dir);
	size = file_size(path);
	assert_int_equal(truncate(path, (off_t)size + 5000), 0);
	reopen_in(f, dir);
	assert_int_equal(info_of(f).torn_bytes, 5000);
	assert_int_equal(ag_spool_epoch(f->spool), epoch);
	append_n(f, f->orders, 1);
	ASSERT_CODE(sync_now(f), OR_OK);
	b = read_batch(f, f->orders, 10);
	check_batch(&b, f->orders, 1, 4);
}

static void damage_in_the_middle__is_passed_and_reported(void **state)
{
	struct fixture *f = *state;
	uint64_t epoch = ag_spool_epoch(f->spool);
	const char *dir;
	struct ag_spool_batch b;

	append_n(f, f->orders, 40);
	dir = snapshot(f, "damaged");
	/* In record 2 of the first segment. */
	flip(support_path(dir, "0000000000000001.seg"), 200);
	reopen_in(f, dir);
	assert_int_equal(ag_spool_epoch(f->spool), epoch);
	assert_int_equal(info_of(f).damaged, 1);
	b = read_batch(f, f->orders, 1000);
	assert_int_equal(b.from, 1);
	assert_int_equal(b.to, 40);
	assert_int_equal(b.n_records, 39);
	assert_int_equal(b.n_dropped, 1);
	assert_int_equal(b.dropped[0].from, b.dropped[0].to);
	assert_true(b.dropped[0].from >= 1 && b.dropped[0].from <= 3);
	assert_int_equal(ag_spool_next_seq(f->spool, f->orders), 41);
}

static void damage_at_the_end__begins_a_new_epoch(void **state)
{
	struct fixture *f = *state;
	uint64_t epoch = ag_spool_epoch(f->spool);
	const char *dir, *path;
	struct ag_spool_batch b;

	append_n(f, f->orders, 10);
	dir = snapshot(f, "damaged");
	path = newest_segment(f, dir);
	flip(path, file_size(path) - 10);
	reopen_in(f, dir);
	assert_int_not_equal(ag_spool_epoch(f->spool), epoch);
	assert_int_equal(info_of(f).prev_epoch, epoch);
	assert_int_equal(ag_spool_next_seq(f->spool, f->orders), 1);
	append_n(f, f->orders, 2);
	ASSERT_CODE(sync_now(f), OR_OK);
	/* The old epoch first, in a batch of its own. */
	b = read_batch(f, f->orders, 1000);
	check_batch(&b, f->orders, 1, 9);
	assert_int_equal(b.epoch, epoch);
	assert_true(b.is_full);
	ag_spool_read_ack(f->spool, f->orders, &b);
	b = read_batch(f, f->orders, 1000);
	check_batch(&b, f->orders, 1, 2);
	assert_int_equal(b.epoch, ag_spool_epoch(f->spool));
	assert_int_equal(b.prev_epoch, epoch);
	assert_int_equal(b.prev_seq, 9);
	ag_spool_read_ack(f->spool, f->orders, &b);
	close_spool(f);
	open_spool(f);
	assert_int_equal(info_of(f).prev_epoch, epoch);
	assert_int_equal(ag_spool_next_seq(f->spool, f->orders), 3);
}

static void foreign_segment__is_set_aside(void **state)
{
	struct fixture *f = *state;
	uint64_t epoch = ag_spool_epoch(f->spool);
	const char *dir;
	struct ag_spool_batch b;

	append_n(f, f->orders, 100);
	dir = snapshot(f, "foreign");
	ASSERT_OK(or_sys_write_file(support_path(dir, "0000000000000000.seg"),
		      OR_SLICE_LIT("number 0 is none of ours"), 0600, &f->err),
	    &f->err);
	ASSERT_OK(or_sys_write_file(support_path(dir, "0000000000000002.seg"),
		      OR_SLICE_LIT("this is not a segment, but it is long enough for a head"), 0600,
		      &f->err),
	    &f->err);
	reopen_in(f, dir);
	assert_int_equal(info_of(f).quarantined, 1);
	assert_int_equal(count_files(f, ".seg.bad"), 1);
	assert_int_equal(ag_spool_epoch(f->spool), epoch);
	b = read_batch(f, f->orders, 1000);
	assert_int_equal(b.to, 100);
	assert_int_equal(b.n_dropped, 1);
	assert_int_equal(b.n_records + b.dropped[0].to + 1 - b.dropped[0].from, 100);
}

static void foreign_newest_segment__begins_a_new_epoch(void **state)
{
	struct fixture *f = *state;
	uint64_t epoch = ag_spool_epoch(f->spool);
	const char *dir;

	append_n(f, f->orders, 2);
	dir = snapshot(f, "foreign");
	ASSERT_OK(or_sys_write_file(support_path(dir, "00000000000000ff.seg"),
		      OR_SLICE_LIT("this is not a segment, but it is long enough for a head"), 0600,
		      &f->err),
	    &f->err);
	reopen_in(f, dir);
	assert_int_not_equal(ag_spool_epoch(f->spool), epoch);
	assert_int_equal(info_of(f).prev_epoch, epoch);
	assert_int_equal(read_batch(f, f->orders, 10).to, 2);
}

static void lost_state__delivers_again_under_the_same_numbers(void **state)
{
	struct fixture *f = *state;
	uint64_t epoch = ag_spool_epoch(f->spool);
	struct ag_spool_batch b;
	const char *dir;

	append_n(f, f->orders, 40);
	ASSERT_CODE(sync_now(f), OR_OK);
	b = read_batch(f, f->orders, 25);
	ag_spool_read_ack(f->spool, f->orders, &b);
	settle(f);
	dir = snapshot(f, "stateless");
	ASSERT_OK(
	    or_sys_write_file(support_path(dir, "state"), OR_SLICE_LIT("garbage"), 0600, &f->err),
	    &f->err);
	reopen_in(f, dir);
	assert_int_equal(ag_spool_epoch(f->spool), epoch);
	assert_int_equal(info_of(f).damaged, 1);
	assert_int_equal(ag_spool_next_seq(f->spool, f->orders), 41);
	b = read_batch(f, f->orders, 1000);
	/* From the oldest segment on; nothing is called dropped that was acknowledged. */
	assert_true(b.from <= 26 && b.n_dropped == 0);
	check_batch(&b, f->orders, b.from, 40);
}

static void lost_segments__begin_a_new_epoch_that_knows_the_old_end(void **state)
{
	struct fixture *f = *state;
	uint64_t epoch = ag_spool_epoch(f->spool);
	struct ag_spool_batch b;
	const char *dir;

	append_n(f, f->orders, 40);
	ASSERT_CODE(sync_now(f), OR_OK);
	ack_all(f, f->orders);
	close_spool(f);
	dir = snapshot(f, "lost");
	assert_int_equal(unlink(newest_segment(f, dir)), 0);
	f->opt.dir = dir;
	open_spool(f);
	assert_int_not_equal(ag_spool_epoch(f->spool), epoch);
	append_n(f, f->orders, 1);
	ASSERT_CODE(sync_now(f), OR_OK);
	b = read_batch(f, f->orders, 10);
	check_batch(&b, f->orders, 1, 1);
	assert_int_equal(b.prev_epoch, epoch);
	assert_int_equal(b.prev_seq, 40);
}

struct fault {
	atomic_int calls;
	int n;
};

static int fail_nth(void *arg, enum or_sys_op op, size_t *limit)
{
	struct fault *fault = arg;

	(void)op;
	(void)limit;
	return atomic_fetch_add(&fault->calls, 1) + 1 == fault->n ? EIO : 0;
}

/* A foreign segment in the middle and a torn one at the end, and the N-th call fails. */
static const char *make_damaged(struct fixture *f)
{
	const char *dir = snapshot(f, "damaged"), *path;

	ASSERT_OK(or_sys_write_file(support_path(dir, "0000000000000002.seg"),
		      OR_SLICE_LIT("this is not a segment, but it is long enough for a head"), 0600,
		      &f->err),
	    &f->err);
	path = newest_segment(f, dir);
	assert_int_equal(truncate(path, (off_t)file_size(path) - 3), 0);
	return dir;
}

static void recovery__may_fail_at_any_call_and_be_tried_again(void **state)
{
	struct fixture *f = *state;
	uint64_t epoch = ag_spool_epoch(f->spool);
	struct fault fault = {.n = 0};
	int failed = 0;

	append_n(f, f->orders, 100);
	do {
		struct ag_spool_opt opt = f->opt;
		struct ag_spool *spool = NULL;

		opt.dir = make_damaged(f);
		fault.n++;
		atomic_store(&fault.calls, 0);
		or_sys_fault_set(fail_nth, &fault);
		failed += ag_spool_open(&spool, &opt, &f->err) != OR_OK;
		or_sys_fault_set(NULL, NULL);
		ag_spool_close(spool);
		reopen_in(f, opt.dir);
		/* Record 100 was torn; what was in segment 2 is said to be lost. */
		assert_int_equal(read_batch(f, f->orders, 1000).to, 99);
		assert_int_equal(read_batch(f, f->orders, 1000).n_dropped, 1);
		assert_int_equal(ag_spool_epoch(f->spool), epoch);
		/* The state may know that there was a record 100. */
		assert_in_range(ag_spool_next_seq(f->spool, f->orders), 100, 101);
		close_spool(f);
		support_tmpdir_remove(or_mem_strdup(opt.dir));
		f->opt.dir = f->dir;
		open_spool(f);
	} while (atomic_load(&fault.calls) >= fault.n);
	assert_true(fault.n > 10 && failed > 3);
}

static void append__takes_an_entry_larger_than_a_segment(void **state)
{
	struct fixture *f = *state;
	struct or_slice big = or_slice(or_arena_alloc(f->arena, 200000), 200000);
	struct ag_spool_batch b;

	append_n(f, f->orders, 3);
	ASSERT_CODE(ag_spool_append(f->spool, f->orders, big), OR_OK);
	append_n(f, f->orders, 1);
	ASSERT_CODE(sync_now(f), OR_OK);
	b = read_batch(f, f->orders, 10);
	assert_int_equal(b.to, 5);
	assert_true(or_slice_eq(b.records[3], big));
	reopen_in(f, snapshot(f, "big"));
	b = read_batch(f, f->orders, 10);
	assert_int_equal(b.to, 5);
	assert_true(or_slice_eq(b.records[3], big));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(append__takes_an_entry_larger_than_a_segment),
	    CASE(reopen__goes_on_with_epoch_numbers_and_marks),
	    CASE(kill__loses_nothing_that_was_appended),
	    CASE(power_cut__leaves_a_prefix_at_every_byte),
	    CASE(power_cut__keeps_what_a_sync_reported),
	    CASE(zeros_at_the_end__are_a_torn_tail),
	    CASE(damage_in_the_middle__is_passed_and_reported),
	    CASE(damage_at_the_end__begins_a_new_epoch),
	    CASE(foreign_segment__is_set_aside),
	    CASE(foreign_newest_segment__begins_a_new_epoch),
	    CASE(lost_state__delivers_again_under_the_same_numbers),
	    CASE(lost_segments__begin_a_new_epoch_that_knows_the_old_end),
	    CASE(recovery__may_fail_at_any_call_and_be_tried_again),
	};

	/* Nothing here depends on a disk, and memory does not wait for one. */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
