/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool/spool.h"

#include "agent/spool/segment.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "tests/support/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
	char *dir;
	struct or_loop *loop;
	struct or_slow *slow;
	struct or_arena *arena;
	struct ag_spool *spool;
	struct ag_spool_opt opt;
	struct or_err err;
	uint16_t orders; /* stream ids */
	int synced;      /* callbacks */
	enum or_code sync_rc;
	int watched;
};

#define STREAM "outrider.audit/orders"

static void open_spool(struct fixture *f)
{
	ASSERT_OK(ag_spool_open(&f->spool, &f->opt, &f->err), &f->err);
	ASSERT_OK(ag_spool_stream(&f->orders, f->spool, STREAM, &f->err), &f->err);
}

static void close_spool(struct fixture *f)
{
	ag_spool_close(f->spool);
	f->spool = NULL;
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->dir = support_tmpdir_new();
	f->arena = or_arena_new(0);
	ASSERT_OK(or_loop_new(&f->loop, NULL, &f->err), &f->err);
	ASSERT_OK(or_slow_new(&f->slow, f->loop, 64, &f->err), &f->err);
	f->opt = (struct ag_spool_opt){.dir = f->dir,
	    .loop = f->loop,
	    .slow = f->slow,
	    .segment_bytes = 4096,
	    .quota_bytes = 1 << 20,
	    .sync_ns = 3600 * OR_NS_PER_S, /* only when it is asked for */
	    .state_ns = 3600 * OR_NS_PER_S};
	open_spool(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	or_sys_fault_set(NULL, NULL);
	ag_spool_close(f->spool);
	or_slow_free(f->slow);
	or_loop_free(f->loop);
	or_arena_free(f->arena);
	support_tmpdir_remove(f->dir);
	test_free(f);
	return 0;
}

/* -- helpers -- */

/* What record `seq` of a stream holds: its length varies, its text says which it is. */
static const char *content(uint16_t stream, uint64_t seq)
{
	static char text[400];
	int n =
	    snprintf(text, sizeof(text), "stream %u record %llu ", stream, (unsigned long long)seq);

	memset(text + n, 'x', seq * 37 % 200);
	text[(size_t)n + seq * 37 % 200] = 0;
	return text;
}

static enum or_code append_one(struct fixture *f, uint16_t stream)
{
	uint64_t seq = ag_spool_next_seq(f->spool, stream);

	return ag_spool_append(f->spool, stream, or_slice_str(content(stream, seq)));
}

static void append_n(struct fixture *f, uint16_t stream, int n)
{
	for (int i = 0; i < n; i++)
		ASSERT_CODE(append_one(f, stream), OR_OK);
}

static void on_synced(void *arg, enum or_code rc)
{
	struct fixture *f = arg;

	f->synced++;
	f->sync_rc = rc;
}

static enum or_code sync_now(struct fixture *f)
{
	int before = f->synced;

	ag_spool_sync(f->spool, on_synced, f);
	while (f->synced == before)
		or_loop_turn(f->loop, false);
	return f->sync_rc;
}

static struct ag_spool_batch read_batch(struct fixture *f, uint16_t stream, size_t max_records)
{
	struct ag_spool_limit limit = {.max_bytes = 256 * 1024, .max_records = max_records};
	struct ag_spool_batch b;

	ASSERT_OK(ag_spool_read(&b, f->spool, stream, &limit, f->arena, &f->err), &f->err);
	return b;
}

/* Checks that the batch holds from..to of the stream, without holes. */
static void check_batch(const struct ag_spool_batch *b, uint16_t stream, uint64_t from, uint64_t to)
{
	assert_int_equal(b->from, from);
	assert_int_equal(b->to, to);
	assert_int_equal(b->n_dropped, 0);
	assert_int_equal(b->n_records, to + 1 - from);
	for (uint64_t seq = from; seq <= to; seq++)
		ASSERT_SLICE(b->records[seq - from], content(stream, seq));
}

static void ack_all(struct fixture *f, uint16_t stream)
{
	struct ag_spool_batch b;

	do {
		b = read_batch(f, stream, 1000);
		ag_spool_read_ack(f->spool, stream, &b);
	} while (b.n_records);
}

static void settle(struct fixture *f)
{
	while (or_slow_queued(f->slow))
		or_loop_turn(f->loop, false);
}

static size_t count_files(struct fixture *f, const char *suffix)
{
	struct or_sys_names names;
	size_t n = 0;

	ASSERT_OK(or_sys_list(&names, f->opt.dir, &f->err), &f->err);
	for (size_t i = 0; i < names.n; i++)
		n += or_str_has_suffix(or_slice_str(names.names[i]), suffix);
	or_sys_names_free(&names);
	return n;
}

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

/* Goes on with the files of another directory. */
static void reopen_in(struct fixture *f, const char *dir)
{
	close_spool(f);
	f->opt.dir = dir;
	open_spool(f);
}

static struct ag_spool_info info_of(struct fixture *f)
{
	struct ag_spool_info info;

	ag_spool_get_info(&info, f->spool);
	return info;
}

/* -- append, sync, read, ack -- */

static void append__is_read_in_order_once_it_is_durable(void **state)
{
	struct fixture *f = *state;
	struct ag_spool_batch b;

	append_n(f, f->orders, 50);
	b = read_batch(f, f->orders, 1000);
	assert_int_equal(b.n_records, 0);
	assert_int_equal(b.to, 0);
	ASSERT_CODE(sync_now(f), OR_OK);
	b = read_batch(f, f->orders, 1000);
	check_batch(&b, f->orders, 1, 50);
	assert_int_equal(b.epoch, ag_spool_epoch(f->spool));
	assert_int_equal(b.prev_epoch, 0);
	assert_true(info_of(f).segments > 1);
	assert_int_equal(info_of(f).unsynced_bytes, 0);
}

static void read__keeps_to_its_limits_and_goes_on_after_the_ack(void **state)
{
	struct fixture *f = *state;
	struct ag_spool_limit tiny = {.max_bytes = 1, .max_records = 10};
	struct ag_spool_batch b;

	append_n(f, f->orders, 30);
	ASSERT_CODE(sync_now(f), OR_OK);
	b = read_batch(f, f->orders, 12);
	check_batch(&b, f->orders, 1, 12);
	assert_true(b.is_full);
	b = read_batch(f, f->orders, 12);
	check_batch(&b, f->orders, 1, 12); /* again: it was not acknowledged */
	ag_spool_read_ack(f->spool, f->orders, &b);
	ASSERT_OK(ag_spool_read(&b, f->spool, f->orders, &tiny, f->arena, &f->err), &f->err);
	check_batch(&b, f->orders, 13, 13);
	ag_spool_read_ack(f->spool, f->orders, &b);
	b = read_batch(f, f->orders, 1000);
	check_batch(&b, f->orders, 14, 30);
	assert_false(b.is_full);
	assert_int_equal(info_of(f).pending, 17);
}

static void inputs__travel_with_the_record_behind_them(void **state)
{
	struct fixture *f = *state;
	struct ag_spool_batch b;

	append_n(f, f->orders, 1);
	ASSERT_CODE(ag_spool_append_inputs(f->spool, f->orders, OR_SLICE_LIT("in 2")), OR_OK);
	append_n(f, f->orders, 1);
	ASSERT_CODE(ag_spool_append_inputs(f->spool, f->orders, OR_SLICE_LIT("in 3")), OR_OK);
	ASSERT_CODE(sync_now(f), OR_OK);
	b = read_batch(f, f->orders, 1000);
	check_batch(&b, f->orders, 1, 2);
	assert_int_equal(b.n_inputs, 1);
	ASSERT_SLICE(b.inputs[0], "in 2");
	ag_spool_read_ack(f->spool, f->orders, &b);
	append_n(f, f->orders, 1);
	ASSERT_CODE(sync_now(f), OR_OK);
	b = read_batch(f, f->orders, 1000);
	check_batch(&b, f->orders, 3, 3);
	assert_int_equal(b.n_inputs, 1);
	ASSERT_SLICE(b.inputs[0], "in 3");
}

static void streams__have_numbers_and_marks_of_their_own(void **state)
{
	struct fixture *f = *state;
	struct ag_spool_stream_info info;
	struct ag_spool_batch b;
	uint16_t logs, again;

	ASSERT_OK(ag_spool_stream(&logs, f->spool, "otlp_logs/orders", &f->err), &f->err);
	ASSERT_OK(ag_spool_stream(&again, f->spool, STREAM, &f->err), &f->err);
	assert_int_equal(again, f->orders);
	for (int i = 0; i < 40; i++) {
		append_n(f, f->orders, 1);
		append_n(f, logs, 2);
	}
	ASSERT_CODE(sync_now(f), OR_OK);
	b = read_batch(f, logs, 1000);
	check_batch(&b, logs, 1, 80);
	ag_spool_read_ack(f->spool, logs, &b);
	b = read_batch(f, f->orders, 1000);
	check_batch(&b, f->orders, 1, 40);
	assert_true(ag_spool_get_stream(&info, f->spool, logs));
	assert_string_equal(info.name, "otlp_logs/orders");
	assert_int_equal(info.next_seq, 81);
	assert_int_equal(info.acked_seq, 80);
	assert_int_equal(info.pending, 0);
	assert_false(ag_spool_get_stream(&info, f->spool, 2));
}

static void ack__lets_segments_go_when_every_stream_has_passed(void **state)
{
	struct fixture *f = *state;
	uint16_t logs;

	ASSERT_OK(ag_spool_stream(&logs, f->spool, "otlp_logs/orders", &f->err), &f->err);
	for (int i = 0; i < 60; i++) {
		append_n(f, f->orders, 1);
		append_n(f, logs, 1);
	}
	ASSERT_CODE(sync_now(f), OR_OK);
	assert_true(count_files(f, ".seg") > 4);
	ack_all(f, logs);
	settle(f);
	assert_true(count_files(f, ".seg") > 4);
	ack_all(f, f->orders);
	settle(f);
	assert_int_equal(count_files(f, ".seg"), 1);
	assert_int_equal(info_of(f).segments, 1);
	assert_true(info_of(f).bytes <= 4096);
}

static void append__refuses_when_full_and_goes_on_when_there_is_room(void **state)
{
	struct fixture *f = *state;
	uint64_t seq;

	close_spool(f);
	f->opt.quota_bytes = 16 * 1024;
	open_spool(f);
	while (append_one(f, f->orders) == OR_OK)
		assert_true(ag_spool_next_seq(f->spool, f->orders) < 1000);
	ASSERT_CODE(append_one(f, f->orders), OR_FULL);
	assert_int_equal(info_of(f).failed_appends, 2);
	assert_true(info_of(f).bytes <= 16 * 1024);
	seq = ag_spool_next_seq(f->spool, f->orders);
	ASSERT_CODE(sync_now(f), OR_OK);
	ack_all(f, f->orders);
	settle(f);
	append_n(f, f->orders, 5);
	assert_int_equal(ag_spool_next_seq(f->spool, f->orders), seq + 5);
}

static void sync__serves_many_with_one_and_is_silent_after_cancel(void **state)
{
	struct fixture *f = *state;
	struct ag_spool_wait *w;

	append_n(f, f->orders, 3);
	for (int i = 0; i < 10; i++)
		ag_spool_sync(f->spool, on_synced, f);
	w = ag_spool_sync(f->spool, on_synced, f);
	assert_int_equal(or_slow_queued(f->slow), 1);
	assert_int_equal(f->synced, 0);
	ag_spool_sync_cancel(w);
	settle(f);
	assert_int_equal(f->synced, 10);
	ASSERT_CODE(f->sync_rc, OR_OK);
	ASSERT_CODE(sync_now(f), OR_OK); /* with nothing to do */
	ag_spool_sync_cancel(NULL);
}

static void on_watch(void *arg)
{
	((struct fixture *)arg)->watched++;
}

static void append__is_durable_by_itself_soon(void **state)
{
	struct fixture *f = *state;

	close_spool(f);
	f->opt.sync_ns = OR_NS_PER_MS;
	open_spool(f);
	ag_spool_watch(f->spool, on_watch, f);
	append_n(f, f->orders, 3);
	while (info_of(f).unsynced_bytes)
		or_loop_turn(f->loop, false);
	assert_int_equal(f->watched, 1);
	assert_int_equal(read_batch(f, f->orders, 10).n_records, 3);
}

static void open__is_for_one_process(void **state)
{
	struct fixture *f = *state;
	struct ag_spool *second = NULL;

	ASSERT_CODE(ag_spool_open(&second, &f->opt, &f->err), OR_BUSY);
	assert_null(second);
	ASSERT_HAS(f->err.msg, f->dir);
}

/* -- what survives -- */

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

static void open__refuses_options_that_cannot_be(void **state)
{
	struct fixture *f = *state;
	struct ag_spool *spool;

	close_spool(f);
	f->opt.segment_bytes = 100;
	ASSERT_CODE(ag_spool_open(&spool, &f->opt, &f->err), OR_INVAL);
	f->opt.segment_bytes = 1 << 20;
	ASSERT_CODE(ag_spool_open(&spool, &f->opt, &f->err), OR_INVAL);
	ASSERT_HAS(f->err.msg, "at least two segments");
	f->opt.segment_bytes = 4096;
	open_spool(f);
	ASSERT_CODE(ag_spool_stream(&f->orders, f->spool, "", &f->err), OR_INVAL);
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
	    CASE(append__is_read_in_order_once_it_is_durable),
	    CASE(read__keeps_to_its_limits_and_goes_on_after_the_ack),
	    CASE(inputs__travel_with_the_record_behind_them),
	    CASE(streams__have_numbers_and_marks_of_their_own),
	    CASE(ack__lets_segments_go_when_every_stream_has_passed),
	    CASE(append__refuses_when_full_and_goes_on_when_there_is_room),
	    CASE(append__takes_an_entry_larger_than_a_segment),
	    CASE(sync__serves_many_with_one_and_is_silent_after_cancel),
	    CASE(append__is_durable_by_itself_soon),
	    CASE(open__is_for_one_process),
	    CASE(open__refuses_options_that_cannot_be),
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
	};

	/* Nothing here depends on a disk, and memory does not wait for one. */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
