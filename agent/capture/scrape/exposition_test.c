/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/scrape/exposition.h"

#include "base/buf.h"
#include "base/str.h"
#include "tests/support/support.h"

#include <math.h>

static struct or_arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = or_arena_new(1 << 24);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	or_arena_free(arena);
	return 0;
}

static enum or_code parse(
    struct ag_exposition *e, enum ag_exposition_format format, const char *text, struct or_err *err)
{
	or_arena_clear(arena);
	return ag_exposition_parse(e, or_slice_str(text), format, arena, err);
}

static const struct ag_exposition_family *family(const struct ag_exposition *e, const char *name)
{
	for (const struct ag_exposition_family *f = e->families; f; f = f->next)
		if (or_slice_is(f->name, name))
			return f;
	fail_msg("no family %s", name);
	return NULL;
}

static void refused(enum ag_exposition_format format, const char *text, const char *message)
{
	struct ag_exposition e = {.n_samples = 77};
	struct or_err err = {0};

	assert_int_equal(parse(&e, format, text, &err), OR_PARSE);
	if (!strstr(err.msg, message))
		fail_msg("'%s' says '%s', not '%s'", text, err.msg, message);
	assert_int_equal(e.n_samples, 77); /* untouched */
}

static void text__is_read_as_prometheus_reads_it(void **state)
{
	static const char text[] =
	    "# a comment\n"
	    "#\n"
	    "# HELP http_requests_total The \\\\ total\\nof \\\"all\\\".\n"
	    "# TYPE http_requests_total counter\n"
	    "http_requests_total{method=\"post\",code=\"200\",} 1027 1395066363000\n"
	    "\n"
	    " \thttp_requests_total { method = \"a\\\"b\" } 3 \r\n"
	    "# TYPE untold untyped\n"
	    "untold -Inf\n"
	    "late_count 4\n"
	    "# TYPE late gauge\n"
	    "late 5 -1\n"
	    "http_requests_total 1\n";
	const struct ag_exposition_family *f;
	const struct ag_exposition_sample *s;
	struct ag_exposition e;
	struct or_err err;

	(void)state;
	ASSERT_OK(parse(&e, AG_EXPOSITION_TEXT, text, &err), &err);
	assert_int_equal(e.n_families, 4);
	assert_int_equal(e.n_samples, 6);
	f = family(&e, "http_requests_total");
	assert_int_equal(f->type, AG_EXPOSITION_COUNTER);
	ASSERT_SLICE(f->help, "The \\ total\nof \\\"all\\\".");
	assert_int_equal(f->n_samples, 3);
	s = f->samples;
	assert_true(s->point.value == 1027 && s->point.has_time);
	assert_true(s->point.time_ns == 1395066363000 * 1000000);
	ASSERT_SLICE(ag_exposition_label(&s->labels, "code"), "200");
	ASSERT_SLICE(ag_exposition_label(&s->labels, "none"), "");
	ASSERT_SLICE(s->next->labels.items[0].value, "a\"b");
	assert_false(s->next->point.has_time);
	assert_true(isinf(family(&e, "untold")->samples->point.value));
	assert_true(family(&e, "late")->samples->point.time_ns == -1000000);
}

static void text__puts_the_parts_of_a_histogram_together(void **state)
{
	static const char text[] = "# TYPE h histogram\n"
				   "h_bucket{le=\"1\"} 2\n"
				   "other 1\n"
				   "h_count 3\n"
				   "h_sum 4\n"
				   "h_total 9\n"
				   "# TYPE q summary\n"
				   "q{quantile=\"0.5\"} 1\nq_sum 2\nq_count 3\n";
	const struct ag_exposition_family *f;
	struct ag_exposition e;
	struct or_err err;

	(void)state;
	ASSERT_OK(parse(&e, AG_EXPOSITION_TEXT, text, &err), &err);
	f = family(&e, "h");
	assert_int_equal(f->n_samples, 3);
	assert_int_equal(f->samples->suffix, AG_EXPOSITION_BUCKET);
	assert_int_equal(f->samples->next->suffix, AG_EXPOSITION_COUNT);
	assert_int_equal(f->samples->next->next->suffix, AG_EXPOSITION_SUM);
	assert_int_equal(family(&e, "h_total")->type, AG_EXPOSITION_UNKNOWN);
	assert_int_equal(family(&e, "q")->n_samples, 3);
}

static void text__says_where_it_is_wrong(void **state)
{
	(void)state;
	refused(AG_EXPOSITION_TEXT, "a 1\na{b=\"c} 1\n",
	    "line 2: a label's value has no closing quote");
	refused(AG_EXPOSITION_TEXT, "a 1 2 3\n", "line 1: expected the end of the line");
	refused(AG_EXPOSITION_TEXT, "a 0x1p-3\n", "'0x1p-3' is no number");
	refused(AG_EXPOSITION_TEXT, "a 1 1.5\n", "expected milliseconds");
	refused(AG_EXPOSITION_TEXT, "# TYPE a stateset\n", "no type 'stateset'");
	refused(AG_EXPOSITION_TEXT, "{a=\"b\"} 1\n", "expected a metric's name");
	refused(AG_EXPOSITION_TEXT, "a{b=\"1\",b=\"2\"} 1\n", "the label b is there twice");
	refused(AG_EXPOSITION_TEXT, "a{b=\"\xff\"} 1\n", "not UTF-8");
	refused(AG_EXPOSITION_TEXT, "a\n", "expected a blank and a value");
}

static void openmetrics__reads_all_types(void **state)
{
	static const char text[] =
	    "# TYPE d_seconds histogram\n"
	    "# UNIT d_seconds seconds\n"
	    "# HELP d_seconds How \\\"long\\\"\n"
	    "d_seconds_bucket{le=\"0.1\"} 1 1.000000001 # {trace_id=\"ab\"} 0.05 0.5\n"
	    "d_seconds_bucket{le=\"+Inf\"} 2 1.000000001\n"
	    "d_seconds_count 2 1.000000001\n"
	    "d_seconds_sum 3 1.000000001\n"
	    "d_seconds_bucket{le=\"0.1\"} 1 2\n"
	    "d_seconds_bucket{le=\"+Inf\"} 4 2\n"
	    "# TYPE c counter\n"
	    "c_total 5\nc_created 1e3\n"
	    "# TYPE i info\ni_info{v=\"1\"} 1\ni_info{v=\"2\"} 1\n"
	    "plain 7 -1.5\n"
	    "# EOF\n";
	const struct ag_exposition_sample *s;
	struct ag_exposition e;
	struct or_err err;

	(void)state;
	ASSERT_OK(parse(&e, AG_EXPOSITION_OPENMETRICS, text, &err), &err);
	s = family(&e, "d_seconds")->samples;
	ASSERT_SLICE(family(&e, "d_seconds")->unit, "seconds");
	ASSERT_SLICE(family(&e, "d_seconds")->help, "How \"long\"");
	assert_true(s->point.time_ns == 1000000001);
	assert_non_null(s->exemplar);
	assert_true(s->exemplar->point.value == 0.05 && s->exemplar->point.time_ns == 500000000);
	ASSERT_SLICE(ag_exposition_label(&s->exemplar->labels, "trace_id"), "ab");
	assert_null(s->next->exemplar);
	assert_int_equal(family(&e, "c")->samples->next->suffix, AG_EXPOSITION_CREATED);
	assert_int_equal(family(&e, "i")->n_samples, 2);
	assert_int_equal(family(&e, "plain")->type, AG_EXPOSITION_UNKNOWN);
	assert_true(family(&e, "plain")->samples->point.time_ns == -1500000000);
}

static void openmetrics__says_what_would_be_right(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
	    {"a 1\n", "line 2: the text ends without # EOF"},
	    {"a 1\n# EOF\na 2\n", "line 3: nothing follows # EOF"},
	    {"# TYPE a counter\na 1\n# EOF\n", "a belongs to the counter a"},
	    {"# TYPE a counter\na_total 1\nb 1\na_total{x=\"1\"} 1\n# EOF\n",
		"belongs to the counter a"},
	    {"a 1\na 1\n# EOF\n", "line 2: this sample is there already"},
	    {"a{x=\"1\"} 1\na{x=\"2\"} 1\na{x=\"1\"} 1 5\n# EOF\n", "stand together"},
	    {"# TYPE a histogram\na_bucket{le=\"1\"} 1\nb 1\n# EOF\n",
		"line 2: a histogram has a bucket"},
	    {"# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count 2\na_sum 1\n# EOF\n",
		"the count is that of the bucket"},
	    {"# TYPE a summary\na{quantile=\"1.1\"} 1\n# EOF\n", "between 0 and 1"},
	    {"# HELP a x\n# TYPE a gauge\na 1\n# UNIT a s\n# EOF\n", "stands before its samples"},
	    {"# UNIT a_s m\n# EOF\n", "does not end in its unit"},
	    {"a{b=\"c\",} 1\n# EOF\n", "expected a label's name"},
	    {"a 1\r\n# EOF\n", "is no number"},
	    {"# TYPE a untyped\n# EOF\n", "no type 'untyped'"},
	};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++)
		refused(AG_EXPOSITION_OPENMETRICS, cases[i].text, cases[i].message);
}

static void openmetrics__drops_what_time_rounded_together(void **state)
{
	struct ag_exposition e;
	struct or_err err;

	(void)state;
	ASSERT_OK(parse(&e, AG_EXPOSITION_OPENMETRICS, "a 1 5\na 2 5\na 3 6\n# EOF\n", &err), &err);
	assert_int_equal(e.n_samples, 2);
	assert_true(e.families->samples->point.value == 1);
}

static void parse__keeps_to_its_budget(void **state)
{
	struct or_arena *small = or_arena_new(4096);
	struct ag_exposition e;
	struct or_buf text;
	struct or_err err;

	(void)state;
	or_buf_init(&text, 1 << 20);
	for (int i = 0; i < 1000; i++)
		or_buf_printf(&text, "a_%d{b=\"c\"} 1\n", i);
	assert_int_equal(
	    ag_exposition_parse(&e, or_buf_slice(&text), AG_EXPOSITION_TEXT, small, &err), OR_FULL);
	or_buf_done(&text);
	or_arena_free(small);
}

static void format__follows_the_content_type(void **state)
{
	(void)state;
	assert_int_equal(ag_exposition_format_of(OR_SLICE_LIT(
			     "application/openmetrics-text; version=1.0.0; charset=utf-8")),
	    AG_EXPOSITION_OPENMETRICS);
	assert_int_equal(
	    ag_exposition_format_of(OR_SLICE_LIT("text/plain; version=0.0.4")), AG_EXPOSITION_TEXT);
	assert_int_equal(ag_exposition_format_of(OR_SLICE_NONE), AG_EXPOSITION_TEXT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text__is_read_as_prometheus_reads_it),
	    cmocka_unit_test(text__puts_the_parts_of_a_histogram_together),
	    cmocka_unit_test(text__says_where_it_is_wrong),
	    cmocka_unit_test(openmetrics__reads_all_types),
	    cmocka_unit_test(openmetrics__says_what_would_be_right),
	    cmocka_unit_test(openmetrics__drops_what_time_rounded_together),
	    cmocka_unit_test(parse__keeps_to_its_budget),
	    cmocka_unit_test(format__follows_the_content_type),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
