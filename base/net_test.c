/* SPDX-License-Identifier: Apache-2.0 */
#include "base/net.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
	const char *text;
	const char *canonical; /* NULL: refused */
	bool loopback;
} addresses[] = {
    {"127.0.0.1:8080", "127.0.0.1:8080", true},
    {"localhost:80", "127.0.0.1:80", true},
    {"0.0.0.0:0", "0.0.0.0:0", false},
    {"[::1]:65535", "[::1]:65535", true},
    {"[2001:db8:0:0::1]:1", "[2001:db8::1]:1", false},
    {"unix:/run/x.sock", "unix:/run/x.sock", true},
    {"127.0.0.1", NULL, false},
    {"127.0.0.1:", NULL, false},
    {"127.0.0.1:65536", NULL, false},
    {"127.0.0.1:+1", NULL, false},
    {"127.0.0.1:80 ", NULL, false},
    {"127.1:80", NULL, false},
    {"::1:80", NULL, false},
    {"[::1:80", NULL, false},
    {"[127.0.0.1:80", NULL, false},
    {"example.org:80", NULL, false},
    {":80", NULL, false},
    {"", NULL, false},
    {"unix:x.sock", NULL, false},
    {"unix:", NULL, false},
};

static void parse__takes_numeric_addresses_only(void **state)
{
	(void)state;
	for (size_t i = 0; i < OR_LEN(addresses); i++) {
		struct or_net_addr addr = {0};
		char text[OR_NET_TEXT_MAX];
		struct or_err err;
		enum or_code rc = or_net_parse(&addr, addresses[i].text, &err);

		if ((rc == OR_OK) != (addresses[i].canonical != NULL))
			fail_msg("%s: %s", addresses[i].text, or_err_name(rc));
		if (rc) {
			ASSERT_CODE(rc, OR_INVAL);
			assert_int_equal(addr.len, 0);
			continue;
		}
		or_net_text(text, &addr);
		assert_string_equal(text, addresses[i].canonical);
		assert_int_equal(or_net_is_loopback(&addr), addresses[i].loopback);
	}
}

static void listen__replaces_a_dead_socket_only(void **state)
{
	char *dir = support_tmpdir_new();
	char text[200];
	struct or_net_addr addr;
	struct or_err err;
	int first, second;

	(void)state;
	snprintf(text, sizeof(text), "unix:%s/s", dir);
	ASSERT_OK(or_net_parse(&addr, text, &err), &err);
	ASSERT_OK(or_net_listen(&first, &addr, &err), &err);
	ASSERT_CODE(or_net_listen(&second, &addr, &err), OR_BUSY);
	close(first);
	ASSERT_OK(or_net_listen(&second, &addr, &err), &err);
	close(second);
	support_tmpdir_remove(dir);
}

static void accept__says_when_nobody_waits(void **state)
{
	struct or_net_addr addr, peer;
	struct or_err err;
	int listener, fd = -1;

	(void)state;
	ASSERT_OK(or_net_parse(&addr, "127.0.0.1:0", &err), &err);
	ASSERT_OK(or_net_listen(&listener, &addr, &err), &err);
	ASSERT_OK(or_net_local(&addr, listener, &err), &err);
	assert_true(or_net_port(&addr) > 0);
	ASSERT_CODE(or_net_accept(&fd, &peer, listener), OR_AGAIN);
	assert_int_equal(fd, -1);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parse__takes_numeric_addresses_only),
	    cmocka_unit_test(listen__replaces_a_dead_socket_only),
	    cmocka_unit_test(accept__says_when_nobody_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
