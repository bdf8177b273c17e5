/* SPDX-License-Identifier: Apache-2.0 */
/* A text in pieces of any size, each read again from where the last one ended: every line is out
 * once, in its stream's order, however the pieces lie. */
#include "agent/capture/files/batch.h"

#include "proto/otlp.h"
#include "proto/otlp_log.h"
#include "proto/otlp_row.h"
#include "tests/support/support.h"

struct rig {
	struct ag_batch b;
	struct ag_batch_format f;
	struct or_buf out; /* texts, each with '|' behind it; '!' where it is cut */
};

static void setup(struct rig *rig, enum ag_line_format line, const char *multiline)
{
	struct or_arena *a = or_arena_new(0);
	const struct or_json *j = NULL;
	struct or_err err;

	ag_batch_init(&rig->b, NULL);
	rig->f = (struct ag_batch_format){.line = line};
	if (multiline)
		ASSERT_OK(or_json_parse(&j, or_slice_str(multiline), a, &err), &err);
	ASSERT_OK(ag_event_rule_init(&rig->f.event, j, &err), &err);
	or_buf_init(&rig->out, 4U << 20);
	or_arena_free(a);
}

static void teardown(struct rig *rig)
{
	ag_batch_done(&rig->b);
	ag_event_rule_done(&rig->f.event);
	or_buf_done(&rig->out);
}

static bool on_row(void *arg, const struct wire_otlp_row *row)
{
	struct rig *rig = arg;
	struct or_slice any;

	or_buf_put_slice(&rig->out, wire_otlp_row_text(row->body));
	or_buf_put_byte(&rig->out, wire_otlp_row_find(&any, row->message, row->attributes,
				       OR_SLICE_LIT("outrider.truncated"))
				       ? '!'
				       : '|');
	return true;
}

static void collect(struct rig *rig)
{
	struct or_buf request;

	or_buf_init(&request, 2U << 20);
	wire_otlp_log_request(
	    &request, OR_SLICE_LIT("p"), OR_SLICE_LIT("/a"), or_buf_slice(&rig->b.logs));
	wire_otlp_row_each(WIRE_OTLP_LOGS, or_buf_slice(&request), on_row, rig);
	or_buf_done(&request);
}

/* Reads the text as it grows by `step` bytes at a time. */
static void read_growing(struct rig *rig, const char *text, size_t step)
{
	size_t offset = 0, n = strlen(text), taken[AG_LINE_STREAMS] = {0};

	or_buf_clear(&rig->out);
	for (size_t have = 0, is_over = 0; !is_over;) {
		struct or_slice data;

		is_over = have == n;
		have = have + step < n ? have + step : n;
		data = or_slice(text + offset, have - offset);
		ag_batch_clear(&rig->b);
		for (size_t i = 0; i < AG_LINE_STREAMS; i++)
			rig->b.streams[i].taken = taken[i];
		ag_batch_read(&rig->b, &rig->f, data);
		if (is_over)
			ag_batch_finish(&rig->b, &rig->f, data);
		collect(rig);
		for (size_t i = 0; i < AG_LINE_STREAMS; i++) {
			size_t t = rig->b.streams[i].taken;

			taken[i] = t > rig->b.end ? t - rig->b.end : 0;
		}
		offset += rig->b.end;
	}
	assert_int_equal(offset, n);
}

#define Z "2026-11-24T11:00:00Z "

static void any_pieces__give_each_line_once(void **state)
{
	static const char text[] =
	    Z "stdout P a\n" Z "stderr F x\n" Z "stderr F \ty\n" Z "stdout F b\n" Z "stdout F c\n" Z
	      "stderr P z\n" Z "stdout F \td\n" Z "stderr F !\n" Z "stdout F e\n";
	struct rig rig;

	(void)state;
	setup(&rig, AG_LINE_CRI, "{\"indent\":true}");
	for (size_t step = 1; step < sizeof(text); step++) {
		size_t x, z, ab, cd;
		const char *out;

		read_growing(&rig, text, step);
		out = or_buf_text(&rig.out);
		assert_int_equal(strlen(out), strlen("ab|c\n\td|e|x\n\ty|z!|"));
		x = (size_t)(strstr(out, "x\n\ty|") - out);
		z = (size_t)(strstr(out, "z!|") - out);
		ab = (size_t)(strstr(out, "ab|") - out);
		cd = (size_t)(strstr(out, "c\n\td|") - out);
		assert_true(x < z && ab < cd && z < 64 && cd < 64 && strstr(out, "e|"));
	}
	teardown(&rig);
}

static void limits__begin_a_record_of_its_own(void **state)
{
	struct rig rig;

	(void)state;
	setup(&rig, AG_LINE_PLAIN, "{\"indent\":true,\"max_lines\":3,\"max_bytes\":10}");
	read_growing(&rig, "a\n b\n c\n d\n e\nf\n 123456789\ng\n", 100);
	/* What goes on beyond a limit is said to be cut where it was cut. */
	assert_string_equal(or_buf_text(&rig.out), "a\n b\n c! d\n e|f! 123456789|g|");
	teardown(&rig);
}

static void force__takes_what_stands_at_the_beginning(void **state)
{
	static const char text[] = Z "stdout P a\n" Z "stderr F x\n" Z "stdout P b\n" Z "stdo";
	struct or_slice data = or_slice(text, sizeof(text) - 1);
	struct rig rig;

	(void)state;
	setup(&rig, AG_LINE_CRI, NULL);
	ag_batch_clear(&rig.b);
	ag_batch_read(&rig.b, &rig.f, data);
	assert_int_equal(rig.b.end, 0);
	ag_batch_force(&rig.b, data);
	collect(&rig);
	assert_string_equal(or_buf_text(&rig.out), "x|ab!");
	assert_int_equal(rig.b.end, data.n - strlen(Z "stdo"));
	assert_int_equal(rig.b.cut, 1);
	/* A line without an end at all. */
	ag_batch_clear(&rig.b);
	or_buf_clear(&rig.out);
	ag_batch_read(&rig.b, &rig.f, OR_SLICE_LIT("abc"));
	ag_batch_force(&rig.b, OR_SLICE_LIT("abc"));
	collect(&rig);
	assert_string_equal(or_buf_text(&rig.out), "abc!");
	assert_true(rig.b.is_skipping);
	ag_batch_clear(&rig.b);
	or_buf_clear(&rig.out);
	rig.b.is_skipping = true;
	ag_batch_read(&rig.b, &rig.f, OR_SLICE_LIT("def\nghi\n"));
	collect(&rig);
	assert_string_equal(or_buf_text(&rig.out), "ghi|");
	teardown(&rig);
}

/* More records than a request may hold: the rest comes with the next one. */
static void full__goes_on_with_the_next_request(void **state)
{
	size_t n = AG_BATCH_WINDOW / 2, offset = 0, requests = 0;
	uint8_t *text = test_calloc(n, 2);
	struct rig rig;

	(void)state;
	setup(&rig, AG_LINE_PLAIN, "{\"indent\":true}");
	for (size_t i = 0; i < n; i++) {
		text[2 * i] = 'x';
		text[2 * i + 1] = '\n';
	}
	while (offset < 2 * n && requests < 100) {
		struct or_slice data = or_slice(text + offset, 2 * n - offset);

		ag_batch_clear(&rig.b);
		ag_batch_read(&rig.b, &rig.f, data);
		ag_batch_finish(&rig.b, &rig.f, data);
		collect(&rig);
		offset += rig.b.end;
		requests++;
	}
	assert_true(requests > 1);
	assert_int_equal(rig.out.n, 2 * n);
	teardown(&rig);
	test_free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_pieces__give_each_line_once),
	    cmocka_unit_test(limits__begin_a_record_of_its_own),
	    cmocka_unit_test(force__takes_what_stands_at_the_beginning),
	    cmocka_unit_test(full__goes_on_with_the_next_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
