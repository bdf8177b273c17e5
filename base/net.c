/* SPDX-License-Identifier: Apache-2.0 */
#include "base/net.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 511

static enum or_code expected(struct or_err *err, const char *text)
{
	return or_err_set(err, OR_INVAL,
	    "\"%s\" is no address: expected IP:port, localhost:port or unix:/path", text);
}

static enum or_code parse_unix(struct or_net_addr *out, const char *path, struct or_err *err)
{
	struct or_net_addr addr = {0};
	size_t n = strlen(path);

	if (path[0] != '/' || n >= sizeof(addr.un.sun_path))
		return or_err_set(err, OR_INVAL,
		    "unix:%s: the path must be absolute and shorter than %zu bytes", path,
		    sizeof(addr.un.sun_path));
	addr.un.sun_family = AF_UNIX;
	memcpy(addr.un.sun_path, path, n + 1);
	addr.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
	*out = addr;
	return OR_OK;
}

static bool parse_host(struct or_net_addr *out, const char *host, uint16_t port)
{
	if (inet_pton(AF_INET, host, &out->in.sin_addr) == 1) {
		out->in.sin_family = AF_INET;
		out->in.sin_port = htons(port);
		out->len = sizeof(out->in);
		return true;
	}
	if (inet_pton(AF_INET6, host, &out->in6.sin6_addr) == 1) {
		out->in6.sin6_family = AF_INET6;
		out->in6.sin6_port = htons(port);
		out->len = sizeof(out->in6);
		return true;
	}
	return false;
}

enum or_code or_net_parse(struct or_net_addr *out, const char *text, struct or_err *err)
{
	struct or_slice s = or_slice_str(text);
	struct or_net_addr addr = {0};
	char host[INET6_ADDRSTRLEN + 2];
	size_t colon = s.n;
	uint64_t port;

	if (or_str_has_prefix(s, "unix:"))
		return parse_unix(out, text + 5, err);
	while (colon && text[colon - 1] != ':')
		colon--;
	if (colon < 2 || colon > sizeof(host) || or_str_u64(&port, or_slice_from(s, colon)) ||
	    port > 65535)
		return expected(err, text);
	snprintf(host, sizeof(host), "%.*s", (int)(colon - 1), text);
	if (host[0] == '[' && colon > 3 && host[colon - 2] == ']')
		snprintf(host, sizeof(host), "%.*s", (int)(colon - 3), text + 1);
	else if (strchr(host, ':'))
		return expected(err, text);
	if (!parse_host(&addr, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, (uint16_t)port))
		return expected(err, text);
	*out = addr;
	return OR_OK;
}

void or_net_text(char out[OR_NET_TEXT_MAX], const struct or_net_addr *addr)
{
	char host[INET6_ADDRSTRLEN] = "";

	switch (addr->sa.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &addr->in.sin_addr, host, sizeof(host));
		snprintf(out, OR_NET_TEXT_MAX, "%s:%u", host, ntohs(addr->in.sin_port));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &addr->in6.sin6_addr, host, sizeof(host));
		snprintf(out, OR_NET_TEXT_MAX, "[%s]:%u", host, ntohs(addr->in6.sin6_port));
		break;
	default:
		snprintf(out, OR_NET_TEXT_MAX, "unix:%s",
		    addr->len > sizeof(sa_family_t) ? addr->un.sun_path : "");
	}
}

uint16_t or_net_port(const struct or_net_addr *addr)
{
	if (addr->sa.sa_family == AF_INET)
		return ntohs(addr->in.sin_port);
	return addr->sa.sa_family == AF_INET6 ? ntohs(addr->in6.sin6_port) : 0;
}

bool or_net_is_loopback(const struct or_net_addr *addr)
{
	if (addr->sa.sa_family == AF_INET)
		return ntohl(addr->in.sin_addr.s_addr) >> 24 == 127;
	if (addr->sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&addr->in6.sin6_addr);
	return true;
}

/* No waiting for more to send. On the way within this machine there is no congestion either: the
 * plainest control will do, where the system's own would pace each packet by a timer. */
static void tune(int fd, const struct or_net_addr *addr)
{
	static const char plain[] = "reno";
	int one = 1;

	if (addr->sa.sa_family == AF_UNIX)
		return;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (or_net_is_loopback(addr))
		(void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, plain, sizeof(plain) - 1);
}

static int new_socket(const struct or_net_addr *addr)
{
	int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		tune(fd, addr);
	return fd;
}

/* A socket's file outlives its listener; only where nobody answers any more may it be replaced. */
static void remove_dead_socket(const struct or_net_addr *addr, int type)
{
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (connect(fd, &addr->sa, addr->len) < 0 && errno == ECONNREFUSED)
		(void)unlink(addr->un.sun_path);
	close(fd);
}

/* s is taken. */
static enum or_code bind_socket(
    int *fd, int s, const struct or_net_addr *addr, bool is_stream, struct or_err *err)
{
	char text[OR_NET_TEXT_MAX];
	int one = 1;
	enum or_code rc;

	or_net_text(text, addr);
	if (s < 0)
		return or_err_sys(err, "listen on %s", text);
	if (addr->sa.sa_family == AF_UNIX)
		remove_dead_socket(addr, is_stream ? SOCK_STREAM : SOCK_DGRAM);
	else if (is_stream)
		(void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(s, &addr->sa, addr->len) == 0 && (!is_stream || listen(s, BACKLOG) == 0)) {
		*fd = s;
		return OR_OK;
	}
	if (errno == EADDRINUSE)
		rc = or_err_set(
		    err, OR_BUSY, "listen on %s: another process has this address", text);
	else
		rc = or_err_sys(err, "listen on %s", text);
	close(s);
	return rc;
}

enum or_code or_net_listen(int *fd, const struct or_net_addr *addr, struct or_err *err)
{
	return bind_socket(fd, new_socket(addr), addr, true, err);
}

enum or_code or_net_listen_datagram(int *fd, const struct or_net_addr *addr, struct or_err *err)
{
	int s = socket(addr->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	enum or_code rc = bind_socket(fd, s, addr, false, err);

	if (rc == OR_OK && addr->sa.sa_family == AF_UNIX &&
	    chmod(addr->un.sun_path, S_IRUSR | S_IWUSR | S_IWGRP | S_IWOTH) != 0) {
		rc = or_err_sys(err, "chmod %s", addr->un.sun_path);
		close(s);
	}
	return rc;
}

enum or_code or_net_local(struct or_net_addr *out, int fd, struct or_err *err)
{
	struct or_net_addr addr = {.len = sizeof(struct sockaddr_un)};

	if (getsockname(fd, &addr.sa, &addr.len) < 0)
		return or_err_sys(err, "getsockname");
	*out = addr;
	return OR_OK;
}

enum or_code or_net_accept(int *fd, struct or_net_addr *peer, int listener)
{
	struct or_net_addr addr = {.len = sizeof(struct sockaddr_un)};
	int s = accept4(listener, &addr.sa, &addr.len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (s >= 0) {
		tune(s, &addr);
		*fd = s;
		*peer = addr;
		return OR_OK;
	}
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return OR_AGAIN;
	return errno == EMFILE || errno == ENFILE ? OR_FULL : OR_IO;
}

enum or_code or_net_connect(int *fd, const struct or_net_addr *addr, struct or_err *err)
{
	char text[OR_NET_TEXT_MAX];
	int s = new_socket(addr);
	enum or_code rc;

	/* A unix socket whose backlog is full says EAGAIN, and never becomes writable. */
	if (s >= 0 && (connect(s, &addr->sa, addr->len) == 0 || errno == EINPROGRESS)) {
		*fd = s;
		return OR_OK;
	}
	or_net_text(text, addr);
	rc = or_err_sys(err, "connect to %s", text);
	if (s >= 0)
		close(s);
	return rc;
}

enum or_code or_net_connected(int fd, struct or_err *err)
{
	int code = 0;
	socklen_t n = sizeof(code);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &n) == 0 && code == 0)
		return OR_OK;
	errno = code ? code : errno;
	return or_err_sys(err, "connect");
}
