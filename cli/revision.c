/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/revision.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OUTPUT_MAX = 64 * 1024, ARGS_MAX = 12 };

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / OR_NS_PER_MS;
}

/* Reads to the end of file; false where that does not come in time. What is beyond the buffer's
 * limit is read and dropped. */
static bool read_all(struct or_buf *out, int fd)
{
	int64_t until = now_ms() + CTL_REVISION_WAIT_MS;
	char bytes[4096];

	for (;;) {
		int64_t left = until - now_ms();
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (left <= 0)
			return false;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(fd, bytes, sizeof(bytes));
		if (n == 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			or_buf_put(out, bytes, (size_t)n);
	}
}

static bool spawn_git(pid_t *pid, int *from, char *const argv[])
{
	extern char **environ;
	posix_spawn_file_actions_t actions;
	int fds[2], rc;

	if (pipe2(fds, O_CLOEXEC))
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	rc = posix_spawnp(pid, "git", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (rc) {
		close(fds[0]);
		return false;
	}
	*from = fds[0];
	return true;
}

/* git's words are ours alone, never a user's. */
static bool git(struct or_buf *out, const char *folder, const char *const *words)
{
	const char *argv[ARGS_MAX + 1] = {
	    "git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", folder};
	char *mutable[ARGS_MAX + 1] = {NULL};
	size_t n = 6;
	pid_t pid;
	int from, status = -1;
	bool ended;

	while (*words)
		argv[n++] = *words++;
	memcpy(mutable, argv, sizeof(argv));
	or_buf_clear(out);
	if (!spawn_git(&pid, &from, mutable))
		return false;
	ended = read_all(out, from);
	close(from);
	if (!ended)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	while (out->n && out->p[out->n - 1] == '\n')
		or_buf_cut(out, out->n - 1);
	return ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void ctl_revision_get(struct ctl_revision *out, const char *folder, struct or_arena *a)
{
	static const char *const commit[] = {"rev-parse", "--verify", "HEAD^{commit}", NULL};
	static const char *const when[] = {"show", "-s", "--format=%cI", "HEAD", NULL};
	static const char *const changes[] = {"status", "--porcelain", "--", ".", NULL};
	struct ctl_revision r = {0};
	struct or_buf text;
	int64_t ns;

	or_buf_init(&text, OUTPUT_MAX);
	if (git(&text, folder, commit) && (text.n == 40 || text.n == 64))
		r.commit = or_arena_strdup(a, or_buf_slice(&text));
	if (r.commit && git(&text, folder, when) &&
	    or_str_time_parse(&ns, or_buf_slice(&text)) == OR_OK)
		r.committed = or_arena_strdup(a, or_buf_slice(&text));
	/* What cannot be told is not called clean. */
	if (r.commit)
		r.modified = !git(&text, folder, changes) || text.n > 0;
	or_buf_done(&text);
	*out = r;
}
