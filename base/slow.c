/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slow.h"

#include "base/mbox.h"
#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

enum { STACK_BYTES = 256 * 1024 }; /* getaddrinfo is the hungriest of what runs here */

struct job {
	struct or_mbox_msg msg; /* its link in both queues */
	or_loop_fn *work;
	or_loop_fn *done;
	void *arg;
};

struct or_slow {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct or_mbox_msg *head;
	struct or_mbox_msg **tail;
	bool is_stopping; /* under the lock */
	struct or_mbox *back;
	size_t n; /* the loop's own count */
	size_t max;
};

static struct job *next_job(struct or_slow *slow)
{
	struct or_mbox_msg *msg;

	pthread_mutex_lock(&slow->lock);
	while (!slow->head && !slow->is_stopping)
		pthread_cond_wait(&slow->wake, &slow->lock);
	msg = slow->head;
	if (msg) {
		slow->head = msg->next;
		if (!slow->head)
			slow->tail = &slow->head;
	}
	pthread_mutex_unlock(&slow->lock);
	return (struct job *)msg;
}

static void *run(void *arg)
{
	struct or_slow *slow = arg;
	struct job *job;

	while ((job = next_job(slow))) {
		job->work(job->arg);
		/* It has room for max jobs, and no more are ever under way. */
		OR_ASSERT(or_mbox_put(slow->back, &job->msg) == OR_OK);
	}
	return NULL;
}

static void on_done(void *arg, struct or_mbox_msg *msg)
{
	struct or_slow *slow = arg;
	struct job job = *(struct job *)msg;

	or_mem_free(msg);
	slow->n--;
	if (job.done)
		job.done(job.arg);
}

/* Signals are the loop's: the thread starts with all of them blocked. */
static int start_thread(struct or_slow *slow)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int failed;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&slow->thread, &attr, run, slow);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (!failed)
		pthread_setname_np(slow->thread, "slow");
	return failed;
}

enum or_code or_slow_new(
    struct or_slow **out, struct or_loop *loop, size_t max_queued, struct or_err *err)
{
	struct or_slow *slow = or_mem_new(sizeof(*slow));
	enum or_code rc = or_mbox_new(&slow->back, loop, max_queued, on_done, slow, err);

	if (rc) {
		or_mem_free(slow);
		return rc;
	}
	pthread_mutex_init(&slow->lock, NULL);
	pthread_cond_init(&slow->wake, NULL);
	slow->tail = &slow->head;
	slow->max = max_queued;
	errno = start_thread(slow);
	if (errno) {
		rc = or_err_sys(err, "starting the slow thread");
		or_mbox_free(slow->back);
		or_mem_free(slow);
		return rc;
	}
	*out = slow;
	return OR_OK;
}

void or_slow_free(struct or_slow *slow)
{
	if (!slow)
		return;
	pthread_mutex_lock(&slow->lock);
	slow->is_stopping = true;
	pthread_cond_signal(&slow->wake);
	pthread_mutex_unlock(&slow->lock);
	pthread_join(slow->thread, NULL);
	or_mbox_free(slow->back);
	pthread_cond_destroy(&slow->wake);
	pthread_mutex_destroy(&slow->lock);
	or_mem_free(slow);
}

enum or_code or_slow_submit(struct or_slow *slow, or_loop_fn *work, or_loop_fn *done, void *arg)
{
	struct job *job;
	enum or_code rc = OR_OK;

	if (slow->n >= slow->max)
		return OR_FULL;
	job = or_mem_new(sizeof(*job));
	job->work = work;
	job->done = done;
	job->arg = arg;
	pthread_mutex_lock(&slow->lock);
	if (slow->is_stopping) {
		rc = OR_CLOSED;
	} else {
		*slow->tail = &job->msg;
		slow->tail = &job->msg.next;
		pthread_cond_signal(&slow->wake);
	}
	pthread_mutex_unlock(&slow->lock);
	if (rc)
		or_mem_free(job);
	else
		slow->n++;
	return rc;
}

size_t or_slow_queued(const struct or_slow *slow)
{
	return slow->n;
}
