/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mbox.h"

#include "base/mem.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The eventfd is readable exactly while the queue holds something: both change under the lock. */
struct or_mbox {
	pthread_mutex_t lock;
	struct or_mbox_msg *head;
	struct or_mbox_msg **tail;
	size_t n;
	size_t max;
	int fd;
	struct or_loop_io *io;
	or_mbox_fn *fn;
	void *arg;
	bool is_delivering;
};

static struct or_mbox_msg *take(struct or_mbox *mbox)
{
	struct or_mbox_msg *msg;

	pthread_mutex_lock(&mbox->lock);
	msg = mbox->head;
	if (msg) {
		mbox->head = msg->next;
		mbox->n--;
	}
	if (msg && !mbox->head) {
		eventfd_t count;

		mbox->tail = &mbox->head;
		OR_ASSERT(eventfd_read(mbox->fd, &count) == 0);
	}
	pthread_mutex_unlock(&mbox->lock);
	return msg;
}

static void on_ready(void *arg, int fd, int what)
{
	struct or_mbox *mbox = arg;
	struct or_mbox_msg *msg;

	(void)fd;
	(void)what;
	mbox->is_delivering = true;
	for (int i = 0; i < OR_MBOX_BUDGET && (msg = take(mbox)); i++)
		mbox->fn(mbox->arg, msg);
	mbox->is_delivering = false;
}

enum or_code or_mbox_new(struct or_mbox **out, struct or_loop *loop, size_t max_queued,
    or_mbox_fn *fn, void *arg, struct or_err *err)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct or_mbox *mbox;

	if (fd < 0)
		return or_err_sys(err, "making an eventfd");
	mbox = or_mem_new(sizeof(*mbox));
	pthread_mutex_init(&mbox->lock, NULL);
	mbox->tail = &mbox->head;
	mbox->max = max_queued;
	mbox->fd = fd;
	mbox->fn = fn;
	mbox->arg = arg;
	mbox->io = or_loop_io_start(loop, fd, OR_LOOP_READ, on_ready, mbox);
	*out = mbox;
	return OR_OK;
}

void or_mbox_free(struct or_mbox *mbox)
{
	struct or_mbox_msg *msg;

	if (!mbox)
		return;
	OR_ASSERT(!mbox->is_delivering);
	while ((msg = take(mbox)))
		mbox->fn(mbox->arg, msg);
	or_loop_io_cancel(mbox->io);
	close(mbox->fd);
	pthread_mutex_destroy(&mbox->lock);
	or_mem_free(mbox);
}

enum or_code or_mbox_put(struct or_mbox *mbox, struct or_mbox_msg *msg)
{
	enum or_code rc = OR_FULL;

	pthread_mutex_lock(&mbox->lock);
	if (mbox->n < mbox->max) {
		if (!mbox->head)
			OR_ASSERT(eventfd_write(mbox->fd, 1) == 0);
		msg->next = NULL;
		*mbox->tail = msg;
		mbox->tail = &msg->next;
		mbox->n++;
		rc = OR_OK;
	}
	pthread_mutex_unlock(&mbox->lock);
	return rc;
}
