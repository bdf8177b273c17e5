/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/support.h"

#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

void assert_ok_(enum or_code rc, const struct or_err *err, const char *file, int line)
{
	if (rc == OR_OK)
		return;
	print_error("%s:%d: %s: %s\n", file, line, or_err_name(rc), err ? err->msg : "");
	_fail(file, line);
}

void assert_slice_(struct or_slice s, const char *text, const char *file, int line)
{
	if (or_slice_is(s, text))
		return;
	print_error("%s:%d: \"%.*s\" is not \"%s\"\n", file, line, OR_SLICE_FMT(s), text);
	_fail(file, line);
}

void assert_has_(const char *haystack, const char *needle, const char *file, int line)
{
	if (strstr(haystack, needle))
		return;
	print_error("%s:%d: \"%s\" does not contain \"%s\"\n", file, line, haystack, needle);
	_fail(file, line);
}

char *support_tmpdir_new(void)
{
	const char *base = getenv("TMPDIR");
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/outrider-test-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(path))
		fail_msg("mkdtemp %s", path);
	return strdup(path);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void support_tmpdir_remove(char *dir)
{
	if (!dir)
		return;
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(dir);
}

const char *support_path(const char *dir, const char *name)
{
	static char ring[4][PATH_MAX];
	static unsigned int at;
	char *path = ring[at++ % OR_LEN(ring)];

	snprintf(path, PATH_MAX, "%s/%s", dir, name);
	return path;
}

bool support_aborts(void (*fn)(void *arg), void *arg)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		/* The assertion's message is expected, so nobody needs to see it. */
		if (!freopen("/dev/null", "w", stderr))
			_exit(3);
		signal(SIGABRT, SIG_DFL);
		fn(arg);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		fail_msg("no child process");
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}
