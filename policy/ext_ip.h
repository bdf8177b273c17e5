/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cedar's ipaddr: an IPv4 or IPv6 address with a prefix length (RFC 4291 §2.2 text, without the
 * form that embeds IPv4). IPv4 is never equal to, nor in the range of, IPv6.
 */
#ifndef POLICY_EXT_IP_H
#define POLICY_EXT_IP_H

#include "base/err.h"
#include "policy/uid.h"

struct pol_ip {
	bool v6;
	uint8_t prefix;   /* 32 or 128 for a single address */
	uint8_t addr[16]; /* network order; IPv4 in the first four bytes */
};

/* OR_PARSE: not an address, or a prefix too long for it. */
OR_NODISCARD enum or_code pol_ext_ip_parse(struct pol_ip *out, struct or_slice s);

/* NULL when the arena is full. */
const struct pol_ip *pol_ext_ip_dup(struct or_arena *a, const struct pol_ip *ip);

int pol_ext_ip_cmp(const struct pol_ip *a, const struct pol_ip *b);
bool pol_ext_ip_is_loopback(const struct pol_ip *ip);
bool pol_ext_ip_is_multicast(const struct pol_ip *ip);
/* Every address of a is one of b. */
bool pol_ext_ip_in_range(const struct pol_ip *a, const struct pol_ip *b);

/* ip("…") */
void pol_ext_ip_print(struct or_buf *b, const struct pol_ip *ip);

#endif
