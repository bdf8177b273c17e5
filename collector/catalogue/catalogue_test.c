/* SPDX-License-Identifier: Apache-2.0 */
/* The tables alone, on virtual documents and records; the way from agents and logs is
 * collector/node_test.c's and tests/scenario/catalogue_test.py's. */
#include "collector/catalogue/catalogue.h"

#include "base/str.h"
#include "collector/catalogue/entry.h"
#include "collector/catalogue/facts.h"
#include "collector/catalogue/reader.h"
#include "collector/catalogue/search.h"
#include "collector/dora/dora.h"
#include "collector/dora/runs.h"
#include "collector/ingest/inputs.h"
#include "tests/support/support.h"

#include <stdio.h>

#define T0 1800000000000000000LL

struct world {
	char *dir;
	struct or_db *db;
	struct or_arena *a;
	struct or_buf answer;
	const struct or_json *json;
	struct co_reader *reader;
	char inputs[512];
	struct or_err err;
};

static void open_db(struct world *w)
{
	ASSERT_OK(co_facts_open(&w->db, support_path(w->dir, "catalogue.db"), &w->err), &w->err);
}

static int make_world(void **state)
{
	struct world *w = test_calloc(1, sizeof(*w));

	w->dir = support_tmpdir_new();
	w->a = or_arena_new(0);
	or_buf_init(&w->answer, 1U << 22);
	snprintf(w->inputs, sizeof(w->inputs), "%s", w->dir);
	w->reader = co_reader_new(w->inputs);
	open_db(w);
	*state = w;
	return 0;
}

static int end_world(void **state)
{
	struct world *w = *state;

	or_db_close(w->db);
	co_reader_free(w->reader);
	or_buf_done(&w->answer);
	or_arena_free(w->a);
	support_tmpdir_remove(w->dir);
	test_free(w);
	return 0;
}

static const char document_text[] =
    "{\"contracts\":[{\"apiVersion\":\"v3.1.0\",\"id\":\"c1\",\"kind\":\"DataContract\","
    "\"name\":\"Sold things\",\"schema\":[{\"name\":\"t\",\"properties\":[{\"name\":\"mail\","
    "\"logicalType\":\"object\",\"classification\":\"restricted\",\"tags\":[\"personal\"],"
    "\"properties\":[{\"name\":\"Host\",\"logicalType\":\"string\"}]}]}],"
    "\"status\":\"active\",\"version\":\"%s\"}],"
    "\"product\":{\"apiVersion\":\"v1.0.0\",\"domain\":\"sales\",\"id\":\"%s\","
    "\"kind\":\"DataProduct\",\"name\":\"Orders %%\",\"outputPorts\":[{\"contractId\":\"c1\","
    "\"name\":\"out\",\"version\":\"3\"}],\"status\":\"active\",\"tags\":[\"shop\"]},"
    "\"source\":{}}";

static enum or_code put(
    struct world *w, const char *product, const char *version, int64_t sent_ns, bool *is_new)
{
	struct co_entry entry = {.product = or_slice_str(product),
	    .sha256 = or_slice_str(or_arena_printf(w->a, "%s-%s", product, version)),
	    .agent = OR_SLICE_LIT("an agent"),
	    .sent_ns = sent_ns,
	    .now_ns = T0};
	const char *text = or_arena_printf(w->a, document_text, version, product);
	struct dp_document d;

	ASSERT_OK(dp_document_parse(&d, or_slice_str(text), w->a, &w->err), &w->err);
	return co_entry_put(is_new, w->db, &entry, &d, &w->err);
}

static const struct or_json *parse(struct world *w)
{
	ASSERT_OK(or_json_parse(&w->json, or_buf_slice(&w->answer), w->a, &w->err), &w->err);
	return w->json;
}

/* The products that are found. */
static size_t find(struct world *w, const char *query)
{
	struct or_jsonw out;

	or_buf_clear(&w->answer);
	or_jsonw_init(&out, &w->answer, 0);
	ASSERT_OK(co_search_put(&out, w->db, or_slice_str(query), &w->err), &w->err);
	return or_json_get(parse(w), "products")->array.n;
}

static const struct or_json *found(struct world *w)
{
	return or_json_get(w->json, "products")->array.items[0];
}

static const struct or_json *dora(struct world *w, const char *product)
{
	struct or_jsonw out;

	or_buf_clear(&w->answer);
	or_jsonw_init(&out, &w->answer, 0);
	ASSERT_OK(co_dora_put(&out, w->db, or_slice_str(product), &w->err), &w->err);
	return parse(w);
}

static int64_t number(const struct or_json *j, const char *key)
{
	const struct or_json *n = or_json_get_type(j, key, OR_JSON_INT);

	assert_non_null(n);
	return n->i;
}

/* ---- entries and search */

static void put__is_found_by_everything_it_says(void **state)
{
	static const char *const hits[] = {"", "orders", "ORDERS", "sales", "shop", "personal",
	    "mail.host", "column:host", "contract:sold", "port:out", "tag:shop domain:sales", "%"};
	static const char *const misses[] = {
	    "nothing", "tag:mail", "column:shop", "orders nothing", "_rders", "domain:orders"};
	struct world *w = *state;
	bool is_new = false;

	ASSERT_OK(put(w, "orders", "1", T0, &is_new), &w->err);
	assert_true(is_new);
	for (size_t i = 0; i < OR_LEN(hits); i++)
		assert_int_equal(find(w, hits[i]), 1);
	for (size_t i = 0; i < OR_LEN(misses); i++)
		assert_int_equal(find(w, misses[i]), 0);
	assert_int_equal(find(w, "host"), 1);
	ASSERT_SLICE(or_json_get_str(found(w), "class"), "restricted");
	ASSERT_HAS(
	    or_buf_text(&w->answer), "\"found_in\":[{\"in\":\"column\",\"text\":\"t.mail.Host\"}]");
	ASSERT_HAS(or_buf_text(&w->answer), "\"contract\":\"c1\",\"contract_version\":\"1\"");
}

static void put__replaces_and_remembers_contract_versions(void **state)
{
	struct world *w = *state;
	bool is_new = true;

	ASSERT_OK(put(w, "orders", "1", T0, &is_new), &w->err);
	ASSERT_OK(put(w, "orders", "1", T0 + 1, &is_new), &w->err);
	assert_false(is_new);
	ASSERT_OK(put(w, "orders", "2", T0 + 2, &is_new), &w->err);
	assert_true(is_new);
	assert_int_equal(find(w, "orders"), 1);
	assert_int_equal(or_json_get(found(w), "ports")->array.n, 1);
	assert_int_equal(or_json_get(found(w), "contracts")->array.n, 2);
}

static void put__refuses_what_was_signed_before(void **state)
{
	struct world *w = *state;
	bool is_new = false;

	ASSERT_OK(put(w, "orders", "2", T0, &is_new), &w->err);
	ASSERT_CODE(put(w, "orders", "1", T0 - 1, &is_new), OR_STALE);
	assert_int_equal(find(w, ""), 1);
	ASSERT_HAS(or_buf_text(&w->answer), "\"contract_version\":\"2\"");
}

static void put__refuses_another_products_document(void **state)
{
	struct world *w = *state;
	struct co_entry entry = {.product = OR_SLICE_LIT("other"),
	    .sha256 = OR_SLICE_LIT("h"),
	    .agent = OR_SLICE_LIT("a")};
	const char *text = or_arena_printf(w->a, document_text, "1", "orders");
	struct dp_document d;
	bool is_new;

	ASSERT_OK(dp_document_parse(&d, or_slice_str(text), w->a, &w->err), &w->err);
	ASSERT_CODE(co_entry_put(&is_new, w->db, &entry, &d, &w->err), OR_INVAL);
	assert_int_equal(find(w, ""), 0);
}

static void search__says_what_is_wrong(void **state)
{
	struct world *w = *state;
	struct or_jsonw out;

	or_jsonw_init(&out, &w->answer, 0);
	ASSERT_CODE(co_search_put(&out, w->db, OR_SLICE_LIT("tags:x"), &w->err), OR_INVAL);
	ASSERT_HAS(w->err.msg, "did you mean \"tag:\"");
	ASSERT_CODE(
	    co_search_put(&out, w->db, OR_SLICE_LIT("1 2 3 4 5 6 7 8 9"), &w->err), OR_INVAL);
}

static void facts__last_over_a_restart(void **state)
{
	struct world *w = *state;
	bool is_new;

	ASSERT_OK(put(w, "orders", "1", T0, &is_new), &w->err);
	or_db_close(w->db);
	open_db(w);
	assert_int_equal(find(w, "column:host"), 1);
}

/* ---- readers and figures */

static struct wire_audit read_of(const char *who, int64_t at_ns)
{
	return (struct wire_audit){.time_ns = (uint64_t)at_ns,
	    .product = OR_SLICE_LIT("orders"),
	    .port = OR_SLICE_LIT("out"),
	    .kind = WIRE_KIND_ACCESS,
	    .phase = WIRE_PHASE_DECISION,
	    .decision = WIRE_DECISION_ALLOW,
	    .action = OR_SLICE_LIT("read"),
	    .principal = {.type = OR_SLICE_LIT("User"), .id = or_slice_str(who)}};
}

static void take(struct world *w, const struct wire_audit *r, const char *id)
{
	char text[21];

	snprintf(text, sizeof(text), "%-20s", id);
	ASSERT_CODE(co_reader_take(w->reader, r, text), OR_OK);
	ASSERT_OK(co_dora_take(w->db, r, id, &w->err), &w->err);
}

static void write_readers(struct world *w)
{
	ASSERT_OK(co_reader_write(w->reader, w->db, &w->err), &w->err);
}

static void reader__counts_each_allowed_read_once(void **state)
{
	struct world *w = *state;
	struct wire_audit r = read_of("ana", T0), other;
	bool is_new;

	ASSERT_OK(put(w, "orders", "1", T0, &is_new), &w->err);
	take(w, &r, "1");
	other = r; /* none of these counts */
	other.phase = WIRE_PHASE_OUTCOME;
	take(w, &other, "2");
	other = r;
	other.decision = WIRE_DECISION_DENY;
	take(w, &other, "3");
	other = r;
	other.action = OR_SLICE_LIT("write");
	take(w, &other, "4");
	write_readers(w);
	r = read_of("ana", T0 + 5);
	take(w, &r, "5");
	r = read_of("bob", T0 + 3);
	r.phase = WIRE_PHASE_COMPLETE;
	take(w, &r, "6");
	write_readers(w);
	assert_int_equal(find(w, ""), 1);
	assert_int_equal(number(found(w), "readers"), 2);
	assert_int_equal(number(found(w), "reads"), 3);
	assert_memory_equal(or_json_get_str(found(w), "last_read_record").p, "5 ", 2);
}

static void reader__takes_the_domain_from_the_inputs(void **state)
{
	struct world *w = *state;
	struct or_slice inputs = OR_SLICE_LIT("{\"attributes\":{\"domain\":\"marketing\"}}");
	struct wire_audit r = read_of("ana", T0);
	uint8_t hash[OR_CRYPTO_HASH_LEN];
	bool is_new;

	ASSERT_OK(put(w, "orders", "1", T0, &is_new), &w->err);
	take(w, &r, "1"); /* nothing is known of its domain */
	write_readers(w);
	assert_int_equal(number(dora(w, "orders"), "readers_without_domain"), 1);
	ASSERT_OK(co_inputs_put(w->inputs, inputs, &w->err), &w->err);
	or_crypto_sha256(hash, inputs);
	r.inputs = or_slice(hash, sizeof(hash));
	take(w, &r, "2");
	write_readers(w);
	assert_int_equal(number(dora(w, "orders"), "readers_without_domain"), 0);
	ASSERT_SLICE(
	    or_json_get_str(or_json_get(w->json, "first_read_elsewhere"), "domain"), "marketing");
}

static struct wire_audit start_of(const char *version, const char *commit, const char *committed,
    const char *modified, int64_t at_ns, struct wire_attribute attributes[4])
{
	attributes[0] =
	    (struct wire_attribute){.key = OR_SLICE_LIT("version"), .value = or_slice_str(version)};
	attributes[1] =
	    (struct wire_attribute){.key = OR_SLICE_LIT("commit"), .value = or_slice_str(commit)};
	attributes[2] = (struct wire_attribute){
	    .key = OR_SLICE_LIT("modified"), .value = or_slice_str(modified)};
	attributes[3] = (struct wire_attribute){
	    .key = OR_SLICE_LIT("committed"), .value = or_slice_str(committed)};
	return (struct wire_audit){.time_ns = (uint64_t)at_ns,
	    .product = OR_SLICE_LIT("orders"),
	    .kind = WIRE_KIND_PIPELINE,
	    .action = OR_SLICE_LIT("start"),
	    .reason = OR_SLICE_LIT("version_started"),
	    .attributes = attributes,
	    .n_attributes = 4};
}

static void dora__measures_from_commit_to_start(void **state)
{
	/* T0 is 2027-01-15T08:00:00Z */
	struct wire_attribute attributes[4];
	struct world *w = *state;
	const struct or_json *j;
	struct wire_audit r;

	r = start_of("1", "aa", "2027-01-15T07:59:50Z", "false", T0, attributes);
	take(w, &r, "first");
	take(w, &r, "again"); /* a restart is no deployment */
	r = start_of("1", "bb", "2027-01-15T08:00:00Z", "false", T0 + 30 * OR_NS_PER_S, attributes);
	take(w, &r, "second");
	r = start_of("1", "bb", "2027-01-15T08:00:00Z", "true", T0 + 40 * OR_NS_PER_S, attributes);
	take(w, &r, "modified");
	r = start_of("2", "", "", "", T0 + 50 * OR_NS_PER_S, attributes);
	take(w, &r, "no commit");
	j = dora(w, "orders");
	assert_int_equal(number(or_json_get(j, "deployments"), "count"), 4);
	assert_int_equal(number(or_json_get(j, "commit_to_start"), "median_ns"), 10 * OR_NS_PER_S);
	assert_int_equal(number(or_json_get(j, "commit_to_start"), "p90_ns"), 30 * OR_NS_PER_S);
	assert_int_equal(number(or_json_get(j, "commit_to_start"), "of"), 2);
	assert_int_equal(number(or_json_get(j, "commit_to_start"), "without_commit_time"), 2);
	ASSERT_HAS(or_buf_text(&w->answer), "\"record\":\"first\",\"starts\":2");
	ASSERT_HAS(or_buf_text(&w->answer), "started with changes that are in no commit");
	ASSERT_HAS(or_buf_text(&w->answer), "\"lead_time\":{\"absent\":");
}

static void dora__does_not_make_up_a_figure(void **state)
{
	struct wire_attribute attributes[4];
	struct world *w = *state;
	struct wire_audit r = start_of("1", "aa", "2027-01-15T09:00:00Z", "false", T0, attributes);
	struct or_jsonw out;

	or_jsonw_init(&out, &w->answer, 0);
	ASSERT_CODE(co_dora_put(&out, w->db, OR_SLICE_LIT("orders"), &w->err), OR_ABSENT);
	take(w, &r, "1"); /* committed after it was started, by the clocks */
	dora(w, "orders");
	ASSERT_HAS(or_buf_text(&w->answer), "\"commit_to_start\":{\"absent\":");
	ASSERT_HAS(or_buf_text(&w->answer), "started before its commit, by the clocks");
	ASSERT_HAS(or_buf_text(&w->answer), "the product's own domain is not known");
}

static void run_ended(
    struct co_runs *runs, const char *id, const char *end, int64_t at_ns, const char *commit)
{
	const struct wire_openlineage e = {.kind = WIRE_OPENLINEAGE_RUN,
	    .time_ns = at_ns,
	    .event_type = or_slice_str(end),
	    .run_id = or_slice_str(id),
	    .job = {OR_SLICE_LIT("jobs"), OR_SLICE_LIT("refresh")},
	    .version = or_slice_str(commit)};

	co_runs_take(runs, OR_SLICE_LIT("orders"), &e);
	co_runs_take(runs, OR_SLICE_LIT("orders"), &e); /* twice is once */
}

static void take_runs(struct world *w)
{
	struct or_loop_opt clock = {.virtual_clock = true, .virtual_wall_ns = T0};
	struct or_loop *loop;
	struct or_slow *slow;
	struct co_runs *runs;

	ASSERT_OK(or_loop_new(&loop, &clock, &w->err), &w->err);
	ASSERT_OK(or_slow_new(&slow, loop, 16, &w->err), &w->err);
	runs = co_runs_new(loop, slow, w->db);
	run_ended(runs, "r0", "START", T0, "");
	run_ended(runs, "r1", "FAIL", T0 + 1 * OR_NS_PER_S, "");
	run_ended(runs, "r2", "COMPLETE", T0 + 10 * OR_NS_PER_S, "");
	run_ended(runs, "r3", "COMPLETE", T0 + 30 * OR_NS_PER_S, "");
	run_ended(runs, "r4", "COMPLETE", T0 + 100 * OR_NS_PER_S, "bb");
	or_loop_advance(loop, CO_RUNS_AFTER_NS);
	or_slow_free(slow);
	co_runs_free(runs);
	or_loop_free(loop);
}

static void runs__give_lead_time_and_failures(void **state)
{
	struct wire_attribute attributes[4];
	struct world *w = *state;
	const struct or_json *lead;
	struct wire_audit r = start_of("1", "aa", "2027-01-15T07:59:50Z", "false", T0, attributes);

	take(w, &r, "first");
	r = start_of("2", "bb", "2027-01-15T08:01:00Z", "false", T0 + 90 * OR_NS_PER_S, attributes);
	take(w, &r, "second");
	take_runs(w);
	lead = or_json_get(dora(w, "orders"), "lead_time");
	assert_int_equal(number(lead, "of"), 2);
	assert_int_equal(number(lead, "median_ns"), 20 * OR_NS_PER_S); /* aa to r2 */
	assert_int_equal(number(lead, "p90_ns"), 40 * OR_NS_PER_S);    /* bb to r4 */
	ASSERT_HAS(or_buf_text(&w->answer), "\"run\":\"r2\"");
	ASSERT_HAS(or_buf_text(&w->answer), "\"run\":\"r4\"");
	assert_int_equal(number(or_json_get(w->json, "failures"), "count"), 1);
	assert_int_equal(number(or_json_get(w->json, "failures"), "runs"), 4);
	ASSERT_HAS(or_buf_text(&w->answer), "\"run\":\"r1\",\"end\":\"FAIL\"");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_world, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(put__is_found_by_everything_it_says),
	    TEST(put__replaces_and_remembers_contract_versions),
	    TEST(put__refuses_what_was_signed_before),
	    TEST(put__refuses_another_products_document),
	    TEST(search__says_what_is_wrong),
	    TEST(facts__last_over_a_restart),
	    TEST(reader__counts_each_allowed_read_once),
	    TEST(reader__takes_the_domain_from_the_inputs),
	    TEST(dora__measures_from_commit_to_start),
	    TEST(dora__does_not_make_up_a_figure),
	    TEST(runs__give_lead_time_and_failures),
	};

	return cmocka_run_group_tests_name("collector.catalogue", tests, NULL, NULL);
}
