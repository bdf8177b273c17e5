/* SPDX-License-Identifier: Apache-2.0 */
/* Texts to OTLP requests, read back as OTLP's JSON. */
#include "agent/capture/scrape/round.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/yaml.h"
#include "proto/otlp_json.h"
#include "tests/support/support.h"

#define NOW (1795515508LL * OR_NS_PER_S)

static struct or_arena *arena;
static struct wire_otlp_metric_writer *writer;
static unsigned int flushes;

static int setup(void **state)
{
	(void)state;
	arena = or_arena_new(1 << 24);
	writer = wire_otlp_metric_new(1 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	or_arena_free(arena);
	wire_otlp_metric_free(writer);
	return 0;
}

static struct ag_round *round_of(
    const char *text, enum ag_exposition_format format, const struct ag_relabel *labels)
{
	struct ag_round_opt opt = {.time_ns = NOW, .labels = labels, .budget = 1 << 20};
	struct ag_exposition e;
	struct ag_round *r;
	struct or_err err;

	ASSERT_OK(ag_exposition_parse(&e, or_slice_str(text), format, arena, &err), &err);
	ASSERT_OK(ag_round_new(&r, &e, &opt, &err), &err);
	return r;
}

static void on_flush(void *arg)
{
	size_t *points = arg;
	struct or_buf request;
	uint64_t items;
	struct or_err err;

	or_buf_init(&request, 1 << 20);
	*points += wire_otlp_metric_take(&request, writer, NULL, 0, "test");
	ASSERT_OK(wire_otlp_check(&items, WIRE_OTLP_METRICS, or_buf_slice(&request), &err), &err);
	flushes++;
	or_buf_done(&request);
}

/* The metrics of the request, as JSON. */
static const struct or_json *written(const struct ag_round *r, const struct ag_round *last)
{
	static const struct wire_otlp_metric_attribute resource[] = {
	    {OR_SLICE_LIT("service.name"), OR_SLICE_LIT("job")}};
	const struct or_json *tree, *scope;
	struct or_buf request, json;
	struct or_jsonw w;
	struct or_err err;
	uint64_t items;
	size_t points = 0, n;

	or_buf_init(&request, 1 << 20);
	or_buf_init(&json, 1 << 20);
	ag_round_write(r, last, writer, 1 << 19, on_flush, &points);
	assert_int_equal(points, 0);
	n = wire_otlp_metric_take(&request, writer, resource, 1, "test");
	ASSERT_OK(wire_otlp_check(&items, WIRE_OTLP_METRICS, or_buf_slice(&request), &err), &err);
	assert_int_equal(items, n);
	or_jsonw_init(&w, &json, 0);
	wire_otlp_json_write(&w, WIRE_OTLP_METRICS, or_buf_slice(&request));
	ASSERT_OK(
	    or_json_parse(&tree, or_arena_dup(arena, or_buf_slice(&json)), arena, &err), &err);
	or_buf_done(&request);
	or_buf_done(&json);
	if (!n)
		return NULL;
	tree = or_json_get(tree, "resourceMetrics")->array.items[0];
	scope = or_json_get(tree, "scopeMetrics")->array.items[0];
	return or_json_get(scope, "metrics");
}

/* The tree as compact text, to compare with. */
static void same(const struct or_json *got, const char *want)
{
	struct or_buf text;
	struct or_jsonw w;

	or_buf_init(&text, 1 << 20);
	or_jsonw_init(&w, &text, 0);
	or_jsonw_tree(&w, got);
	assert_string_equal(or_buf_text(&text), want);
	or_buf_done(&text);
}

static void write__gives_each_type_its_place(void **state)
{
	static const char text[] =
	    "# TYPE c counter\n# HELP c Help.\n"
	    "c_total{a=\"1\"} 5 12.5 # {trace_id=\"0af7651916cd43dd8448eb211c80319c\",k=\"v\"} 3\n"
	    "c_created{a=\"1\"} 10 12.5\n"
	    "# TYPE g_seconds gauge\n# UNIT g_seconds seconds\ng_seconds 1.5\n"
	    "# TYPE i info\ni_info{v=\"1\"} 1\n"
	    "# TYPE gh gaugehistogram\ngh_bucket{le=\"+Inf\"} 1\n"
	    "# EOF\n";
	struct ag_round *r = round_of(text, AG_EXPOSITION_OPENMETRICS, NULL);
	const struct or_json *m = written(r, NULL);

	(void)state;
	assert_int_equal(ag_round_size(r), 3);
	assert_int_equal(ag_round_left_out(r), 1);
	assert_int_equal(m->array.n, 3);
	same(m->array.items[0],
	    "{\"name\":\"c\",\"description\":\"Help.\",\"sum\":{\"dataPoints\":[{"
	    "\"startTimeUnixNano\":\"10000000000\",\"timeUnixNano\":\"12500000000\",\"asDouble\":5."
	    "0,"
	    "\"exemplars\":[{\"timeUnixNano\":\"1795515508000000000\",\"asDouble\":3.0,"
	    "\"traceId\":\"0af7651916cd43dd8448eb211c80319c\",\"filteredAttributes\":[{\"key\":"
	    "\"k\","
	    "\"value\":{\"stringValue\":\"v\"}}]}],"
	    "\"attributes\":[{\"key\":\"a\",\"value\":{\"stringValue\":\"1\"}}]}],"
	    "\"aggregationTemporality\":2,\"isMonotonic\":true}}");
	same(m->array.items[1],
	    "{\"name\":\"g_seconds\",\"unit\":\"seconds\",\"gauge\":{\"dataPoints\":[{"
	    "\"timeUnixNano\":\"1795515508000000000\",\"asDouble\":1.5}]}}");
	same(m->array.items[2],
	    "{\"name\":\"i\",\"sum\":{\"dataPoints\":[{\"timeUnixNano\":\"1795515508000000000\","
	    "\"asDouble\":1.0,\"attributes\":[{\"key\":\"v\",\"value\":{\"stringValue\":\"1\"}}]}],"
	    "\"aggregationTemporality\":2}}");
	ag_round_free(r);
}

static void write__tells_buckets_apart(void **state)
{
	static const char text[] =
	    "# TYPE h histogram\n"
	    "h_bucket{le=\"1\",a=\"x\"} 2\nh_bucket{le=\"2\",a=\"x\"} 2\n"
	    "h_bucket{le=\"+Inf\",a=\"x\"} 5\nh_sum{a=\"x\"} 9.5\nh_count{a=\"x\"} 5\n"
	    "# TYPE q summary\n"
	    "q{quantile=\"0.9\"} 7\nq{quantile=\"0.5\"} 3\nq_sum 10\nq_count 4\n";
	struct ag_round *r = round_of(text, AG_EXPOSITION_TEXT, NULL);
	const struct or_json *m = written(r, NULL);

	(void)state;
	same(m->array.items[0],
	    "{\"name\":\"h\",\"histogram\":{\"dataPoints\":[{\"timeUnixNano\":"
	    "\"1795515508000000000\","
	    "\"count\":\"5\",\"sum\":9.5,\"bucketCounts\":[\"2\",\"0\",\"3\"],"
	    "\"explicitBounds\":[1.0,2.0],"
	    "\"attributes\":[{\"key\":\"a\",\"value\":{\"stringValue\":\"x\"}}]}],"
	    "\"aggregationTemporality\":2}}");
	same(m->array.items[1],
	    "{\"name\":\"q\",\"summary\":{\"dataPoints\":[{\"timeUnixNano\":"
	    "\"1795515508000000000\","
	    "\"count\":\"4\",\"sum\":10.0,\"quantileValues\":[{\"quantile\":0.5,\"value\":3.0},"
	    "{\"quantile\":0.9,\"value\":7.0}]}]}}");
	ag_round_free(r);
}

static void write__marks_what_is_gone_once(void **state)
{
	struct ag_round_opt opt = {.time_ns = NOW, .budget = 1 << 20};
	struct ag_round *first =
	    round_of("a{x=\"1\"} 1\na{x=\"2\"} 2\nb 3 1000\n", AG_EXPOSITION_TEXT, NULL);
	struct ag_round *second = round_of("a{x=\"2\"} 4\n", AG_EXPOSITION_TEXT, NULL), *none;
	const struct or_json *m = written(second, first);
	struct or_err err;

	(void)state;
	assert_int_equal(m->array.n, 2);
	same(m->array.items[1],
	    "{\"name\":\"a\",\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":\"1795515508000000000\","
	    "\"attributes\":[{\"key\":\"x\",\"value\":{\"stringValue\":\"1\"}}],\"flags\":1}]}}");
	ASSERT_OK(ag_round_new(&none, NULL, &opt, &err), &err);
	m = written(none, second);
	assert_int_equal(m->array.n, 1);
	assert_null(written(none, none));
	ag_round_free(first);
	ag_round_free(second);
	ag_round_free(none);
}

static void write__follows_the_rules_of_relabelling(void **state)
{
	const struct or_json *tree, *m;
	struct ag_relabel *labels;
	struct ag_round *r;
	struct or_err err;

	(void)state;
	ASSERT_OK(or_yaml_parse(&tree,
		      OR_SLICE_LIT("[{action: drop, source_labels: [__name__], regex: noise}, "
				   "{action: labeldrop, regex: pod}]"),
		      arena, &err),
	    &err);
	ASSERT_OK(ag_relabel_new(&labels, tree, &err), &err);
	r = round_of("noise 1\nkept{pod=\"p\",x=\"\"} 2\n", AG_EXPOSITION_TEXT, labels);
	m = written(r, NULL);
	assert_int_equal(m->array.n, 1);
	same(m->array.items[0], "{\"name\":\"kept\",\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":"
				"\"1795515508000000000\",\"asDouble\":2.0}]}}");
	ag_round_free(r);
	ag_relabel_free(labels);
}

static void write__spreads_a_large_metric_over_requests(void **state)
{
	struct or_buf text;
	struct ag_round *r;
	size_t points = 0;

	(void)state;
	or_buf_init(&text, 1 << 20);
	for (int i = 0; i < 2000; i++)
		or_buf_printf(&text, "a{i=\"%d\"} %d\n", i, i);
	flushes = 0;
	r = round_of(or_buf_text(&text), AG_EXPOSITION_TEXT, NULL);
	ag_round_write(r, NULL, writer, 10000, on_flush, &points);
	on_flush(&points);
	assert_int_equal(points, 2000);
	assert_in_range(flushes, 5, 20);
	assert_int_equal(wire_otlp_metric_left_out(writer), 0);
	ag_round_free(r);
	or_buf_done(&text);
}

static void write__leaves_out_what_fits_in_no_request(void **state)
{
	struct ag_round_opt opt = {.time_ns = NOW, .budget = 1 << 24};
	const struct or_json *m;
	struct ag_exposition e;
	struct ag_round *r;
	struct or_buf text;
	struct or_err err;

	(void)state;
	or_buf_init(&text, 4 << 20);
	or_buf_put_str(&text, "a 1\nb{x=\"");
	for (int i = 0; i < 1 << 20; i++)
		or_buf_put_byte(&text, 'x');
	or_buf_put_str(&text, "\"} 1\nb{x=\"y\"} 2\n");
	ASSERT_OK(
	    ag_exposition_parse(&e, or_buf_slice(&text), AG_EXPOSITION_TEXT, arena, &err), &err);
	ASSERT_OK(ag_round_new(&r, &e, &opt, &err), &err);
	m = written(r, NULL);
	assert_int_equal(m->array.n, 2); /* what stands around it is there */
	assert_int_equal(wire_otlp_metric_left_out(writer), 1);
	ag_round_free(r);
	or_buf_done(&text);
}

static void new__keeps_to_its_budget(void **state)
{
	struct ag_round_opt opt = {.time_ns = NOW, .budget = 1024};
	struct ag_exposition e;
	struct ag_round *r = NULL;
	struct or_err err;

	(void)state;
	ASSERT_OK(ag_exposition_parse(&e,
		      OR_SLICE_LIT("a{x=\"1\"} 1\na{x=\"2\"} 1\na{x=\"3\"} 1\na{x=\"4\"} 1\n"),
		      AG_EXPOSITION_TEXT, arena, &err),
	    &err);
	assert_int_equal(ag_round_new(&r, &e, &opt, &err), OR_FULL);
	assert_null(r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(write__gives_each_type_its_place),
	    cmocka_unit_test(write__tells_buckets_apart),
	    cmocka_unit_test(write__marks_what_is_gone_once),
	    cmocka_unit_test(write__follows_the_rules_of_relabelling),
	    cmocka_unit_test(write__spreads_a_large_metric_over_requests),
	    cmocka_unit_test(write__leaves_out_what_fits_in_no_request),
	    cmocka_unit_test(new__keeps_to_its_budget),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
