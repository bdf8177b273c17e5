/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's side of `./dev bench collector` (tools/bench/collector.py).
 *
 *   trail_bench ingest DIR RECORDS SEED FILE   makes records, takes them in frames of 1,000 through
 *                                              ingest into DIR, and writes them to FILE as tab
 *                                              separated values for other engines
 *   trail_bench query DIR                      answers the queries on its input ("NAME<tab>QUERY")
 *
 * Making records is not counted. Streams send in turn, so that their times overlap as in life.
 */
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "collector/audit/read.h"
#include "collector/ingest/ingest.h"
#include "collector/query/run.h"
#include "collector/query/trail_search.h"
#include "proto/audit.h"
#include "proto/batch.h"
#include "proto/frame.h"
#include "proto/leaf.h"
#include "proto/root.h"

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	PER_FRAME = 1000,
	CHUNK = 64, /* frames that are made, then taken in */
	IN_FLIGHT = 8,
	AGENTS = 200,
	PRODUCTS = 500,
	PRINCIPALS = 5000,
	ACTIONS = 12,
	RESOURCES = 20000,
	POLICIES = 300,
	PEERS = 10000,
	DENIED_PERCENT = 3,
	ZIPF_MAX = RESOURCES,
};

#define START_NS   1764000000000000000ULL
#define PER_SECOND 1400.0 /* records of all streams together */

static void must(enum or_code rc, const struct or_err *err)
{
	if (rc == OR_OK)
		return;
	fprintf(stderr, "trail_bench: %s\n", err->msg);
	exit(1);
}

static double clock_s(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static double next_unit(uint64_t *state)
{
	return ((double)(next_random(state) >> 11) + 1) / 9007199254740993.0;
}

struct zipf {
	double sum[ZIPF_MAX];
	size_t n;
};

static void zipf_init(struct zipf *z, size_t n)
{
	double all = 0;

	z->n = n;
	for (size_t i = 0; i < n; i++)
		z->sum[i] = all += 1 / (double)(i + 1);
	for (size_t i = 0; i < n; i++)
		z->sum[i] /= all;
}

static unsigned int zipf_next(const struct zipf *z, uint64_t *state)
{
	double u = next_unit(state);
	size_t low = 0, high = z->n - 1;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (z->sum[mid] < u)
			low = mid + 1;
		else
			high = mid;
	}
	return (unsigned int)low;
}

/* Names in no order of frequency. */
static unsigned int scatter(unsigned int i, unsigned int n)
{
	return (unsigned int)((i * 7919ULL + 13) % n);
}

struct bench {
	struct or_loop *loop;
	struct or_slow *slow;
	struct or_crypto_key *key;
	struct tl_note_key log_key;
	struct or_buf certs[AGENTS + 1]; /* the last one is the collector's own */
	struct co_ingest *in;
	uint64_t random;
	struct zipf principals, resources;
	double clock_ns[PRODUCTS];
	uint64_t seq[PRODUCTS];
	FILE *table;
	size_t sent, answered;
	struct or_err err;
};

struct made {
	struct or_buf frame, batch;
};

/* One record's values, as numbers. */
struct draw {
	uint64_t time_ns, latency_us, status;
	unsigned int product, principal, action, resource, policy, peer;
	bool is_denied;
	uint8_t trace[16], span[8];
};

static void draw(struct draw *d, struct bench *b, unsigned int product)
{
	double gap = -log(next_unit(&b->random)) * 1e9 * PRODUCTS / PER_SECOND;
	double normal =
	    sqrt(-2 * log(next_unit(&b->random))) * cos(6.283185307179586 * next_unit(&b->random));
	uint64_t r[3];

	b->clock_ns[product] += gap + 1;
	for (size_t i = 0; i < 3; i++)
		r[i] = next_random(&b->random);
	memcpy(d->trace, r, 16);
	memcpy(d->span, r + 2, 8);
	d->time_ns = START_NS + (uint64_t)b->clock_ns[product];
	d->latency_us = (uint64_t)(2000 * exp(normal)) + 50;
	d->product = product;
	d->principal = scatter(zipf_next(&b->principals, &b->random), PRINCIPALS);
	d->action = (unsigned int)(next_random(&b->random) % ACTIONS);
	d->resource = scatter(zipf_next(&b->resources, &b->random), RESOURCES);
	d->policy = (unsigned int)(next_random(&b->random) % POLICIES);
	d->peer = (unsigned int)(next_random(&b->random) % PEERS);
	d->is_denied = next_random(&b->random) % 100 < DENIED_PERCENT;
	d->status = d->is_denied ? 403 : next_random(&b->random) % 50 ? 200 : 404;
}

static const char *const actions[ACTIONS] = {"read", "write", "delete", "describe", "subscribe",
    "connect", "list", "export", "copy", "share", "grant", "query"};

static void put_hex(FILE *to, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(to, "%02x", p[i]);
}

static void put_line(FILE *to, const struct draw *d)
{
	fprintf(to,
	    "%" PRIu64 "\tagent-%03u\tproduct-%03u\tuser-%04u@example.org\t%s\ttable-%05u\t%s"
	    "\tpolicy-%03u\t10.20.%u.%u\t",
	    d->time_ns, d->product % AGENTS, d->product, d->principal, actions[d->action],
	    d->resource, d->is_denied ? "deny" : "allow", d->policy, d->peer / 256, d->peer % 256);
	put_hex(to, d->trace, 16);
	fprintf(to, "\t%" PRIu64 "\t%" PRIu64 "\n", d->latency_us, d->status);
}

static void agent_id(uint8_t out[16], unsigned int agent)
{
	memset(out, 0xa5, 16);
	out[14] = (uint8_t)(agent >> 8);
	out[15] = (uint8_t)agent;
}

struct names {
	char product[32], stream[64], principal[48], resource[32], policy[32], peer[32];
	uint8_t agent[16];
};

static void name(struct names *n, const struct draw *d)
{
	snprintf(n->product, sizeof(n->product), "product-%03u", d->product);
	snprintf(n->stream, sizeof(n->stream), "outrider.audit/%s", n->product);
	snprintf(n->principal, sizeof(n->principal), "user-%04u@example.org", d->principal);
	snprintf(n->resource, sizeof(n->resource), "table-%05u", d->resource);
	snprintf(n->policy, sizeof(n->policy), "policy-%03u", d->policy);
	snprintf(n->peer, sizeof(n->peer), "10.20.%u.%u", d->peer / 256, d->peer % 256);
	agent_id(n->agent, d->product % AGENTS);
}

static void put_record(struct bench *b, struct or_buf *out, const struct draw *d, uint64_t seq)
{
	struct names n;
	struct or_slice policy;
	struct wire_audit r = {.time_ns = d->time_ns,
	    .epoch = 1 + d->product % AGENTS,
	    .seq = seq,
	    .kind = WIRE_KIND_ACCESS,
	    .front = WIRE_FRONT_PROXY,
	    .phase = WIRE_PHASE_COMPLETE,
	    .decision = d->is_denied ? WIRE_DECISION_DENY : WIRE_DECISION_ALLOW,
	    .action = or_slice_str(actions[d->action]),
	    .policies = &policy,
	    .n_policies = 1,
	    .bundle_revision = 42,
	    .request = {.status = d->status, .duration_ns = d->latency_us * 1000},
	    .trace_id = or_slice(d->trace, 16),
	    .span_id = or_slice(d->span, 8)};

	name(&n, d);
	policy = or_slice_str(n.policy);
	r.agent_id = or_slice(n.agent, 16);
	r.stream = or_slice_str(n.stream);
	r.product = or_slice_str(n.product);
	r.principal.type = OR_SLICE_LIT("User");
	r.principal.id = or_slice_str(n.principal);
	r.resource.type = OR_SLICE_LIT("Table");
	r.resource.id = or_slice_str(n.resource);
	r.peer = or_slice_str(n.peer);
	must(wire_audit_encode(out, &r, &b->err), &b->err);
}

static void make_frame(struct bench *b, struct made *m, unsigned int product)
{
	struct or_buf records;
	struct or_slice slices[PER_FRAME];
	size_t ends[PER_FRAME + 1] = {0};
	uint64_t first = b->seq[product] + 1;
	uint8_t root[32];
	char stream[64];
	struct wire_frame f = {.cert = or_buf_slice(&b->certs[product % AGENTS]),
	    .epoch = 1 + product % AGENTS,
	    .seq_from = first,
	    .seq_to = first + PER_FRAME - 1,
	    .root = or_slice(root, 32)};

	snprintf(stream, sizeof(stream), "outrider.audit/product-%03u", product);
	f.stream = or_slice_str(stream);
	or_buf_init(&records, 1 << 24);
	for (size_t i = 0; i < PER_FRAME; i++) {
		struct draw d;

		draw(&d, b, product);
		put_record(b, &records, &d, first + i);
		ends[i + 1] = records.n;
		if (b->table)
			put_line(b->table, &d);
	}
	b->seq[product] += PER_FRAME;
	f.sent_ns = START_NS + (uint64_t)b->clock_ns[product];
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

/* ---- the collector's side */

static void issue_cert(struct bench *b, unsigned int agent)
{
	static const struct or_slice products[] = {OR_SLICE_LIT("*")};
	struct or_buf raw;
	uint8_t id[16];
	struct wire_cert c = {.agent_id = or_slice(id, 16),
	    .products = products,
	    .n_products = 1,
	    .not_before_ns = 1,
	    .not_after_ns = INT64_MAX};

	agent_id(id, agent);
	or_buf_init(&raw, 64);
	must(or_crypto_key_public(&raw, b->key), &b->err);
	c.public_key = or_buf_slice(&raw);
	or_buf_init(&b->certs[agent], WIRE_CERT_MAX);
	must(wire_cert_issue(&b->certs[agent], &c, b->key, &b->err), &b->err);
	or_buf_done(&raw);
}

static void open_ingest(struct bench *b, const char *dir)
{
	static const struct or_crypto_key *issuers[1];
	struct co_ingest_opt opt = {.dir = dir,
	    .origin = "outrider/bench/shard/0",
	    .key = &b->log_key,
	    .issuers = issuers,
	    .n_issuers = 1,
	    .seals = true};

	must(or_loop_new(&b->loop, NULL, &b->err), &b->err);
	must(or_slow_new(&b->slow, b->loop, 64, &b->err), &b->err);
	must(or_crypto_key_new(&b->key, OR_CRYPTO_ED25519, &b->err), &b->err);
	must(tl_note_key_init(&b->log_key, opt.origin, b->key, &b->err), &b->err);
	for (unsigned int i = 0; i <= AGENTS; i++)
		issue_cert(b, i);
	issuers[0] = b->key;
	opt.loop = b->loop;
	opt.slow = b->slow;
	opt.own_key = b->key;
	opt.own_cert = or_buf_slice(&b->certs[AGENTS]);
	must(co_ingest_open(&b->in, &opt, &b->err), &b->err);
}

static void close_ingest(struct bench *b)
{
	or_slow_free(b->slow);
	co_ingest_close(b->in);
	or_loop_free(b->loop);
	for (unsigned int i = 0; i <= AGENTS; i++)
		or_buf_done(&b->certs[i]);
	or_crypto_key_free(b->key);
}

static void on_answer(void *arg, const struct co_ingest_answer *answer)
{
	struct bench *b = arg;

	if (answer->code || answer->stored != PER_FRAME) {
		fprintf(stderr, "trail_bench: %s: %s\n", answer->reason, answer->detail);
		exit(1);
	}
	b->answered++;
}

static void take_in(struct bench *b, const struct made *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct co_ingest_request request = {.topic = OR_SLICE_LIT("outrider.audit"),
		    .frame = or_buf_slice(&m[i].frame),
		    .batch = or_buf_slice(&m[i].batch)};

		co_ingest_submit(b->in, &request, on_answer, b);
		b->sent++;
		while (b->sent - b->answered >= IN_FLIGHT)
			or_loop_turn(b->loop, false);
	}
	while (b->answered < b->sent)
		or_loop_turn(b->loop, false);
}

/* All of it sealed. */
static void settle(struct bench *b)
{
	struct co_log *log = co_ingest_log(b->in);

	co_log_hurry(log);
	while (co_log_is_sealing(log))
		or_loop_turn(b->loop, false);
}

static uint64_t total_bytes;

static int add_size(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path;
	(void)ftw;
	if (type == FTW_F)
		total_bytes += (uint64_t)st->st_size;
	return 0;
}

static uint64_t bytes_of(const char *dir)
{
	total_bytes = 0;
	nftw(dir, add_size, 16, FTW_PHYS);
	return total_bytes;
}

static double peak_mib(void)
{
	struct or_buf status;
	size_t at;
	double kib = 0;

	or_buf_init(&status, 65536);
	if (or_sys_read_file(&status, "/proc/self/status", NULL) == OR_OK) {
		const char *line = strstr(or_buf_text(&status), "VmHWM:");

		for (at = 6; line && line[at] == '\t'; at++)
			;
		kib = line ? strtod(line + at, NULL) : 0;
	}
	or_buf_done(&status);
	return kib / 1024;
}

static void report(size_t records, double cpu, double wall, const char *dir)
{
	printf(
	    "{\"bench\":\"collector\",\"case\":\"ingest\",\"engine\":\"outrider\",\"records\":%zu,"
	    "\"records_per_s_per_core\":%.0f,\"records_per_s\":%.0f,\"bytes_per_record\":%.2f,"
	    "\"rss_peak_mib\":%.1f}\n",
	    records, (double)records / cpu, (double)records / wall,
	    (double)bytes_of(dir) / (double)records, peak_mib());
}

static int ingest(const char *dir, size_t records, uint64_t seed, const char *table)
{
	struct bench *b = or_mem_new(sizeof(*b));
	size_t frames = records / PER_FRAME, made = 0;
	double cpu = 0, wall = 0;
	struct made m[CHUNK];

	b->random = seed;
	b->table = fopen(table, "w");
	if (!b->table)
		return 1;
	zipf_init(&b->principals, PRINCIPALS);
	zipf_init(&b->resources, RESOURCES);
	open_ingest(b, dir);
	while (made < frames) {
		size_t n = frames - made < CHUNK ? frames - made : CHUNK;
		double cpu_at, wall_at;

		for (size_t i = 0; i < n; i++)
			make_frame(b, &m[i], scatter((unsigned int)(made + i), PRODUCTS));
		cpu_at = clock_s(CLOCK_PROCESS_CPUTIME_ID);
		wall_at = clock_s(CLOCK_MONOTONIC);
		take_in(b, m, n);
		made += n;
		if (made == frames)
			settle(b);
		cpu += clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu_at;
		wall += clock_s(CLOCK_MONOTONIC) - wall_at;
		for (size_t i = 0; i < n; i++) {
			or_buf_done(&m[i].frame);
			or_buf_done(&m[i].batch);
		}
	}
	fclose(b->table);
	close_ingest(b);
	report(frames * PER_FRAME, cpu, wall, dir);
	or_mem_free(b);
	return 0;
}

/* ---- queries */

struct asking {
	struct co_query q;
	struct co_run *run;
	struct or_arena *record;
	bool is_done;
	struct or_err err;
};

static void on_done(void *arg, const struct co_trail_search_end *end)
{
	struct asking *x = arg;

	must(end->end.rc, &end->end.err);
	x->is_done = true;
}

/* Leaves under the checkpoint: its second line. */
static uint64_t log_size(const char *dir)
{
	struct or_err err = {.code = OR_OK};
	struct or_slice text, line;
	struct or_buf note;
	char path[4096];
	uint64_t size = 0;
	size_t at;

	snprintf(path, sizeof(path), "%s/checkpoint", dir);
	or_buf_init(&note, 65536);
	must(or_sys_read_file(&note, path, &err), &err);
	text = or_buf_slice(&note);
	at = or_str_find(text, '\n', 0) + 1;
	line = or_slice(text.p + at, or_str_find(text, '\n', at) - at);
	must(or_str_u64(&size, line), &err);
	or_buf_done(&note);
	return size;
}

static void put_record_row(
    struct or_buf *out, struct asking *x, struct co_read *r, const struct co_run_place *place)
{
	struct tl_segment_entry entry;
	struct wire_audit record;
	struct wire_leaf leaf;
	char id[WIRE_LEAF_ID_LEN + 1];

	or_arena_clear(x->record);
	must(co_read_leaf(r, &entry, place->index, &x->err), &x->err);
	must(wire_leaf_decode(&leaf, entry.leaf, &x->err), &x->err);
	must(wire_audit_decode(&record, NULL, leaf.content, x->record, &x->err), &x->err);
	wire_leaf_id(id, entry.hash.b);
	co_run_put_record(out, &x->q, id, place, &record);
}

/* Answers once: rows as lines of JSON into out. */
static void answer(struct or_buf *out, struct co_parts *parts, struct co_read **reader,
    const char *dir, uint64_t size, struct or_slice text)
{
	const struct co_trail_search_log log = {.dir = dir, .size = size, .parts = parts};
	struct or_arena *a = or_arena_new(CO_QUERY_ARENA);
	struct asking x = {.record = or_arena_new(1 << 20)};
	struct co_run_place place;
	struct or_loop *loop;

	or_buf_clear(out);
	must(or_loop_new(&loop, NULL, &x.err), &x.err);
	must(co_query_parse(&x.q, text, INT64_MAX, a, &x.err), &x.err);
	x.run = co_run_new(&x.q);
	co_trail_search_start(loop, &x.q, x.run, &log, 1, on_done, &x);
	while (!x.is_done)
		or_loop_turn(loop, true);
	co_run_finish(x.run);
	if (!*reader)
		must(co_read_open(reader, dir, size, &x.err), &x.err);
	while (x.q.is_count && co_run_next_group(x.run, out))
		;
	while (!x.q.is_count && co_run_next_place(x.run, &place))
		put_record_row(out, &x, *reader, &place);
	co_run_free(x.run);
	or_loop_free(loop);
	or_arena_free(x.record);
	or_arena_free(a);
}

static int forget_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	int fd = type == FTW_F ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	(void)st;
	(void)ftw;
	if (fd >= 0) {
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		close(fd);
	}
	return 0;
}

enum { HOT_RUNS = 30 };

static void measure(const char *dir, uint64_t size, struct or_slice name, struct or_slice text)
{
	double cold, hot = 1e9, at;
	struct co_read *reader = NULL;
	struct co_parts *parts;
	struct or_buf rows;

	or_buf_init(&rows, 1 << 28);
	parts = co_parts_new(dir);
	nftw(dir, forget_file, 16, FTW_PHYS);
	at = clock_s(CLOCK_MONOTONIC);
	answer(&rows, parts, &reader, dir, size, text);
	cold = clock_s(CLOCK_MONOTONIC) - at;
	for (int i = 0; i < HOT_RUNS && (i == 0 || hot < 2); i++) {
		at = clock_s(CLOCK_MONOTONIC);
		answer(&rows, parts, &reader, dir, size, text);
		at = clock_s(CLOCK_MONOTONIC) - at;
		hot = at < hot ? at : hot;
	}
	printf("%.*s\t%.3f\t%.3f\n", OR_SLICE_FMT(name), hot * 1e3, cold * 1e3);
	fwrite(rows.p, 1, rows.n, stdout);
	printf("\n");
	or_buf_done(&rows);
	co_read_close(reader);
	co_parts_free(parts);
}

/* For each line: NAME, hot and cold ms; the rows; an empty line. */
static int answer_all(const char *dir)
{
	uint64_t size = log_size(dir);
	char line[8192];

	while (fgets(line, sizeof(line), stdin)) {
		struct or_slice s = or_slice_str(line);
		size_t tab = or_str_find(s, '\t', 0);

		s.n -= s.n && s.p[s.n - 1] == '\n';
		if (tab >= s.n)
			return 2;
		measure(dir, size, or_slice(s.p, tab), or_slice_from(s, tab + 1));
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t records, seed;

	if (argc == 6 && strcmp(argv[1], "ingest") == 0 &&
	    or_str_u64(&records, or_slice_str(argv[3])) == OR_OK && records >= PER_FRAME &&
	    or_str_u64(&seed, or_slice_str(argv[4])) == OR_OK)
		return ingest(argv[2], records, seed, argv[5]);
	if (argc == 3 && strcmp(argv[1], "query") == 0)
		return answer_all(argv[2]);
	fprintf(stderr, "usage: trail_bench ingest DIR RECORDS SEED FILE | query DIR\n");
	return 2;
}
