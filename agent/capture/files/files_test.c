/* SPDX-License-Identifier: Apache-2.0 */
/* Real files and a real spool; what is in the spool is read back and compared, line by line. */
#include "agent/capture/files/files.h"

#include "agent/capture/files/tail.h"
#include "base/str.h"
#include "base/sys.h"
#include "proto/otlp_row.h"
#include "tests/support/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINES_MAX = 20000, DEADLINE_S = 60 };

struct fixture {
	char *dir, *spool_dir;
	const char *config;
	struct or_loop *loop;
	struct or_slow *slow;
	struct or_arena *a;
	struct ag_spool *spool;
	uint16_t stream;
	struct ag_files *files;
	struct or_metric_registry *registry;
	struct or_loop_timer *deadline;
	bool is_late, refuses;
	unsigned int refused;
	uint64_t last; /* record of the spool that was looked at */
	/* All texts in the order they came, each with its stream. */
	const char *lines[LINES_MAX];
	char streams[LINES_MAX]; /* 'o', 'e' or ' ' */
	bool cut[LINES_MAX];
	int64_t times[LINES_MAX];
	size_t n;
	struct or_err err;
};

static void on_deadline(void *arg)
{
	struct fixture *f = arg;

	f->deadline = NULL;
	f->is_late = true;
}

/* ---- the spool's side */

static enum or_code take(
    void *arg, struct or_slice request, uint64_t records, const struct ag_spool_place *place)
{
	struct fixture *f = arg;
	uint64_t items;

	f->refused += f->refuses;
	if (f->refuses)
		return OR_FULL;
	ASSERT_OK(wire_otlp_check(&items, WIRE_OTLP_LOGS, request, &f->err), &f->err);
	assert_int_equal(items, records);
	return ag_spool_place_append(f->spool, f->stream, request, place);
}

static bool on_row(void *arg, const struct wire_otlp_row *row)
{
	struct fixture *f = arg;
	struct or_slice any = OR_SLICE_NONE, text;

	assert_true(f->n < LINES_MAX);
	f->lines[f->n] = or_arena_strdup(f->a, wire_otlp_row_text(row->body));
	(void)wire_otlp_row_find(&any, row->message, row->attributes, OR_SLICE_LIT("log.iostream"));
	text = wire_otlp_row_text(any);
	f->streams[f->n] = text.n ? (char)text.p[3] : ' ';
	f->cut[f->n] = wire_otlp_row_find(
	    &any, row->message, row->attributes, OR_SLICE_LIT("outrider.truncated"));
	f->times[f->n++] = (int64_t)row->time_ns;
	return true;
}

static void on_synced(void *arg, enum or_code rc)
{
	ASSERT_CODE(rc, OR_OK);
	*(bool *)arg = true;
}

/* Reads what came since. */
static void collect(struct fixture *f)
{
	const struct ag_spool_limit limit = {8 << 20, 10000};
	struct ag_spool_batch b;
	bool is_synced = false;

	ag_spool_sync(f->spool, on_synced, &is_synced);
	while (!is_synced)
		or_loop_turn(f->loop, false);
	do {
		ASSERT_OK(ag_spool_read(&b, f->spool, f->stream, &limit, f->a, &f->err), &f->err);
		for (size_t i = 0; i < b.n_records; i++)
			wire_otlp_row_each(WIRE_OTLP_LOGS, b.records[i], on_row, f);
		ag_spool_read_ack(f->spool, f->stream, &b);
	} while (b.n_records);
}

static void start(struct fixture *f)
{
	struct ag_spool_opt spool = {
	    .dir = f->spool_dir, .loop = f->loop, .slow = f->slow, .segment_bytes = 1 << 20};
	struct ag_files_opt opt = {.loop = f->loop,
	    .product = "orders",
	    .registry = f->registry,
	    .take = take,
	    .arg = f,
	    .rotate_ns = 300 * OR_NS_PER_MS,
	    .sweep_ns = OR_NS_PER_S};

	ASSERT_OK(ag_spool_open(&f->spool, &spool, &f->err), &f->err);
	ASSERT_OK(ag_spool_stream(&f->stream, f->spool, "otlp_logs/orders", &f->err), &f->err);
	ASSERT_OK(or_json_parse(&opt.list, or_slice_str(f->config), f->a, &f->err), &f->err);
	opt.spool = f->spool;
	ASSERT_OK(ag_files_new(&f->files, &opt, &f->err), &f->err);
}

static void stop(struct fixture *f)
{
	ag_files_free(f->files);
	ag_spool_close(f->spool);
	f->files = NULL;
	f->spool = NULL;
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->dir = support_tmpdir_new();
	f->spool_dir = support_tmpdir_new();
	f->a = or_arena_new(0);
	f->registry = or_metric_registry_new(64);
	ASSERT_OK(or_loop_new(&f->loop, NULL, &f->err), &f->err);
	ASSERT_OK(or_slow_new(&f->slow, f->loop, 64, &f->err), &f->err);
	f->deadline = or_loop_timer_start(f->loop, DEADLINE_S * OR_NS_PER_S, on_deadline, f);
	f->config = or_arena_printf(f->a, "[{\"path\":\"%s/*.log\"}]", f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	stop(f);
	or_slow_free(f->slow);
	or_loop_timer_cancel(f->deadline);
	or_loop_free(f->loop);
	or_metric_registry_free(f->registry);
	or_arena_free(f->a);
	support_tmpdir_remove(f->dir);
	support_tmpdir_remove(f->spool_dir);
	test_free(f);
	return 0;
}

static void run_until_lines(struct fixture *f, size_t n)
{
	while (f->n < n && !f->is_late) {
		or_loop_turn(f->loop, false);
		if (ag_files_is_idle(f->files))
			collect(f);
	}
	assert_int_equal(f->n, n);
}

/* Nothing more comes. */
static void run_until_idle(struct fixture *f)
{
	do
		or_loop_turn(f->loop, false);
	while (!ag_files_is_idle(f->files) && !f->is_late);
	collect(f);
}

/* ---- files */

static const char *path_of(struct fixture *f, const char *name)
{
	return or_arena_printf(f->a, "%s/%s", f->dir, name);
}

static void append(struct fixture *f, const char *name, const char *text)
{
	int fd;

	ASSERT_OK(or_sys_open(&fd, path_of(f, name), O_WRONLY | O_APPEND | O_CREAT, 0600, &f->err),
	    &f->err);
	ASSERT_OK(or_sys_write(fd, or_slice_str(text), NULL, &f->err), &f->err);
	or_sys_close(fd);
}

static void append_numbers(struct fixture *f, const char *name, int from, int to)
{
	struct or_buf b;

	or_buf_init(&b, 1 << 20);
	for (int i = from; i <= to; i++)
		or_buf_printf(&b, "line %d\n", i);
	append(f, name, or_buf_text(&b));
	or_buf_done(&b);
}

static void rename_file(struct fixture *f, const char *from, const char *to)
{
	ASSERT_OK(or_sys_rename(path_of(f, from), path_of(f, to), &f->err), &f->err);
}

/* Each of 1..n is there once; the files' own order holds within a file only. */
static void assert_numbers(struct fixture *f, int n)
{
	static uint8_t seen[LINES_MAX];

	memset(seen, 0, sizeof(seen));
	for (size_t i = 0; i < f->n; i++) {
		int number = 0;

		assert_int_equal(sscanf(f->lines[i], "line %d", &number), 1);
		assert_in_range(number, 1, n);
		seen[number]++;
	}
	for (int i = 1; i <= n; i++)
		assert_int_equal(seen[i], 1);
}

/* ---- tests */

static void files__are_read_as_they_grow(void **state)
{
	struct fixture *f = *state;

	append_numbers(f, "a.log", 1, 3);
	append(f, "other.txt", "not ours\n");
	start(f);
	run_until_lines(f, 3);
	append_numbers(f, "a.log", 4, 5);
	run_until_lines(f, 5);
	append_numbers(f, "new.log", 6, 6);
	run_until_lines(f, 6);
	append(f, "a.log", "line ");
	run_until_idle(f);
	assert_int_equal(f->n, 6); /* its end is to come */
	append(f, "a.log", "7\n");
	run_until_lines(f, 7);
	assert_numbers(f, 7);
}

static void restart__goes_on_at_the_place_in_the_spool(void **state)
{
	struct fixture *f = *state;

	append_numbers(f, "a.log", 1, 1000);
	start(f);
	run_until_lines(f, 1000);
	stop(f);
	append_numbers(f, "a.log", 1001, 1500);
	start(f);
	run_until_lines(f, 1500);
	stop(f);
	start(f);
	run_until_idle(f);
	assert_numbers(f, 1500);
}

static void rotation__by_renaming_is_followed(void **state)
{
	struct fixture *f = *state;
	char name[16];

	start(f);
	for (int i = 0; i < 5; i++) {
		append_numbers(f, "a.log", 100 * i + 1, 100 * i + 50);
		run_until_lines(f, (size_t)(100 * i + 50));
		snprintf(name, sizeof(name), "a.%d", i);
		rename_file(f, "a.log", name);
		append_numbers(f, name, 100 * i + 51, 100 * i + 100); /* the writer is slow */
		run_until_lines(f, (size_t)(100 * i + 100));
	}
	assert_numbers(f, 500);
	/* What is not found any more is closed at last, an unfinished line with it. */
	append(f, "a.4", "line 501");
	run_until_lines(f, 501);
	assert_numbers(f, 501);
}

static void rotation__while_nobody_looked_is_followed(void **state)
{
	struct fixture *f = *state;

	append_numbers(f, "a.log", 1, 10);
	start(f);
	run_until_lines(f, 10);
	stop(f);
	append_numbers(f, "a.log", 11, 20);
	rename_file(f, "a.log", "a.log.1");
	append_numbers(f, "a.log", 21, 30);
	start(f);
	run_until_lines(f, 30);
	assert_numbers(f, 30);
}

static void rotation__by_emptying_is_followed(void **state)
{
	struct fixture *f = *state;

	append_numbers(f, "a.log", 1, 10);
	start(f);
	run_until_lines(f, 10);
	assert_int_equal(truncate(path_of(f, "a.log"), 0), 0);
	append_numbers(f, "a.log", 11, 12);
	run_until_lines(f, 12);
	/* It grows past where it was, and while nobody looks. */
	stop(f);
	assert_int_equal(truncate(path_of(f, "a.log"), 0), 0);
	append_numbers(f, "a.log", 13, 100);
	start(f);
	run_until_lines(f, 100);
	assert_numbers(f, 100);
}

static void long_line__is_cut_and_said(void **state)
{
	struct fixture *f = *state;
	size_t n = 3 * AG_BATCH_WINDOW;
	char *text = test_calloc(1, n + 16);

	memset(text, 'x', n);
	memcpy(text + n, "\nline 2\n", 9);
	append(f, "a.log", text);
	start(f);
	run_until_lines(f, 2);
	assert_int_equal(strlen(f->lines[0]), AG_BATCH_WINDOW);
	assert_true(f->cut[0]);
	assert_string_equal(f->lines[1], "line 2");
	assert_false(f->cut[1]);
	test_free(text);
}

static void cri__parts_are_joined_by_stream(void **state)
{
	struct fixture *f = *state;

	f->config = or_arena_printf(f->a, "[{\"path\":\"%s/*.log\",\"format\":\"cri\"}]", f->dir);
	append(f, "a.log",
	    "2026-11-24T11:00:00.5Z stdout P one \n"
	    "2026-11-24T11:00:01Z stderr F error\n"
	    "2026-11-24T11:00:02.000000001Z stdout F:x two\n"
	    "2026-11-24T11:00:03Z stdout F \n"
	    "not of the format\n"
	    "2026-11-24T11:00:04Z stderr P half ");
	start(f);
	run_until_lines(f, 4);
	assert_string_equal(f->lines[0], "error");
	assert_string_equal(f->lines[1], "one two");
	assert_string_equal(f->lines[2], "");
	assert_string_equal(f->lines[3], "not of the format");
	assert_memory_equal(f->streams, "eoo ", 4);
	assert_int_equal(f->times[1], 1795518002000000001);
	/* A part whose end is in another life, with lines of the other stream between. */
	append(f, "a.log", "\n2026-11-24T11:00:05Z stdout F between\n");
	run_until_lines(f, 5); /* which need not wait, and is not read again */
	stop(f);
	start(f);
	append(f, "a.log", "2026-11-24T11:00:06Z stderr F whole\n");
	run_until_lines(f, 6);
	assert_string_equal(f->lines[4], "between");
	assert_string_equal(f->lines[5], "half whole");
}

static void docker__is_read(void **state)
{
	struct fixture *f = *state;

	f->config =
	    or_arena_printf(f->a, "[{\"path\":\"%s/*.log\",\"format\":\"docker\"}]", f->dir);
	append(f, "a.log",
	    "{\"log\":\"a \\\"b\\\"\",\"stream\":\"stderr\",\"time\":\"2026-11-24T11:00:00Z\"}\n"
	    "{\"log\":\" c\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-24T11:00:01Z\"}\n"
	    "{\"log\":3}\n");
	start(f);
	run_until_lines(f, 2);
	assert_string_equal(f->lines[0], "a \"b\" c");
	assert_string_equal(f->lines[1], "{\"log\":3}");
	assert_memory_equal(f->streams, "e ", 2);
}

static void lines__that_belong_together_are_one_record(void **state)
{
	struct fixture *f = *state;

	f->config = or_arena_printf(f->a,
	    "[{\"path\":\"%s/*.log\",\"format\":\"cri\",\"multiline\":{\"preset\":\"java\","
	    "\"flush\":\"200ms\"}}]",
	    f->dir);
	append(f, "a.log",
	    "2026-11-24T11:00:00Z stderr F java.lang.Oops: no\n"
	    "2026-11-24T11:00:01Z stdout F one\n"
	    "2026-11-24T11:00:02Z stderr P \tat a.B.\n"
	    "2026-11-24T11:00:03Z stdout F two\n"
	    "2026-11-24T11:00:04Z stderr F c(D.java:1)\n");
	start(f);
	/* The last ones of both streams wait for what may go on with them, in vain. */
	run_until_lines(f, 3);
	append(f, "a.log", "2026-11-24T11:00:05Z stderr F java.lang.Oops: again\n");
	run_until_idle(f);
	stop(f); /* while it waits: nothing of it is taken */
	append(f, "a.log",
	    "2026-11-24T11:00:05Z stderr F \tat e.F\n2026-11-24T11:00:06Z stderr F end\n");
	start(f);
	run_until_lines(f, 5);
	assert_string_equal(f->lines[0], "one");
	assert_int_equal(f->times[0], 1795518001000000000);
	for (size_t i = 1; i < 3; i++)
		assert_string_equal(f->lines[i],
		    f->streams[i] == 'o' ? "two" : "java.lang.Oops: no\n\tat a.B.c(D.java:1)");
	assert_string_equal(f->lines[3], "java.lang.Oops: again\n\tat e.F");
	assert_string_equal(f->lines[4], "end");
}

static void refusal__is_waited_out(void **state)
{
	struct fixture *f = *state;

	f->refuses = true;
	append_numbers(f, "a.log", 1, 100);
	start(f);
	while (f->refused < 3 && !f->is_late)
		or_loop_turn(f->loop, false);
	f->refuses = false;
	run_until_lines(f, 100);
	assert_numbers(f, 100);
}

static bool has_line(struct fixture *f, int number)
{
	char text[32];
	size_t i = 0;

	snprintf(text, sizeof(text), "line %d", number);
	while (i < f->n && strcmp(f->lines[i], text) != 0)
		i++;
	return i < f->n;
}

static unsigned int dice(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned int)(*seed >> 33);
}

/* Writes, rotations both ways, restarts and refusals at random, and each line is there once. A
 * file is emptied only when it has been read, as what a copytruncate takes nobody can bring back,
 * and renamed only when something of it was: before that nobody knows that it was ours. */
static void anything__loses_and_doubles_nothing(void **state)
{
	struct fixture *f = *state;
	int n = 0, files = 0, first = 0; /* line of the file that is a.log */
	char name[32];
	uint64_t seed = 7;

	start(f);
	for (int i = 0; i < 120; i++) {
		unsigned int what = dice(&seed) % 10;

		if (what < 5) {
			int more = 1 + (int)(dice(&seed) % 40);

			append_numbers(f, "a.log", n + 1, n + more);
			first = first ? first : n + 1;
			n += more;
		} else if (what < 7) {
			snprintf(name, sizeof(name), "a.%d", ++files);
			collect(f);
			if (first && has_line(f, first)) {
				rename_file(f, "a.log", name);
				first = 0;
			}
		} else if (what == 7) {
			stop(f);
			start(f);
		} else if (what == 8 && n) {
			f->refuses = false;
			run_until_lines(f, (size_t)n);
			(void)!truncate(path_of(f, "a.log"), 0);
		} else {
			f->refuses = dice(&seed) % 2;
		}
		for (int turn = (int)(dice(&seed) % 4); turn > 0; turn--)
			or_loop_turn(f->loop, false);
	}
	f->refuses = false;
	run_until_lines(f, (size_t)n);
	assert_numbers(f, n);
}

static void config__that_is_wrong_is_said(void **state)
{
	static const struct {
		const char *config, *says;
	} cases[] = {
	    {"{}", "a list"},
	    {"[3]", "number 1: expected a map"},
	    {"[{\"path\":\"/a\"},{\"format\":\"plain\"}]", "number 2: expected a map with path"},
	    {"[{\"path\":\"/a\",\"format\":\"xml\"}]", "plain, cri or docker"},
	    {"[{\"path\":\"/a\",\"formet\":\"cri\"}]", "unknown key \"formet\""},
	    {"[{\"path\":\"/a\",\"multiline\":{\"preset\":\"perl\"}}]",
		"number 1: multiline: preset: expected java"},
	};
	struct fixture *f = *state;

	start(f);
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		struct ag_files_opt opt = {
		    .loop = f->loop, .spool = f->spool, .registry = f->registry};
		struct ag_files *files;

		ASSERT_OK(or_json_parse(&opt.list, or_slice_str(cases[i].config), f->a, &f->err),
		    &f->err);
		ASSERT_CODE(ag_files_new(&files, &opt, &f->err), OR_INVAL);
		ASSERT_HAS(f->err.msg, cases[i].says);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(files__are_read_as_they_grow),
	    T(restart__goes_on_at_the_place_in_the_spool),
	    T(rotation__by_renaming_is_followed),
	    T(rotation__while_nobody_looked_is_followed),
	    T(rotation__by_emptying_is_followed),
	    T(long_line__is_cut_and_said),
	    T(cri__parts_are_joined_by_stream),
	    T(docker__is_read),
	    T(lines__that_belong_together_are_one_record),
	    T(refusal__is_waited_out),
	    T(anything__loses_and_doubles_nothing),
	    T(config__that_is_wrong_is_said),
	};

	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
