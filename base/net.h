/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and stream sockets: "127.0.0.1:8080", "[::1]:8080", "localhost:8080", "unix:/path".
 *
 * Nothing here asks a name server: a host is numeric, or "localhost", which is 127.0.0.1.
 * Sockets are non-blocking, close-on-exec, and TCP ones have TCP_NODELAY. Any thread.
 */
#ifndef BASE_NET_H
#define BASE_NET_H

#include "base/err.h"

#include <netinet/in.h>
#include <sys/un.h>

/* The longest text of an address, with its NUL. */
#define OR_NET_TEXT_MAX 128

struct or_net_addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
	socklen_t len;
};

/* OR_INVAL: not an address; the message says what is expected. */
OR_NODISCARD enum or_code or_net_parse(
    struct or_net_addr *out, const char *text, struct or_err *err);

/* As or_net_parse reads it; a client's side of a unix socket is "unix:". */
void or_net_text(char out[OR_NET_TEXT_MAX], const struct or_net_addr *addr);
/* 0 for a unix socket. */
uint16_t or_net_port(const struct or_net_addr *addr);
/* True for 127.0.0.0/8, ::1 and unix sockets: nobody from outside. */
bool or_net_is_loopback(const struct or_net_addr *addr);

/*
 * Listens. OR_BUSY: the address is in use. The file of a unix socket that nobody listens on any
 * more is replaced.
 */
OR_NODISCARD enum or_code or_net_listen(
    int *fd, const struct or_net_addr *addr, struct or_err *err);
/* The same for datagrams; a unix socket's file is everybody's to send to. */
OR_NODISCARD enum or_code or_net_listen_datagram(
    int *fd, const struct or_net_addr *addr, struct or_err *err);
/* What a socket is bound to: the port that the system chose for port 0. */
OR_NODISCARD enum or_code or_net_local(struct or_net_addr *out, int fd, struct or_err *err);

/* The next connection. OR_AGAIN: none is waiting. OR_FULL: no more descriptors. OR_IO. */
OR_NODISCARD enum or_code or_net_accept(int *fd, struct or_net_addr *peer, int listener);

/* Begins to connect; writable once that has ended (or_net_connected). */
OR_NODISCARD enum or_code or_net_connect(
    int *fd, const struct or_net_addr *addr, struct or_err *err);
/* How connecting ended: OR_OK or OR_IO. */
OR_NODISCARD enum or_code or_net_connected(int fd, struct or_err *err);

#endif
