/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/proc.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int exit_code(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void start__passes_environment_and_log(void **state)
{
	char *dir = support_tmpdir_new();
	const char *argv[] = {"sh", "-c", "echo \"$GREETING\"; exit 7", NULL};
	struct ctl_proc_opt opt = {
	    .argv = argv, .env = {"GREETING=hello=you"}, .log_path = support_path(dir, "log")};
	struct or_err err = {0};
	char line[64] = "";
	pid_t pid;
	FILE *f;

	(void)state;
	ASSERT_OK(ctl_proc_start(&pid, NULL, &opt, &err), &err);
	assert_int_equal(exit_code(pid), 7);
	f = fopen(support_path(dir, "log"), "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	assert_string_equal(line, "hello=you\n");
	support_tmpdir_remove(dir);
}

static void start__reports_a_missing_program(void **state)
{
	const char *argv[] = {"/no/such/program", NULL};
	struct ctl_proc_opt opt = {.argv = argv};
	struct or_err err = {0};
	pid_t pid = -1;

	(void)state;
	ASSERT_CODE(ctl_proc_start(&pid, NULL, &opt, &err), OR_ABSENT);
	ASSERT_HAS(err.msg, "start /no/such/program: No such file");
	assert_int_equal(pid, -1);
}

static void ready__tells_readiness_from_death(void **state)
{
	const char *good[] = {
	    "sh", "-c", "test \"$1\" = --ready-fd && echo >&3; exit 0", "sh", NULL};
	const char *bad[] = {"sh", "-c", "exit 1", "sh", NULL};
	struct ctl_proc_opt opt = {.argv = good, .wants_ready = true};
	struct or_err err = {0};
	pid_t pid;
	int fd;

	(void)state;
	ASSERT_OK(ctl_proc_start(&pid, &fd, &opt, &err), &err);
	ASSERT_OK(ctl_proc_wait_ready(fd, 10000, &err), &err);
	close(fd);
	assert_int_equal(exit_code(pid), 0);
	opt.argv = bad;
	ASSERT_OK(ctl_proc_start(&pid, &fd, &opt, &err), &err);
	ASSERT_CODE(ctl_proc_wait_ready(fd, 10000, &err), OR_CLOSED);
	close(fd);
	assert_int_equal(exit_code(pid), 1);
}

static void log_why__gives_the_last_reason_behind_a_place(void **state)
{
	static const struct {
		const char *log, *why;
	} cases[] = {
	    {"", "x did not start; see "},
	    {"{\"event\":\"ok\"}\n", "x did not start; see "},
	    {"{\"error\":\"one\"}\n{\"error\":\"two\"}\n{\"event\":\"end\"}\n",
		"x did not start: two"},
	    {"outrider-x: a.yaml:1: unknown key\nsee: outrider-x --help\n",
		"x did not start: a.yaml:1: unknown key"},
	    {"outrider-x: a.yaml:3: expr: no\n  kind=gapp\n       ^\n\n",
		"x did not start: a.yaml:3: expr: no\n  kind=gapp\n       ^"},
	    {"sh: no such thing", "x did not start: sh: no such thing"},
	};
	char *dir = support_tmpdir_new();
	const char *path = support_path(dir, "log");
	struct or_err err = {0};

	(void)state;
	assert_int_equal(ctl_proc_log_end(path), 0);
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		FILE *f = fopen(path, "w");
		size_t from;

		assert_non_null(f);
		fputs("{\"error\":\"of an earlier life\"}\n", f);
		fflush(f);
		from = ctl_proc_log_end(path);
		fputs(cases[i].log, f);
		fclose(f);
		ASSERT_CODE(ctl_proc_log_why(path, from, "x", &err), OR_CLOSED);
		assert_int_equal(strncmp(err.msg, cases[i].why, strlen(cases[i].why)), 0);
	}
	support_tmpdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(start__passes_environment_and_log),
	    cmocka_unit_test(start__reports_a_missing_program),
	    cmocka_unit_test(ready__tells_readiness_from_death),
	    cmocka_unit_test(log_why__gives_the_last_reason_behind_a_place),
	};

	return cmocka_run_group_tests_name("cli.proc", tests, NULL, NULL);
}
