/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/conn/conn.h"

#include "tests/support/support.h"

#include <errno.h>

static struct tap_event ev;

static struct tap_raw_conn refused_v4(void)
{
	return (struct tap_raw_conn){
	    .head = {.size = sizeof(struct tap_raw_conn), .kind = TAP_CONN, .uid = 33},
	    .took_ns = 1500,
	    .local = {127, 0, 0, 1},
	    .peer = {10, 1, 2, 3},
	    .local_port = 40000,
	    .peer_port = 5432,
	    .family = TAP_CONN_INET,
	    .outcome = TAP_CONN_FAILED,
	    .error = ECONNREFUSED,
	};
}

static void decode__gives_peer_and_outcome(void **state)
{
	struct tap_raw_conn raw = refused_v4();
	char text[TAP_CONN_ADDRESS];

	(void)state;
	ASSERT_CODE(tap_event_decode(&ev, or_slice(&raw, sizeof(raw))), OR_OK);
	assert_int_equal(ev.uid, 33);
	assert_int_equal(ev.conn.outcome, TAP_CONN_FAILED);
	assert_int_equal(ev.conn.error, ECONNREFUSED);
	assert_int_equal(ev.conn.took_ns, 1500);
	assert_false(ev.conn.v6);
	tap_conn_address(text, &ev.conn, false);
	assert_string_equal(text, "10.1.2.3:5432");
	tap_conn_address(text, &ev.conn, true);
	assert_string_equal(text, "127.0.0.1:40000");
}

static void decode__gives_the_longest_address(void **state)
{
	struct tap_raw_conn raw = refused_v4();
	char text[TAP_CONN_ADDRESS];

	(void)state;
	raw.family = TAP_CONN_INET6;
	memset(raw.peer, 0xfe, sizeof(raw.peer));
	raw.peer_port = 65535;
	ASSERT_CODE(tap_event_decode(&ev, or_slice(&raw, sizeof(raw))), OR_OK);
	assert_true(ev.conn.v6);
	tap_conn_address(text, &ev.conn, false);
	assert_string_equal(text, "[fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe]:65535");
}

static void decode__refuses_what_is_out_of_range(void **state)
{
	struct tap_raw_conn raw = refused_v4();

	(void)state;
	raw.family = 1;
	ASSERT_CODE(tap_event_decode(&ev, or_slice(&raw, sizeof(raw))), OR_PARSE);
	raw = refused_v4();
	raw.outcome = TAP_CONN_OUTCOMES;
	ASSERT_CODE(tap_event_decode(&ev, or_slice(&raw, sizeof(raw))), OR_PARSE);
	raw = refused_v4();
	raw.took_ns = UINT64_MAX;
	ASSERT_CODE(tap_event_decode(&ev, or_slice(&raw, sizeof(raw))), OR_PARSE);
	raw = refused_v4();
	raw.head.mono_ns = UINT64_MAX;
	ASSERT_CODE(tap_event_decode(&ev, or_slice(&raw, sizeof(raw))), OR_PARSE);
	raw = refused_v4();
	raw.head.size--;
	ASSERT_CODE(tap_event_decode(&ev, or_slice(&raw, sizeof(raw) - 1)), OR_PARSE);
}

static void json__names_the_outcome(void **state)
{
	struct tap_raw_conn raw = refused_v4();
	struct or_buf b;

	(void)state;
	ASSERT_CODE(tap_event_decode(&ev, or_slice(&raw, sizeof(raw))), OR_OK);
	or_buf_init(&b, 4096);
	tap_event_json(&b, &ev);
	ASSERT_HAS(or_buf_text(&b), "\"peer\":\"10.1.2.3:5432\",\"local\":\"127.0.0.1:40000\","
				    "\"outcome\":\"failed\",\"error\":111,\"took_ns\":1500");
	or_buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decode__gives_peer_and_outcome),
	    cmocka_unit_test(decode__gives_the_longest_address),
	    cmocka_unit_test(decode__refuses_what_is_out_of_range),
	    cmocka_unit_test(json__names_the_outcome),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
