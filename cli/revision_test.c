/* SPDX-License-Identifier: Apache-2.0 */
/* Against the git of this machine, in repositories made here. */
#include "cli/revision.h"

#include "base/sys.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>

struct world {
	char *dir;
	struct or_arena *a;
};

static int make_world(void **state)
{
	struct world *w = test_calloc(1, sizeof(*w));

	w->dir = support_tmpdir_new();
	w->a = or_arena_new(0);
	*state = w;
	return 0;
}

static int end_world(void **state)
{
	struct world *w = *state;

	support_tmpdir_remove(w->dir);
	or_arena_free(w->a);
	test_free(w);
	return 0;
}

static void sh(const struct world *w, const char *script)
{
	char command[2048];

	snprintf(command, sizeof(command),
	    "cd '%s' && export HOME=\"$PWD\" GIT_CONFIG_NOSYSTEM=1 && { %s ; } >/dev/null 2>&1",
	    w->dir, script);
	assert_int_equal(system(command), 0);
}

#define COMMIT                                                                                     \
	"mkdir -p p other && echo 1 > p/f && echo 1 > other/f && git init -q && git add . && "     \
	"GIT_COMMITTER_DATE=2026-11-24T10:00:00+0100 git -c user.name=a -c user.email=a@b "        \
	"commit -q -m one"

static void get__says_commit_and_time(void **state)
{
	struct world *w = *state;
	struct ctl_revision r;

	sh(w, COMMIT);
	ctl_revision_get(&r, support_path(w->dir, "p"), w->a);
	assert_non_null(r.commit);
	assert_int_equal(strlen(r.commit), 40);
	assert_string_equal(r.committed, "2026-11-24T10:00:00+01:00");
	assert_false(r.modified);
}

static void get__sees_changes_of_the_folder_alone(void **state)
{
	struct world *w = *state;
	struct ctl_revision r;

	sh(w, COMMIT " && echo 2 > other/f");
	ctl_revision_get(&r, support_path(w->dir, "p"), w->a);
	assert_false(r.modified);
	sh(w, "echo 2 > p/new");
	ctl_revision_get(&r, support_path(w->dir, "p"), w->a);
	assert_true(r.modified);
}

static void get__runs_nothing_of_the_repository(void **state)
{
	struct world *w = *state;
	struct ctl_revision r;
	struct or_buf text;

	sh(w, COMMIT " && printf '#!/bin/sh\\ntouch \"%s/ran\"\\n' \"$PWD\" > m && chmod +x m && "
		     "git config core.fsmonitor \"$PWD/m\"");
	ctl_revision_get(&r, support_path(w->dir, "p"), w->a);
	assert_non_null(r.commit);
	or_buf_init(&text, 64);
	ASSERT_CODE(or_sys_read_file(&text, support_path(w->dir, "ran"), NULL), OR_ABSENT);
	or_buf_done(&text);
}

static void get__is_absent_without_a_commit(void **state)
{
	struct world *w = *state;
	struct ctl_revision r;

	/* A repository without a commit; an outer one must not count. */
	sh(w, "git init -q");
	ctl_revision_get(&r, w->dir, w->a);
	assert_null(r.commit);
	assert_null(r.committed);
	ctl_revision_get(&r, "/no/such/folder", w->a);
	assert_null(r.commit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(get__says_commit_and_time, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		get__sees_changes_of_the_folder_alone, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		get__runs_nothing_of_the_repository, make_world, end_world),
	    cmocka_unit_test_setup_teardown(get__is_absent_without_a_commit, make_world, end_world),
	};

	return cmocka_run_group_tests_name("cli.revision", tests, NULL, NULL);
}
