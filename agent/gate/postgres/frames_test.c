/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/postgres/frames.h"

#include "tests/support/support.h"

struct log {
	struct or_buf text;
	uint32_t length;
};

static void on_message(void *arg, uint8_t type, struct or_slice body, uint32_t length)
{
	struct log *log = arg;

	or_buf_printf(&log->text, "%c%.*s|", type, OR_SLICE_FMT(body));
	log->length = length;
}

static void start(struct ag_frames *f, struct log *log)
{
	struct ag_frames_opt opt = {
	    .allowed = "QSdX", .wanted = "QX", .fn = on_message, .arg = log};

	or_buf_init(&log->text, 64 * 1024);
	ag_frames_init(f, &opt);
}

static void end(struct ag_frames *f, struct log *log)
{
	ag_frames_done(f);
	or_buf_done(&log->text);
}

static void feed__tells_messages_however_they_are_cut(void **state)
{
	static const char bytes[] = "Q\0\0\0\x0cselect 1S\0\0\0\4d\0\0\0\6xxQ\0\0\0\6abX\0\0\0\4";
	struct ag_frames f;
	struct log log;

	(void)state;
	for (size_t step = 1; step < sizeof(bytes); step++) {
		start(&f, &log);
		for (size_t at = 0; at < sizeof(bytes) - 1; at += step) {
			size_t left = sizeof(bytes) - 1 - at;

			ASSERT_CODE(
			    ag_frames_feed(&f, or_slice(bytes + at, left < step ? left : step)),
			    OR_OK);
		}
		assert_string_equal(or_buf_text(&log.text), "Qselect 1|Qab|X|");
		end(&f, &log);
	}
}

static void feed__refuses_what_is_no_message(void **state)
{
	static const char *const bad[] = {
	    "Q\0\0\0\3", "Q\x40\0\0\1", "Q\xff\xff\xff\xff", "Z\0\0\0\5", "\0\0\0\0\4"};

	(void)state;
	for (size_t i = 0; i < OR_LEN(bad); i++) {
		struct ag_frames f;
		struct log log;

		start(&f, &log);
		ASSERT_CODE(ag_frames_feed(&f, or_slice(bad[i], 5)), OR_PARSE);
		assert_int_equal(log.text.n, 0);
		end(&f, &log);
	}
}

static void feed__keeps_the_beginning_of_what_is_long(void **state)
{
	uint8_t chunk[1000];
	struct ag_frames f;
	struct log log;

	(void)state;
	start(&f, &log);
	memset(chunk, 'x', sizeof(chunk));
	ASSERT_CODE(ag_frames_feed(&f, or_slice("Q\0\1\x86\xa4", 5)), OR_OK); /* 100,000 */
	for (size_t i = 0; i < 100; i++)
		ASSERT_CODE(ag_frames_feed(&f, or_slice(chunk, sizeof(chunk))), OR_OK);
	assert_int_equal(log.text.n, AG_FRAMES_KEEP_MAX + 2);
	assert_int_equal(log.length, 100000);
	assert_int_equal(f.kept.cap, 0);
	end(&f, &log);
}

static void text__ends_at_the_nul_or_is_cut(void **state)
{
	struct or_slice rest = OR_SLICE_LIT("ab\0cd"), text;

	(void)state;
	assert_true(ag_frames_text(&text, &rest));
	ASSERT_SLICE(text, "ab");
	assert_false(ag_frames_text(&text, &rest));
	ASSERT_SLICE(text, "cd");
	assert_int_equal(rest.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(feed__tells_messages_however_they_are_cut),
	    cmocka_unit_test(feed__refuses_what_is_no_message),
	    cmocka_unit_test(feed__keeps_the_beginning_of_what_is_long),
	    cmocka_unit_test(text__ends_at_the_nul_or_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
