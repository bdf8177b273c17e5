/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/query/net.h"

#include "base/str.h"

#include <arpa/inet.h>

enum { TEXT_MAX = 64, MAPPED = 96 };

/* *bits: how many of 128 come before the address's own. */
static bool read_address(uint8_t out[16], unsigned int *bits, struct or_slice text)
{
	char s[TEXT_MAX];

	if (text.n == 0 || text.n >= sizeof(s) || memchr(text.p, 0, text.n))
		return false;
	memcpy(s, text.p, text.n);
	s[text.n] = 0;
	*bits = 0;
	if (inet_pton(AF_INET6, s, out) == 1)
		return true;
	memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	*bits = MAPPED;
	return inet_pton(AF_INET, s, out + 12) == 1;
}

static bool has_prefix(const uint8_t a[16], const uint8_t b[16], unsigned int bits)
{
	unsigned int whole = bits / 8, rest = bits % 8;

	return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

static bool is_zero_behind(const uint8_t a[16], unsigned int bits)
{
	for (unsigned int i = bits; i < 128; i++) {
		if (a[i / 8] >> (7 - i % 8) & 1)
			return false;
	}
	return true;
}

bool co_net_parse(struct co_net *out, struct or_slice text)
{
	size_t slash = or_str_find(text, '/', 0);
	struct co_net net;
	unsigned int before;
	uint64_t n = 128;

	if (!read_address(net.address, &before, or_slice(text.p, slash)))
		return false;
	if (slash < text.n) {
		if (or_str_u64(&n, or_slice_from(text, slash + 1)) || n > 128 - before)
			return false;
		n += before;
	}
	net.bits = (unsigned int)n;
	if (!is_zero_behind(net.address, net.bits))
		return false;
	*out = net;
	return true;
}

/* Takes [ ] and a port off. */
static struct or_slice without_port(struct or_slice s)
{
	size_t end;

	if (s.n && s.p[0] == '[') {
		end = or_str_find(s, ']', 0);
		return end < s.n ? or_slice(s.p + 1, end - 1) : OR_SLICE_NONE;
	}
	end = or_str_find(s, ':', 0);
	/* More than one colon: IPv6 without a port. */
	return end < s.n && or_str_find(s, ':', end + 1) == s.n ? or_slice(s.p, end) : s;
}

bool co_net_has(const struct co_net *net, struct or_slice text)
{
	uint8_t address[16];
	unsigned int before;

	return read_address(address, &before, without_port(text)) &&
	       has_prefix(address, net->address, net->bits);
}
