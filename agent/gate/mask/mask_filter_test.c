/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/mask/mask_filter.h"
#include "base/gzip.h"
#include "tests/support/support.h"

#include <sys/resource.h>

enum { MAX = 64 * 1024 * 1024, EXTRA_KIB_MAX = 2048 };

struct world {
	struct or_arena *arena;
	struct pol_set *set;
	const struct ag_filter_plan *plan;
	struct or_buf out;
	const char *reason; /* NULL: the answer passed */
	bool cut;           /* it failed after a byte had gone out */
};

static struct ag_mask_filter_conf conf;

static enum or_code oblige(struct world *w, const char *policies)
{
	struct pol_decision d = {.allow = true};
	const struct pol_policy **reasons;
	struct or_err err = {0};

	conf.hash_key = OR_SLICE_LIT("the key of this test");
	pol_set_free(w->set);
	w->set = NULL;
	w->plan = NULL;
	ASSERT_OK(
	    pol_set_parse(&w->set, POL_IDS_ANNOTATED, "p", or_slice_str(policies), NULL, &err),
	    &err);
	reasons = or_arena_array(w->arena, pol_set_count(w->set), sizeof(*reasons));
	for (size_t i = 0; i < pol_set_count(w->set); i++)
		reasons[i] = pol_set_at(w->set, i);
	d.reasons = reasons;
	d.n_reasons = pol_set_count(w->set);
	return ag_mask_filter_oblige(&conf, &w->plan, &d, NULL, w->arena);
}

static void open_world(struct world *w)
{
	*w = (struct world){.arena = or_arena_new(64 * OR_MIB)};
	or_buf_init(&w->out, MAX);
	ASSERT_CODE(
	    oblige(w, "@mask(\"email:redact, n:null\") permit(principal, action, resource);"),
	    OR_OK);
}

static void close_world(struct world *w)
{
	pol_set_free(w->set);
	or_arena_free(w->arena);
	or_buf_done(&w->out);
}

static struct ag_filter *open_filter(
    struct world *w, const char *type, const char *coding, const char *twice)
{
	struct or_http_field fields[3] = {{OR_SLICE_LIT("Content-Type"), or_slice_str(type)},
	    {OR_SLICE_LIT("Content-Encoding"), or_slice_str(coding)},
	    {OR_SLICE_LIT("content-type"), or_slice_str(twice)}};
	struct or_http_msg msg = {.fields = fields, .n_fields = twice ? 3 : coding ? 2 : type != 0};
	struct ag_filter_head head = {.msg = &msg, .arena = w->arena};
	struct ag_filter *f;

	ASSERT_CODE(w->plan->open(&f, w->plan, &head, &w->reason), OR_OK);
	return f;
}

/* False: refused. */
static bool give(struct world *w, struct ag_filter *f, struct or_slice in, bool last)
{
	struct ag_filter_io io = {.in = in, .last = last};
	struct or_buf out;
	bool ok;

	or_buf_init(&out, AG_FILTER_OUT_MAX);
	io.out = &out;
	do {
		io.more = false;
		or_buf_clear(&out);
		ok = f->ops->run(f, &io) == OR_OK;
		assert_true(or_buf_ok(&out));
		w->reason = ok ? NULL : io.reason;
		w->cut = !ok && w->out.n;
		if (ok)
			or_buf_put_slice(&w->out, or_buf_slice(&out));
		assert_true(!ok || io.more || !io.in.n);
	} while (ok && io.more);
	or_buf_done(&out);
	return ok;
}

static void answer(
    struct world *w, const char *type, const char *coding, struct or_slice body, size_t piece)
{
	struct ag_filter *f = open_filter(w, type, coding, NULL);
	bool ok = true;

	or_buf_clear(&w->out);
	for (size_t at = 0; at < body.n && ok; at += piece)
		ok = give(
		    w, f, or_slice(body.p + at, body.n - at < piece ? body.n - at : piece), false);
	if (ok)
		give(w, f, OR_SLICE_NONE, true);
	f->ops->free(f);
}

static void expect(struct world *w, const char *type, const char *body, const char *wanted)
{
	for (size_t piece = 1; piece < 100; piece += 98) {
		answer(w, type, NULL, or_slice_str(body), piece);
		assert_null(w->reason);
		ASSERT_SLICE(or_buf_slice(&w->out), wanted);
	}
}

static void refused(
    struct world *w, const char *type, const char *coding, const char *body, const char *reason)
{
	answer(w, type, coding, or_slice_str(body), 64);
	assert_non_null(w->reason);
	assert_string_equal(w->reason, reason);
	assert_false(w->cut);
}

static void run__knows_types(void **state)
{
	static const char *const json[] = {"application/json", "application/json; charset=utf-8",
	    "Application/JSON;charset=\"UTF-8\"", "application/vnd.api+json", "text/json"};
	static const char *const ndjson[] = {
	    "application/x-ndjson", "application/jsonl", "application/ndjson"};
	static const char *const none[] = {"text/plain", "text/html", "application/xml",
	    "application/json; charset=utf-16", "application/octet-stream",
	    "text/csv;header=absent", "text/csv; charset=iso-8859-1", "application/json-seq",
	    "application/vnd.apache.parquet", "", "json"};
	struct world w;

	(void)state;
	open_world(&w);
	for (size_t i = 0; i < OR_LEN(json); i++)
		expect(&w, json[i], "[{\"email\":\"a\"}]", "[{\"email\":\"x\"}]");
	for (size_t i = 0; i < OR_LEN(ndjson); i++)
		expect(&w, ndjson[i], "{\"n\":1}\n{\"n\":2}\n", "{\"n\":null}\n{\"n\":null}\n");
	expect(&w, "text/csv; header=present", "n,email\n1,a\n", "n,email\n,x\n");
	for (size_t i = 0; i < OR_LEN(none); i++)
		refused(&w, none[i], NULL, "[]", "mask_type");
	refused(&w, NULL, NULL, "[]", "mask_type");
	close_world(&w);
}

static void run__refuses_what_is_wrong_before_a_byte_went_out(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	refused(&w, "application/json", NULL, "{\"a\":1,\"a\":2}", "mask_duplicate_key");
	refused(&w, "application/json", NULL, "{\"email\":\"x\"", "mask_truncated");
	refused(&w, "application/json", NULL, "oops", "mask_malformed");
	refused(&w, "text/csv", NULL, "email,b\n1,2\n1,2,3\n", "mask_malformed");
	refused(&w, "application/json", "br", "[]", "mask_coding");
	refused(&w, "application/json", "gzip, gzip", "[]", "mask_coding");
	refused(&w, "application/json", "gzip", "[]", "mask_coding");
	close_world(&w);
}

static void run__lets_an_answer_without_content_pass(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	expect(&w, "text/html", "", "");
	expect(&w, "application/json", "", "");
	answer(&w, "application/json", "gzip", OR_SLICE_NONE, 1);
	assert_null(w.reason);
	close_world(&w);
}

static void run__refuses_two_types(void **state)
{
	struct ag_filter *f;
	struct world w;

	(void)state;
	open_world(&w);
	f = open_filter(&w, "application/json", "identity", "text/csv");
	assert_false(give(&w, f, OR_SLICE_LIT("[]"), false));
	assert_string_equal(w.reason, "mask_type");
	f->ops->free(f);
	close_world(&w);
}

static void run__cuts_what_goes_wrong_later(void **state)
{
	struct or_buf body;
	struct world w;

	(void)state;
	open_world(&w);
	or_buf_init(&body, MAX);
	or_buf_put_byte(&body, '[');
	while (body.n < 4 * AG_MASK_FILTER_HOLD)
		or_buf_put_str(&body, "{\"email\":\"abc\"},");
	or_buf_put_str(&body, "{\"a\":1,\"a\":2}]");
	answer(&w, "application/json", NULL, or_buf_slice(&body), 1000);
	assert_string_equal(w.reason, "mask_duplicate_key");
	assert_true(w.cut);
	or_buf_done(&body);
	close_world(&w);
}

static void run__unpacks_and_packs(void **state)
{
	static const size_t pieces[] = {1, 777, MAX};
	struct or_buf body, packed, wanted, got;
	struct world w;

	(void)state;
	open_world(&w);
	or_buf_init(&body, MAX);
	or_buf_init(&packed, MAX);
	or_buf_init(&wanted, MAX);
	or_buf_init(&got, MAX);
	or_buf_put_str(&body, "[1");
	or_buf_put_str(&wanted, "[1");
	for (int i = 0; i < 20000; i++) {
		or_buf_printf(&body, ",{\"email\":\"a%d\",\"n\":%d,\"k\":%d}", i % 10, i, i);
		or_buf_printf(&wanted, ",{\"email\":\"x0\",\"n\":null,\"k\":%d}", i);
	}
	or_buf_put_str(&body, "]");
	or_buf_put_str(&wanted, "]");
	ASSERT_CODE(or_gzip_encode(&packed, or_buf_slice(&body)), OR_OK);
	for (size_t i = 0; i < OR_LEN(pieces); i++) {
		answer(&w, "application/json", "gzip", or_buf_slice(&packed), pieces[i]);
		assert_null(w.reason);
		or_buf_clear(&got);
		ASSERT_CODE(or_gzip_decode(&got, or_buf_slice(&w.out), NULL), OR_OK);
		assert_true(or_slice_eq(or_buf_slice(&got), or_buf_slice(&wanted)));
	}
	packed.n -= 4;
	answer(&w, "application/json", "gzip", or_buf_slice(&packed), MAX);
	assert_string_equal(w.reason, "mask_coding");
	or_buf_done(&body);
	or_buf_done(&packed);
	or_buf_done(&wanted);
	or_buf_done(&got);
	close_world(&w);
}

/* Packed a thousandfold: what is unpacked at a time is bounded. */
static void run__unpacks_a_bomb_piece_by_piece(void **state)
{
	struct or_buf body, packed;
	struct ag_filter *f;
	struct world w;
	struct ag_filter_io io;
	struct or_buf out;
	size_t total = 0;

	(void)state;
	open_world(&w);
	or_buf_init(&body, MAX);
	or_buf_init(&packed, MAX);
	or_buf_put_byte(&body, '[');
	while (body.n < 16 * OR_MIB)
		or_buf_put_str(&body, "                                ");
	or_buf_put_byte(&body, ']');
	ASSERT_CODE(or_gzip_encode(&packed, or_buf_slice(&body)), OR_OK);
	f = open_filter(&w, "application/json", "gzip", NULL);
	or_buf_init(&out, AG_FILTER_OUT_MAX);
	io = (struct ag_filter_io){.in = or_buf_slice(&packed), .out = &out};
	do {
		io.more = false;
		or_buf_clear(&out);
		ASSERT_CODE(f->ops->run(f, &io), OR_OK);
		assert_true(out.n <= 2 * AG_FILTER_OUT);
		total++;
	} while (io.more);
	assert_true(total > 16 * OR_MIB / (2 * AG_FILTER_OUT));
	f->ops->free(f);
	or_buf_done(&out);
	or_buf_done(&body);
	or_buf_done(&packed);
	close_world(&w);
}

static long peak_kib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

/* A GiB of rows, in what the client of the gate takes at a time. */
static void stream(struct world *w, const char *type, const char *row, uint64_t total)
{
	struct ag_filter *f = open_filter(w, type, NULL, NULL);
	struct or_buf chunk;
	size_t n_row = strlen(row);

	or_buf_init(&chunk, OR_MIB);
	while (chunk.n + n_row < AG_FILTER_OUT)
		or_buf_put_str(&chunk, row);
	for (uint64_t sent = 0; sent < total; sent += chunk.n) {
		or_buf_clear(&w->out);
		assert_true(give(w, f, or_buf_slice(&chunk), false));
	}
	assert_true(w->out.n > 0);
	or_buf_done(&chunk);
	f->ops->free(f);
}

static void run__needs_little_memory(void **state)
{
	static const char row[] =
	    "{\"id\":12345,\"email\":\"ann.lee@example.com\",\"note\":\"some text, not masked\"}\n";
	static const char csv[] = "12345,ann.lee@example.com,some text that is not masked\n";
	struct world w;
	long before;

	(void)state;
	open_world(&w);
	stream(&w, "application/x-ndjson", row, OR_MIB);
	before = peak_kib();
	stream(&w, "application/x-ndjson", row, 256 * OR_MIB);
	stream(&w, "text/csv", csv, 256 * OR_MIB);
#ifndef __SANITIZE_ADDRESS__
	assert_true(peak_kib() - before <= EXTRA_KIB_MAX);
#else
	(void)before;
#endif
	close_world(&w);
}

static void oblige__names_what_is_owed(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	assert_int_equal(w.plan->n_obligations, 2);
	ASSERT_SLICE(w.plan->obligations[0], "mask:email:redact");
	ASSERT_SLICE(w.plan->obligations[1], "mask:n:null");
	ASSERT_CODE(oblige(&w, "permit(principal, action, resource);"), OR_OK);
	assert_null(w.plan);
	ASSERT_CODE(oblige(&w, "@mask(\"a:constant:secret\") permit(principal, action, resource);"
			       "permit(principal, action, resource);"),
	    OR_OK);
	ASSERT_SLICE(w.plan->obligations[0], "mask:a:constant");
	ASSERT_CODE(
	    oblige(&w, "@mask(\"a:unheard\") permit(principal, action, resource);"), OR_INVAL);
	assert_null(w.plan);
	ASSERT_CODE(
	    oblige(&w, "@mask(\"a:null\") @filter(\"x\") permit(principal, action, resource);"),
	    OR_UNSUPPORTED);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(run__knows_types),
	    cmocka_unit_test(run__refuses_what_is_wrong_before_a_byte_went_out),
	    cmocka_unit_test(run__lets_an_answer_without_content_pass),
	    cmocka_unit_test(run__refuses_two_types),
	    cmocka_unit_test(run__cuts_what_goes_wrong_later),
	    cmocka_unit_test(run__needs_little_memory),
	    cmocka_unit_test(run__unpacks_and_packs),
	    cmocka_unit_test(run__unpacks_a_bomb_piece_by_piece),
	    cmocka_unit_test(oblige__names_what_is_owed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
