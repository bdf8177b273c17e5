/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tap/note.h"

#include "tests/support/support.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int ends[2];

static int open_pair(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

static int close_pair(void **state)
{
	(void)state;
	close(ends[0]);
	if (ends[1] >= 0)
		close(ends[1]);
	return 0;
}

static struct ag_note a_seen(void)
{
	struct ag_note note = {.type = AG_NOTE_SEEN,
	    .seen = {.time_ns = 5, .until_ns = 9, .count = 3, .kind = TAP_FILE, .pid = 42}};

	snprintf(note.seen.object, sizeof(note.seen.object), "/data/\xff.json");
	return note;
}

static struct ag_note a_state(void)
{
	struct ag_note note = {.type = AG_NOTE_STATE, .state = {.pid = 7, .tier = 1}};

	snprintf(note.state.why, sizeof(note.state.why), "file: refused");
	note.state.probe[TAP_EXEC].state = TAP_ATTACHED;
	return note;
}

static void send__arrives_whole_and_in_order(void **state)
{
	struct ag_note seen = a_seen(), told = a_state(), got;
	struct ag_note loss = {.type = AG_NOTE_LOSS, .loss = {.ring = {1, 2, 3}}};

	(void)state;
	ASSERT_CODE(ag_note_send(ends[0], &told), OR_OK);
	ASSERT_CODE(ag_note_send(ends[0], &seen), OR_OK);
	ASSERT_CODE(ag_note_send(ends[0], &loss), OR_OK);
	ASSERT_CODE(ag_note_receive(&got, ends[1]), OR_OK);
	assert_int_equal(got.type, AG_NOTE_STATE);
	assert_memory_equal(&got.state, &told.state, sizeof(told.state));
	ASSERT_CODE(ag_note_receive(&got, ends[1]), OR_OK);
	assert_int_equal(got.type, AG_NOTE_SEEN);
	assert_memory_equal(&got.seen, &seen.seen, sizeof(seen.seen));
	ASSERT_CODE(ag_note_receive(&got, ends[1]), OR_OK);
	assert_int_equal(got.loss.ring[TAP_FILE], 3);
	ASSERT_CODE(ag_note_receive(&got, ends[1]), OR_ABSENT);
}

static void send__says_that_the_reader_is_behind_or_gone(void **state)
{
	struct ag_note note = a_seen();
	enum or_code rc = OR_OK;

	(void)state;
	for (int i = 0; i < 100000 && rc == OR_OK; i++)
		rc = ag_note_send(ends[0], &note);
	ASSERT_CODE(rc, OR_FULL);
	close(ends[1]);
	ends[1] = -1;
	ASSERT_CODE(ag_note_send(ends[0], &note), OR_CLOSED);
}

static void receive__refuses_what_is_no_note_and_goes_on(void **state)
{
	static char big[4 * AG_NOTE_MAX];
	struct ag_note note = a_seen(), got;

	(void)state;
	assert_int_equal(send(ends[0], "?", 1, 0), 1);
	assert_int_equal(send(ends[0], big, sizeof(big), 0), sizeof(big));
	ASSERT_CODE(ag_note_send(ends[0], &note), OR_OK);
	ASSERT_CODE(ag_note_receive(&got, ends[1]), OR_PARSE);
	ASSERT_CODE(ag_note_receive(&got, ends[1]), OR_PARSE);
	ASSERT_CODE(ag_note_receive(&got, ends[1]), OR_OK);
	close(ends[1]);
	ends[1] = -1;
	ASSERT_CODE(ag_note_receive(&got, ends[0]), OR_CLOSED);
}

/* Sends a note and gives what decoding says of it. */
static enum or_code judge(const struct ag_note *note)
{
	struct ag_note got;

	ASSERT_CODE(ag_note_send(ends[0], note), OR_OK);
	return ag_note_receive(&got, ends[1]);
}

static void decode__refuses_numbers_out_of_range_and_texts_without_end(void **state)
{
	struct ag_note note;

	(void)state;
	note = a_seen(), note.seen.kind = TAP_KINDS;
	ASSERT_CODE(judge(&note), OR_PARSE);
	note = a_seen(), note.seen.outcome = TAP_CONN_OUTCOMES;
	ASSERT_CODE(judge(&note), OR_PARSE);
	note = a_seen(), note.seen.count = 0;
	ASSERT_CODE(judge(&note), OR_PARSE);
	note = a_seen(), note.seen.until_ns = note.seen.time_ns - 1;
	ASSERT_CODE(judge(&note), OR_PARSE);
	note = a_seen(), memset(note.seen.object, 'x', sizeof(note.seen.object));
	ASSERT_CODE(judge(&note), OR_PARSE);
	note = a_seen(), memset(note.seen.program, 'x', sizeof(note.seen.program));
	ASSERT_CODE(judge(&note), OR_PARSE);
	note = a_state(), note.state.tier = 2;
	ASSERT_CODE(judge(&note), OR_PARSE);
	note = a_state(), note.state.probe[0].state = TAP_STATES;
	ASSERT_CODE(judge(&note), OR_PARSE);
	note = a_state(), memset(note.state.why, 'x', sizeof(note.state.why));
	ASSERT_CODE(judge(&note), OR_PARSE);
	note = a_state();
	ASSERT_CODE(judge(&note), OR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		send__arrives_whole_and_in_order, open_pair, close_pair),
	    cmocka_unit_test_setup_teardown(
		send__says_that_the_reader_is_behind_or_gone, open_pair, close_pair),
	    cmocka_unit_test_setup_teardown(
		receive__refuses_what_is_no_note_and_goes_on, open_pair, close_pair),
	    cmocka_unit_test_setup_teardown(
		decode__refuses_numbers_out_of_range_and_texts_without_end, open_pair, close_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
