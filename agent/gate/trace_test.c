/* SPDX-License-Identifier: Apache-2.0 */
/* Trace context by hand (the public tables are the conformance tool's), and what crosses the gate.
 */
#include "agent/gate/hygiene.h"
#include "agent/gate/trace.h"
#include "tests/support/support.h"

#define PARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct ag_trace read_fields(const struct or_http_field *fields, size_t n)
{
	struct or_http_msg msg = {.fields = fields, .n_fields = n};
	struct ag_trace t;

	ag_trace_read(&t, &msg);
	return t;
}

static void read__continues_a_valid_trace(void **state)
{
	const struct or_http_field fields[] = {{OR_SLICE_LIT("TraceParent"), OR_SLICE_LIT(PARENT)},
	    {OR_SLICE_LIT("tracestate"), OR_SLICE_LIT("a=1, b@c=2")},
	    {OR_SLICE_LIT("tracestate"), OR_SLICE_LIT("=")}};
	char text[AG_TRACE_PARENT_LEN + 1];
	struct ag_trace t;

	(void)state;
	t = read_fields(fields, 2);
	assert_true(t.continued);
	assert_true(t.keeps_state);
	ag_trace_parent(text, &t);
	assert_memory_equal(text, PARENT, 36);
	assert_memory_not_equal(text + 36, PARENT + 36, 16);
	assert_string_equal(text + 52, "-01");
	t = read_fields(fields, 3);
	assert_true(t.continued);
	assert_false(t.keeps_state);
}

static void read__starts_a_trace_otherwise(void **state)
{
	static const char *const wrong[] = {"", "00", PARENT "x", "01" PARENT,
	    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	    "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
	    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
	    "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"};
	struct or_http_field fields[2] = {{OR_SLICE_LIT("traceparent"), OR_SLICE_LIT(PARENT)},
	    {OR_SLICE_LIT("traceparent"), OR_SLICE_LIT(PARENT)}};
	struct ag_trace t = read_fields(fields, 2), other = read_fields(NULL, 0);

	(void)state;
	assert_false(t.continued);
	assert_memory_not_equal(t.id, other.id, sizeof(t.id));
	for (size_t i = 0; i < OR_LEN(wrong); i++) {
		fields[0].value = or_slice_str(wrong[i]);
		t = read_fields(fields, 1);
		assert_false(t.continued);
		assert_false(t.keeps_state);
	}
}

static void passes_in__strips_what_says_who_asks(void **state)
{
	static const char *const stripped[] = {"Authorization", "X-Outrider-Principal",
	    "X_OUTRIDER_PRINCIPAL", "x-outrider-", "X-Forwarded-User", "X-Forwarded-For",
	    "X_Forwarded_For", "Forwarded", "X-Auth-Request-Email", "Remote-User", "X-Remote-User",
	    "X-Real-IP", "X-User", "X-User-Id", "X-Client-Cert", "X-HTTP-Method-Override",
	    "X-Original-URL", "X-Rewrite-URL", "Host", "Via", "traceparent", "Connection",
	    "Keep-Alive", "TE", "Upgrade", "Transfer-Encoding", "Content-Length", "Expect",
	    "X-Hop"};
	static const char *const passed[] = {"Accept", "Cookie", "Content-Type", "X-Request-Id",
	    "X-Authority", "tracestate", "Range", "If-None-Match", "X-Outride", "User-Agent"};
	const struct or_http_field connection = {
	    OR_SLICE_LIT("Connection"), OR_SLICE_LIT("close, x-hop")};
	struct or_http_msg msg = {.fields = &connection, .n_fields = 1};

	(void)state;
	for (size_t i = 0; i < OR_LEN(stripped); i++) {
		struct or_http_field f = {or_slice_str(stripped[i]), OR_SLICE_LIT("x")};

		if (ag_hygiene_passes_in(&msg, &f))
			fail_msg("%s passes", stripped[i]);
	}
	for (size_t i = 0; i < OR_LEN(passed); i++) {
		struct or_http_field f = {or_slice_str(passed[i]), OR_SLICE_LIT("x")};

		if (!ag_hygiene_passes_in(&msg, &f))
			fail_msg("%s is stripped", passed[i]);
		assert_true(ag_hygiene_passes_out(&msg, &f));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(read__continues_a_valid_trace),
	    cmocka_unit_test(read__starts_a_trace_otherwise),
	    cmocka_unit_test(passes_in__strips_what_says_who_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
