/* SPDX-License-Identifier: Apache-2.0 */
/* A spool is damaged in each way, repaired (with every call of the system failing once), and opened
 * again. */
#include "agent/spool/spool_repair.h"

#include "agent/spool/segment.h"
#include "tests/support/spool_steps.h"

#include <errno.h>
#include <inttypes.h>

enum { RECORDS = 60, STEPS_MAX = 32 };

/* What a repair said. */
struct said {
	int n;
	enum ag_spool_look_what what[STEPS_MAX];
	uint64_t from[STEPS_MAX], to[STEPS_MAX];
	bool is_state;
	char aside[STEPS_MAX][600];
};

static void on_step(void *arg, const struct ag_spool_repair_step *step)
{
	struct said *s = arg;

	assert_true(s->n < STEPS_MAX);
	s->is_state = s->is_state || step->is_state;
	s->what[s->n] = step->what;
	s->from[s->n] = step->from;
	s->to[s->n] = step->to;
	snprintf(s->aside[s->n++], sizeof(s->aside[0]), "%s", step->aside);
}

static void fill(struct fixture *f)
{
	append_n(f, f->orders, RECORDS);
	assert_int_equal(sync_now(f), OR_OK);
	close_spool(f);
}

/* The i-th segment's path. */
static const char *segment(struct fixture *f, size_t i)
{
	struct or_sys_names names;
	const char *path = NULL;

	ASSERT_OK(or_sys_list(&names, f->opt.dir, &f->err), &f->err);
	for (size_t k = 0; k < names.n && !path; k++) {
		if (or_str_has_suffix(or_slice_str(names.names[k]), ".seg") && i-- == 0)
			path = or_arena_printf(f->arena, "%s/%s", f->opt.dir, names.names[k]);
	}
	or_sys_names_free(&names);
	assert_non_null(path);
	return path;
}

static struct or_slice read_all(struct fixture *f, const char *path)
{
	struct or_buf b;
	struct or_slice copy;

	or_buf_init(&b, 1 << 20);
	ASSERT_OK(or_sys_read_file(&b, path, &f->err), &f->err);
	copy = or_arena_dup(f->arena, or_buf_slice(&b));
	or_buf_done(&b);
	return copy;
}

static void flip(struct fixture *f, const char *path, uint64_t offset, size_t n)
{
	static const uint8_t junk[512] = {[0 ... 511] = 0xA5};
	int fd;

	ASSERT_OK(or_sys_open(&fd, path, O_RDWR, 0, &f->err), &f->err);
	ASSERT_OK(or_sys_pwrite(fd, or_slice(junk, n), offset, &f->err), &f->err);
	or_sys_close(fd);
}

static uint64_t size_of(struct fixture *f, const char *path)
{
	return read_all(f, path).n;
}

static struct said repair(struct fixture *f, bool dry)
{
	struct said s = {0};

	ASSERT_OK(ag_spool_repair_run(f->opt.dir, dry, on_step, &s, &f->err), &f->err);
	return s;
}

/* Reads all there is: how many records, and how many numbers are said to be lost; each as it was.
 */
static void read_back(struct fixture *f, uint64_t *records, uint64_t *lost)
{
	struct ag_spool_batch b;

	*records = *lost = 0;
	for (;;) {
		uint64_t seq;
		size_t d = 0;

		b = read_batch(f, f->orders, 1000);
		if (b.n_records == 0)
			break;
		seq = b.from;
		for (size_t i = 0; i < b.n_records; i++) {
			if (d < b.n_dropped && b.dropped[d].from == seq) {
				*lost += b.dropped[d].to + 1 - seq;
				seq = b.dropped[d++].to + 1;
			}
			ASSERT_SLICE(b.records[i], content(f->orders, seq++));
		}
		*records += b.n_records;
		ag_spool_read_ack(f->spool, f->orders, &b);
	}
}

static void check_clean(struct fixture *f)
{
	struct said s = repair(f, true);

	assert_int_equal(s.n, 0);
}

static void repair__leaves_what_is_whole_alone(void **state)
{
	struct fixture *f = *state;
	uint64_t records, lost;

	fill(f);
	assert_int_equal(repair(f, false).n, 0);
	open_spool(f);
	read_back(f, &records, &lost);
	assert_int_equal(records, RECORDS);
	assert_int_equal(lost, 0);
}

static void repair__is_refused_while_somebody_holds_it(void **state)
{
	struct fixture *f = *state;
	struct said s = {0};

	append_n(f, f->orders, 3);
	ASSERT_CODE(ag_spool_repair_run(f->opt.dir, false, on_step, &s, &f->err), OR_BUSY);
	assert_int_equal(s.n, 0);
	assert_int_equal(repair(f, true).n, 0); /* looking is not */
}

static void damage__in_the_middle_is_kept_aside_and_void(void **state)
{
	struct fixture *f = *state;
	const char *path;
	struct or_slice before, aside;
	struct said s;
	uint64_t records, lost;

	fill(f);
	path = segment(f, 0);
	flip(f, path, 1000, 16);
	before = read_all(f, path);
	s = repair(f, true);
	assert_int_equal(s.n, 1);
	assert_true(or_slice_eq(before, read_all(f, path))); /* nothing was done yet */
	s = repair(f, false);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.what[0], AG_SPOOL_LOOK_DAMAGED);
	assert_true(s.from[0] <= 1000 && s.to[0] >= 1016);
	aside = read_all(f, s.aside[0]);
	assert_true(
	    or_slice_eq(aside, or_slice(before.p + s.from[0], (size_t)(s.to[0] - s.from[0]))));
	assert_int_equal(size_of(f, path), before.n);
	check_clean(f);
	open_spool(f);
	assert_int_equal(info_of(f).damaged, 0);
	read_back(f, &records, &lost);
	assert_true(lost >= 1 && lost <= 2);
	assert_int_equal(records + lost, RECORDS);
}

static void tail__that_is_torn_is_cut_off(void **state)
{
	struct fixture *f = *state;
	const char *path;
	uint64_t size, records, lost;
	struct said s;
	int fd;

	fill(f);
	path = segment(f, count_files(f, ".seg") - 1);
	size = size_of(f, path);
	ASSERT_OK(or_sys_open(&fd, path, O_RDWR, 0, &f->err), &f->err);
	ASSERT_OK(or_sys_truncate(fd, size - 5, &f->err), &f->err);
	or_sys_close(fd);
	s = repair(f, false);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.what[0], AG_SPOOL_LOOK_TORN);
	assert_int_equal(size_of(f, s.aside[0]), s.to[0] - s.from[0]);
	check_clean(f);
	open_spool(f);
	read_back(f, &records, &lost);
	assert_int_equal(records, RECORDS - 1);
	assert_int_equal(lost, 0);
	assert_int_equal(
	    ag_spool_next_seq(f->spool, f->orders), RECORDS + 1); /* as the state knows */
}

/* What came last does not check: its numbers may have been shipped, so they are never given again.
 */
static void tail__that_does_not_check_begins_an_epoch(void **state)
{
	struct fixture *f = *state;
	const char *path;
	uint64_t epoch, records, lost, size;
	struct said s;

	epoch = ag_spool_epoch(f->spool);
	fill(f);
	path = segment(f, count_files(f, ".seg") - 1);
	size = size_of(f, path);
	flip(f, path, size - 40, 16);
	s = repair(f, false);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.what[0], AG_SPOOL_LOOK_CUT);
	check_clean(f);
	open_spool(f);
	assert_int_not_equal(ag_spool_epoch(f->spool), epoch);
	read_back(f, &records, &lost);
	assert_int_equal(records, RECORDS - 1);
	/* And a spool that lives on after it is as any other. */
	append_n(f, f->orders, 5);
	assert_int_equal(sync_now(f), OR_OK);
	close_spool(f);
	open_spool(f);
	read_back(f, &records, &lost);
	assert_int_equal(records, 5);
	assert_int_equal(lost, 0);
}

static void files__that_are_foreign_are_set_aside(void **state)
{
	struct fixture *f = *state;
	struct said s;
	uint64_t records, lost;

	fill(f);
	flip(f, segment(f, 1), 0, 40);
	flip(f, or_arena_printf(f->arena, "%s/state", f->opt.dir), 0, 512);
	flip(f, or_arena_printf(f->arena, "%s/state", f->opt.dir), 131072, 512);
	s = repair(f, false);
	assert_int_equal(s.n, s.is_state ? 2 : 1);
	assert_int_equal(count_files(f, ".seg.bad"), 1);
	check_clean(f);
	open_spool(f);
	read_back(f, &records, &lost);
	assert_true(lost > 0);
	assert_int_equal(records + lost, RECORDS);
}

/* -- faults -- */

struct fault {
	int calls, at;
	size_t limit;
};

static int on_call(void *arg, enum or_sys_op op, size_t *limit)
{
	struct fault *fault = arg;

	(void)op;
	*limit = fault->limit;
	return ++fault->calls == fault->at ? EIO : 0;
}

static void damage_all(struct fixture *f)
{
	const char *last = segment(f, count_files(f, ".seg") - 1);

	flip(f, segment(f, 0), 1000, 16);
	flip(f, segment(f, 0), 2400, 16);
	flip(f, segment(f, 1), 0, 40);
	flip(f, last, size_of(f, last) - 40, 16);
}

/* Whatever call fails, a second repair goes on; every byte that went is in a file beside. */
static void faults__leave_a_spool_that_can_be_repaired(void **state)
{
	struct fixture *f = *state;
	uint64_t reference = 0;

	close_spool(f);
	for (int at = 0;; at++) {
		struct fault fault = {.at = at, .limit = 10};
		struct said s = {0};
		enum or_code rc;
		uint64_t records, lost, epoch;

		support_tmpdir_remove(f->dir);
		f->dir = support_tmpdir_new();
		f->opt.dir = f->dir;
		open_spool(f);
		epoch = ag_spool_epoch(f->spool);
		fill(f);
		damage_all(f);
		or_sys_fault_set(on_call, &fault);
		rc = ag_spool_repair_run(f->opt.dir, false, on_step, &s, &f->err);
		or_sys_fault_set(NULL, NULL);
		if (rc)
			repair(f, false);
		check_clean(f);
		open_spool(f);
		assert_int_not_equal(ag_spool_epoch(f->spool), epoch);
		read_back(f, &records, &lost);
		if (at == 0)
			reference = records;
		assert_int_equal(records, reference);
		assert_true(count_files(f, ".cut") >= 3);
		close_spool(f);
		or_arena_clear(f->arena);
		if (at && rc == OR_OK)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(repair__leaves_what_is_whole_alone, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		repair__is_refused_while_somebody_holds_it, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		damage__in_the_middle_is_kept_aside_and_void, setup, teardown),
	    cmocka_unit_test_setup_teardown(tail__that_is_torn_is_cut_off, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		tail__that_does_not_check_begins_an_epoch, setup, teardown),
	    cmocka_unit_test_setup_teardown(files__that_are_foreign_are_set_aside, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		faults__leave_a_spool_that_can_be_repaired, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
