/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool/spool_place.h"

#include "tests/support/spool_steps.h"

#include <errno.h>

static struct ag_spool_place place_of(const char *file, const char *value)
{
	struct ag_spool_place p = {.value = or_slice_str(value)};

	snprintf((char *)p.id, sizeof(p.id), "%s", file);
	return p;
}

static enum or_code append_from(struct fixture *f, const char *file, const char *value)
{
	struct ag_spool_place p = place_of(file, value);
	uint64_t seq = ag_spool_next_seq(f->spool, f->orders);

	return ag_spool_place_append(
	    f->spool, f->orders, or_slice_str(content(f->orders, seq)), &p);
}

static const char *value_of(struct fixture *f, const char *file)
{
	struct ag_spool_place wanted = place_of(file, ""), p;

	for (size_t i = 0; ag_spool_place_get(&p, f->spool, i); i++) {
		if (memcmp(p.id, wanted.id, sizeof(p.id)) == 0)
			return or_arena_strdup(f->arena, p.value);
	}
	return NULL;
}

static void reopen(struct fixture *f)
{
	close_spool(f);
	open_spool(f);
}

static void place__is_remembered_with_its_record(void **state)
{
	struct fixture *f = *state;
	struct ag_spool_batch b;

	ASSERT_CODE(append_from(f, "a", "10"), OR_OK);
	ASSERT_CODE(append_from(f, "b", "5"), OR_OK);
	append_n(f, f->orders, 1);
	ASSERT_CODE(append_from(f, "a", "20"), OR_OK);
	assert_string_equal(value_of(f, "a"), "20");
	ASSERT_CODE(sync_now(f), OR_OK);
	b = read_batch(f, f->orders, 100);
	check_batch(&b, f->orders, 1, 4); /* the records are as any others */
	reopen(f);
	assert_string_equal(value_of(f, "a"), "20");
	assert_string_equal(value_of(f, "b"), "5");
	assert_null(value_of(f, "c"));
}

static void place__outlives_the_segment_of_its_record(void **state)
{
	struct fixture *f = *state;

	ASSERT_CODE(append_from(f, "a", "10"), OR_OK);
	ASSERT_CODE(append_from(f, "b", "5"), OR_OK);
	append_n(f, f->orders, 100);
	ASSERT_CODE(append_from(f, "b", "6"), OR_OK);
	ASSERT_CODE(sync_now(f), OR_OK);
	ack_all(f, f->orders);
	settle(f);
	while (info_of(f).segments > 1)
		or_loop_turn(f->loop, false);
	reopen(f);
	assert_string_equal(value_of(f, "a"), "10");
	assert_string_equal(value_of(f, "b"), "6");
}

/* Cuts the last segment byte by byte: the place is the one of the last record that is whole. */
static void place__goes_with_a_record_that_a_crash_tore(void **state)
{
	struct fixture *f = *state;
	char path[4096], copy[4096];
	struct or_buf whole;

	ASSERT_CODE(append_from(f, "a", "1"), OR_OK);
	ASSERT_CODE(append_from(f, "a", "2"), OR_OK);
	ASSERT_CODE(sync_now(f), OR_OK);
	or_buf_init(&whole, 1 << 16);
	snprintf(path, sizeof(path), "%s/%016x.seg", f->dir, 1);
	snprintf(copy, sizeof(copy), "%s/%s", f->dir, "state");
	ASSERT_OK(or_sys_read_file(&whole, path, &f->err), &f->err);
	for (size_t n = whole.n - 1; n > 0; n -= n > 8 ? 8 : n) {
		const char *value;
		uint64_t next;

		close_spool(f);
		assert_int_equal(unlink(copy), 0); /* it would know better */
		ASSERT_OK(or_sys_write_file(path, or_slice(whole.p, n), 0600, &f->err), &f->err);
		open_spool(f);
		value = value_of(f, "a");
		next = ag_spool_next_seq(f->spool, f->orders);
		assert_true(next == 1 ? !value : next == 2 && strcmp(value, "1") == 0);
		if (next == 1)
			break;
	}
	or_buf_done(&whole);
}

static void forget__makes_room(void **state)
{
	struct fixture *f = *state;
	char name[16];

	for (int i = 0; i < AG_SPOOL_PLACES_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ASSERT_CODE(append_from(f, name, "0"), OR_OK);
	}
	ASSERT_CODE(append_from(f, "one too many", "0"), OR_FULL);
	ASSERT_CODE(append_from(f, "7", "1"), OR_OK);
	ag_spool_place_forget(f->spool, place_of("8", "").id);
	ag_spool_place_forget(f->spool, place_of("unknown", "").id);
	assert_null(value_of(f, "8"));
	ASSERT_CODE(append_from(f, "one too many", "0"), OR_OK);
	assert_string_equal(value_of(f, "7"), "1");
}

static int fail_syncs(void *arg, enum or_sys_op op, size_t *limit)
{
	int *left = arg;

	(void)limit;
	return op == OR_SYS_SYNC && (*left)-- > 0 ? EIO : 0;
}

/* What a failed sync writes anew is another entry of the same record. */
static void place__stays_when_a_failed_sync_is_written_anew(void **state)
{
	struct fixture *f = *state;
	int left = 1;

	ASSERT_CODE(append_from(f, "a", "1"), OR_OK);
	or_sys_fault_set(fail_syncs, &left);
	ASSERT_CODE(sync_now(f), OR_IO);
	or_sys_fault_set(NULL, NULL);
	ASSERT_CODE(append_from(f, "a", "2"), OR_OK);
	ASSERT_CODE(sync_now(f), OR_OK);
	reopen(f);
	assert_string_equal(value_of(f, "a"), "2");
	assert_int_equal(ag_spool_next_seq(f->spool, f->orders), 3);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(place__is_remembered_with_its_record),
	    T(place__outlives_the_segment_of_its_record),
	    T(place__goes_with_a_record_that_a_crash_tore),
	    T(forget__makes_room),
	    T(place__stays_when_a_failed_sync_is_written_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
