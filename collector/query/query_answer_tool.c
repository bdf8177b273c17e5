/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries over given records, without a collector around them: the subject of comparisons with
 * other engines (tests/scenario/query_sql_test.py) and of the examples of docs/query.md.
 *
 *   query-answer-tool DIR, and on its input, a line each:
 *     R SHARD HEX   a record as it is on the wire (proto/audit.proto)
 *     S SHARD       seals what that shard has so far
 *     N NS          the time that "since=1h" counts from
 *     Q TEXT        a query over all shards: its rows as lines of JSON, or "! " and the error, then
 *                   a line with a dot
 */
#include "base/mem.h"
#include "base/str.h"
#include "collector/audit/read.h"
#include "collector/audit/seal.h"
#include "collector/audit/store.h"
#include "collector/query/run.h"
#include "collector/query/trail_search.h"
#include "proto/leaf.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { SHARDS = 4, LINE_MAX_BYTES = 256 * 1024, ROWS_MAX = 1 << 28, PART_ROWS = 1500 };

struct shard {
	char dir[4096];
	struct co_store *store;
	struct co_parts *parts;
};

struct tool {
	struct or_loop *loop;
	struct tl_note_key key;
	struct shard shards[SHARDS];
	uint64_t now_ns;
	bool is_done;
	struct co_trail_search_end end;
	struct or_err err;
};

static void must(enum or_code rc, const struct or_err *err)
{
	if (rc == OR_OK)
		return;
	fprintf(stderr, "query-answer-tool: %s\n", err->msg);
	exit(1);
}

static void open_shard(struct tool *t, unsigned int i, const char *dir)
{
	struct shard *s = &t->shards[i];
	const struct co_store_opt opt = {
	    .dir = s->dir, .origin = "outrider/tool/shard/0", .key = &t->key, .now_ns = 1};

	snprintf(s->dir, sizeof(s->dir), "%s/%u", dir, i);
	mkdir(s->dir, 0700);
	must(co_store_open(&s->store, &opt, &t->err), &t->err);
	s->parts = co_parts_new(s->dir);
}

static void put_record(struct tool *t, struct shard *s, struct or_slice hex)
{
	struct or_buf record, leaf;
	struct or_slice slice;
	uint64_t first;

	or_buf_init(&record, LINE_MAX_BYTES);
	or_buf_init(&leaf, LINE_MAX_BYTES);
	must(or_str_hex_decode(&record, hex), &(struct or_err){.msg = "a record is no hex"});
	wire_leaf_encode(&leaf, WIRE_LEAF_RECORD, or_buf_slice(&record));
	slice = or_buf_slice(&leaf);
	must(co_store_put(s->store, &slice, 1, (int64_t)t->now_ns, &first, &t->err), &t->err);
	or_buf_done(&record);
	or_buf_done(&leaf);
}

static void commit_all(struct tool *t)
{
	for (size_t i = 0; i < SHARDS; i++)
		must(co_store_commit(t->shards[i].store, (int64_t)t->now_ns, &t->err), &t->err);
}

static void seal(struct tool *t, struct shard *s)
{
	const struct co_seal_opt opt = {.dir = s->dir, .rows = PART_ROWS};
	struct co_seal *seal = co_seal_new(&opt);
	enum or_code rc;

	commit_all(t);
	must(co_store_rotate(s->store, (int64_t)t->now_ns, &t->err), &t->err);
	co_seal_hurry(seal);
	do
		rc = co_seal_step(seal, co_store_size(s->store), (int64_t)t->now_ns, &t->err);
	while (rc == OR_AGAIN);
	must(rc, &t->err);
	co_seal_free(seal);
}

/* ---- queries */

static void on_done(void *arg, const struct co_trail_search_end *end)
{
	struct tool *t = arg;

	t->end = *end;
	t->is_done = true;
}

static void put_place(struct tool *t, struct or_buf *out, const struct co_query *q,
    struct or_arena *a, const struct co_run_place *place)
{
	struct shard *s = &t->shards[place->shard];
	struct tl_segment_entry entry;
	struct wire_audit record;
	struct wire_leaf leaf;
	struct co_read *r;
	char id[WIRE_LEAF_ID_LEN + 1];

	must(co_read_open(&r, s->dir, co_store_size(s->store), &t->err), &t->err);
	must(co_read_leaf(r, &entry, place->index, &t->err), &t->err);
	must(wire_leaf_decode(&leaf, entry.leaf, &t->err), &t->err);
	must(wire_audit_decode(&record, NULL, leaf.content, a, &t->err), &t->err);
	wire_leaf_id(id, entry.hash.b);
	co_run_put_record(out, q, id, place, &record);
	co_read_close(r);
}

static enum or_code run(struct tool *t, struct or_buf *out, const struct co_query *q)
{
	struct co_trail_search_log logs[SHARDS];
	struct or_arena *a = or_arena_new(0);
	struct co_run *r = co_run_new(q);
	struct co_run_place place;

	for (uint32_t i = 0; i < SHARDS; i++)
		logs[i] = (struct co_trail_search_log){.dir = t->shards[i].dir,
		    .size = co_store_size(t->shards[i].store),
		    .parts = t->shards[i].parts,
		    .shard = i};
	t->is_done = false;
	co_trail_search_start(t->loop, q, r, logs, SHARDS, on_done, t);
	while (!t->is_done)
		or_loop_turn(t->loop, true);
	if (!t->end.end.rc) {
		co_run_finish(r);
		while (co_run_next_group(r, out))
			;
		while (!q->is_count && co_run_next_place(r, &place))
			put_place(t, out, q, a, &place);
	}
	co_run_free(r);
	or_arena_free(a);
	t->err = t->end.end.err;
	return t->end.end.rc;
}

static void answer(struct tool *t, struct or_slice text)
{
	struct or_arena *a = or_arena_new(CO_QUERY_ARENA);
	struct co_query q;
	struct or_buf out;
	enum or_code rc = co_query_parse(&q, text, (int64_t)t->now_ns, a, &t->err);

	or_buf_init(&out, ROWS_MAX);
	commit_all(t);
	if (!rc)
		rc = run(t, &out, &q);
	if (rc)
		printf("! %s\n", t->err.msg);
	else
		fwrite(out.n ? out.p : (const uint8_t *)"", 1, out.n, stdout);
	printf(".\n");
	fflush(stdout);
	or_buf_done(&out);
	or_arena_free(a);
}

static void take_line(struct tool *t, struct or_slice line)
{
	struct or_slice rest = line.n > 2 ? or_slice_from(line, 2) : OR_SLICE_NONE;
	unsigned int shard = rest.n && rest.p[0] >= '0' && rest.p[0] < '0' + SHARDS
				 ? rest.p[0] - (unsigned int)'0'
				 : 0;

	if (or_str_has_prefix(line, "R "))
		put_record(t, &t->shards[shard], or_slice_from(rest, 2));
	else if (or_str_has_prefix(line, "S "))
		seal(t, &t->shards[shard]);
	else if (or_str_has_prefix(line, "N "))
		must(or_str_u64(&t->now_ns, rest), &(struct or_err){.msg = "no time"});
	else if (or_str_has_prefix(line, "Q"))
		answer(t, rest);
}

int main(int argc, char **argv)
{
	static char line[LINE_MAX_BYTES];
	struct or_crypto_key *secret;
	struct tool t = {.now_ns = 1};

	if (argc != 2) {
		fprintf(stderr, "usage: query-answer-tool DIR\n");
		return 2;
	}
	must(or_loop_new(&t.loop, NULL, &t.err), &t.err);
	must(or_crypto_key_new(&secret, OR_CRYPTO_ED25519, &t.err), &t.err);
	must(tl_note_key_init(&t.key, "outrider/tool/shard/0", secret, &t.err), &t.err);
	for (unsigned int i = 0; i < SHARDS; i++)
		open_shard(&t, i, argv[1]);
	while (fgets(line, sizeof(line), stdin)) {
		struct or_slice s = or_slice_str(line);

		s.n -= s.n && s.p[s.n - 1] == '\n';
		take_line(&t, s);
	}
	for (size_t i = 0; i < SHARDS; i++) {
		co_parts_free(t.shards[i].parts);
		co_store_close(t.shards[i].store);
	}
	tl_note_key_done(&t.key);
	or_crypto_key_free(secret);
	or_loop_free(t.loop);
	return 0;
}
