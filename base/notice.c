/* SPDX-License-Identifier: Apache-2.0 */
#include "base/notice.h"

#include "base/mem.h"
#include "base/sys.h"

#include <sys/inotify.h>
#include <unistd.h>

enum { EVENTS_MAX = 16 * 1024, DRAINS_MAX = 64 };

struct or_notice {
	struct or_loop *loop;
	or_loop_fn *fn;
	void *arg;
	int fd;
	struct or_loop_io *io; /* NULL: not armed */
};

static void on_event(void *arg, int fd, int what)
{
	struct or_notice *n = arg;

	(void)fd;
	(void)what;
	or_loop_io_cancel(n->io);
	n->io = NULL;
	n->fn(n->arg);
}

enum or_code or_notice_new(
    struct or_notice **out, struct or_loop *loop, or_loop_fn *fn, void *arg, struct or_err *err)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct or_notice *n;

	if (fd < 0)
		return or_err_sys(err, "inotify");
	n = or_mem_new(sizeof(*n));
	*n = (struct or_notice){.loop = loop, .fn = fn, .arg = arg, .fd = fd};
	*out = n;
	return OR_OK;
}

void or_notice_free(struct or_notice *n)
{
	if (!n)
		return;
	or_loop_io_cancel(n->io);
	or_sys_close(n->fd);
	or_mem_free(n);
}

enum or_code or_notice_add(struct or_notice *n, const char *dir, struct or_err *err)
{
	if (inotify_add_watch(
		n->fd, dir, IN_MODIFY | IN_CREATE | IN_MOVE | IN_DELETE | IN_ONLYDIR) < 0)
		return or_err_sys(err, "watch %s", dir);
	return OR_OK;
}

void or_notice_arm(struct or_notice *n)
{
	uint8_t events[EVENTS_MAX] __attribute__((aligned(8)));

	if (n->io)
		return;
	/* The kernel keeps a bounded number of events; what comes meanwhile is one more call. */
	for (int i = 0; i < DRAINS_MAX && read(n->fd, events, sizeof(events)) > 0; i++)
		;
	n->io = or_loop_io_start(n->loop, n->fd, OR_LOOP_READ, on_event, n);
}
