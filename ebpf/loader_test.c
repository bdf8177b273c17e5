/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/loader.h"

#include "tests/support/support.h"

static void open__refuses_options_that_cannot_be(void **state)
{
	const struct tap_loader_opt bad[] = {
	    {.probes = 1U << TAP_KINDS},
	    {.ring_bytes = 1},
	    {.ring_bytes = 3U << 20},
	    {.ring_bytes = 2 * TAP_LOADER_RING_MAX},
	};
	struct tap_loader *tap = NULL;
	struct or_err err;

	(void)state;
	for (size_t i = 0; i < OR_LEN(bad); i++) {
		ASSERT_CODE(tap_loader_open(&tap, &bad[i], &err), OR_INVAL);
		assert_true(err.msg[0] != '\0');
		assert_null(tap);
	}
}

static void open__brings_only_what_is_asked_for(void **state)
{
	const struct tap_loader_opt opt = {.probes = 1U << TAP_CONN};
	struct tap_loader *tap;
	struct or_err err;

	(void)state;
	ASSERT_OK(tap_loader_open(&tap, &opt, &err), &err);
	assert_true(tap_loader_fd(tap) >= 0);
	assert_int_equal(tap_loader_status(tap, TAP_EXEC)->state, TAP_OFF);
	assert_int_equal(tap_loader_status(tap, TAP_FILE)->state, TAP_OFF);
	assert_int_not_equal(tap_loader_status(tap, TAP_CONN)->state, TAP_OFF);
	tap_loader_close(tap);
	tap_loader_close(NULL);
}

static void state_name__covers_every_state(void **state)
{
	(void)state;
	assert_string_equal(tap_loader_state_name(TAP_OFF), "off");
	assert_string_equal(tap_loader_state_name(TAP_ATTACHED), "attached");
	assert_string_equal(tap_loader_state_name(TAP_DENIED), "denied");
	assert_string_equal(tap_loader_state_name(TAP_UNSUPPORTED), "unsupported");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(open__refuses_options_that_cannot_be),
	    cmocka_unit_test(open__brings_only_what_is_asked_for),
	    cmocka_unit_test(state_name__covers_every_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
