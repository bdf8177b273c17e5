/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/lineage/lineage.h"

#include "tests/support/support.h"

#include <stdio.h>

static const char *producer = "p:1";

static void add(struct co_lineage *l, const char *product, const char *job, const char *type,
    int minute, const char *in, const char *out)
{
	struct or_arena *a = or_arena_new(0);
	const char *text = or_arena_printf(a,
	    "{\"eventTime\":\"2026-11-24T11:%02d:00Z\",\"producer\":\"%s\",\"schemaURL\":\"s:1\","
	    "\"eventType\":\"%s\",\"run\":{\"runId\":\"run-%d\"},\"job\":{\"namespace\":\"n\","
	    "\"name\":"
	    "\"%s\"},\"inputs\":[%s%s%s],\"outputs\":[%s%s%s]}",
	    minute, producer, type, minute, job, *in ? "{\"namespace\":\"file\",\"name\":\"" : "",
	    in, *in ? "\"}" : "", *out ? "{\"namespace\":\"file\",\"name\":\"" : "", out,
	    *out ? "\"}" : "");
	struct wire_openlineage e;
	struct or_err err;

	ASSERT_OK(wire_openlineage_parse(&e, or_slice_str(text), a, &err), &err);
	co_lineage_add(l, or_slice_str(product), &e);
	or_arena_free(a);
}

static const char *graph(struct co_lineage *l, struct or_buf *out, const char *product)
{
	struct or_jsonw w;

	or_buf_clear(out);
	or_jsonw_init(&w, out, 0);
	return co_lineage_put(&w, l, or_slice_str(product)) ? or_buf_text(out) : NULL;
}

static void put__gives_what_is_connected(void **state)
{
	struct co_lineage *l = co_lineage_new(100);
	struct or_buf out;
	const char *text;

	(void)state;
	or_buf_init(&out, 1 << 20);
	add(l, "shop", "checkout", "COMPLETE", 1, "", "/raw");
	add(l, "orders", "refresh", "START", 2, "/raw", "");
	add(l, "orders", "refresh", "COMPLETE", 3, "/raw", "/orders");
	add(l, "other", "else", "COMPLETE", 3, "/x", "/y");
	text = graph(l, &out, "orders");
	assert_non_null(text);
	ASSERT_HAS(text, "\"id\":\"job:n:refresh\"");
	ASSERT_HAS(text, "\"id\":\"job:n:checkout\"");
	ASSERT_HAS(text, "{\"from\":\"dataset:file:/raw\",\"to\":\"job:n:refresh\"");
	ASSERT_HAS(text, "{\"from\":\"job:n:refresh\",\"to\":\"dataset:file:/orders\"");
	ASSERT_HAS(text, "\"products\":[\"shop\",\"orders\"]");
	ASSERT_HAS(text, "\"starts\":1,\"completes\":1,\"fails\":0");
	ASSERT_HAS(text, "\"last\":{\"eventType\":\"COMPLETE\"");
	assert_null(strstr(text, "else"));
	assert_null(graph(l, &out, "nobody"));
	or_buf_done(&out);
	co_lineage_free(l);
}

static void add__takes_events_in_any_order(void **state)
{
	struct co_lineage *l = co_lineage_new(100);
	struct or_buf out;
	const char *text;

	(void)state;
	or_buf_init(&out, 1 << 20);
	add(l, "orders", "refresh", "COMPLETE", 9, "", "/orders");
	add(l, "orders", "refresh", "START", 8, "/raw", "");
	text = graph(l, &out, "orders");
	ASSERT_HAS(text, "\"last\":{\"eventType\":\"COMPLETE\"");
	ASSERT_HAS(text, "\"runId\":\"run-9\"");
	ASSERT_HAS(text, "\"from\":\"dataset:file:/raw\"");
	or_buf_done(&out);
	co_lineage_free(l);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

/* What an agent saw against what anybody said: each data set that nobody declared is a finding. */
static void put__finds_what_nobody_declared(void **state)
{
	struct co_lineage *l = co_lineage_new(100);
	struct or_buf out;
	const char *text;

	(void)state;
	or_buf_init(&out, 1 << 20);
	add(l, "orders", "refresh", "COMPLETE", 1, "/raw", "/orders");
	add(l, "other", "theirs", "COMPLETE", 1, "/secret", "");
	producer = WIRE_OPENLINEAGE_OBSERVER;
	add(l, "orders", "pod-1", "RUNNING", 2, "/raw", "/orders");
	text = graph(l, &out, "orders");
	ASSERT_HAS(text, "\"findings\":[]");
	assert_int_equal(count(text, "\"declared\":true,\"observed\":false"), 2);
	assert_int_equal(count(text, "\"declared\":false,\"observed\":true"), 2);
	/* That another product declares it does not help. */
	add(l, "orders", "pod-1", "RUNNING", 3, "/secret", "/leak");
	producer = "p:1";
	text = graph(l, &out, "orders");
	assert_int_equal(count(text, "\"kind\""), 2);
	ASSERT_HAS(text, "{\"kind\":\"undeclared_input\",\"dataset\":\"dataset:file:/secret\","
			 "\"job\":\"job:n:pod-1\"");
	ASSERT_HAS(text, "{\"kind\":\"undeclared_output\",\"dataset\":\"dataset:file:/leak\"");
	/* Declared late is declared. */
	add(l, "orders", "refresh", "COMPLETE", 4, "/secret", "/leak");
	ASSERT_HAS(graph(l, &out, "orders"), "\"findings\":[]");
	or_buf_done(&out);
	co_lineage_free(l);
}

static void add__is_bounded(void **state)
{
	struct co_lineage *l = co_lineage_new(10);
	struct co_lineage_stats stats;
	struct or_buf out;
	char name[16];

	(void)state;
	or_buf_init(&out, 1 << 20);
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "/%d", i);
		add(l, "orders", "refresh", "RUNNING", 1, name, "");
	}
	co_lineage_stats(&stats, l);
	assert_int_equal(stats.nodes, 10);
	assert_int_equal(stats.edges, 9);
	assert_int_equal(stats.events, 50);
	assert_int_equal(stats.dropped, 41);
	assert_non_null(graph(l, &out, "orders"));
	or_buf_done(&out);
	co_lineage_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(put__gives_what_is_connected),
	    cmocka_unit_test(add__takes_events_in_any_order),
	    cmocka_unit_test(put__finds_what_nobody_declared),
	    cmocka_unit_test(add__is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
