/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/config.h"

#include "base/sys.h"

#include "tests/support/support.h"

struct fixture {
	struct or_arena *arena;
	char *dir;
	struct co_config c;
	struct or_buf out;
	struct or_err err;
};

static char *no_env[] = {NULL};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->arena = or_arena_new(0);
	f->dir = support_tmpdir_new();
	or_buf_init(&f->out, 65536);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	or_arena_free(f->arena);
	or_buf_done(&f->out);
	support_tmpdir_remove(f->dir);
	test_free(f);
	return 0;
}

static enum or_code load(struct fixture *f, int argc, const char *const *argv)
{
	char *copy[8];

	for (int i = 0; i < argc; i++)
		copy[i] = or_arena_strdup(f->arena, or_slice_str(argv[i]));
	return co_config_load(&f->c, argc, copy, no_env, f->arena, &f->err);
}

#define LOAD(f, ...)                                                                               \
	load((f), (int)OR_LEN(((const char *[]){__VA_ARGS__})), (const char *[]){__VA_ARGS__})

static void load__has_defaults_for_all_but_the_state(void **state)
{
	struct fixture *f = *state;

	ASSERT_OK(LOAD(f, "--state", "/x"), &f->err);
	assert_string_equal(f->c.state, "/x");
	assert_string_equal(f->c.listen, "127.0.0.1:8470");
	assert_int_equal(f->c.shards, 1);
	assert_true(f->c.cert_life_ns == 30 * 86400 * OR_NS_PER_S);
	assert_int_equal(f->c.ready_fd, -1);
	assert_false(f->c.help || f->c.print);
	ASSERT_CODE(LOAD(f, "--print-config"), OR_ABSENT);
	ASSERT_HAS(f->err.msg, "state");
}

static void load__takes_its_own_flags_anywhere(void **state)
{
	struct fixture *f = *state;

	ASSERT_OK(LOAD(f, "--ready-fd", "3", "--state=/x", "--print-config"), &f->err);
	assert_int_equal(f->c.ready_fd, 3);
	assert_true(f->c.print);
	ASSERT_OK(LOAD(f, "--state=/x", "--ready-fd=7"), &f->err);
	assert_int_equal(f->c.ready_fd, 7);
	ASSERT_OK(LOAD(f, "--help"), &f->err);
	assert_true(f->c.help);
}

static void load__refuses_what_it_does_not_know(void **state)
{
	struct fixture *f = *state;
	const char *path = support_path(f->dir, "c.yaml");

	ASSERT_CODE(LOAD(f, "--state=/x", "--ready-fd"), OR_INVAL);
	ASSERT_HAS(f->err.msg, "--ready-fd takes the number");
	ASSERT_CODE(LOAD(f, "--state=/x", "--ready-fd=x"), OR_INVAL);
	ASSERT_CODE(LOAD(f, "--state=/x", "word"), OR_INVAL);
	ASSERT_HAS(f->err.msg, "unexpected word \"word\"");
	ASSERT_CODE(LOAD(f, "--state=/x", "--lisen=1"), OR_INVAL);
	ASSERT_HAS(f->err.msg, "listen");
	ASSERT_OK(
	    or_sys_write_file(path, OR_SLICE_LIT("state: /x\nsegmnt: {size: 1}\n"), 0600, &f->err),
	    &f->err);
	ASSERT_CODE(LOAD(f, "--config", path), OR_INVAL);
	ASSERT_HAS(f->err.msg, "c.yaml:2");
	ASSERT_HAS(f->err.msg, "segment");
	ASSERT_CODE(LOAD(f, "--state=/x", "--shards=0"), OR_INVAL);
}

static void print__is_read_back_the_same(void **state)
{
	struct fixture *f = *state;
	const char *path = support_path(f->dir, "c.yaml");
	struct co_config first;

	ASSERT_OK(LOAD(f, "--state=/x \"y\"", "--log.level=warn", "--segment.size=3MiB",
		      "--certificate.life=36h"),
	    &f->err);
	first = f->c;
	co_config_print(&f->out, &f->c);
	ASSERT_HAS(or_buf_text(&f->out), "segment:\n  size: 3145728\n");
	ASSERT_HAS(or_buf_text(&f->out), "log:\n  level: warn\n");
	ASSERT_HAS(or_buf_text(&f->out), "certificate:\n  life: 36h\n");
	ASSERT_OK(or_sys_write_file(path, or_buf_slice(&f->out), 0600, &f->err), &f->err);
	ASSERT_OK(LOAD(f, "--config", path), &f->err);
	assert_string_equal(f->c.state, first.state);
	assert_int_equal(f->c.log_level, first.log_level);
	assert_true(f->c.cert_life_ns == first.cert_life_ns);
	assert_int_equal(f->c.segment_size_bytes, first.segment_size_bytes);
	assert_int_equal(f->c.query_running, first.query_running);
}

static void help__names_every_flag(void **state)
{
	static const char *const flags[] = {"--state", "--listen", "--name", "--shards",
	    "--segment.size", "--certificate.life", "--http.connections", "--ingest.pending",
	    "--query.running", "--log.level", "--print-config", "--ready-fd"};
	struct fixture *f = *state;

	co_config_help(&f->out);
	for (size_t i = 0; i < OR_LEN(flags); i++)
		ASSERT_HAS(or_buf_text(&f->out), flags[i]);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(load__has_defaults_for_all_but_the_state),
	    T(load__takes_its_own_flags_anywhere),
	    T(load__refuses_what_it_does_not_know),
	    T(print__is_read_back_the_same),
	    T(help__names_every_flag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
