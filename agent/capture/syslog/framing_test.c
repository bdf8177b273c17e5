/* SPDX-License-Identifier: Apache-2.0 */
/* Streams in pieces of any size: the same messages come out. */
#include "agent/capture/syslog/framing.h"

#include "base/buf.h"
#include "tests/support/support.h"

/* Each message with '|' behind it, '!' where it is cut; '#' at the end of what is no stream. */
static void check(const char *stream, const char *expected)
{
	size_t n = strlen(stream);
	struct or_buf out;

	for (size_t step = 1; step <= n; step++) {
		struct ag_framing f = {0};
		enum ag_framing_result r = AG_FRAMING_MORE;
		size_t at = 0;

		or_buf_init(&out, 1 << 20);
		for (size_t have = step; r != AG_FRAMING_BAD; have += step) {
			struct or_slice in, message;
			bool is_cut, is_end = have >= n;

			in = or_slice(stream + at, (is_end ? n : have) - at);
			while ((r = ag_framing_next(&f, &message, &is_cut, &in, is_end)) ==
			       AG_FRAMING_MESSAGE) {
				or_buf_put_slice(&out, message);
				or_buf_put_byte(&out, is_cut ? '!' : '|');
			}
			at = (size_t)((const char *)in.p - stream);
			if (is_end)
				break;
		}
		if (r == AG_FRAMING_BAD)
			or_buf_put_byte(&out, '#');
		assert_string_equal(or_buf_text(&out), expected);
		or_buf_done(&out);
	}
}

static void streams__are_taken_apart(void **state)
{
	(void)state;
	check("5 <1>ab6 <2>\nbc7 <3>x", "<1>ab|<2>\nbc|");
	check("5 <1>ab\n5 <2>cd", "<1>ab|<2>cd|");
	check("<1>ab\n<2>cd\n\n<3>e", "<1>ab|<2>cd||<3>e|");
	check("<1>5 <2>\n5 <3>\n", "<1>5 <2>|5 <3>|");
	check("2026 is a year\n17\n", "2026 is a year|17|");
	check("5 <1>ab<2>cd\n", "<1>ab|#");
	check("5 <1>ab9999999 <", "<1>ab|#");
	check("5 <1>ab05 <2>cd", "<1>ab|#");
	check("5 <1>ab12345678", "<1>ab|#");
}

static void nul__ends_a_line(void **state)
{
	struct or_slice in = OR_SLICE_LIT("<1>a\0<2>b\0"), message;
	struct ag_framing f = {0};
	bool is_cut;

	(void)state;
	assert_int_equal(ag_framing_next(&f, &message, &is_cut, &in, false), AG_FRAMING_MESSAGE);
	ASSERT_SLICE(message, "<1>a");
	assert_int_equal(ag_framing_next(&f, &message, &is_cut, &in, false), AG_FRAMING_MESSAGE);
	ASSERT_SLICE(message, "<2>b");
	assert_int_equal(ag_framing_next(&f, &message, &is_cut, &in, false), AG_FRAMING_MORE);
}

static void long_ones__are_cut(void **state)
{
	size_t n = 3 * AG_FRAMING_MAX;
	struct or_slice in, message;
	struct ag_framing f = {0};
	struct or_buf b;
	bool is_cut;

	(void)state;
	or_buf_init(&b, 4 * AG_FRAMING_MAX);
	or_buf_printf(&b, "%zu <1>", n);
	while (b.n < 7 + n + 2)
		or_buf_put_byte(&b, 'x');
	or_buf_cut(&b, strlen("98304 ") + n);
	or_buf_put_str(&b, "4 <2>y");
	in = or_buf_slice(&b);
	assert_int_equal(ag_framing_next(&f, &message, &is_cut, &in, false), AG_FRAMING_MESSAGE);
	assert_true(is_cut && message.n == AG_FRAMING_MAX);
	assert_int_equal(ag_framing_next(&f, &message, &is_cut, &in, false), AG_FRAMING_MESSAGE);
	ASSERT_SLICE(message, "<2>y");
	assert_false(is_cut);

	f = (struct ag_framing){.kind = AG_FRAMING_LINES};
	in = or_slice(b.p, AG_FRAMING_MAX + 1);
	assert_int_equal(ag_framing_next(&f, &message, &is_cut, &in, false), AG_FRAMING_MESSAGE);
	assert_true(is_cut && message.n == AG_FRAMING_MAX && in.n == 0);
	in = OR_SLICE_LIT("the rest");
	assert_int_equal(ag_framing_next(&f, &message, &is_cut, &in, false), AG_FRAMING_MORE);
	assert_int_equal(in.n, 0);
	in = OR_SLICE_LIT("and its end\nnext\n");
	assert_int_equal(ag_framing_next(&f, &message, &is_cut, &in, false), AG_FRAMING_MESSAGE);
	ASSERT_SLICE(message, "next");
	or_buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(streams__are_taken_apart),
	    cmocka_unit_test(nul__ends_a_line),
	    cmocka_unit_test(long_ones__are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
