/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/cgroup.h"

#include "tests/support/support.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534 };

/* A cgroup below this process's own; the test is skipped where it gets none. */
static struct tap_cgroup *new_or_skip(const char *suffix)
{
	struct tap_cgroup *cg;
	struct or_err err;
	char name[64];
	enum or_code rc;

	snprintf(name, sizeof(name), "outrider-%s-%d", suffix, getpid());
	rc = tap_cgroup_new(&cg, NULL, name, &err);
	if (rc == OR_ABSENT || rc == OR_DENIED) {
		print_message("%s\n", err.msg);
		skip();
	}
	ASSERT_OK(rc, &err);
	return cg;
}

static void drop(struct tap_cgroup *cg)
{
	struct or_err err;

	ASSERT_OK(tap_cgroup_remove(cg, &err), &err);
	tap_cgroup_free(cg);
}

static void new__refuses_names_that_lead_elsewhere(void **state)
{
	static const char *const bad[] = {"", ".", "..", "../x", "a/b", ".hidden"};
	struct tap_cgroup *cg = NULL;
	struct or_err err;

	(void)state;
	for (size_t i = 0; i < OR_LEN(bad); i++)
		ASSERT_CODE(tap_cgroup_new(&cg, "/", bad[i], &err), OR_INVAL);
	assert_null(cg);
}

static void new__says_when_it_is_there(void **state)
{
	struct tap_cgroup *cg = new_or_skip("twice"), *again;
	struct or_err err;
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "outrider-twice-%d", getpid());
	ASSERT_CODE(tap_cgroup_new(&again, NULL, name, &err), OR_EXISTS);
	ASSERT_HAS(err.msg, name);
	drop(cg);
}

static void new__says_what_is_missing(void **state)
{
	struct tap_cgroup *cg = NULL;
	struct or_buf mount;
	struct or_err err;
	int status = 0;
	pid_t pid;

	(void)state;
	or_buf_init(&mount, 4096);
	if (tap_cgroup_mount(&mount, &err) != OR_OK) {
		ASSERT_HAS(err.msg, "cgroup2");
		or_buf_done(&mount);
		skip();
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (geteuid() == 0 && setuid(NOBODY) < 0)
			_exit(77);
		ASSERT_CODE(
		    tap_cgroup_new(&cg, or_buf_text(&mount), "outrider-no", &err), OR_DENIED);
		ASSERT_HAS(err.msg, "Delegate=yes");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	or_buf_done(&mount);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("this process may not become somebody else\n");
		skip();
	}
	assert_int_equal(status, 0);
}

static void add__moves_a_process_and_remove_waits_for_its_end(void **state)
{
	struct tap_cgroup *cg = new_or_skip("add");
	struct or_buf dir;
	struct or_err err;
	uint64_t id;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		poll(NULL, 0, -1);
		_exit(0);
	}
	ASSERT_OK(tap_cgroup_add(cg, pid, &err), &err);
	or_buf_init(&dir, 4096);
	ASSERT_OK(tap_cgroup_of(&dir, pid, &err), &err);
	assert_string_equal(or_buf_text(&dir), tap_cgroup_dir(cg));
	or_buf_done(&dir);
	ASSERT_OK(tap_cgroup_read_id(&id, tap_cgroup_dir(cg), &err), &err);
	assert_int_equal(id, tap_cgroup_id(cg));
	ASSERT_CODE(tap_cgroup_remove(cg, &err), OR_BUSY);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	ASSERT_CODE(tap_cgroup_add(cg, pid, &err), OR_ABSENT);
	drop(cg);
}

static void enter__takes_a_child_in_before_it_runs(void **state)
{
	struct tap_cgroup *cg = new_or_skip("enter");
	struct or_buf dir;
	int status = 0;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		or_buf_init(&dir, 4096);
		_exit(tap_cgroup_enter(tap_cgroup_entrance(cg)) ||
		      tap_cgroup_of(&dir, 0, NULL) != OR_OK ||
		      strcmp(or_buf_text(&dir), tap_cgroup_dir(cg)) != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	drop(cg);
}

static void read_id__knows_cgroups_from_other_directories(void **state)
{
	struct or_err err;
	uint64_t id = 1;

	(void)state;
	ASSERT_CODE(tap_cgroup_read_id(&id, "/tmp", &err), OR_INVAL);
	ASSERT_CODE(tap_cgroup_read_id(&id, "/tmp/outrider-no-such", &err), OR_ABSENT);
	assert_int_equal(id, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(new__refuses_names_that_lead_elsewhere),
	    cmocka_unit_test(new__says_when_it_is_there),
	    cmocka_unit_test(new__says_what_is_missing),
	    cmocka_unit_test(add__moves_a_process_and_remove_waits_for_its_end),
	    cmocka_unit_test(enter__takes_a_child_in_before_it_runs),
	    cmocka_unit_test(read_id__knows_cgroups_from_other_directories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
