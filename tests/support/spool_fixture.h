/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of the spool alone: a spool in a fresh directory that syncs when it is asked to.
 */
#ifndef TESTS_SUPPORT_SPOOL_FIXTURE_H
#define TESTS_SUPPORT_SPOOL_FIXTURE_H

#include "agent/spool/spool.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "tests/support/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
	char *dir;
	struct or_loop *loop;
	struct or_slow *slow;
	struct or_arena *arena;
	struct ag_spool *spool;
	struct ag_spool_opt opt;
	struct or_err err;
	uint16_t orders; /* stream ids */
	int synced;      /* callbacks */
	enum or_code sync_rc;
	int watched;
};

#define STREAM "outrider.audit/orders"

static inline void open_spool(struct fixture *f)
{
	ASSERT_OK(ag_spool_open(&f->spool, &f->opt, &f->err), &f->err);
	ASSERT_OK(ag_spool_stream(&f->orders, f->spool, STREAM, &f->err), &f->err);
}

static inline void close_spool(struct fixture *f)
{
	ag_spool_close(f->spool);
	f->spool = NULL;
}

static inline int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->dir = support_tmpdir_new();
	f->arena = or_arena_new(0);
	ASSERT_OK(or_loop_new(&f->loop, NULL, &f->err), &f->err);
	ASSERT_OK(or_slow_new(&f->slow, f->loop, 64, &f->err), &f->err);
	f->opt = (struct ag_spool_opt){.dir = f->dir,
	    .loop = f->loop,
	    .slow = f->slow,
	    .segment_bytes = 4096,
	    .quota_bytes = 1 << 20,
	    .sync_ns = 3600 * OR_NS_PER_S, /* only when it is asked for */
	    .state_ns = 3600 * OR_NS_PER_S};
	open_spool(f);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	or_sys_fault_set(NULL, NULL);
	ag_spool_close(f->spool);
	or_slow_free(f->slow);
	or_loop_free(f->loop);
	or_arena_free(f->arena);
	support_tmpdir_remove(f->dir);
	test_free(f);
	return 0;
}

#endif
