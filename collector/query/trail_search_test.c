/* SPDX-License-Identifier: Apache-2.0 */
/* Random queries over random records, part of them sealed, part in memory: what comes from columns
 * is what comes from asking each record. QUERIES (environment) says how many. */
#include "collector/query/trail_search.h"

#include "base/mem.h"
#include "base/str.h"
#include "collector/audit/read.h"
#include "collector/audit/seal.h"
#include "collector/audit/store.h"
#include "proto/leaf.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>

#define ORIGIN "outrider/test/shard/0"
#define NOW    1764000000000000000LL

enum { RECORDS = 6000, SEALED = 1500, QUERIES = 500, GROUP = 50, SHOWN = 200 };

struct fixture {
	char *dir;
	struct or_crypto_key *secret;
	struct tl_note_key key;
	struct co_store *store;
	struct or_loop *loop;
	struct co_parts *parts;
	struct or_buf *records; /* encoded; empty: that leaf is none */
	struct wire_audit *decoded;
	struct or_arena *arena; /* of those */
	bool done;
	struct co_trail_search_end end;
	struct or_err err;
};

static uint64_t state64 = 7;

static uint64_t dice(uint64_t sides)
{
	state64 ^= state64 << 13;
	state64 ^= state64 >> 7;
	state64 ^= state64 << 17;
	return state64 % sides;
}

static const char *const people[] = {"alice", "bob", "carol", "dave", "eve \"q\"", "zoë", ""};
static const char *const actions[] = {"read", "write", "delete", ""};
static const char *const tables[] = {"orders", "stock", "users", "a/b", "x*y"};

static const char *const peers[] = {"10.0.0.1", "10.1.2.3:4444", "10.1.3.4", "192.0.2.7:99",
    "2001:db8::7", "[2001:db8:1::7]:443", "", "unix"};

static struct or_slice pick(const char *const *list, size_t n)
{
	return or_slice_str(list[dice(n)]);
}

static void make_record(struct or_buf *out, uint64_t i, struct or_err *err)
{
	uint8_t agent[16] = {(uint8_t)(1 + dice(3))}, span[8] = {1}, hash[32] = {(uint8_t)dice(4)};
	uint64_t trace[2] = {dice(1 << 20) * 0x9e3779b97f4a7c15ULL, i / 2};
	struct or_slice policies[3] = {OR_SLICE_LIT("p1"), OR_SLICE_LIT("p2"), OR_SLICE_LIT("a.b")};
	struct wire_attribute attributes[2] = {
	    {.key = OR_SLICE_LIT("k"), .value = or_slice_str(i % 3 ? "v" : "w")},
	    {.key = OR_SLICE_LIT("n"), .value = pick(people, 4)}};
	struct or_slice product = or_slice_str(dice(2) ? "orders" : "stock");
	struct wire_audit r = {.time_ns = (uint64_t)NOW + i * 1000000 - dice(50000000),
	    .agent_id = or_slice(agent, 16),
	    .epoch = 1 + dice(3),
	    .stream = product.n == 6 ? OR_SLICE_LIT("outrider.audit/orders")
				     : OR_SLICE_LIT("outrider.audit/stock"),
	    .seq = i + 1,
	    .product = product,
	    .kind = (enum wire_kind)(1 + dice(3)),
	    .front = WIRE_FRONT_PROXY,
	    .phase = WIRE_PHASE_COMPLETE,
	    .decision = (enum wire_decision)dice(4),
	    .principal = {dice(5) ? OR_SLICE_LIT("User") : OR_SLICE_NONE,
		pick(people, OR_LEN(people)), OR_SLICE_NONE},
	    .action = pick(actions, OR_LEN(actions)),
	    .resource = {OR_SLICE_LIT("Table"), pick(tables, OR_LEN(tables))},
	    .policies = policies + dice(2),
	    .n_policies = dice(3),
	    .bundle_revision = dice(3),
	    .bundle_sha256 = dice(2) ? or_slice(hash, 32) : OR_SLICE_NONE,
	    .request = {.status = dice(2) ? 200 + dice(4) * 100 : 0,
		.bytes_out = dice(1000),
		.duration_ns = dice(1 << 20) * 1000},
	    .peer = or_slice_str(peers[dice(OR_LEN(peers))]),
	    .trace_id = or_slice(trace, 16),
	    .span_id = or_slice(span, 8),
	    .attributes = attributes,
	    .n_attributes = dice(3)};

	span[7] = (uint8_t)dice(200);
	ASSERT_OK(wire_audit_encode(out, &r, err), err);
}

static void append(struct fixture *x, uint64_t from)
{
	struct or_buf leaves[GROUP];
	struct or_slice slices[GROUP];
	uint64_t first;

	for (uint64_t k = 0; k < GROUP; k++) {
		struct or_buf *record = &x->records[from + k];

		or_buf_init(&leaves[k], 65536);
		or_buf_init(record, 65536);
		if (k == 0) {
			or_buf_put_str(&leaves[k], "no record");
		} else {
			make_record(record, from + k, &x->err);
			/* A newer schema's now and then: kept as it came, found all the same. */
			if (from < 1000 && dice(50) == 0)
				or_buf_put(record, "\xfa\x02\x03new", 6);
			wire_leaf_encode(&leaves[k], WIRE_LEAF_RECORD, or_buf_slice(record));
		}
		slices[k] = or_buf_slice(&leaves[k]);
	}
	ASSERT_OK(co_store_put(x->store, slices, GROUP, NOW, &first, &x->err), &x->err);
	ASSERT_OK(co_store_commit(x->store, NOW, &x->err), &x->err);
	for (uint64_t k = 0; k < GROUP; k++)
		or_buf_done(&leaves[k]);
}

static int set_up(void **state)
{
	struct fixture *x = or_mem_new(sizeof(*x));
	struct co_store_opt opt = {.origin = ORIGIN, .key = &x->key, .now_ns = NOW};
	struct co_seal_opt seal_opt = {.rows = 400};
	struct co_seal *seal;

	ASSERT_OK(or_loop_new(&x->loop, NULL, &x->err), &x->err);
	ASSERT_OK(or_crypto_key_new(&x->secret, OR_CRYPTO_ED25519, &x->err), &x->err);
	ASSERT_OK(tl_note_key_init(&x->key, ORIGIN, x->secret, &x->err), &x->err);
	seal_opt.dir = opt.dir = x->dir = support_tmpdir_new();
	ASSERT_OK(co_store_open(&x->store, &opt, &x->err), &x->err);
	x->records = or_mem_array(RECORDS, sizeof(*x->records));
	for (uint64_t i = 0; i < RECORDS; i += GROUP) {
		append(x, i);
		if (i + GROUP == SEALED)
			ASSERT_OK(co_store_rotate(x->store, NOW, &x->err), &x->err);
	}
	x->decoded = or_mem_array(RECORDS, sizeof(*x->decoded));
	x->arena = or_arena_new(0);
	for (uint64_t i = 0; i < RECORDS; i++) {
		struct or_slice record = or_buf_slice(&x->records[i]);

		if (record.n)
			ASSERT_OK(
			    wire_audit_decode(&x->decoded[i], NULL, record, x->arena, &x->err),
			    &x->err);
	}
	seal = co_seal_new(&seal_opt);
	co_seal_hurry(seal);
	while (co_seal_step(seal, RECORDS, NOW, &x->err) == OR_AGAIN)
		;
	co_seal_free(seal);
	x->parts = co_parts_new(x->dir);
	ASSERT_OK(co_parts_list(x->parts, &x->err), &x->err);
	assert_int_equal(co_parts_sealed(x->parts), SEALED);
	assert_int_equal(co_parts_n(x->parts), 4);
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	for (size_t i = 0; i < RECORDS; i++)
		or_buf_done(&x->records[i]);
	or_mem_free(x->records);
	or_mem_free(x->decoded);
	or_arena_free(x->arena);
	co_parts_free(x->parts);
	co_store_close(x->store);
	or_loop_free(x->loop);
	tl_note_key_done(&x->key);
	or_crypto_key_free(x->secret);
	support_tmpdir_remove(x->dir);
	or_mem_free(x);
	return 0;
}

/* ---- queries by chance */

static void put_value(struct or_buf *q, const char *text)
{
	or_buf_put_byte(q, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			or_buf_put_byte(q, '\\');
		or_buf_put_byte(q, (uint8_t)*text);
	}
	or_buf_put_byte(q, '"');
}

static void put_text_test(struct or_buf *q)
{
	static const char *const fields[] = {"principal.id", "principal.type", "action",
	    "resource.id", "product", "principal", "policies", "attributes.k", "attributes.n",
	    "stream", "peer"};
	static const char *const words[] = {"=al*", "=*o*", "!=*e", "=*", "!=User*", "=p1", "!=p2",
	    "=v", "=orders", "!=outrider.audit/*", "=User::\"bob\"", "!=a.b"};

	or_buf_put_str(q, fields[dice(OR_LEN(fields))]);
	switch (dice(4)) {
	case 0: or_buf_put_str(q, words[dice(OR_LEN(words))]); break;
	case 1:
		or_buf_put_str(q, " in (");
		put_value(q, people[dice(OR_LEN(people))]);
		or_buf_put_str(q, ", ");
		put_value(q, tables[dice(OR_LEN(tables))]);
		or_buf_put_byte(q, ')');
		break;
	default:
		or_buf_put_str(q, dice(2) ? "=" : "!=");
		put_value(q, dice(2) ? people[dice(OR_LEN(people))] : tables[dice(OR_LEN(tables))]);
	}
}

static void put_number_test(struct or_buf *q)
{
	static const char *const fields[] = {
	    "request.status", "request.bytes_out", "seq", "bundle.revision", "request.duration_ns"};
	static const char *const ops[] = {"=", "!=", "<", "<=", ">", ">="};
	static const unsigned int numbers[] = {0, 1, 200, 300, 500, 2500, 5500, 100000000};

	or_buf_printf(q, "%s%s%u", fields[dice(OR_LEN(fields))], ops[dice(OR_LEN(ops))],
	    numbers[dice(OR_LEN(numbers))]);
}

static void put_hex_test(struct fixture *x, struct or_buf *q)
{
	const struct or_buf *record = &x->records[dice(RECORDS)];
	struct or_arena *a = or_arena_new(0);
	struct wire_audit r;

	if (record->n == 0 || wire_audit_decode(&r, NULL, or_buf_slice(record), a, NULL)) {
		or_buf_put_str(q, "trace_id=00112233445566778899aabbccddeeff");
	} else if (dice(3)) {
		or_buf_put_str(q, dice(8) ? "trace_id=" : "trace_id!=");
		or_str_hex_encode(q, r.trace_id);
	} else {
		or_buf_put_str(q, "span_id=");
		or_str_hex_encode(q, r.span_id);
	}
	or_arena_free(a);
}

static void put_test(struct fixture *x, struct or_buf *q)
{
	static const char *const others[] = {"decision=deny", "decision!=allow", "kind=access",
	    "kind in (policy, access)", "request.status=2*", "decision=*allow", "agent=0100*",
	    "epoch=0000000000000002", "bundle.sha256=0*", "front=proxy", "epoch!=*1",
	    "time>=2025-11-24T16:00:02Z", "decision=unknown", "phase!=complete",
	    "principal.id ~ \"^[a-c]\"", "principal ~ \"(?i)USER::.(bob|eve)\"",
	    "resource.id !~ \"o.*s$\"", "action ~ \"^$|rit\"", "policies ~ \"^p[12]$\"",
	    "decision ~ \"deny|err\"", "request.status ~ \"^[45]\"", "principal.id=c*",
	    "resource.id!=u*", "action=*", "principal.id=zo*", "peer=cidr(10.0.0.0/8)",
	    "peer in (cidr(10.1.0.0/16), \"\", 192.0.2.7:99)", "peer!=cidr(10.1.2.0/23)",
	    "peer=10.*", "peer=cidr(2001:db8::/32)", "attributes.n ~ o"};

	switch (dice(5)) {
	case 0: or_buf_put_str(q, others[dice(OR_LEN(others))]); break;
	case 1: put_number_test(q); break;
	case 2: put_hex_test(x, q); break;
	default: put_text_test(q);
	}
}

static void put_filter(struct fixture *x, struct or_buf *q, int depth)
{
	if (depth == 0 || dice(3) == 0) {
		put_test(x, q);
		return;
	}
	or_buf_put_str(q, dice(4) ? "(" : "not (");
	put_filter(x, q, depth - 1);
	or_buf_put_str(q, dice(2) ? " or " : " and ");
	put_filter(x, q, depth - 1);
	or_buf_put_byte(q, ')');
}

static void put_stage(struct or_buf *q)
{
	static const char *const deduped[] = {"principal.id", "action, resource", "attributes.k",
	    "trace_id", "request.status, decision"};
	static const char *const sorted[] = {"request.duration_ns desc", "principal.id, seq",
	    "resource desc, time", "attributes.n, request.status desc", "policies, peer"};
	static const char *const by[] = {"action", "principal", "decision, product",
	    "request.status", "principal.id, resource", "attributes.k", "policies", "agent, kind",
	    "epoch", "seq", "10ms", "action, minute", "peer, 250ms, decision", "time"};
	static const char *const measures[] = {"count", "distinct principal.id",
	    "distinct resource", "sum request.bytes_out", "min request.duration_ns", "max seq",
	    "avg request.bytes_out", "distinct span_id", "max time",
	    "count, distinct(action), avg request.bytes_out as bytes",
	    "quantile(0.5, request.duration_ns)",
	    "quantile(0.999, seq) as q, min seq, distinct peer, distinct principal"};

	if (dice(4) == 0)
		or_buf_put_str(q, " | where request.status>=300 or action=read");
	if (dice(2)) {
		if (dice(4) == 0)
			or_buf_printf(q, " | dedup %s", deduped[dice(OR_LEN(deduped))]);
		if (dice(4) == 0)
			or_buf_printf(q, " | sort %s", sorted[dice(OR_LEN(sorted))]);
		or_buf_printf(q, " | limit %u", (unsigned int)(1 + dice(SHOWN)));
		return;
	}
	or_buf_printf(q, " | %s", measures[dice(OR_LEN(measures))]);
	if (dice(4))
		or_buf_printf(q, " by %s", by[dice(OR_LEN(by))]);
	if (dice(2))
		or_buf_printf(q, " | top %u", (unsigned int)(1 + dice(20)));
}

static void put_query(struct fixture *x, struct or_buf *q)
{
	if (dice(10))
		put_filter(x, q, 2);
	for (uint64_t n = dice(3); n; n--) {
		or_buf_put_byte(q, ' ');
		put_test(x, q);
	}
	if (dice(4) == 0)
		or_buf_printf(q, " since=2025-11-24T16:00:0%uZ", (unsigned int)dice(7));
	if (dice(6) == 0)
		or_buf_printf(q, " until=2025-11-24T16:00:0%uZ", (unsigned int)dice(7));
	put_stage(q);
}

/* ---- both answers */

static void put_rows(struct or_buf *out, struct co_run *run)
{
	struct co_run_summary s = {0};
	struct co_run_place p;

	co_run_finish(run);
	while (co_run_next_group(run, out))
		;
	co_run_get_summary(run, &s);
	while (!s.n_fields && co_run_next_place(run, &p))
		or_buf_printf(
		    out, "%llu %llu\n", (unsigned long long)p.time_ns, (unsigned long long)p.index);
	or_buf_printf(out, "matched %llu shown %zu%s\n", (unsigned long long)s.matched, s.shown,
	    s.truncated ? " of more" : "");
}

static void ask_each(struct fixture *x, const struct co_query *q, struct or_buf *out)
{
	struct co_run *run = co_run_new(q);

	for (uint64_t i = 0; i < RECORDS; i++) {
		if (x->records[i].n)
			ASSERT_OK(co_run_feed(run, &x->decoded[i], 0, i, &x->err), &x->err);
	}
	put_rows(out, run);
	co_run_free(run);
}

static void on_done(void *arg, const struct co_trail_search_end *end)
{
	struct fixture *x = arg;

	x->done = true;
	x->end = *end;
}

static void search(struct fixture *x, const struct co_query *q, struct or_buf *out)
{
	const struct co_trail_search_log log = {.dir = x->dir, .size = RECORDS, .parts = x->parts};
	struct co_run *run = co_run_new(q);

	x->done = false;
	co_trail_search_start(x->loop, q, run, &log, 1, on_done, x);
	while (!x->done)
		or_loop_turn(x->loop, true);
	ASSERT_OK(x->end.end.rc, &x->end.end.err);
	assert_int_equal(x->end.end.damaged, 0);
	put_rows(out, run);
	co_run_free(run);
}

/* Where records are skipped for being too old, how many of them match is not known. */
static void cut_counts(struct or_buf *b)
{
	const char *text = or_buf_text(b), *at = strstr(text, "matched ");

	or_buf_cut(b, (size_t)(at - text));
}

static void random_queries__give_what_each_record_says(void **state)
{
	struct fixture *x = *state;
	const char *wanted = getenv("QUERIES");
	uint64_t n = QUERIES, skipped = 0;
	struct or_buf text, each, columns;

	if (wanted)
		assert_int_equal(or_str_u64(&n, or_slice_str(wanted)), OR_OK);
	or_buf_init(&text, CO_QUERY_TEXT_MAX);
	or_buf_init(&each, 1 << 24);
	or_buf_init(&columns, 1 << 24);
	for (uint64_t i = 0; i < n; i++) {
		struct or_arena *a = or_arena_new(CO_QUERY_ARENA);
		struct co_query q;

		or_buf_clear(&text);
		or_buf_clear(&each);
		or_buf_clear(&columns);
		put_query(x, &text);
		ASSERT_OK(co_query_parse(&q, or_buf_slice(&text), NOW, a, &x->err), &x->err);
		ask_each(x, &q, &each);
		search(x, &q, &columns);
		skipped += x->end.parts_skipped;
		if (!q.is_count) {
			cut_counts(&each);
			cut_counts(&columns);
		}
		if (!or_slice_eq(or_buf_slice(&each), or_buf_slice(&columns)))
			fail_msg("%s\nrecords say:\n%.800s\ncolumns say:\n%.800s",
			    or_buf_text(&text), or_buf_text(&each), or_buf_text(&columns));
		or_arena_free(a);
	}
	/* Selective ones leave parts alone. */
	assert_true(skipped > n / 2);
	/* The tail behind them is read by its columns too, but for its end. */
	assert_int_equal(co_tail_n(co_parts_tail(x->parts)), 1);
	assert_int_equal(co_tail_end(co_parts_tail(x->parts)), SEALED + CO_TAIL_ROWS);
	or_buf_done(&text);
	or_buf_done(&each);
	or_buf_done(&columns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		random_queries__give_what_each_record_says, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
