/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest_bench [RECORDS]: frames of 1,000 records through ingest into the log, with hashing,
 * signatures, fsync and checkpoints. Making the frames is not counted.
 */
#include "collector/ingest/ingest.h"

#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "base/sys.h"
#include "proto/audit.h"
#include "proto/batch.h"
#include "proto/frame.h"
#include "proto/root.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { PER_FRAME = 1000, IN_FLIGHT = 8 };

struct bench {
	char dir[64];
	struct or_loop *loop;
	struct or_slow *slow;
	struct or_crypto_key *key;
	struct tl_note_key log_key;
	struct or_buf cert;
	struct co_ingest *in;
	size_t answered;
	struct or_err err;
};

static void must(enum or_code rc, const struct or_err *err)
{
	if (rc == OR_OK)
		return;
	fprintf(stderr, "ingest_bench: %s\n", err->msg);
	exit(1);
}

static double clock_s(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void issue_cert(struct bench *b, const uint8_t *agent)
{
	static const struct or_slice products[] = {OR_SLICE_LIT("*")};
	struct wire_cert c = {.agent_id = or_slice(agent, 16),
	    .products = products,
	    .n_products = 1,
	    .not_before_ns = 1,
	    .not_after_ns = INT64_MAX};
	struct or_buf raw;

	or_buf_init(&raw, 64);
	must(or_crypto_key_public(&raw, b->key), &b->err);
	c.public_key = or_buf_slice(&raw);
	or_buf_init(&b->cert, WIRE_CERT_MAX);
	must(wire_cert_issue(&b->cert, &c, b->key, &b->err), &b->err);
	or_buf_done(&raw);
}

static void open_ingest(struct bench *b)
{
	static const struct or_crypto_key *issuers[1];
	static const uint8_t own[16] = "bench-collector";
	struct co_ingest_opt opt = {.dir = b->dir,
	    .origin = "outrider/bench/shard/0",
	    .key = &b->log_key,
	    .issuers = issuers,
	    .n_issuers = 1};

	must(or_loop_new(&b->loop, NULL, &b->err), &b->err);
	must(or_slow_new(&b->slow, b->loop, 64, &b->err), &b->err);
	must(or_crypto_key_new(&b->key, OR_CRYPTO_ED25519, &b->err), &b->err);
	must(tl_note_key_init(&b->log_key, opt.origin, b->key, &b->err), &b->err);
	issue_cert(b, own);
	issuers[0] = b->key;
	opt.loop = b->loop;
	opt.slow = b->slow;
	opt.own_key = b->key;
	opt.own_cert = or_buf_slice(&b->cert);
	must(co_ingest_open(&b->in, &opt, &b->err), &b->err);
}

/* A record as a gate writes it. */
static void put_record(struct bench *b, struct or_buf *out, uint64_t seq)
{
	static const uint8_t agent[16] = "bench-collector", hash[32] = "hash";
	static const struct or_slice policies[] = {OR_SLICE_LIT("analysts-read-orders")};
	char user[48], path[64];
	uint8_t random[24];
	struct wire_audit r = {.time_ns = 1764000000000000000ULL + seq * 1000,
	    .agent_id = or_slice(agent, 16),
	    .epoch = 1,
	    .stream = OR_SLICE_LIT("outrider.audit/orders"),
	    .seq = seq,
	    .product = OR_SLICE_LIT("orders"),
	    .port = OR_SLICE_LIT("orders-api"),
	    .workload = OR_SLICE_LIT("pod/orders-7c9d"),
	    .kind = WIRE_KIND_ACCESS,
	    .front = WIRE_FRONT_PROXY,
	    .phase = WIRE_PHASE_COMPLETE,
	    .decision = WIRE_DECISION_ALLOW,
	    .action = OR_SLICE_LIT("read"),
	    .resource = {OR_SLICE_LIT("Port"), OR_SLICE_LIT("orders/orders-api")},
	    .policies = policies,
	    .n_policies = 1,
	    .bundle_revision = 42,
	    .bundle_sha256 = or_slice(hash, 32),
	    .inputs = or_slice(hash, 32),
	    .request = {.method = OR_SLICE_LIT("GET"), .status = 200, .bytes_out = 4096},
	    .peer = OR_SLICE_LIT("10.1.2.3:40000")};

	or_rng_fill(random, sizeof(random));
	snprintf(
	    user, sizeof(user), "https://idp.example#user%llu", (unsigned long long)seq % 5000);
	snprintf(path, sizeof(path), "/orders/%llu", (unsigned long long)seq % 20000);
	r.principal = (struct wire_principal){
	    OR_SLICE_LIT("User"), or_slice_str(user), OR_SLICE_LIT("https://idp.example")};
	r.request.path = or_slice_str(path);
	r.request.duration_ns = 1000000 + seq % 1000000;
	r.trace_id = or_slice(random, 16);
	r.span_id = or_slice(random + 16, 8);
	must(wire_audit_encode(out, &r, &b->err), &b->err);
}

struct made {
	struct or_buf frame, batch;
};

static void make_frame(struct bench *b, struct made *m, uint64_t from)
{
	struct or_buf records;
	struct or_slice slices[PER_FRAME];
	size_t ends[PER_FRAME + 1] = {0};
	uint8_t root[32];
	struct wire_frame f = {.cert = or_buf_slice(&b->cert),
	    .epoch = 1,
	    .stream = OR_SLICE_LIT("outrider.audit/orders"),
	    .seq_from = from,
	    .seq_to = from + PER_FRAME - 1,
	    .root = or_slice(root, 32),
	    .sent_ns = 1};

	or_buf_init(&records, 1 << 24);
	for (size_t i = 0; i < PER_FRAME; i++) {
		put_record(b, &records, from + i);
		ends[i + 1] = records.n;
	}
	wire_batch_begin(&m->batch);
	for (size_t i = 0; i < PER_FRAME; i++) {
		slices[i] = or_slice(records.p + ends[i], ends[i + 1] - ends[i]);
		wire_batch_add_record(&m->batch, slices[i]);
	}
	wire_root_compute(root, slices, PER_FRAME);
	or_buf_init(&m->frame, WIRE_FRAME_MAX);
	must(wire_frame_sign(&m->frame, &f, b->key, &b->err), &b->err);
	or_buf_done(&records);
}

static void on_answer(void *arg, const struct co_ingest_answer *answer)
{
	struct bench *b = arg;

	if (answer->code || answer->stored != PER_FRAME) {
		fprintf(stderr, "ingest_bench: %s: %s\n", answer->reason, answer->detail);
		exit(1);
	}
	b->answered++;
}

static void run(struct bench *b, const struct made *m, size_t frames)
{
	for (size_t i = 0; i < frames; i++) {
		struct co_ingest_request request = {.topic = OR_SLICE_LIT("outrider.audit"),
		    .frame = or_buf_slice(&m[i].frame),
		    .batch = or_buf_slice(&m[i].batch)};

		co_ingest_submit(b->in, &request, on_answer, b);
		while (i + 1 - b->answered >= IN_FLIGHT)
			or_loop_turn(b->loop, false);
	}
	while (b->answered < frames)
		or_loop_turn(b->loop, false);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(int argc, char **argv)
{
	uint64_t records = 200000, bytes = 0;
	struct bench b = {.answered = 0};
	struct co_log_stats stats;
	struct made *m;
	double cpu, wall;
	size_t frames;

	if (argc > 1 && (or_str_u64(&records, or_slice_str(argv[1])) || records < PER_FRAME)) {
		fprintf(stderr, "usage: ingest_bench [RECORDS]\n");
		return 2;
	}
	frames = records / PER_FRAME;
	snprintf(b.dir, sizeof(b.dir), "%s", "/var/tmp/outrider-bench-XXXXXX");
	if (!mkdtemp(b.dir))
		return 1;
	open_ingest(&b);
	m = or_mem_array(frames, sizeof(*m));
	for (size_t i = 0; i < frames; i++) {
		make_frame(&b, &m[i], i * PER_FRAME + 1);
		bytes += m[i].batch.n;
	}
	cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID);
	wall = clock_s(CLOCK_MONOTONIC);
	run(&b, m, frames);
	cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall = clock_s(CLOCK_MONOTONIC) - wall;
	co_log_stats(&stats, co_ingest_log(b.in));
	printf("{\"bench\":\"ingest\",\"records\":%zu,\"record_bytes\":%.0f,"
	       "\"records_per_cpu_s\":%.0f,\"records_per_s\":%.0f,\"commits\":%llu}\n",
	    frames * PER_FRAME, (double)bytes / (double)(frames * PER_FRAME),
	    (double)(frames * PER_FRAME) / cpu, (double)(frames * PER_FRAME) / wall,
	    (unsigned long long)stats.commits);
	or_slow_free(b.slow);
	co_ingest_close(b.in);
	nftw(b.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}
