/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/ext_ip.h"

#include "base/str.h"

enum { TEXT_MAX = 43, V4_BITS = 32, V6_BITS = 128 };

static bool parse_v4(struct pol_ip *out, struct or_slice s)
{
	size_t at = 0;

	for (int part = 0; part < 4; part++) {
		size_t start = at;
		unsigned int v = 0;

		while (at < s.n && at - start < 3 && s.p[at] >= '0' && s.p[at] <= '9')
			v = v * 10 + (unsigned int)(s.p[at++] - '0');
		/* A leading zero would be octal to some readers: refused. */
		if (at == start || v > 255 || (at - start > 1 && s.p[start] == '0'))
			return false;
		out->addr[part] = (uint8_t)v;
		if (part < 3 && (at >= s.n || s.p[at++] != '.'))
			return false;
	}
	return at == s.n;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One group of one to four hex digits at *at. */
static bool parse_group(uint8_t to[2], struct or_slice s, size_t *at)
{
	size_t start = *at;
	unsigned int v = 0;

	while (*at < s.n && *at - start < 4 && hex_digit(s.p[*at]) >= 0)
		v = v << 4 | (unsigned int)hex_digit(s.p[(*at)++]);
	to[0] = (uint8_t)(v >> 8);
	to[1] = (uint8_t)v;
	return *at > start;
}

static bool has_pair(struct or_slice s, size_t at)
{
	return at + 1 < s.n && s.p[at] == ':' && s.p[at + 1] == ':';
}

static bool parse_v6(struct pol_ip *out, struct or_slice s)
{
	uint8_t groups[8][2];
	size_t at = 0, n = 0, gap = SIZE_MAX;

	if (has_pair(s, 0)) {
		gap = 0;
		at = 2;
	}
	while (at < s.n) {
		if (n == 8 || !parse_group(groups[n++], s, &at))
			return false;
		if (at == s.n)
			break;
		if (has_pair(s, at)) {
			if (gap != SIZE_MAX)
				return false;
			gap = n;
			at += 2;
		} else if (s.p[at++] != ':' || at == s.n) {
			return false;
		}
	}
	/* "::" stands for at least one group of zeros. */
	if (gap == SIZE_MAX ? n != 8 : n > 7)
		return false;
	memset(out->addr, 0, sizeof(out->addr));
	for (size_t i = 0; i < n; i++) {
		size_t to = i < gap ? i : i + 8 - n;

		OR_ASSERT(to < 8);
		memcpy(&out->addr[to * 2], groups[i], 2);
	}
	return true;
}

static bool parse_prefix(uint8_t *out, struct or_slice s, unsigned int max)
{
	uint64_t v;

	if (s.n == 0 || s.n > (max == V4_BITS ? 2 : 3) || (s.p[0] == '0' && s.n > 1) ||
	    or_str_u64(&v, s) || v > max)
		return false;
	*out = (uint8_t)v;
	return true;
}

enum or_code pol_ext_ip_parse(struct pol_ip *out, struct or_slice s)
{
	struct pol_ip ip = {0};
	size_t slash = or_str_find(s, '/', 0);
	struct or_slice addr = {s.p, slash};
	unsigned int bits = V4_BITS;

	if (s.n > TEXT_MAX)
		return OR_PARSE;
	if (!parse_v4(&ip, addr)) {
		memset(&ip, 0, sizeof(ip));
		if (!parse_v6(&ip, addr))
			return OR_PARSE;
		ip.v6 = true;
		bits = V6_BITS;
	}
	ip.prefix = (uint8_t)bits;
	if (slash < s.n && !parse_prefix(&ip.prefix, or_slice_from(s, slash + 1), bits))
		return OR_PARSE;
	*out = ip;
	return OR_OK;
}

const struct pol_ip *pol_ext_ip_dup(struct or_arena *a, const struct pol_ip *ip)
{
	struct pol_ip *copy = or_arena_alloc(a, sizeof(*copy));

	if (copy)
		*copy = *ip;
	return copy;
}

int pol_ext_ip_cmp(const struct pol_ip *a, const struct pol_ip *b)
{
	int c = (int)a->v6 - (int)b->v6;

	if (c == 0)
		c = memcmp(a->addr, b->addr, sizeof(a->addr));
	return c ? c : (int)a->prefix - (int)b->prefix;
}

bool pol_ext_ip_is_loopback(const struct pol_ip *ip)
{
	static const uint8_t one[16] = {[15] = 1};

	if (ip->v6)
		return ip->prefix == V6_BITS && memcmp(ip->addr, one, sizeof(one)) == 0;
	return ip->addr[0] == 127 && ip->prefix >= 8;
}

bool pol_ext_ip_is_multicast(const struct pol_ip *ip)
{
	if (ip->v6)
		return ip->addr[0] == 0xFF && ip->prefix >= 8;
	return ip->addr[0] >= 224 && ip->addr[0] < 240 && ip->prefix >= 4;
}

bool pol_ext_ip_in_range(const struct pol_ip *a, const struct pol_ip *b)
{
	size_t whole = b->prefix / 8U;
	unsigned int rest = b->prefix % 8U;

	if (a->v6 != b->v6 || a->prefix < b->prefix)
		return false;
	if (memcmp(a->addr, b->addr, whole) != 0)
		return false;
	return rest == 0 || (uint8_t)(a->addr[whole] ^ b->addr[whole]) >> (8 - rest) == 0;
}

void pol_ext_ip_print(struct or_buf *b, const struct pol_ip *ip)
{
	or_buf_put_str(b, "ip(\"");
	for (size_t i = 0; i < (ip->v6 ? 16U : 4U); i += ip->v6 ? 2 : 1) {
		if (ip->v6)
			or_buf_printf(b, "%s%x", i ? ":" : "",
			    (unsigned int)ip->addr[i] << 8 | ip->addr[i + 1]);
		else
			or_buf_printf(b, "%s%u", i ? "." : "", ip->addr[i]);
	}
	if (ip->prefix != (ip->v6 ? V6_BITS : V4_BITS))
		or_buf_printf(b, "/%u", ip->prefix);
	or_buf_put_str(b, "\")");
}
