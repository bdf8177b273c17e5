/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metric.h"

#include "tests/support/support.h"

struct fixture {
	struct or_metric_registry *reg;
	struct or_buf out;
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->reg = or_metric_registry_new(3);
	or_buf_init(&f->out, 16384);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	or_metric_registry_free(f->reg);
	or_buf_done(&f->out);
	test_free(f);
	return 0;
}

static const char *text(struct fixture *f)
{
	or_buf_clear(&f->out);
	ASSERT_CODE(or_metric_write(&f->out, f->reg), OR_OK);
	return or_buf_text(&f->out);
}

static double forty_two(void *arg)
{
	return *(double *)arg;
}

static void write__is_the_exposition_format(void **state)
{
	static const double bounds[] = {0.1, 2};
	struct fixture *f = *state;
	struct or_metric_label labels[] = {{"path", "a\\b\"c\nd"}, {"code", "200"}, {NULL, NULL}};
	struct or_metric_counter *c =
	    or_metric_counter_get(f->reg, "requests_total", "All requests,\nby \\ code.", labels);
	struct or_metric_histogram *h =
	    or_metric_histogram_get(f->reg, "took_seconds", "Time.", NULL, bounds, 2);
	double answer = 42.5;

	or_metric_gauge_read(f->reg, "size_bytes", "Size.", NULL, forty_two, &answer);
	or_metric_add(c, 3);
	or_metric_observe(h, 0.1);
	or_metric_observe(h, 1.5);
	or_metric_observe(h, 7);
	assert_string_equal(text(f),
	    "# HELP outrider_metrics_refused_total Series that were not kept because the registry "
	    "was full.\n"
	    "# TYPE outrider_metrics_refused_total counter\n"
	    "outrider_metrics_refused_total 0\n"
	    "# HELP requests_total All requests,\\nby \\\\ code.\n"
	    "# TYPE requests_total counter\n"
	    "requests_total{path=\"a\\\\b\\\"c\\nd\",code=\"200\"} 3\n"
	    "# HELP took_seconds Time.\n"
	    "# TYPE took_seconds histogram\n"
	    "took_seconds_bucket{le=\"0.1\"} 1\n"
	    "took_seconds_bucket{le=\"2\"} 2\n"
	    "took_seconds_bucket{le=\"+Inf\"} 3\n"
	    "took_seconds_sum 8.6\n"
	    "took_seconds_count 3\n"
	    "# HELP size_bytes Size.\n"
	    "# TYPE size_bytes gauge\n"
	    "size_bytes 42.5\n");
}

static void get__gives_the_same_metric_for_the_same_labels(void **state)
{
	struct fixture *f = *state;
	struct or_metric_label a[] = {{"k", "a"}, {NULL, NULL}}, b[] = {{"k", "b"}, {NULL, NULL}};
	struct or_metric_counter *c = or_metric_counter_get(f->reg, "n_total", "N.", a);

	assert_ptr_equal(or_metric_counter_get(f->reg, "n_total", "N.", a), c);
	assert_ptr_not_equal(or_metric_counter_get(f->reg, "n_total", "N.", b), c);
	or_metric_set(or_metric_gauge_get(f->reg, "g", "G.", NULL), -0.25);
	ASSERT_HAS(text(f), "n_total{k=\"a\"} 0\nn_total{k=\"b\"} 0\n");
	ASSERT_HAS(text(f), "\ng -0.25\n");
}

static void get__beyond_the_limit_still_works_and_is_counted(void **state)
{
	struct fixture *f = *state;
	char name[] = "x0_total";

	for (; name[1] < '5'; name[1]++)
		or_metric_add(or_metric_counter_get(f->reg, name, "X.", NULL), 1);
	or_metric_observe(or_metric_histogram_get(
			      f->reg, "h", "H.", NULL, or_metric_seconds, OR_METRIC_N_SECONDS),
	    0.1);
	ASSERT_HAS(text(f), "x2_total 1\n");
	assert_null(strstr(text(f), "x3_total"));
	ASSERT_HAS(text(f), "outrider_metrics_refused_total 3\n");
}

static void write__refuses_what_does_not_fit(void **state)
{
	struct fixture *f = *state;
	struct or_buf small;

	or_buf_init(&small, 20);
	or_buf_put_str(&small, "kept");
	ASSERT_CODE(or_metric_write(&small, f->reg), OR_FULL);
	ASSERT_SLICE(or_buf_slice(&small), "kept");
	or_buf_done(&small);
}

static void watch_loop__counts_turns(void **state)
{
	struct fixture *f = *state;
	struct or_loop *loop;
	struct or_err err;

	ASSERT_OK(or_loop_new(&loop, NULL, &err), &err);
	or_metric_watch_loop(f->reg, loop);
	or_loop_turn(loop, true);
	or_loop_turn(loop, true);
	ASSERT_HAS(text(f), "outrider_loop_lag_seconds_count 2\n");
	or_loop_free(loop);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(write__is_the_exposition_format),
	    CASE(get__gives_the_same_metric_for_the_same_labels),
	    CASE(get__beyond_the_limit_still_works_and_is_counted),
	    CASE(write__refuses_what_does_not_fit),
	    CASE(watch_loop__counts_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
