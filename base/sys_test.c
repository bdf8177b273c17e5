/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sys.h"

#include "base/mem.h"
#include "tests/support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Fails the n-th call (from 1) with `code`; a write stops after `limit` bytes. */
struct fault {
	int n;
	int seen;
	int code;
	size_t limit;
};

static int on_call(void *arg, enum or_sys_op op, size_t *limit)
{
	struct fault *f = arg;

	(void)op;
	*limit = f->limit;
	return ++f->seen == f->n ? f->code : 0;
}

static int setup(void **state)
{
	*state = support_tmpdir_new();
	return 0;
}

static int teardown(void **state)
{
	or_sys_fault_set(NULL, NULL);
	support_tmpdir_remove(*state);
	return 0;
}

static void assert_file(const char *path, const char *content)
{
	struct or_buf b;
	struct or_err err;

	or_buf_init(&b, 1024);
	ASSERT_OK(or_sys_read_file(&b, path, &err), &err);
	ASSERT_SLICE(or_buf_slice(&b), content);
	or_buf_done(&b);
}

static void write_and_pread__move_all_bytes(void **state)
{
	const char *path = support_path(*state, "f");
	struct or_err err;
	char got[16] = {0};
	uint64_t size;
	size_t n;
	int fd;

	ASSERT_OK(or_sys_open(&fd, path, O_RDWR | O_CREAT | O_EXCL, 0600, &err), &err);
	ASSERT_OK(or_sys_write(fd, OR_SLICE_LIT("hello"), &n, &err), &err);
	assert_int_equal(n, 5);
	ASSERT_OK(or_sys_pwrite(fd, OR_SLICE_LIT("J"), 0, &err), &err);
	ASSERT_OK(or_sys_pread(fd, got, 16, 0, &n, &err), &err);
	ASSERT_SLICE(or_slice(got, n), "Jello");
	ASSERT_OK(or_sys_truncate(fd, 2, &err), &err);
	ASSERT_OK(or_sys_fdatasync(fd, &err), &err);
	ASSERT_OK(or_sys_size(&size, fd, &err), &err);
	assert_int_equal(size, 2);
	or_sys_close(fd);
	ASSERT_CODE(or_sys_open(&fd, path, O_RDWR | O_CREAT | O_EXCL, 0600, &err), OR_EXISTS);
	ASSERT_CODE(err.code, OR_EXISTS);
}

static void open__says_what_is_absent(void **state)
{
	struct or_err err;
	int fd = 77;

	ASSERT_CODE(or_sys_open(&fd, support_path(*state, "no"), O_RDONLY, 0, &err), OR_ABSENT);
	assert_int_equal(fd, 77);
	assert_int_equal(err.sys, ENOENT);
	ASSERT_HAS(err.msg, "/no: No such file");
}

static void write__stops_where_the_fault_says(void **state)
{
	struct fault f = {.n = 1, .code = ENOSPC, .limit = 3};
	const char *path = support_path(*state, "f");
	struct or_err err;
	size_t n;
	int fd;

	ASSERT_OK(or_sys_open(&fd, path, O_WRONLY | O_CREAT, 0600, &err), &err);
	or_sys_fault_set(on_call, &f);
	ASSERT_CODE(or_sys_write(fd, OR_SLICE_LIT("hello"), &n, &err), OR_FULL);
	or_sys_fault_set(NULL, NULL);
	assert_int_equal(n, 3);
	assert_int_equal(err.sys, ENOSPC);
	or_sys_close(fd);
	assert_file(path, "hel");
}

static void write_file__leaves_the_old_or_the_new_whatever_fails(void **state)
{
	const char *path = support_path(*state, "f");
	struct or_err err;
	int n = 0;

	for (;;) {
		struct fault f = {.n = ++n, .code = EIO, .limit = 2};
		struct or_sys_names names;
		enum or_code rc;

		ASSERT_OK(or_sys_write_file(path, OR_SLICE_LIT("old"), 0600, &err), &err);
		or_sys_fault_set(on_call, &f);
		rc = or_sys_write_file(path, OR_SLICE_LIT("new text"), 0600, &err);
		or_sys_fault_set(NULL, NULL);
		if (f.seen < n) {
			ASSERT_OK(rc, &err);
			break;
		}
		ASSERT_CODE(rc, OR_IO);
		/* Only the directory's sync comes after the rename. */
		assert_file(path, n == 5 ? "new text" : "old");
		ASSERT_OK(or_sys_list(&names, *state, &err), &err);
		assert_int_equal(names.n, 1);
		or_sys_names_free(&names);
	}
	assert_int_equal(n, 6);
	assert_file(path, "new text");
}

static void read_file__is_bounded_by_the_buffer(void **state)
{
	const char *path = support_path(*state, "f");
	struct or_buf b;
	struct or_err err;

	ASSERT_OK(or_sys_write_file(path, OR_SLICE_LIT("12345"), 0600, &err), &err);
	or_buf_init(&b, 6);
	or_buf_put_byte(&b, '>');
	ASSERT_OK(or_sys_read_file(&b, path, &err), &err);
	ASSERT_SLICE(or_buf_slice(&b), ">12345");
	or_buf_clear(&b);
	or_buf_put_str(&b, ">>");
	ASSERT_CODE(or_sys_read_file(&b, path, &err), OR_FULL);
	ASSERT_SLICE(or_buf_slice(&b), ">>");
	ASSERT_CODE(or_sys_read_file(&b, support_path(*state, "no"), &err), OR_ABSENT);
	or_buf_done(&b);
}

static void mkdir__makes_what_is_missing_above(void **state)
{
	char *path = or_mem_strdup(support_path(*state, "a/b/c"));
	struct or_err err;
	struct stat st;

	ASSERT_OK(or_sys_mkdir(path, 0700, &err), &err);
	ASSERT_OK(or_sys_mkdir(path, 0700, &err), &err);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	ASSERT_OK(
	    or_sys_write_file(support_path(*state, "file"), OR_SLICE_LIT(""), 0600, &err), &err);
	ASSERT_CODE(or_sys_mkdir(support_path(*state, "file/d"), 0700, &err), OR_IO);
	assert_int_equal(err.sys, ENOTDIR);
	or_mem_free(path);
}

static void list__is_sorted_and_unlink_forgives_what_is_gone(void **state)
{
	struct or_sys_names names;
	struct or_err err;

	ASSERT_OK(
	    or_sys_write_file(support_path(*state, "b"), OR_SLICE_LIT("x"), 0600, &err), &err);
	ASSERT_OK(
	    or_sys_write_file(support_path(*state, "a"), OR_SLICE_LIT("x"), 0600, &err), &err);
	ASSERT_OK(or_sys_list(&names, *state, &err), &err);
	assert_int_equal(names.n, 2);
	assert_string_equal(names.names[0], "a");
	assert_string_equal(names.names[1], "b");
	or_sys_names_free(&names);
	ASSERT_OK(or_sys_unlink(support_path(*state, "a"), &err), &err);
	ASSERT_OK(or_sys_unlink(support_path(*state, "a"), &err), &err);
	ASSERT_OK(or_sys_rename(support_path(*state, "b"), support_path(*state, "c"), &err), &err);
	assert_file(support_path(*state, "c"), "x");
	ASSERT_CODE(or_sys_list(&names, support_path(*state, "none"), &err), OR_ABSENT);
}

static void lock__is_held_until_the_file_is_closed(void **state)
{
	const char *path = support_path(*state, "lock");
	struct or_err err;
	int a, b;

	ASSERT_OK(or_sys_open(&a, path, O_RDWR | O_CREAT, 0600, &err), &err);
	ASSERT_OK(or_sys_open(&b, path, O_RDWR, 0600, &err), &err);
	ASSERT_OK(or_sys_lock(a, 0, &err), &err);
	ASSERT_CODE(or_sys_lock(b, 30 * OR_NS_PER_MS, &err), OR_BUSY);
	or_sys_close(a);
	ASSERT_OK(or_sys_lock(b, 0, &err), &err);
	or_sys_close(b);
}

static void no_core__forbids_dumps(void **state)
{
	struct rlimit limit;

	(void)state;
	or_sys_no_core();
	assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
	assert_int_equal(limit.rlim_cur, 0);
	assert_int_equal(limit.rlim_max, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(write_and_pread__move_all_bytes),
	    CASE(open__says_what_is_absent),
	    CASE(write__stops_where_the_fault_says),
	    CASE(write_file__leaves_the_old_or_the_new_whatever_fails),
	    CASE(read_file__is_bounded_by_the_buffer),
	    CASE(mkdir__makes_what_is_missing_above),
	    CASE(list__is_sorted_and_unlink_forgives_what_is_gone),
	    CASE(lock__is_held_until_the_file_is_closed),
	    CASE(no_core__forbids_dumps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
