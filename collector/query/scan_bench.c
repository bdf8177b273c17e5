/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a query goes over a log: 200,000 records as a gate writes them, read from the page
 * cache, decoded and matched. */
#include "base/loop.h"
#include "base/mem.h"
#include "base/sys.h"
#include "collector/audit/store.h"
#include "collector/query/run.h"
#include "collector/query/scan.h"
#include "proto/leaf.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { RECORDS = 200000, GROUP = 1000 };
#define NOW 1800000000000000000LL

struct bench {
	struct co_query q;
	struct co_run *run;
	struct or_arena *record;
	bool done;
	bool failed;
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void put_leaf(struct or_buf *leaf, struct or_buf *record, uint64_t seq)
{
	uint8_t id[16] = {1}, trace[16], span[8] = {1}, hash[32] = {2};
	struct or_slice policy = OR_SLICE_LIT("orders.readers");
	char path[64];
	struct wire_audit r = {.time_ns = (uint64_t)NOW + seq * 1000,
	    .agent_id = or_slice(id, 16),
	    .epoch = 7,
	    .stream = OR_SLICE_LIT("outrider.audit/orders"),
	    .seq = seq,
	    .product = OR_SLICE_LIT("orders"),
	    .port = OR_SLICE_LIT("api"),
	    .kind = WIRE_KIND_ACCESS,
	    .front = WIRE_FRONT_PROXY,
	    .phase = WIRE_PHASE_COMPLETE,
	    .decision = seq % 10 ? WIRE_DECISION_ALLOW : WIRE_DECISION_DENY,
	    .principal = {OR_SLICE_LIT("User"), OR_SLICE_LIT("alice@example.org"),
		OR_SLICE_LIT("https://issuer.example")},
	    .action = OR_SLICE_LIT("read"),
	    .resource = {OR_SLICE_LIT("Port"), OR_SLICE_LIT("orders/api")},
	    .policies = &policy,
	    .n_policies = 1,
	    .inputs = or_slice(hash, 32),
	    .request = {.method = OR_SLICE_LIT("GET"), .status = 200, .duration_ns = 300000},
	    .trace_id = or_slice(trace, 16),
	    .span_id = or_slice(span, 8)};

	for (size_t i = 0; i < sizeof(trace); i++)
		trace[i] = (uint8_t)(seq >> (i % 4 * 8)) ^ 0x55;
	snprintf(path, sizeof(path), "/orders/%llu", (unsigned long long)seq);
	r.request.path = or_slice_str(path);
	or_buf_clear(record);
	or_buf_clear(leaf);
	OR_ASSERT(wire_audit_encode(record, &r, NULL) == OR_OK);
	wire_leaf_encode(leaf, WIRE_LEAF_RECORD, or_buf_slice(record));
}

static enum or_code fill(const char *dir, struct or_err *err)
{
	struct or_crypto_key *key;
	struct tl_note_key note;
	struct co_store_opt opt = {.dir = dir, .origin = "bench", .key = &note, .now_ns = NOW};
	struct co_store *s;
	struct or_buf leaf, record;
	uint64_t first;
	enum or_code rc = or_crypto_key_new(&key, OR_CRYPTO_ED25519, err);

	if (rc == OR_OK)
		rc = tl_note_key_init(&note, "bench", key, err);
	if (rc == OR_OK)
		rc = co_store_open(&s, &opt, err);
	if (rc)
		return rc;
	or_buf_init(&leaf, 65536);
	or_buf_init(&record, 65536);
	for (uint64_t i = 1; i <= RECORDS && rc == OR_OK; i++) {
		struct or_slice slice;

		put_leaf(&leaf, &record, i);
		slice = or_buf_slice(&leaf);
		rc = co_store_put(s, &slice, 1, NOW, &first, err);
		if (rc == OR_OK && i % GROUP == 0)
			rc = co_store_commit(s, NOW, err);
	}
	or_buf_done(&leaf);
	or_buf_done(&record);
	co_store_close(s);
	or_crypto_key_free(key);
	return rc;
}

static bool on_leaf(void *arg, uint32_t shard, uint64_t index, const struct tl_segment_entry *entry)
{
	struct bench *b = arg;
	struct wire_audit record;
	struct wire_leaf leaf;

	or_arena_clear(b->record);
	return wire_leaf_decode(&leaf, entry->leaf, NULL) == OR_OK &&
	       wire_audit_decode(&record, NULL, leaf.content, b->record, NULL) == OR_OK &&
	       co_run_feed(b->run, &record, shard, index, NULL) == OR_OK;
}

static void on_done(void *arg, const struct co_scan_end *end)
{
	struct bench *b = arg;

	b->done = true;
	b->failed = end->rc != OR_OK || end->damaged;
}

static bool measure(const char *name, const char *dir, const char *text, struct or_loop *loop)
{
	const struct co_scan_source source = {.dir = dir, .size = RECORDS};
	struct or_arena *a = or_arena_new(CO_QUERY_ARENA);
	struct bench b = {.record = or_arena_new(1 << 20)};
	struct co_run_summary s;
	struct or_err err;
	double start = now_s();
	bool ok = co_query_parse(&b.q, or_slice_str(text), NOW, a, &err) == OR_OK;

	if (ok) {
		b.run = co_run_new(&b.q);
		co_scan_start(loop, &source, 1, on_leaf, on_done, &b);
		while (!b.done)
			or_loop_turn(loop, true);
		co_run_get_summary(b.run, &s);
		ok = !b.failed && s.scanned == RECORDS;
		printf("{\"bench\":\"collector/query/scan\",\"metric\":\"%s\",\"records\":%llu,"
		       "\"matched\":%llu,\"records_per_second\":%.0f}\n",
		    name, (unsigned long long)s.scanned, (unsigned long long)s.matched,
		    RECORDS / (now_s() - start));
		co_run_free(b.run);
	}
	or_arena_free(b.record);
	or_arena_free(a);
	return ok;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(void)
{
	char dir[] = "/var/tmp/outrider-bench-XXXXXX";
	struct or_loop *loop;
	struct or_err err;
	bool ok = false;

	if (!mkdtemp(dir) || or_loop_new(&loop, NULL, &err))
		return 1;
	if (fill(dir, &err))
		fprintf(stderr, "%s\n", err.msg);
	else
		ok = measure("everything", dir, "", loop) &&
		     measure("three_terms", dir,
			 "decision=deny principal.id=*alice* since=1h | limit 100", loop) &&
		     measure("count", dir, "| count by decision, principal", loop);
	or_loop_free(loop);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return ok ? 0 : 1;
}
