/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/dead.h"

#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "tests/support/support.h"

struct fixture {
	char *dir;
	struct or_loop *loop;
	struct or_slow *slow;
	struct co_dead *dead;
	struct or_err err;
};

static const struct co_ingest_request request = {.topic = OR_SLICE_LIT("outrider.audit"),
    .frame = OR_SLICE_LIT("FRAME"),
    .batch = OR_SLICE_LIT("BATCH\n\x01"),
    .peer = OR_SLICE_LIT("127.0.0.1:1")};

static void open_dead(struct fixture *x, uint64_t quota)
{
	ASSERT_OK(or_loop_new(&x->loop, NULL, &x->err), &x->err);
	ASSERT_OK(or_slow_new(&x->slow, x->loop, 64, &x->err), &x->err);
	ASSERT_OK(co_dead_open(&x->dead, x->dir, quota, x->slow, &x->err), &x->err);
}

static void close_dead(struct fixture *x)
{
	or_slow_free(x->slow); /* letters on their way are written */
	co_dead_close(x->dead);
	or_loop_free(x->loop);
}

static int set_up(void **state)
{
	static struct fixture x;

	x.dir = support_tmpdir_new();
	*state = &x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	support_tmpdir_remove(x->dir);
	return 0;
}

static void put__writes_why_and_what(void **state)
{
	struct fixture *x = *state;
	struct or_arena *a = or_arena_new(0);
	const struct or_json *head;
	struct or_sys_names names;
	struct or_buf letter;
	size_t line;

	open_dead(x, 10000);
	co_dead_put(x->dead, &request, true, "record", "record 0: junk", 1764000000000000000LL);
	assert_int_equal(co_dead_letters(x->dead), 1);
	close_dead(x);
	ASSERT_OK(or_sys_list(&names, x->dir, &x->err), &x->err);
	assert_int_equal(names.n, 1);
	assert_string_equal(names.names[0], "1764000000000000000-000000.letter");
	or_buf_init(&letter, 10000);
	ASSERT_OK(
	    or_sys_read_file(&letter, support_path(x->dir, names.names[0]), &x->err), &x->err);
	line = or_str_find(or_buf_slice(&letter), '\n', 0);
	ASSERT_OK(or_json_parse(&head, or_slice(letter.p, line), a, &x->err), &x->err);
	ASSERT_SLICE(or_json_get_str(head, "reason"), "record");
	ASSERT_SLICE(or_json_get_str(head, "detail"), "record 0: junk");
	ASSERT_SLICE(or_json_get_str(head, "time"), "2025-11-24T16:00:00.000000Z");
	assert_int_equal(or_json_get(head, "frame_bytes")->i, 5);
	ASSERT_SLICE(or_slice_from(or_buf_slice(&letter), line + 1), "FRAMEBATCH\n\x01");
	or_buf_done(&letter);
	or_sys_names_free(&names);
	or_arena_free(a);
}

static void put__keeps_to_its_quota_over_restarts(void **state)
{
	struct fixture *x = *state;
	struct or_sys_names names;

	for (int round = 0; round < 3; round++) {
		open_dead(x, 550);
		for (int i = 0; i < 20; i++) {
			co_dead_put(x->dead, &request, true, "record", "junk", 1000 * round + i);
			while (or_slow_queued(x->slow))
				or_loop_turn(x->loop, false);
		}
		assert_int_equal(co_dead_letters(x->dead), round == 0 ? 3 : 0);
		assert_int_equal(co_dead_dropped(x->dead), round == 0 ? 17 : 20);
		close_dead(x);
	}
	ASSERT_OK(or_sys_list(&names, x->dir, &x->err), &x->err);
	assert_int_equal(names.n, 3);
	or_sys_names_free(&names);
}

static void put__keeps_room_for_what_agents_signed(void **state)
{
	struct fixture *x = *state;

	open_dead(x, 4000);
	for (int i = 0; i < 100; i++) {
		co_dead_put(x->dead, &request, false, "signature", "junk", i);
		while (or_slow_queued(x->slow))
			or_loop_turn(x->loop, false);
	}
	assert_in_range(co_dead_letters(x->dead), 1, 7);
	for (int i = 0; i < 3; i++) {
		uint64_t before = co_dead_letters(x->dead);

		co_dead_put(x->dead, &request, true, "product", "escape", 1000 + i);
		assert_int_equal(co_dead_letters(x->dead), before + 1);
	}
	close_dead(x);
}

static void put__leaves_the_slow_thread_to_others(void **state)
{
	struct fixture *x = *state;

	open_dead(x, 1 << 20);
	for (int i = 0; i < 100; i++)
		co_dead_put(x->dead, &request, true, "record", "junk", i);
	assert_int_equal(co_dead_letters(x->dead), 4);
	assert_int_equal(co_dead_dropped(x->dead), 96);
	close_dead(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(put__writes_why_and_what),
	    T(put__keeps_to_its_quota_over_restarts),
	    T(put__keeps_room_for_what_agents_signed),
	    T(put__leaves_the_slow_thread_to_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
