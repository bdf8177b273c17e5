/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/supervise.h"
#include "tests/support/support.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* "sh -c AGENT sh --ready-fd 3" */
static struct ctl_supervise_opt with(const char **agent, const char **workload)
{
	return (struct ctl_supervise_opt){.agent = {.argv = agent, .wants_ready = true},
	    .workload = {.argv = workload},
	    .agent_log = "agent.log"};
}

static void supervise__gives_the_workloads_exit_code(void **state)
{
	const char *agent[] = {"sh", "-c", "echo >&3; exec 3>&-; exec sleep 60", "sh", NULL};
	const char *workload[] = {"sh", "-c", "exit 5", NULL};
	struct ctl_supervise_opt opt = with(agent, workload);
	struct or_err err = {0};
	int code = -1;

	(void)state;
	ASSERT_OK(ctl_supervise(&code, &opt, &err), &err);
	assert_int_equal(code, 5);
}

static void supervise__restarts_a_dead_agent(void **state)
{
	/* The agent dies twice; its third life lets the workload end. */
	char *dir = support_tmpdir_new(), script[512], wait[512];
	const char *agent[] = {"sh", "-c", script, "sh", NULL};
	const char *workload[] = {"sh", "-c", wait, NULL};
	struct ctl_supervise_opt opt = with(agent, workload);
	struct or_err err = {0};
	int code = -1;

	(void)state;
	snprintf(script, sizeof(script),
	    "echo x >>%s/lives; echo >&3; exec 3>&-; test $(wc -l <%s/lives) -ge 3 || kill -9 $$; "
	    "mkfifo %s/fifo 2>/dev/null; echo >%s/fifo; exec sleep 60",
	    dir, dir, dir, dir);
	snprintf(
	    wait, sizeof(wait), "mkfifo %s/fifo 2>/dev/null; read line <%s/fifo; exit 3", dir, dir);
	ASSERT_OK(ctl_supervise(&code, &opt, &err), &err);
	assert_int_equal(code, 3);
	support_tmpdir_remove(dir);
}

static void supervise__says_that_the_agent_did_not_start(void **state)
{
	const char *agent[] = {"sh", "-c", "exit 1", "sh", NULL};
	const char *workload[] = {"sh", "-c", "exit 0", NULL};
	struct ctl_supervise_opt opt = with(agent, workload);
	struct or_err err = {0};
	int code = -1;

	(void)state;
	ASSERT_CODE(ctl_supervise(&code, &opt, &err), OR_CLOSED);
	ASSERT_HAS(err.msg, "the agent did not start; see agent.log");
	assert_int_equal(code, -1);
}

static void supervise__a_missing_workload_ends_the_agent(void **state)
{
	const char *agent[] = {"sh", "-c", "echo >&3; exec 3>&-; exec sleep 60", "sh", NULL};
	const char *workload[] = {"/no/such/program", NULL};
	struct ctl_supervise_opt opt = with(agent, workload);
	struct or_err err = {0};
	int code = -1;

	(void)state;
	ASSERT_CODE(ctl_supervise(&code, &opt, &err), OR_ABSENT);
	ASSERT_HAS(err.msg, "/no/such/program");
}

static void terminate_self(void *arg, pid_t agent, pid_t workload)
{
	(void)arg;
	(void)agent;
	(void)workload;
	kill(getpid(), SIGTERM);
}

static void supervise__passes_a_signal_to_the_workload(void **state)
{
	const char *agent[] = {"sh", "-c", "echo >&3; exec 3>&-; exec sleep 60", "sh", NULL};
	const char *workload[] = {"sleep", "60", NULL};
	struct ctl_supervise_opt opt = with(agent, workload);
	struct or_err err = {0};
	int code = -1;

	(void)state;
	opt.on_ready = terminate_self;
	ASSERT_OK(ctl_supervise(&code, &opt, &err), &err);
	assert_int_equal(code, 128 + SIGTERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(supervise__gives_the_workloads_exit_code),
	    cmocka_unit_test(supervise__restarts_a_dead_agent),
	    cmocka_unit_test(supervise__says_that_the_agent_did_not_start),
	    cmocka_unit_test(supervise__a_missing_workload_ends_the_agent),
	    cmocka_unit_test(supervise__passes_a_signal_to_the_workload),
	};

	return cmocka_run_group_tests_name("cli.supervise", tests, NULL, NULL);
}
