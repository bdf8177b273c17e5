/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/query/scan.h"

#include "base/sys.h"
#include "collector/audit/store.h"

#include "tests/support/support.h"

#include <fcntl.h>
#include <stdio.h>

#define NOW 1800000000000000000LL

struct fixture {
	char *dir;
	struct or_loop *loop;
	struct or_crypto_key *key;
	struct tl_note_key note_key;
	struct or_err err;

	uint64_t seen;
	uint64_t expected; /* index of the next leaf */
	uint32_t shard;
	uint64_t stop_at; /* 0: never */
	uint64_t other;   /* turns that other work had */
	bool done;
	struct co_scan_end end;
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->dir = support_tmpdir_new();
	ASSERT_OK(or_loop_new(&f->loop, NULL, &f->err), &f->err);
	ASSERT_OK(or_crypto_key_new(&f->key, OR_CRYPTO_ED25519, &f->err), &f->err);
	ASSERT_OK(tl_note_key_init(&f->note_key, "test", f->key, &f->err), &f->err);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	or_loop_free(f->loop);
	or_crypto_key_free(f->key);
	support_tmpdir_remove(f->dir);
	test_free(f);
	return 0;
}

/* A log of n leaves that say their index. */
static struct co_scan_source make_log(
    struct fixture *f, const char *name, uint64_t n, uint32_t shard)
{
	const char *dir = support_path(f->dir, name);
	const struct co_store_opt opt = {
	    .dir = dir, .origin = name, .key = &f->note_key, .now_ns = NOW};
	struct co_store *s;
	char text[32];
	uint64_t first;

	ASSERT_OK(co_store_open(&s, &opt, &f->err), &f->err);
	for (uint64_t i = 0; i < n; i++) {
		struct or_slice leaf;

		snprintf(text, sizeof(text), "leaf %06u", (unsigned int)i);
		leaf = or_slice_str(text);
		ASSERT_OK(co_store_put(s, &leaf, 1, NOW, &first, &f->err), &f->err);
		assert_int_equal(first, i);
	}
	ASSERT_OK(co_store_commit(s, NOW, &f->err), &f->err);
	co_store_close(s);
	return (struct co_scan_source){.dir = dir, .size = n, .shard = shard};
}

static bool on_leaf(void *arg, uint32_t shard, uint64_t index, const struct tl_segment_entry *entry)
{
	struct fixture *f = arg;
	char text[32];

	if (shard != f->shard) {
		f->shard = shard;
		f->expected = 0;
	}
	assert_true(index >= f->expected);
	f->expected = index + 1;
	snprintf(text, sizeof(text), "leaf %06u", (unsigned int)index);
	ASSERT_SLICE(entry->leaf, text);
	f->seen++;
	return f->seen != f->stop_at;
}

static void on_done(void *arg, const struct co_scan_end *end)
{
	struct fixture *f = arg;

	assert_false(f->done);
	f->done = true;
	f->end = *end;
}

static void on_other(void *arg)
{
	struct fixture *f = arg;

	f->other++;
	if (!f->done)
		or_loop_defer(f->loop, on_other, f);
}

static void run(struct fixture *f, const struct co_scan_source *sources, size_t n)
{
	co_scan_start(f->loop, sources, n, on_leaf, on_done, f);
	assert_false(f->done);
	while (!f->done)
		or_loop_turn(f->loop, true);
}

static void scan__walks_all_leaves_and_lets_others_work(void **state)
{
	struct fixture *f = *state;
	const struct co_scan_source sources[] = {
	    make_log(f, "a", 3500, 0), make_log(f, "b", 0, 1), make_log(f, "c", 1200, 2)};

	or_loop_defer(f->loop, on_other, f);
	run(f, sources, OR_LEN(sources));
	ASSERT_CODE(f->end.rc, OR_OK);
	assert_int_equal(f->seen, 4700);
	assert_int_equal(f->end.damaged, 0);
	assert_true(f->other >= 4700 / CO_SCAN_LEAVES);
}

static void scan__ends_where_the_leaf_says_so(void **state)
{
	struct fixture *f = *state;
	const struct co_scan_source source = make_log(f, "a", 1500, 0);

	f->stop_at = 1203;
	run(f, &source, 1);
	assert_int_equal(f->seen, 1203);
	ASSERT_CODE(f->end.rc, OR_OK);
}

static void scan__never_reads_behind_the_size_it_was_given(void **state)
{
	struct fixture *f = *state;
	struct co_scan_source source = make_log(f, "a", 50, 0);

	source.size = 20;
	run(f, &source, 1);
	assert_int_equal(f->seen, 20);
}

static void scan__begins_where_it_was_told(void **state)
{
	struct fixture *f = *state;
	struct co_scan_source sources[] = {make_log(f, "a", 50, 0), make_log(f, "b", 9, 1)};

	sources[0].from = 45;
	sources[1].from = 9;
	f->expected = 45;
	run(f, sources, 2);
	assert_int_equal(f->seen, 5);
	assert_int_equal(f->expected, 50);
	ASSERT_CODE(f->end.rc, OR_OK);
}

/* Changes one byte of the leaf that says that text. */
static void damage(struct fixture *f, const char *name, const char *leaf)
{
	struct or_sys_names names;
	char segments[600], path[1200];
	struct or_buf file;
	uint8_t *at;
	int fd;

	snprintf(segments, sizeof(segments), "%s/%s/segments", f->dir, name);
	ASSERT_OK(or_sys_list(&names, segments, &f->err), &f->err);
	assert_int_equal(names.n, 1);
	snprintf(path, sizeof(path), "%s/%s", segments, names.names[0]);
	or_sys_names_free(&names);
	or_buf_init(&file, 1 << 24);
	ASSERT_OK(or_sys_read_file(&file, path, &f->err), &f->err);
	at = memmem(file.p, file.n, leaf, strlen(leaf));
	assert_non_null(at);
	ASSERT_OK(or_sys_open(&fd, path, O_WRONLY, 0, &f->err), &f->err);
	ASSERT_OK(or_sys_pwrite(fd, OR_SLICE_LIT("X"), (uint64_t)(at - file.p), &f->err), &f->err);
	or_sys_close(fd);
	or_buf_done(&file);
}

static void scan__passes_over_damage_and_names_the_first(void **state)
{
	struct fixture *f = *state;
	const struct co_scan_source source = make_log(f, "a", 500, 0);

	damage(f, "a", "leaf 000123");
	damage(f, "a", "leaf 000400");
	run(f, &source, 1);
	ASSERT_CODE(f->end.rc, OR_OK);
	assert_int_equal(f->seen, 498);
	assert_int_equal(f->end.damaged, 2);
	ASSERT_HAS(f->end.err.msg, "123");
}

static void scan__cancelled_is_silent(void **state)
{
	struct fixture *f = *state;
	const struct co_scan_source source = make_log(f, "a", 2500, 0);
	struct co_scan *scan = co_scan_start(f->loop, &source, 1, on_leaf, on_done, f);

	or_loop_turn(f->loop, true);
	assert_int_equal(f->seen, CO_SCAN_LEAVES);
	co_scan_cancel(scan);
	for (int i = 0; i < 5; i++)
		or_loop_turn(f->loop, true);
	assert_int_equal(f->seen, CO_SCAN_LEAVES);
	assert_false(f->done);
	co_scan_cancel(NULL);
}

static void scan__says_which_log_it_cannot_read(void **state)
{
	struct fixture *f = *state;
	const struct co_scan_source source = {
	    .dir = support_path(f->dir, "none"), .size = 10, .shard = 0};

	run(f, &source, 1);
	assert_int_not_equal(f->end.rc, OR_OK);
	ASSERT_HAS(f->end.err.msg, "none");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(scan__walks_all_leaves_and_lets_others_work),
	    T(scan__ends_where_the_leaf_says_so),
	    T(scan__never_reads_behind_the_size_it_was_given),
	    T(scan__begins_where_it_was_told),
	    T(scan__passes_over_damage_and_names_the_first),
	    T(scan__cancelled_is_silent),
	    T(scan__says_which_log_it_cannot_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
