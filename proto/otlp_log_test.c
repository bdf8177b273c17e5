/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/otlp_log.h"

#include "proto/otlp.h"
#include "proto/otlp_row.h"
#include "tests/support/support.h"

static bool on_row(void *arg, const struct wire_otlp_row *row)
{
	static const char *const streams[] = {"", "stderr", "stdout"};
	int *n = arg;
	struct or_slice any = OR_SLICE_NONE;

	ASSERT_SLICE(row->service, "orders");
	ASSERT_SLICE(row->scope, "outrider.files");
	/* without one, when it was read */
	assert_int_equal(row->time_ns, *n == 0 ? 1764000000000000001 : 5 + *n);
	if (*n < 2)
		ASSERT_SLICE(wire_otlp_row_text(row->body), *n == 0 ? "one" : "");
	assert_int_equal(
	    wire_otlp_row_find(&any, row->message, row->attributes, OR_SLICE_LIT("log.iostream")),
	    *n > 0);
	ASSERT_SLICE(wire_otlp_row_text(any), streams[*n]);
	assert_int_equal(wire_otlp_row_find(&any, row->message, row->attributes,
			     OR_SLICE_LIT("outrider.truncated")),
	    *n == 2);
	assert_true(wire_otlp_row_find(&any, row->resource, 1, OR_SLICE_LIT("log.file.path")));
	ASSERT_SLICE(wire_otlp_row_text(any), "/var/log/a.log");
	++*n;
	return true;
}

static void request__is_what_otlp_says(void **state)
{
	int rows = 0;

	static const char broken[] = {'a', (char)0xff, 'b'};
	const struct wire_otlp_log logs[] = {
	    {.time_ns = 1764000000000000001, .observed_ns = 5, .text = OR_SLICE_LIT("one")},
	    {.observed_ns = 6, .text = OR_SLICE_LIT(""), .iostream = "stderr"},
	    {.observed_ns = 7,
		.text = or_slice(broken, sizeof(broken)),
		.iostream = "stdout",
		.is_cut = true},
	};
	struct or_buf records, out;
	struct or_err err;
	uint64_t items;

	(void)state;
	or_buf_init(&records, 4096);
	or_buf_init(&out, 4096);
	for (size_t i = 0; i < OR_LEN(logs); i++) {
		size_t before = records.n;

		wire_otlp_log_put(&records, &logs[i]);
		assert_true(records.n - before <= logs[i].text.n + WIRE_OTLP_LOG_ROOM);
	}
	wire_otlp_log_request(
	    &out, OR_SLICE_LIT("orders"), OR_SLICE_LIT("/var/log/a.log"), or_buf_slice(&records));
	assert_true(out.n <= records.n + 6 + 14 + WIRE_OTLP_LOG_REQUEST);
	ASSERT_OK(wire_otlp_check(&items, WIRE_OTLP_LOGS, or_buf_slice(&out), &err), &err);
	assert_int_equal(items, 3);
	wire_otlp_row_each(WIRE_OTLP_LOGS, or_buf_slice(&out), on_row, &rows);
	assert_int_equal(rows, 3);
	or_buf_done(&records);
	or_buf_done(&out);
}

static void put__begins_nothing_that_does_not_fit(void **state)
{
	const struct wire_otlp_log log = {.observed_ns = 5, .text = OR_SLICE_LIT("a line of text")};
	struct or_buf records;

	(void)state;
	or_buf_init(&records, 50);
	wire_otlp_log_put(&records, &log);
	assert_true(or_buf_ok(&records));
	wire_otlp_log_put(&records, &log);
	assert_false(or_buf_ok(&records));
	assert_int_equal(records.n, 29);
	or_buf_done(&records);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(request__is_what_otlp_says),
	    cmocka_unit_test(put__begins_nothing_that_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
