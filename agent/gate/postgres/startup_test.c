/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/postgres/startup.h"

#include "tests/support/support.h"

#define V3 "\x00\x03\x00\x00"

/* The body behind the length, with the length that belongs to it. */
static enum ag_startup_reason parse(struct ag_startup *s, const void *body, size_t n)
{
	static uint8_t packet[AG_STARTUP_MAX + 64];
	size_t whole = n + 4;

	assert_true(whole <= sizeof(packet));
	packet[0] = 0;
	packet[1] = 0;
	packet[2] = (uint8_t)(whole >> 8);
	packet[3] = (uint8_t)whole;
	memcpy(packet + 4, body, n);
	return ag_startup_parse(s, or_slice(packet, whole));
}
#define PARSE(s, text) parse(s, text, sizeof(text) - 1)

static void parse__reads_user_database_and_application(void **state)
{
	struct ag_startup s;

	(void)state;
	assert_int_equal(PARSE(&s, V3 "user\0alice\0database\0mart\0application_name\0psql\0\0"),
	    AG_STARTUP_FINE);
	assert_int_equal(s.kind, AG_STARTUP_SESSION);
	assert_int_equal(s.version, 0x30000);
	ASSERT_SLICE(s.user, "alice");
	ASSERT_SLICE(s.database, "mart");
	ASSERT_SLICE(s.application, "psql");
	assert_false(s.replicates);
	/* §55.7: the database is the user's name where it lacks */
	assert_int_equal(PARSE(&s, V3 "user\0alice\0\0"), AG_STARTUP_FINE);
	ASSERT_SLICE(s.database, "alice");
	assert_null(s.application.p);
	assert_int_equal(PARSE(&s, V3 "database\0\0user\0bob\0\0"), AG_STARTUP_FINE);
	ASSERT_SLICE(s.database, "bob");
	/* 3.2, with an extension that the server answers for */
	assert_int_equal(PARSE(&s, "\x00\x03\x00\x02user\0alice\0_pq_.x\0y\0\0"), AG_STARTUP_FINE);
	assert_int_equal(s.version, 0x30002);
}

static void parse__refuses_what_the_server_might_read_otherwise(void **state)
{
	static const struct {
		const char *body;
		size_t n;
		enum ag_startup_reason why;
	} cases[] = {
#define CASE(text, reason) {text, sizeof(text) - 1, reason}
	    CASE(V3 "user\0alice\0user\0bob\0\0", AG_STARTUP_PARAMETER),
	    CASE(V3 "user\0alice\0USER\0bob\0\0", AG_STARTUP_PARAMETER),
	    CASE(V3 "user\0alice\0database\0a\0database\0b\0\0", AG_STARTUP_PARAMETER),
	    CASE(V3 "user\0alice\0", AG_STARTUP_PARAMETER),
	    CASE(V3 "user\0alice", AG_STARTUP_PARAMETER),
	    CASE(V3 "user", AG_STARTUP_PARAMETER),
	    CASE(V3, AG_STARTUP_PARAMETER),
	    CASE(V3 "user\0alice\0\0x", AG_STARTUP_TRAILING),
	    CASE(V3 "user\0alice\0\0\0", AG_STARTUP_TRAILING),
	    CASE(V3 "\0", AG_STARTUP_USER),
	    CASE(V3 "user\0\0\0", AG_STARTUP_USER),
	    CASE(V3 "database\0x\0\0", AG_STARTUP_USER),
	    CASE(V3 "user\0\xff\0\0", AG_STARTUP_USER),
	    CASE(V3 "user\0a\0database\0\xc0\x80\0\0", AG_STARTUP_DATABASE),
	    CASE(V3 "user\0a\0application_name\0\xff\0\0", AG_STARTUP_APPLICATION),
	    CASE(V3 "user\0a\0replication\0tru\0\0", AG_STARTUP_REPLICATION),
	    CASE(V3 "user\0a\0replication\0TRUE\0\0", AG_STARTUP_REPLICATION),
	    CASE("\x00\x02\x00\x00user\0a\0\0", AG_STARTUP_PROTOCOL),
	    CASE("\x00\x04\x00\x00user\0a\0\0", AG_STARTUP_PROTOCOL),
	    CASE("GET ", AG_STARTUP_PROTOCOL),
	    CASE("\x04\xd2\x16\x2fx", AG_STARTUP_LENGTH), /* SSLRequest and more */
	    CASE("\x04\xd2\x16\x2e\0\0\0\1key", AG_STARTUP_KEY),
	};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		struct ag_startup s = {.pid = 77};

		if (parse(&s, cases[i].body, cases[i].n) != cases[i].why || s.pid != 77)
			fail_msg("case %zu: %s expected", i, ag_startup_reason_name(cases[i].why));
	}
}

/* PostgreSQL cuts longer names: what was decided on would be another user or database. */
static void parse__refuses_names_that_the_server_cuts(void **state)
{
	char body[4 + 5 + AG_STARTUP_NAME_MAX + 3];
	struct ag_startup s;

	(void)state;
	memcpy(body, V3 "user", 9);
	memset(body + 9, 'u', AG_STARTUP_NAME_MAX + 1);
	memcpy(body + 9 + AG_STARTUP_NAME_MAX, "\0", 2);
	assert_int_equal(parse(&s, body, sizeof(body) - 1), AG_STARTUP_FINE);
	memcpy(body + 9 + AG_STARTUP_NAME_MAX, "u\0", 3);
	assert_int_equal(parse(&s, body, sizeof(body)), AG_STARTUP_USER);
}

static void parse__tells_requests_and_replication(void **state)
{
	struct ag_startup s;

	(void)state;
	assert_int_equal(PARSE(&s, "\x04\xd2\x16\x2f"), AG_STARTUP_FINE);
	assert_int_equal(s.kind, AG_STARTUP_TLS);
	assert_int_equal(PARSE(&s, "\x04\xd2\x16\x30"), AG_STARTUP_FINE);
	assert_int_equal(s.kind, AG_STARTUP_GSSENC);
	assert_int_equal(PARSE(&s, "\x04\xd2\x16\x2e\0\0\1\2\1\2\3\4"), AG_STARTUP_FINE);
	assert_int_equal(s.kind, AG_STARTUP_CANCEL);
	assert_int_equal(s.pid, 0x102);
	assert_int_equal(s.key.n, 4);
	assert_int_equal(
	    PARSE(&s, V3 "user\0a\0replication\0database\0database\0d\0\0"), AG_STARTUP_FINE);
	assert_true(s.replicates);
	assert_int_equal(PARSE(&s, V3 "user\0a\0replication\0off\0\0"), AG_STARTUP_FINE);
	assert_false(s.replicates);
}

static void length__is_bounded(void **state)
{
	size_t n = 77;

	(void)state;
	ASSERT_CODE(ag_startup_length(&n, OR_SLICE_LIT("\0\0\0")), OR_AGAIN);
	ASSERT_CODE(ag_startup_length(&n, or_slice("\0\0\0\7", 4)), OR_PARSE);
	ASSERT_CODE(ag_startup_length(&n, or_slice("\0\0\x27\x11", 4)), OR_PARSE);
	ASSERT_CODE(ag_startup_length(&n, or_slice("\xff\xff\xff\xff", 4)), OR_PARSE);
	assert_int_equal(n, 77);
	ASSERT_CODE(ag_startup_length(&n, or_slice("\0\0\x27\x10", 4)), OR_OK);
	assert_int_equal(n, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parse__reads_user_database_and_application),
	    cmocka_unit_test(parse__refuses_what_the_server_might_read_otherwise),
	    cmocka_unit_test(parse__refuses_names_that_the_server_cuts),
	    cmocka_unit_test(parse__tells_requests_and_replication),
	    cmocka_unit_test(length__is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
