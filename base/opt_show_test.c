/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opt_show.h"

#include "base/opt_value.h"
#include "base/sys.h"
#include "tests/support/support.h"

struct target {
	const char *name;
	const char *token;
	bool on;
	uint64_t size;
	int64_t offset;
	int64_t wait_ns;
	uint16_t port;
	int mode;
	struct or_opt_list list;
	const struct or_json *tree;
};

#define AT(field) offsetof(struct target, field)

static const struct or_opt opts[] = {
    {.name = "name", .type = OR_OPT_STR, .offset = AT(name)},
    {.name = "token", .type = OR_OPT_STR, .flags = OR_OPT_SECRET, .offset = AT(token)},
    {.name = "on", .type = OR_OPT_BOOL, .offset = AT(on)},
    {.name = "size", .type = OR_OPT_BYTES, .offset = AT(size), .def = "64KiB"},
    {.name = "offset", .type = OR_OPT_I64, .offset = AT(offset)},
    {.name = "wait", .type = OR_OPT_DURATION, .offset = AT(wait_ns), .def = "90s"},
    {.name = "port", .type = OR_OPT_PORT, .offset = AT(port)},
    {.name = "mode", .type = OR_OPT_ENUM, .offset = AT(mode), .choices = "strict|async|off"},
    {.name = "list", .type = OR_OPT_LIST, .offset = AT(list), .def = "a,b"},
    {.name = "tree", .type = OR_OPT_TREE, .offset = AT(tree)},
};

struct fixture {
	struct or_arena *arena;
	struct target target;
	struct or_opt_table table;
	struct or_opt_set set;
	struct or_opt_seen seen;
	struct or_buf out;
	struct or_err err;
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->arena = or_arena_new(0);
	f->table = (struct or_opt_table){opts, OR_LEN(opts), &f->target, sizeof(f->target)};
	f->set = (struct or_opt_set){&f->table, 1};
	or_buf_init(&f->out, 1 << 20);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	or_buf_done(&f->out);
	or_arena_free(f->arena);
	test_free(f);
	return 0;
}

static void load(struct fixture *f, char *const *argv, char *const *env, const char *file)
{
	struct or_opt_src src = {.file = file, .env = env, .argv = argv};

	while (argv[src.argc])
		src.argc++;
	memset(&f->target, 0, sizeof(f->target));
	ASSERT_OK(or_opt_load(&f->set, &src, f->arena, &f->seen, &f->err), &f->err);
	or_buf_clear(&f->out);
}

static void yaml__says_where_each_value_came_from(void **state)
{
	struct fixture *f = *state;
	char a0[] = "--mode", a1[] = "async", e0[] = "OUTRIDER_PORT=8080";
	char *argv[] = {a0, a1, NULL}, *env[] = {e0, NULL};
	char *dir = support_tmpdir_new();
	const char *path = or_arena_printf(f->arena, "%s/x.yaml", dir);

	ASSERT_OK(or_sys_write_file(
		      path, OR_SLICE_LIT("\nname: 'a # \"b\"'\noffset: -3\n"), 0600, &f->err),
	    &f->err);
	load(f, argv, env, path);
	or_opt_show_yaml(&f->out, &f->set, &f->seen);
	ASSERT_HAS(or_buf_text(&f->out),
	    or_arena_printf(f->arena, "name: \"a # \\\"b\\\"\"  # %s:2\n", path));
	ASSERT_HAS(or_buf_text(&f->out), or_arena_printf(f->arena, "offset: -3  # %s:3\n", path));
	ASSERT_HAS(or_buf_text(&f->out), "\nport: 8080  # OUTRIDER_PORT\n");
	ASSERT_HAS(or_buf_text(&f->out), "\nmode: \"async\"  # --mode\n");
	ASSERT_HAS(or_buf_text(&f->out), "\nsize: \"64KiB\"  # default\n");
	ASSERT_HAS(or_buf_text(&f->out), "\nwait: \"90s\"  # default\n");
	ASSERT_HAS(or_buf_text(&f->out), "\nlist: [\"a\",\"b\"]  # default\n");
	ASSERT_HAS(or_buf_text(&f->out), "\n# tree: null  # not set\n");
	support_tmpdir_remove(dir);
}

/* What is shown can be read again, and gives the same. */
static void yaml__is_a_configuration(void **state)
{
	struct fixture *f = *state;
	char a0[] = "--tree", a1[] = "[{\"url\":\"http://h/m\",\"labels\":{\"a\":\"b\"}}]";
	char a2[] = "--wait=0s", a3[] = "--list=", a4[] = "--name=: {";
	char *argv[] = {a0, a1, a2, a3, a4, NULL}, *none[] = {NULL};
	char *dir = support_tmpdir_new();
	const char *path = or_arena_printf(f->arena, "%s/x.yaml", dir);
	struct target first;

	load(f, argv, none, NULL);
	first = f->target;
	or_opt_show_yaml(&f->out, &f->set, &f->seen);
	ASSERT_OK(or_sys_write_file(path, or_buf_slice(&f->out), 0600, &f->err), &f->err);
	load(f, none, none, path);
	for (size_t i = 0; i < OR_LEN(opts); i++)
		assert_true(or_opt_value_is_same(&opts[i], &first, &f->target));
	support_tmpdir_remove(dir);
}

static void secrets__are_never_shown(void **state)
{
	struct fixture *f = *state;
	char a0[] = "--token=hunter2", a1[] = "--name=https://ana:hunter2@host/path";
	char a2[] = "--tree={\"headers\":{\"Authorization\":\"hunter2\",\"x-api-key\":\"hunter2\"},"
		    "\"u\":[\"amqp://u:hunter2@h\"],\"password_file\":\"/etc/p\","
		    "\"access_token\":true,\"client_secret\":[\"hunter2\"]}";
	char *argv[] = {a0, a1, a2, NULL}, *none[] = {NULL};

	load(f, argv, none, NULL);
	or_opt_show_yaml(&f->out, &f->set, &f->seen);
	or_opt_show_json(&f->out, &f->set, &f->seen);
	assert_null(strstr(or_buf_text(&f->out), "hunter2"));
	assert_null(strstr(or_buf_text(&f->out), "ana"));
	ASSERT_HAS(or_buf_text(&f->out), "\"https://[redacted]@host/path\"");
	ASSERT_HAS(or_buf_text(&f->out), "\"password_file\":\"/etc/p\",\"access_token\":true");
	ASSERT_HAS(or_buf_text(&f->out),
	    "{\"key\":\"token\",\"value\":\"[redacted]\",\"from\":\"--token\"}\n");
}

static void same__tells_values_apart(void **state)
{
	struct fixture *f = *state;
	char b0[] = "--name=x", b1[] = "--on", b2[] = "--size=1KiB", b3[] = "--offset=4",
	     b4[] = "--wait=1s", b5[] = "--port=1", b6[] = "--mode=off", b7[] = "--list=a,c",
	     b8[] = "--tree=[1]", b9[] = "--token=x";
	char *argv[] = {b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, NULL}, *none[] = {NULL};
	struct target first;

	load(f, none, none, NULL);
	first = f->target;
	load(f, argv, none, NULL);
	for (size_t i = 0; i < OR_LEN(opts); i++) {
		assert_false(or_opt_value_is_same(&opts[i], &first, &f->target));
		or_opt_value_copy(&opts[i], &first, &f->target);
		assert_true(or_opt_value_is_same(&opts[i], &first, &f->target));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(yaml__says_where_each_value_came_from, setup, teardown),
	    cmocka_unit_test_setup_teardown(yaml__is_a_configuration, setup, teardown),
	    cmocka_unit_test_setup_teardown(secrets__are_never_shown, setup, teardown),
	    cmocka_unit_test_setup_teardown(same__tells_values_apart, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
