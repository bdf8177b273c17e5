/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "ebpf/wire/wire.h"
#include "tests/support/support.h"

enum { WITH_DB = 1 << 3, COMPRESS = 1 << 5, PROTOCOL_41 = 1 << 9, TLS = 1 << 11, SECURE = 1 << 15 };
enum { QUERY_ATTRIBUTES = 1 << 27 };

static struct tap_wire *wire;
static struct or_buf seen, msg;
static bool bytewise;

static void on_access(void *arg, const struct tap_wire_access *a)
{
	static const char *const sure[] = {"", " prefix", " guess"};

	(void)arg;
	assert_string_equal(a->protocol, "mysql");
	assert_string_equal(a->name_space, "mysql://db:1");
	or_buf_printf(&seen, "%s %s%s\n", a->write ? "write" : "read", a->name, sure[a->sure]);
}

static void open_wire(bool late)
{
	tap_wire_free(wire);
	wire =
	    tap_wire_new(&(struct tap_wire_opt){.server = "db:1", .late = late, .fn = on_access});
	or_buf_clear(&seen);
}

static int start(void **state)
{
	(void)state;
	or_buf_init(&seen, OR_MIB);
	or_buf_init(&msg, OR_MIB);
	wire = NULL;
	bytewise = false;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	tap_wire_free(wire);
	or_buf_done(&seen);
	or_buf_done(&msg);
	return 0;
}

static void saw(const char *want)
{
	assert_string_equal(or_buf_text(&seen), want);
	or_buf_clear(&seen);
}

static void packet(bool client, uint8_t number, const void *bytes, size_t n)
{
	const uint8_t head[] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), number};
	struct or_slice s;

	or_buf_clear(&msg);
	or_buf_put(&msg, head, sizeof(head));
	or_buf_put(&msg, bytes, n);
	s = or_buf_slice(&msg);
	if (!bytewise)
		tap_wire_feed(wire, client, s);
	for (size_t i = 0; bytewise && i < s.n; i++)
		tap_wire_feed(wire, client, or_slice(s.p + i, 1));
}

#define ASK(text)            packet(true, 0, text, sizeof(text) - 1)
#define ANSWER(number, text) packet(false, number, text, sizeof(text) - 1)

#define OK     "\0\0\0\2\0\0\0"
#define FAILED "\xff\x7a\x04#42S02no such table"

static void login(uint32_t offers, uint32_t flags, const char *database)
{
	uint8_t greeting[] = "\x0a"
			     "10.11.9\0"
			     "\1\0\0\0"
			     "12345678\0"
			     "LL\x2d\2\0HH\x15\0\0\0\0\0\0\0\0\0\0";
	uint8_t response[32] = {0};

	greeting[22] = (uint8_t)offers;
	greeting[23] = (uint8_t)(offers >> 8);
	greeting[27] = (uint8_t)(offers >> 16);
	greeting[28] = (uint8_t)(offers >> 24);
	packet(false, 0, greeting, sizeof(greeting) - 1);
	for (size_t i = 0; i < 4; i++)
		response[i] = (uint8_t)(flags >> 8 * i);
	if (flags & TLS) {
		packet(true, 1, response, sizeof(response));
		return;
	}
	or_buf_clear(&seen);
	or_buf_put(&seen, response, sizeof(response));
	or_buf_put(&seen, "ann", 4);
	or_buf_put(&seen, "\5abcde", 6);
	or_buf_put(&seen, database, strlen(database) + 1);
	or_buf_put(&seen, "mysql_native_password", 22);
	packet(true, 1, or_buf_slice(&seen).p, or_buf_slice(&seen).n);
	or_buf_clear(&seen);
	/* Another method of authentication is agreed upon, and works. */
	ANSWER(2, "\xfe"
		  "sha2\0nonce");
	packet(true, 3, "\3secret", 7);
	ANSWER(4, OK);
}

static void log_in(void)
{
	login(PROTOCOL_41 | SECURE | WITH_DB, PROTOCOL_41 | SECURE | WITH_DB, "shop");
}

static void tells_what_was_done(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		bytewise = i;
		open_wire(false);
		log_in();
		assert_string_equal(tap_wire_protocol(wire), "mysql");
		ASK("\3INSERT INTO `Mart`.daily SELECT * FROM a JOIN b USING (x)");
		saw("");
		ANSWER(1, OK);
		saw("read shop.a\nread shop.b\nwrite Mart.daily\n");
		ASK("\3SELECT * FROM absent");
		ANSWER(1, FAILED);
		ASK("\3SELECT * FROM information_schema.tables, mysql.user");
		ANSWER(1, "\2");
		ANSWER(2, "\3def");
		saw("");
		ASK("\x0e"); /* ping */
		ANSWER(1, OK);
		ASK("\3SELECT * FROM a");
		ANSWER(1, "\1");
		saw("read shop.a\n");
		ASK("\1");
		assert_true(tap_wire_is_of_use(wire));
	}
}

static void a_database_is_chosen_once_the_server_says_so(void **state)
{
	(void)state;
	open_wire(false);
	log_in();
	ASK("\3USE absent");
	ANSWER(1, FAILED);
	ASK("\3SELECT * FROM a");
	ANSWER(1, "\1");
	saw("read shop.a\n");
	ASK("\3USE mart");
	ANSWER(1, OK);
	ASK("\3SELECT * FROM a");
	ANSWER(1, "\1");
	saw("read mart.a\n");
	ASK("\2lake");
	ANSWER(1, OK);
	ASK("\3SELECT * FROM a");
	ANSWER(1, "\1");
	saw("read lake.a\n");
	ASK("\x11"
	    "bob\0\3xyzhome\0");
	ANSWER(1, OK);
	ASK("\3SELECT * FROM a");
	ANSWER(1, "\1");
	saw("read home.a\n");
}

static void prepared_statements_tell_when_they_run(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		bytewise = i;
		open_wire(false);
		log_in();
		ASK("\x16"
		    "DELETE FROM a WHERE id = ?");
		ANSWER(1, "\0\7\0\0\0\0\0\1\0\0\0\0");
		ANSWER(2, "\3def");
		saw("");
		ASK("\x16SELECT broken FROM b");
		ANSWER(1, FAILED);
		for (int j = 0; j < 2; j++) {
			ASK("\x17\7\0\0\0\0\1\0\0\0");
			saw("");
			ANSWER(1, OK);
			saw("write shop.a\n");
		}
		/* MariaDB: run at once what is being prepared. */
		ASK("\x16INSERT INTO c VALUES (?)");
		ASK("\x17\xff\xff\xff\xff\0\1\0\0\0");
		ANSWER(1, "\0\x8\0\0\0\0\0\0\0\0\0\0");
		ANSWER(1, OK);
		saw("write shop.c\n");
		ASK("\x17\xff\xff\xff\xff\0\1\0\0\0");
		ANSWER(1, OK);
		saw("write shop.c\n");
		ASK("\x19\7\0\0\0");
		ASK("\x17\7\0\0\0\0\1\0\0\0");
		ANSWER(1, FAILED);
		saw("");
	}
}

/* A result's packets are numbered 1 to 255, 0, 1…; the next answer begins with 1 as well. */
static void long_results_are_told_from_the_next_answer(void **state)
{
	(void)state;
	open_wire(false);
	log_in();
	ASK("\3SELECT * FROM a");
	ASK("\3INSERT INTO b VALUES (1)");
	ASK("\3INSERT INTO c VALUES (1)");
	for (unsigned int i = 1; i <= 700; i++) {
		ANSWER((uint8_t)i, "\1x");
		saw(i == 1 ? "read shop.a\n" : "");
	}
	ANSWER(1, FAILED);
	saw("");
	ANSWER(1, OK);
	saw("write shop.c\n");
}

static void a_file_is_loaded_once_it_was_sent(void **state)
{
	(void)state;
	open_wire(false);
	log_in();
	ASK("\3LOAD DATA LOCAL INFILE 'x.csv' INTO TABLE a");
	ANSWER(1, "\xfbx.csv");
	packet(true, 2, "\3SELECT * FROM b\n", 17);
	packet(true, 3, "", 0);
	saw("");
	ANSWER(4, OK);
	saw("write shop.a\n");
}

/* MariaDB: as errors of a code that is none. */
static void reports_of_progress_are_no_answer(void **state)
{
	(void)state;
	open_wire(false);
	log_in();
	ASK("\3INSERT INTO a SELECT * FROM b");
	ANSWER(1, "\xff\xff\xff\1\1\2\0\0\0\4half");
	saw("");
	ANSWER(2, "\xff\xff\xff\1\2\2\0\0\0\4more");
	saw("");
	ANSWER(3, OK);
	saw("read shop.b\nwrite shop.a\n");
	ASK("\3INSERT INTO a SELECT * FROM b");
	ANSWER(1, "\xff\xff\xff\1\1\2\0\0\0\4half");
	ANSWER(2, FAILED);
	ASK("\3DELETE FROM c");
	ANSWER(1, OK);
	saw("write shop.c\n");
}

static void attributes_of_a_query_are_passed_over(void **state)
{
	(void)state;
	open_wire(false);
	login(PROTOCOL_41 | SECURE | WITH_DB | QUERY_ATTRIBUTES,
	    PROTOCOL_41 | SECURE | WITH_DB | QUERY_ATTRIBUTES, "shop");
	ASK("\3\0\1SELECT * FROM a");
	ANSWER(1, "\1");
	saw("read shop.a\n");
	/* Three: a number, a text, and none. */
	ASK("\3\3\1\4\1\3\0\1k\xfe\0\1s\6\0\1n\7\0\0\0\5helloDELETE FROM b");
	ANSWER(1, OK);
	saw("write shop.b\n");
	ASK("\3\xfc\xff\xff\1\0\1SELECT * FROM c");
	ANSWER(1, "\1");
	saw("");
}

static void what_cannot_be_read_is_of_no_use(void **state)
{
	(void)state;
	open_wire(false);
	login(PROTOCOL_41 | SECURE | TLS, PROTOCOL_41 | SECURE | TLS, "");
	assert_false(tap_wire_is_of_use(wire));
	open_wire(false);
	login(PROTOCOL_41 | SECURE | COMPRESS, PROTOCOL_41 | SECURE | COMPRESS, "");
	assert_false(tap_wire_is_of_use(wire));
	/* The client would, the server does not. */
	open_wire(false);
	login(PROTOCOL_41 | SECURE, PROTOCOL_41 | SECURE | COMPRESS, "");
	assert_true(tap_wire_is_of_use(wire));
}

static void a_late_look_begins_with_a_command(void **state)
{
	(void)state;
	open_wire(true);
	ANSWER(9, "\1row of something earlier");
	ASK("\3SELECT * FROM s.a");
	ANSWER(1, "\1");
	saw("read s.a guess\n");
}

static void after_a_gap_an_answer_is_found_again(void **state)
{
	(void)state;
	open_wire(false);
	log_in();
	ASK("\3SELECT * FROM a");
	tap_wire_gap(wire, false, 100000);
	tap_wire_feed(wire, false, OR_SLICE_LIT("the middle of a row"));
	saw("");
	ASK("\3DELETE FROM b");
	ANSWER(1, OK);
	saw("write shop.b guess\n");
}

/* Another protocol whose server speaks first leaves it to the client's bytes. */
static void another_greeting_is_none_of_mysql(void **state)
{
	(void)state;
	open_wire(false);
	tap_wire_feed(wire, false, OR_SLICE_LIT("220 mail.example ESMTP\r\n"));
	assert_string_equal(tap_wire_protocol(wire), "");
	tap_wire_feed(wire, true, OR_SLICE_LIT("GET / HTTP/1.1\r\n\r\n"));
	assert_string_equal(tap_wire_protocol(wire), "http");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(tells_what_was_done, start, stop),
	    cmocka_unit_test_setup_teardown(
		a_database_is_chosen_once_the_server_says_so, start, stop),
	    cmocka_unit_test_setup_teardown(prepared_statements_tell_when_they_run, start, stop),
	    cmocka_unit_test_setup_teardown(
		long_results_are_told_from_the_next_answer, start, stop),
	    cmocka_unit_test_setup_teardown(a_file_is_loaded_once_it_was_sent, start, stop),
	    cmocka_unit_test_setup_teardown(reports_of_progress_are_no_answer, start, stop),
	    cmocka_unit_test_setup_teardown(attributes_of_a_query_are_passed_over, start, stop),
	    cmocka_unit_test_setup_teardown(what_cannot_be_read_is_of_no_use, start, stop),
	    cmocka_unit_test_setup_teardown(a_late_look_begins_with_a_command, start, stop),
	    cmocka_unit_test_setup_teardown(after_a_gap_an_answer_is_found_again, start, stop),
	    cmocka_unit_test_setup_teardown(another_greeting_is_none_of_mysql, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
