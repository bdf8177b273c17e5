/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/hygiene.h"

#include "tests/support/support.h"

#define FIELD(name)                                                                                \
	{                                                                                          \
		OR_SLICE_LIT(name), OR_SLICE_LIT("x")                                              \
	}

static void passes_in__keeps_what_only_the_gate_may_say(void **state)
{
	static const char *const stripped[] = {"Authorization", "AUTHORIZATION", "authorization",
	    "X-Outrider-Purpose", "x_outrider_principal", "X-Forwarded-For", "X_Forwarded_For",
	    "Forwarded", "X-Remote-User", "Remote_User", "X-Original-URL", "X-HTTP-Method-Override",
	    "Client-Cert", "Via", "Host", "Traceparent"};
	struct or_http_msg msg = {0};

	(void)state;
	for (size_t i = 0; i < OR_LEN(stripped); i++) {
		struct or_http_field f = {or_slice_str(stripped[i]), OR_SLICE_LIT("x")};

		if (ag_hygiene_passes_in(&msg, &f))
			fail_msg("%s passes", stripped[i]);
	}
}

/* CGI turns '-' and '_' into one character: such a name must not frame or steer at the app. */
static void passes_in__drops_names_that_cgi_would_confuse(void **state)
{
	static const char *const stripped[] = {"Content_Length", "Transfer_Encoding",
	    "transfer-encoding", "Connection", "Proxy", "Proxy_Authorization",
	    "Proxy-Authorization", "Upgrade", "HTTP2-Settings", "Expect"};
	struct or_http_msg msg = {0};

	(void)state;
	for (size_t i = 0; i < OR_LEN(stripped); i++) {
		struct or_http_field f = {or_slice_str(stripped[i]), OR_SLICE_LIT("x")};

		if (ag_hygiene_passes_in(&msg, &f))
			fail_msg("%s passes", stripped[i]);
	}
}

static void passes_in__lets_the_rest_through_but_for_named_hops(void **state)
{
	static const struct or_http_field fields[] = {
	    {OR_SLICE_LIT("Connection"), OR_SLICE_LIT("close, x-hop")}, FIELD("X-Hop"),
	    FIELD("Accept"), FIELD("X-Tenant"), FIELD("Range"), FIELD("Content-Type")};
	struct or_http_msg msg = {.fields = fields, .n_fields = OR_LEN(fields)};

	(void)state;
	for (size_t i = 0; i < OR_LEN(fields); i++)
		assert_int_equal(ag_hygiene_passes_in(&msg, &fields[i]), i >= 2);
	for (size_t i = 0; i < OR_LEN(fields); i++)
		assert_int_equal(ag_hygiene_passes_out(&msg, &fields[i]), i >= 2);
}

static void takes_gzip__reads_lists_and_weights(void **state)
{
	static const struct {
		const char *value;
		bool takes;
	} cases[] = {{"gzip", true}, {"deflate, gzip;q=0.5", true}, {"br,GZIP ; q=1.0", true},
	    {"gzip;q=0", false}, {"gzip;q=0.000, br", false}, {"gzip;q=0.001", true},
	    {"identity", false}, {"", false}, {"x-gzipped", false}, {"*", false}};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		struct or_http_field f = {
		    OR_SLICE_LIT("Accept-Encoding"), or_slice_str(cases[i].value)};
		struct or_http_msg msg = {.fields = &f, .n_fields = 1};

		if (ag_hygiene_takes_gzip(&msg) != cases[i].takes)
			fail_msg("%s", cases[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_gzip__reads_lists_and_weights),
	    cmocka_unit_test(passes_in__keeps_what_only_the_gate_may_say),
	    cmocka_unit_test(passes_in__drops_names_that_cgi_would_confuse),
	    cmocka_unit_test(passes_in__lets_the_rest_through_but_for_named_hops),
	};

	return cmocka_run_group_tests_name("agent.gate.hygiene", tests, NULL, NULL);
}
