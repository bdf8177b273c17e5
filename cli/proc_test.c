/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/proc.h"
#include "ebpf/cgroup.h"
#include "tests/support/support.h"

#include <fcntl.h>
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

/* The child has the ready pipe as 3, what is passed as 4, and nothing else of ours. */
static void start__passes_one_descriptor(void **state)
{
	const char *argv[] = {
	    "sh", "-c", "echo hello >&4; ls /proc/self/fd | tr '\\n' ' ' >&4", NULL};
	struct ctl_proc_opt opt = {.argv = argv};
	struct or_err err = {0};
	char text[128] = "";
	int ends[2], other;
	pid_t pid;
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	other = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
	assert_true(other > 4);
	opt.pass_fd = ends[1];
	ASSERT_OK(ctl_proc_start(&pid, NULL, &opt, &err), &err);
	assert_int_equal(exit_code(pid), 0);
	close(ends[1]);
	close(other);
	n = read(ends[0], text, sizeof(text) - 1);
	assert_true(n > 0);
	close(ends[0]);
	assert_string_equal(text, "hello\n0 1 2 3 4 "); /* 3: ls reads the directory */
}

static void start__enters_the_cgroup_before_the_program_runs(void **state)
{
	const char *argv[] = {"sh", "-c", "grep -q /outrider-proc-test /proc/self/cgroup", NULL};
	struct ctl_proc_opt opt = {.argv = argv};
	struct tap_cgroup *cg;
	struct or_err err = {0};
	char name[64];
	pid_t pid;

	(void)state;
	snprintf(name, sizeof(name), "outrider-proc-test-%d", (int)getpid());
	if (tap_cgroup_new(&cg, NULL, name, &err)) {
		print_message("%s\n", err.msg);
		skip();
	}
	opt.entrance = tap_cgroup_entrance(cg);
	ASSERT_OK(ctl_proc_start(&pid, NULL, &opt, &err), &err);
	assert_int_equal(exit_code(pid), 0);
	ASSERT_OK(tap_cgroup_remove(cg, &err), &err);
	tap_cgroup_free(cg);
}

static void start__says_that_the_cgroup_may_not_be_entered(void **state)
{
	const char *argv[] = {"true", NULL};
	struct ctl_proc_opt opt = {.argv = argv, .entrance = open("/dev/full", O_WRONLY)};
	struct or_err err = {0};
	pid_t pid = -1;

	(void)state;
	assert_true(opt.entrance > 0);
	ASSERT_CODE(ctl_proc_start(&pid, NULL, &opt, &err), OR_DENIED);
	ASSERT_HAS(err.msg, "enter the cgroup for true");
	assert_int_equal(pid, -1);
	close(opt.entrance);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(start__passes_environment_and_log),
	    cmocka_unit_test(start__reports_a_missing_program),
	    cmocka_unit_test(ready__tells_readiness_from_death),
	    cmocka_unit_test(log_why__gives_the_last_reason_behind_a_place),
	    cmocka_unit_test(start__passes_one_descriptor),
	    cmocka_unit_test(start__enters_the_cgroup_before_the_program_runs),
	    cmocka_unit_test(start__says_that_the_cgroup_may_not_be_entered),
	};

	return cmocka_run_group_tests_name("cli.proc", tests, NULL, NULL);
}
