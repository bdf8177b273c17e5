/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tap/sieve.h"

#include "base/mem.h"
#include "tests/support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { NOTES_MAX = 2048 };

static struct ag_note_seen *notes; /* that were taken */
static size_t n_notes;
static size_t room; /* how many more are taken */
static struct ag_sieve *sieve;

static enum or_code on_note(void *arg, const struct ag_note *note)
{
	(void)arg;
	if (!room)
		return OR_FULL;
	room--;
	assert_true(n_notes < NOTES_MAX);
	notes[n_notes++] = note->seen;
	return OR_OK;
}

static int start(void **state)
{
	static const char *ignore[] = {"/usr/lib/", "*.so.*", "*/site-packages/*"};
	struct ag_sieve_opt opt = {.ignore = {ignore, OR_LEN(ignore)}, .fn = on_note};

	(void)state;
	notes = or_mem_array(NOTES_MAX, sizeof(*notes));
	n_notes = 0;
	room = NOTES_MAX;
	sieve = ag_sieve_new(&opt);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	ag_sieve_free(sieve);
	or_mem_free(notes);
	return 0;
}

static struct tap_event *event(enum tap_kind kind)
{
	static struct tap_event ev;

	memset(&ev, 0, sizeof(ev));
	ev.kind = kind;
	ev.ns_pid = 42;
	snprintf(ev.comm, sizeof(ev.comm), "python3");
	return &ev;
}

static void open_file(const char *path, uint32_t flags, uint32_t error, uint64_t at)
{
	struct tap_event *ev = event(TAP_FILE);

	snprintf(ev->file.path, sizeof(ev->file.path), "%s", path);
	ev->file.open_flags = flags;
	ev->file.error = error;
	ag_sieve_put(sieve, ev, at);
}

static struct ag_note_loss loss(void)
{
	struct ag_note_loss out = {0};

	ag_sieve_take_loss(sieve, &out);
	return out;
}

static void put__tells_the_first_at_once_and_counts_the_rest(void **state)
{
	(void)state;
	open_file("/data/a", O_RDONLY, 0, 10);
	for (uint64_t i = 0; i < 1000; i++)
		open_file("/data/a", O_RDONLY, 0, 20 + i);
	assert_int_equal(n_notes, 1);
	assert_string_equal(notes[0].object, "/data/a");
	assert_string_equal(notes[0].program, "python3");
	assert_int_equal(notes[0].count, 1);
	assert_int_equal(notes[0].again, 0);
	assert_int_equal(notes[0].pid, 42);
	ag_sieve_turn(sieve);
	assert_true(ag_sieve_flush(sieve));
	assert_int_equal(n_notes, 2);
	assert_int_equal(notes[1].count, 1000);
	assert_int_equal(notes[1].again, 1);
	assert_int_equal(notes[1].time_ns, 20);
	assert_int_equal(notes[1].until_ns, 1019);
	ag_sieve_turn(sieve);
	assert_true(ag_sieve_flush(sieve));
	assert_int_equal(n_notes, 2);
	assert_int_equal(ag_sieve_count(sieve), 0);
	open_file("/data/a", O_RDONLY, 0, 5000);
	assert_int_equal(n_notes, 3);
	assert_int_equal(notes[2].again, 0);
}

/* What is met by looking around after a loss is told where it is new, and is no occurrence. */
static void put__takes_what_was_found_for_no_occurrence(void **state)
{
	struct tap_event *ev;

	(void)state;
	open_file("/data/a", O_RDONLY, 0, 1);
	for (int i = 0; i < 2; i++) {
		ev = event(TAP_FILE);
		ev->flags = TAP_FOUND;
		snprintf(ev->file.path, sizeof(ev->file.path), "%s", i ? "/data/a" : "/data/b");
		ag_sieve_put(sieve, ev, 2);
	}
	assert_int_equal(n_notes, 2);
	assert_string_equal(notes[1].object, "/data/b");
	assert_int_equal(notes[1].flags, TAP_FOUND);
	open_file("/data/b", O_RDONLY, 0, 3);
	ag_sieve_turn(sieve);
	assert_true(ag_sieve_flush(sieve));
	assert_int_equal(n_notes, 3); /* the opening of b; none of a */
	assert_int_equal(notes[2].count, 1);
	assert_int_equal(notes[2].flags, 0);
	assert_int_equal(notes[2].again, 1);
}

static void put__keeps_apart_what_differs(void **state)
{
	struct tap_event *ev;

	(void)state;
	open_file("/data/a", O_RDONLY, 0, 1);
	open_file("/data/a", O_WRONLY, 0, 1);
	open_file("/data/a", O_RDONLY, EACCES, 1);
	open_file("/data/b", O_RDONLY, 0, 1);
	ev = event(TAP_FILE);
	snprintf(ev->file.path, sizeof(ev->file.path), "/data/a");
	ev->uid = 1000;
	ag_sieve_put(sieve, ev, 1);
	snprintf(ev->comm, sizeof(ev->comm), "cat");
	ag_sieve_put(sieve, ev, 1);
	assert_int_equal(n_notes, 6);
	open_file("/data/a", O_RDWR, 0, 1); /* for writing, as O_WRONLY was */
	assert_int_equal(n_notes, 6);
}

static void put__ignores_reads_of_libraries_but_no_write_and_no_refusal(void **state)
{
	struct ag_note_loss l;

	(void)state;
	open_file("/usr/lib/x86_64-linux-gnu/libc.so.6", O_RDONLY | O_CLOEXEC, 0, 1);
	open_file("/opt/app/libx.so.1", O_RDONLY, 0, 1);
	open_file("/srv/venv/site-packages/a/b.py", O_RDONLY, 0, 1);
	open_file("/usr/bin/python3", 0x20, 0, 1); /* opened by exec */
	assert_int_equal(n_notes, 0);
	l = loss();
	assert_int_equal(l.ignored[TAP_FILE], 4);
	assert_int_equal(loss().ignored[TAP_FILE], 0);
	open_file("/usr/lib/x86_64-linux-gnu/libc.so.6", O_RDWR, 0, 1);
	open_file("/usr/lib/new", O_RDONLY | O_CREAT, 0, 1);
	open_file("/usr/lib/secret", O_RDONLY, EACCES, 1);
	open_file("/usr/libexec/tool", O_RDONLY, 0, 1);
	open_file("/data/usr/lib/x", O_RDONLY, 0, 1);
	assert_int_equal(n_notes, 5);
}

static void put__describes_programs_and_connections(void **state)
{
	struct tap_event *ev = event(TAP_EXEC);

	(void)state;
	snprintf(ev->exec.path, sizeof(ev->exec.path), "/usr/bin/dash");
	snprintf(ev->exec.name, sizeof(ev->exec.name), "./job.sh");
	memcpy(ev->exec.args_buf, "sh\0--password=x", 16);
	ev->exec.args = or_slice(ev->exec.args_buf, 16);
	ag_sieve_put(sieve, ev, 1);
	assert_string_equal(notes[0].object, "/usr/bin/dash");
	assert_string_equal(notes[0].extra, "./job.sh"); /* no arguments unless asked for */
	ev = event(TAP_CONN);
	memcpy(ev->conn.peer, "\x7f\0\0\1", 4);
	ev->conn.peer_port = 5432;
	ev->conn.outcome = TAP_CONN_FAILED;
	ev->conn.error = ECONNREFUSED;
	ev->conn.took_ns = 77;
	ag_sieve_put(sieve, ev, 1);
	assert_string_equal(notes[1].object, "127.0.0.1:5432");
	assert_int_equal(notes[1].error, ECONNREFUSED);
	assert_int_equal(notes[1].outcome, TAP_CONN_FAILED);
	assert_int_equal(notes[1].took_ns, 77);
}

static void put__tells_arguments_where_asked(void **state)
{
	struct ag_sieve_opt opt = {.args = true, .fn = on_note};
	struct tap_event *ev = event(TAP_EXEC);

	ag_sieve_free(sieve);
	sieve = ag_sieve_new(&opt);
	snprintf(ev->exec.path, sizeof(ev->exec.path), "/usr/bin/dash");
	memcpy(ev->exec.args_buf, "sh\0-c\0true", 11);
	ev->exec.args = or_slice(ev->exec.args_buf, 11);
	(void)state;
	ag_sieve_put(sieve, ev, 1);
	assert_string_equal(notes[0].extra, "sh -c true");
	memset(ev->exec.args_buf, 'x', TAP_EXEC_ARGS);
	ev->exec.args_buf[TAP_EXEC_ARGS] = 0;
	ev->exec.args = or_slice(ev->exec.args_buf, TAP_EXEC_ARGS + 1);
	snprintf(ev->comm, sizeof(ev->comm), "other");
	ag_sieve_put(sieve, ev, 1);
	assert_int_equal(strlen(notes[1].extra), AG_NOTE_EXTRA - 1);
}

static void put__bounds_each_kind_by_itself_and_counts(void **state)
{
	struct tap_event *ev;
	char path[64];

	(void)state;
	for (int i = 0; i < AG_SIEVE_MAX + 100; i++) {
		snprintf(path, sizeof(path), "/tmp/%d", i);
		open_file(path, O_WRONLY | O_CREAT, 0, 1);
	}
	assert_int_equal(n_notes, AG_SIEVE_MAX);
	assert_int_equal(loss().crowded[TAP_FILE], 100);
	ev = event(TAP_EXEC);
	snprintf(ev->exec.path, sizeof(ev->exec.path), "/usr/bin/id");
	ag_sieve_put(sieve, ev, 1);
	assert_int_equal(n_notes, AG_SIEVE_MAX + 1);
}

static void flush__offers_again_what_was_not_taken(void **state)
{
	(void)state;
	room = 0;
	open_file("/data/a", O_RDONLY, 0, 10);
	open_file("/data/a", O_RDONLY, 0, 11);
	open_file("/data/b", O_RDONLY, 0, 12);
	assert_int_equal(n_notes, 0);
	assert_false(ag_sieve_flush(sieve));
	room = 1;
	assert_false(ag_sieve_flush(sieve));
	assert_int_equal(n_notes, 1);
	assert_int_equal(notes[0].count, 2);
	assert_int_equal(notes[0].again, 0);
	room = 9;
	assert_true(ag_sieve_flush(sieve));
	assert_int_equal(n_notes, 2);
	assert_string_equal(notes[1].object, "/data/b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		put__tells_the_first_at_once_and_counts_the_rest, start, stop),
	    cmocka_unit_test_setup_teardown(
		put__takes_what_was_found_for_no_occurrence, start, stop),
	    cmocka_unit_test_setup_teardown(put__keeps_apart_what_differs, start, stop),
	    cmocka_unit_test_setup_teardown(
		put__ignores_reads_of_libraries_but_no_write_and_no_refusal, start, stop),
	    cmocka_unit_test_setup_teardown(put__describes_programs_and_connections, start, stop),
	    cmocka_unit_test_setup_teardown(put__tells_arguments_where_asked, start, stop),
	    cmocka_unit_test_setup_teardown(
		put__bounds_each_kind_by_itself_and_counts, start, stop),
	    cmocka_unit_test_setup_teardown(flush__offers_again_what_was_not_taken, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
