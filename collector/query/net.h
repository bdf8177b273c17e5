/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address ranges (RFC 4632 §3.1, RFC 4291 §2.3) for cidr(…) in queries. Pure; any thread.
 *
 * An IPv4 address lies in IPv6's ::ffff:0:0/96 (RFC 4291 §2.5.5.2), so both are compared alike.
 */
#ifndef COLLECTOR_QUERY_NET_H
#define COLLECTOR_QUERY_NET_H

#include "base/def.h"

struct co_net {
	uint8_t address[16];
	unsigned int bits; /* of 128 */
};

/* "10.0.0.0/8", "2001:db8::/32", or one address. False: it is none, or bits are set behind the
 * prefix. */
bool co_net_parse(struct co_net *out, struct or_slice text);

/* text: an address, with a port behind it or not (192.0.2.1:443, [2001:db8::1]:443). False also
 * where it is no address. */
bool co_net_has(const struct co_net *net, struct or_slice text);

#endif
