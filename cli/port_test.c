/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/port.h"

#include "base/str.h"
#include "tests/support/support.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int bind_port(uint16_t port)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(port),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static uint64_t first_of_kernel(void)
{
	FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	char line[64];
	uint64_t first;

	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	line[strcspn(line, "\t")] = 0;
	assert_int_equal(or_str_u64(&first, or_slice_str(line)), OR_OK);
	return first;
}

/* What the kernel itself gives away is never among them. */
static void ports_are_free_and_not_of_the_kernels_range(void **state)
{
	uint64_t first = first_of_kernel();

	(void)state;
	for (int i = 0; i < 200; i++) {
		uint16_t port = 0;

		assert_int_equal(ctl_port_free(&port, NULL), OR_OK);
		if (first > CTL_PORT_FIRST + 1000) {
			assert_in_range(port, CTL_PORT_FIRST, first - 1);
		} else {
			assert_int_not_equal(port, 0);
		}
		close(bind_port(port));
	}
}

static void a_port_in_use_is_not_given(void **state)
{
	int held[64];

	(void)state;
	for (size_t i = 0; i < OR_LEN(held); i++) {
		uint16_t port = 0;

		assert_int_equal(ctl_port_free(&port, NULL), OR_OK);
		held[i] = bind_port(port); /* fails where it was given a second time */
	}
	for (size_t i = 0; i < OR_LEN(held); i++)
		close(held[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ports_are_free_and_not_of_the_kernels_range),
	    cmocka_unit_test(a_port_in_use_is_not_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
