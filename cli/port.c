/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/port.h"

#include "base/buf.h"
#include "base/rng.h"
#include "base/str.h"
#include "base/sys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TRIES = 100, FEWEST = 100, TEXT_MAX = 64 };

/* The first port that the kernel gives by itself; 0 where it does not say. */
static uint64_t first_of_kernel(void)
{
	struct or_slice text;
	struct or_buf b;
	uint64_t first = 0;

	or_buf_init(&b, TEXT_MAX);
	if (or_sys_read_file(&b, "/proc/sys/net/ipv4/ip_local_port_range", NULL) == OR_OK) {
		text = or_buf_slice(&b);
		text.n = or_str_find(text, '\t', 0);
		if (or_str_u64(&first, text))
			first = 0;
	}
	or_buf_done(&b);
	return first;
}

/* Binds *port, or where that is 0 one of the kernel's choice, and lets it go. */
static enum or_code try_port(uint16_t *port, struct or_err *err)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(*port)};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	enum or_code rc = OR_OK;

	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) < 0)
		rc = or_err_sys(err, "find a free port");
	else
		*port = ntohs(sin.sin_port);
	if (fd >= 0)
		close(fd);
	return rc;
}

enum or_code ctl_port_free(uint16_t *port, struct or_err *err)
{
	uint64_t first = first_of_kernel();
	uint16_t found = 0;

	for (int i = 0; first >= CTL_PORT_FIRST + FEWEST && i < TRIES; i++) {
		found = (uint16_t)(CTL_PORT_FIRST + or_rng_u64() % (first - CTL_PORT_FIRST));
		if (try_port(&found, NULL) == OR_OK) {
			*port = found;
			return OR_OK;
		}
	}
	found = 0;
	if (try_port(&found, err))
		return OR_IO;
	*port = found;
	return OR_OK;
}
