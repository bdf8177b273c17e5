/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of the spool alone: the steps that they are made of, on spool_fixture.h's spool.
 * Records tell their number by their content.
 */
#ifndef TESTS_SUPPORT_SPOOL_STEPS_H
#define TESTS_SUPPORT_SPOOL_STEPS_H

#include "tests/support/spool_fixture.h"

/* What record `seq` of a stream holds: its length varies, its text says which it is. */
static inline const char *content(uint16_t stream, uint64_t seq)
{
	static char text[400];
	int n =
	    snprintf(text, sizeof(text), "stream %u record %llu ", stream, (unsigned long long)seq);

	memset(text + n, 'x', seq * 37 % 200);
	text[(size_t)n + seq * 37 % 200] = 0;
	return text;
}

static inline enum or_code append_one(struct fixture *f, uint16_t stream)
{
	uint64_t seq = ag_spool_next_seq(f->spool, stream);

	return ag_spool_append(f->spool, stream, or_slice_str(content(stream, seq)));
}

static inline void append_n(struct fixture *f, uint16_t stream, int n)
{
	for (int i = 0; i < n; i++)
		ASSERT_CODE(append_one(f, stream), OR_OK);
}

static inline void on_synced(void *arg, enum or_code rc)
{
	struct fixture *f = arg;

	f->synced++;
	f->sync_rc = rc;
}

static inline enum or_code sync_now(struct fixture *f)
{
	int before = f->synced;

	ag_spool_sync(f->spool, on_synced, f);
	while (f->synced == before)
		or_loop_turn(f->loop, false);
	return f->sync_rc;
}

static inline struct ag_spool_batch read_batch(
    struct fixture *f, uint16_t stream, size_t max_records)
{
	struct ag_spool_limit limit = {.max_bytes = 256 * 1024, .max_records = max_records};
	struct ag_spool_batch b;

	ASSERT_OK(ag_spool_read(&b, f->spool, stream, &limit, f->arena, &f->err), &f->err);
	return b;
}

/* Checks that the batch holds from..to of the stream, without holes. */
static inline void check_batch(
    const struct ag_spool_batch *b, uint16_t stream, uint64_t from, uint64_t to)
{
	assert_int_equal(b->from, from);
	assert_int_equal(b->to, to);
	assert_int_equal(b->n_dropped, 0);
	assert_int_equal(b->n_records, to + 1 - from);
	for (uint64_t seq = from; seq <= to; seq++)
		ASSERT_SLICE(b->records[seq - from], content(stream, seq));
}

static inline void ack_all(struct fixture *f, uint16_t stream)
{
	struct ag_spool_batch b;

	do {
		b = read_batch(f, stream, 1000);
		ag_spool_read_ack(f->spool, stream, &b);
	} while (b.n_records);
}

static inline void settle(struct fixture *f)
{
	while (or_slow_queued(f->slow))
		or_loop_turn(f->loop, false);
}

static inline size_t count_files(struct fixture *f, const char *suffix)
{
	struct or_sys_names names;
	size_t n = 0;

	ASSERT_OK(or_sys_list(&names, f->opt.dir, &f->err), &f->err);
	for (size_t i = 0; i < names.n; i++)
		n += or_str_has_suffix(or_slice_str(names.names[i]), suffix);
	or_sys_names_free(&names);
	return n;
}

static inline struct ag_spool_info info_of(struct fixture *f)
{
	struct ag_spool_info info;

	ag_spool_get_info(&info, f->spool);
	return info;
}

#endif
