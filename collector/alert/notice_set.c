/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/alert/notice_set.h"

#include "base/mem.h"
#include "base/str.h"

#include <endian.h>

enum { DIGITS = 16 };

void co_notice_set_done(struct co_notice_set *s)
{
	or_mem_free(s->p);
	*s = (struct co_notice_set){NULL, 0};
}

void co_notice_set_move(struct co_notice_set *to, struct co_notice_set *from)
{
	co_notice_set_done(to);
	*to = *from;
	*from = (struct co_notice_set){NULL, 0};
}

void co_notice_set_copy(struct co_notice_set *to, const struct co_notice_set *from)
{
	co_notice_set_done(to);
	if (from->n == 0)
		return;
	to->p = or_mem_array(from->n, sizeof(*to->p));
	memcpy(to->p, from->p, from->n * sizeof(*to->p));
	to->n = from->n;
}

/* Where it is, or would be. */
static size_t place_of(const struct co_notice_set *s, uint64_t fingerprint)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->p[mid] < fingerprint)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool co_notice_set_has(const struct co_notice_set *s, uint64_t fingerprint)
{
	size_t at = place_of(s, fingerprint);

	return at < s->n && s->p[at] == fingerprint;
}

void co_notice_set_add(struct co_notice_set *s, uint64_t fingerprint)
{
	size_t at = place_of(s, fingerprint);

	if (at < s->n && s->p[at] == fingerprint)
		return;
	s->p = or_mem_resize(s->p, (s->n + 1) * sizeof(*s->p));
	memmove(s->p + at + 1, s->p + at, (s->n - at) * sizeof(*s->p));
	s->p[at] = fingerprint;
	s->n++;
}

bool co_notice_set_is_subset(const struct co_notice_set *a, const struct co_notice_set *b)
{
	for (size_t i = 0; i < a->n; i++) {
		if (!co_notice_set_has(b, a->p[i]))
			return false;
	}
	return true;
}

void co_notice_set_put(struct or_buf *out, const struct co_notice_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		uint64_t be = htobe64(s->p[i]);

		or_str_hex_encode(out, or_slice(&be, sizeof(be)));
	}
}

enum or_code co_notice_set_read(struct co_notice_set *out, struct or_slice text)
{
	struct co_notice_set s = {NULL, 0};
	struct or_buf bytes;
	enum or_code rc;

	if (text.n % DIGITS)
		return OR_CORRUPT;
	or_buf_init(&bytes, text.n / 2 + 1);
	rc = or_str_hex_decode(&bytes, text) ? OR_CORRUPT : OR_OK;
	for (size_t i = 0; rc == OR_OK && i + sizeof(uint64_t) <= bytes.n; i += sizeof(uint64_t)) {
		uint64_t be;

		memcpy(&be, bytes.p + i, sizeof(be));
		co_notice_set_add(&s, be64toh(be));
	}
	or_buf_done(&bytes);
	if (rc == OR_OK)
		co_notice_set_move(out, &s);
	return rc;
}
