/* SPDX-License-Identifier: Apache-2.0 */
#include "base/watch.h"

#include "base/mem.h"
#include "base/sys.h"

#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { EVENTS_MAX = 4096 };

struct or_watch {
	struct or_loop *loop;
	or_loop_fn *fn;
	void *arg;
	int fd;
	struct or_loop_io *io;
	struct or_loop_timer *settle;
	char name[NAME_MAX + 1];
};

static void on_settled(void *arg)
{
	struct or_watch *w = arg;

	w->settle = NULL;
	w->fn(w->arg);
}

static bool concerns(const struct or_watch *w, const uint8_t *events, size_t n)
{
	struct inotify_event e;

	for (size_t at = 0; at + sizeof(e) <= n; at += sizeof(e) + e.len) {
		const char *name = (const char *)events + at + sizeof(e);

		memcpy(&e, events + at, sizeof(e));
		if (e.mask & IN_Q_OVERFLOW)
			return true;
		if (e.len && at + sizeof(e) + e.len <= n &&
		    (!w->name[0] || strcmp(name, w->name) == 0 || strncmp(name, "..", 2) == 0))
			return true;
	}
	return false;
}

static void on_events(void *arg, int fd, int what)
{
	uint8_t events[EVENTS_MAX] __attribute__((aligned(8)));
	struct or_watch *w = arg;
	ssize_t n = read(fd, events, sizeof(events));

	(void)what;
	if (n <= 0 || !concerns(w, events, (size_t)n))
		return;
	or_loop_timer_cancel(w->settle);
	w->settle = or_loop_timer_start(w->loop, OR_WATCH_SETTLE_NS, on_settled, w);
}

enum or_code or_watch_start(struct or_watch **out, struct or_loop *loop, const char *path,
    or_loop_fn *fn, void *arg, struct or_err *err)
{
	const char *slash = strrchr(path, '/');
	struct or_watch *w = or_mem_new(sizeof(*w));
	char dir[PATH_MAX] = ".";

	*w = (struct or_watch){.loop = loop, .fn = fn, .arg = arg};
	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	snprintf(w->name, sizeof(w->name), "%s", slash ? slash + 1 : path);
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd < 0 ||
	    inotify_add_watch(w->fd, dir, IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE) < 0) {
		or_err_sys(err, "watch %s", dir);
		or_watch_cancel(w);
		return OR_IO;
	}
	w->io = or_loop_io_start(loop, w->fd, OR_LOOP_READ, on_events, w);
	*out = w;
	return OR_OK;
}

void or_watch_cancel(struct or_watch *w)
{
	if (!w)
		return;
	or_loop_timer_cancel(w->settle);
	or_loop_io_cancel(w->io);
	or_sys_close(w->fd);
	or_mem_free(w);
}
