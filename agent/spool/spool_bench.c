/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast the spool takes entries: appended alone, appended with the background sync, each one
 * synced before the next, and 64 at a time that wait together, as strict mode does under load.
 * bench_agent_spool [DIR]: a directory on the disk to be measured; it must not exist.
 */
#include "agent/spool/spool.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { PAYLOAD = 350, TOGETHER = 64 };

struct bench {
	struct or_loop *loop;
	struct or_slow *slow;
	struct ag_spool *spool;
	uint16_t id;
	int waiting;
	uint8_t payload[PAYLOAD];
};

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * OR_NS_PER_S + ts.tv_nsec;
}

static void on_synced(void *arg, enum or_code rc)
{
	OR_ASSERT(rc == OR_OK);
	--*(int *)arg;
}

static void acknowledge(struct bench *b)
{
	struct ag_spool_limit limit = {256 * 1024, 1000};
	struct or_arena *a = or_arena_new(0);
	struct ag_spool_batch batch;

	do {
		or_arena_clear(a);
		OR_ASSERT(ag_spool_read(&batch, b->spool, b->id, &limit, a, NULL) == OR_OK);
		ag_spool_read_ack(b->spool, b->id, &batch);
	} while (batch.n_records);
	or_arena_free(a);
}

static void append(struct bench *b, int n)
{
	for (int i = 0; i < n; i++)
		OR_ASSERT(ag_spool_append(b->spool, b->id, or_slice(b->payload, PAYLOAD)) == OR_OK);
}

static void sync_all(struct bench *b, int waits)
{
	b->waiting = waits;
	for (int i = 0; i < waits; i++)
		ag_spool_sync(b->spool, on_synced, &b->waiting);
	while (b->waiting)
		or_loop_turn(b->loop, false);
}

static void report(const char *what, int entries, int64_t took_ns)
{
	double s = (double)took_ns / (double)OR_NS_PER_S;

	printf("{\"bench\":\"spool\",\"case\":\"%s\",\"entries\":%d,\"payload_bytes\":%d,"
	       "\"entries_per_s\":%.0f,\"mib_per_s\":%.1f,\"us_per_entry\":%.2f}\n",
	    what, entries, PAYLOAD, entries / s, (double)entries * PAYLOAD / s / 1048576,
	    s * 1e6 / entries);
}

static void measure(struct bench *b)
{
	int64_t start = now_ns();

	append(b, 200000);
	report("append", 200000, now_ns() - start);
	sync_all(b, 1);
	start = now_ns();
	acknowledge(b);
	report("read_and_ack", 200000, now_ns() - start);
	start = now_ns();
	for (int i = 0; i < 200; i++) {
		append(b, 1000);
		or_loop_turn(b->loop, true);
	}
	sync_all(b, 1);
	report("append_background_sync", 200000, now_ns() - start);
	acknowledge(b);
	start = now_ns();
	for (int i = 0; i < 1000; i++) {
		append(b, 1);
		sync_all(b, 1);
	}
	report("append_and_sync_each", 1000, now_ns() - start);
	start = now_ns();
	for (int i = 0; i < 500; i++) {
		append(b, TOGETHER);
		sync_all(b, TOGETHER);
	}
	report("append_and_sync_64_together", 500 * TOGETHER, now_ns() - start);
}

/* A backlog as a long outage leaves it: opening reads and checks all of it. */
static void measure_recovery(struct bench *b, const struct ag_spool_opt *opt)
{
	int64_t start;

	append(b, 500000);
	sync_all(b, 1);
	ag_spool_close(b->spool);
	start = now_ns();
	OR_ASSERT(ag_spool_open(&b->spool, opt, NULL) == OR_OK);
	report("recover", 500000, now_ns() - start);
}

static void remove_dir(const char *dir)
{
	char command[4200];

	snprintf(command, sizeof(command), "rm -r -- '%s'", dir);
	(void)!system(command);
}

int main(int argc, char **argv)
{
	static char made[] = "/var/tmp/outrider-bench-XXXXXX";
	const char *dir = argc > 1 ? argv[1] : mkdtemp(made);
	struct bench b = {0};
	struct ag_spool_opt opt = {.dir = dir};
	struct or_err err;

	memset(b.payload, 'x', sizeof(b.payload));
	if (!dir || (argc > 1 && access(dir, F_OK) == 0)) {
		fprintf(stderr, "the directory is there already, or cannot be made\n");
		return 2;
	}
	if (or_loop_new(&b.loop, NULL, &err) || or_slow_new(&b.slow, b.loop, 16, &err))
		goto failed;
	opt.loop = b.loop;
	opt.slow = b.slow;
	if (ag_spool_open(&b.spool, &opt, &err) || ag_spool_stream(&b.id, b.spool, "bench", &err))
		goto failed;
	measure(&b);
	measure_recovery(&b, &opt);
	ag_spool_close(b.spool);
	or_slow_free(b.slow);
	or_loop_free(b.loop);
	remove_dir(dir);
	return 0;
failed:
	fprintf(stderr, "%s\n", err.msg);
	return 1;
}
