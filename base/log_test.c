/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/json.h"
#include "tests/support/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int64_t now;

static int64_t read_now(void)
{
	return now;
}

struct fixture {
	int fds[2];
	struct or_arena *arena;
	char text[65536];
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	assert_int_equal(pipe2(f->fds, O_NONBLOCK), 0);
	f->arena = or_arena_new(0);
	now = 1785600000 * OR_NS_PER_S;
	or_log_init(&(struct or_log_opt){.fd = f->fds[1],
	    .level = OR_LOG_INFO,
	    .role = "agent",
	    .burst = 2,
	    .window_ns = OR_NS_PER_S,
	    .wall_ns = read_now});
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	or_log_done();
	close(f->fds[0]);
	close(f->fds[1]);
	or_arena_free(f->arena);
	test_free(f);
	return 0;
}

/* What stands in the pipe; "" where nothing. */
static const char *drain(struct fixture *f)
{
	ssize_t n = read(f->fds[0], f->text, sizeof(f->text) - 1);

	f->text[n > 0 ? n : 0] = 0;
	return f->text;
}

static const struct or_json *parse_line(struct fixture *f)
{
	const struct or_json *j = NULL;
	struct or_err err;

	drain(f);
	ASSERT_OK(or_json_parse(&j, or_slice_str(f->text), f->arena, &err), &err);
	return j;
}

static void event__is_one_json_line_with_its_values(void **state)
{
	struct fixture *f = *state;
	struct or_err err;
	char expected[512];

	or_err_set(&err, OR_FULL, "no \"room\"");
	OR_LOG(OR_LOG_WARN, "spool.full", or_log_text("dir", "/var\n"), or_log_i64("a", -1),
	    or_log_u64("b", UINT64_MAX), or_log_bool("c", true), or_log_err(&err));
	snprintf(expected, sizeof(expected),
	    "{\"time\":\"2026-08-01T16:00:00.000000Z\",\"level\":\"warn\",\"event\":\"spool.full\","
	    "\"role\":\"agent\",\"pid\":%d,\"dir\":\"/var\\n\",\"a\":-1,"
	    "\"b\":18446744073709551615,\"c\":true,\"code\":\"full\","
	    "\"error\":\"no \\\"room\\\"\"}\n",
	    (int)getpid());
	assert_string_equal(drain(f), expected);
	OR_LOG(OR_LOG_INFO, "bare");
	ASSERT_SLICE(or_json_get_str(parse_line(f), "event"), "bare");
}

static void event__below_the_level_says_nothing(void **state)
{
	struct fixture *f = *state;

	OR_LOG(OR_LOG_DEBUG, "noise");
	assert_string_equal(drain(f), "");
	assert_false(or_log_is_on(OR_LOG_DEBUG));
	assert_true(or_log_is_on(OR_LOG_ERROR));
}

static void throttle__counts_what_it_suppresses_per_event(void **state)
{
	struct fixture *f = *state;
	const struct or_json *n;

	for (int i = 0; i < 5; i++)
		OR_LOG(OR_LOG_INFO, "loud");
	assert_non_null(strstr(drain(f), "loud"));
	OR_LOG(OR_LOG_INFO, "loud");
	assert_string_equal(drain(f), "");
	OR_LOG(OR_LOG_INFO, "other");
	ASSERT_SLICE(or_json_get_str(parse_line(f), "event"), "other");
	now += OR_NS_PER_S;
	OR_LOG(OR_LOG_INFO, "loud");
	n = or_json_get_type(parse_line(f), "suppressed", OR_JSON_INT);
	assert_non_null(n);
	assert_int_equal(n->i, 4);
}

static void done__reports_what_was_suppressed_last(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 5; i++)
		OR_LOG(OR_LOG_INFO, "loud");
	drain(f);
	or_log_done();
	ASSERT_HAS(drain(f), "\"event\":\"loud\"");
	ASSERT_HAS(f->text, "\"suppressed\":3");
}

static void event__is_cut_to_what_a_pipe_takes_whole(void **state)
{
	static char big[3000];
	struct fixture *f = *state;

	/* A character of three bytes lies across the cut. */
	memset(big, 'x', sizeof(big) - 1);
	memcpy(big + OR_LOG_VALUE_MAX - 1, "\xe2\x82\xac", 3);
	OR_LOG(OR_LOG_INFO, "long", or_log_text("v", big));
	assert_int_equal(or_json_get_str(parse_line(f), "v").n, OR_LOG_VALUE_MAX - 1);
	OR_LOG(OR_LOG_INFO, "longer", or_log_text("a", big), or_log_text("b", big),
	    or_log_text("c", big), or_log_text("d", big));
	assert_non_null(or_json_get_type(parse_line(f), "cut", OR_JSON_BOOL));
}

static void event__is_lost_and_counted_while_nobody_reads(void **state)
{
	struct fixture *f = *state;
	char fill[4096] = {0};
	const struct or_json *n;

	while (write(f->fds[1], fill, sizeof(fill)) > 0)
		;
	OR_LOG(OR_LOG_INFO, "one");
	OR_LOG(OR_LOG_INFO, "two");
	while (read(f->fds[0], f->text, sizeof(f->text)) > 0)
		;
	OR_LOG(OR_LOG_INFO, "three");
	n = or_json_get_type(parse_line(f), "lost", OR_JSON_INT);
	assert_non_null(n);
	assert_int_equal(n->i, 2);
	OR_LOG(OR_LOG_INFO, "four");
	assert_null(or_json_get(parse_line(f), "lost"));
}

static void level_find__knows_four_names(void **state)
{
	enum or_log_level level = OR_LOG_DEBUG;

	(void)state;
	ASSERT_CODE(or_log_level_find(&level, OR_SLICE_LIT("error")), OR_OK);
	assert_int_equal(level, OR_LOG_ERROR);
	ASSERT_CODE(or_log_level_find(&level, OR_SLICE_LIT("fatal")), OR_ABSENT);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(event__is_one_json_line_with_its_values),
	    CASE(event__below_the_level_says_nothing),
	    CASE(throttle__counts_what_it_suppresses_per_event),
	    CASE(done__reports_what_was_suppressed_last),
	    CASE(event__is_cut_to_what_a_pipe_takes_whole),
	    CASE(event__is_lost_and_counted_while_nobody_reads),
	    CASE(level_find__knows_four_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
