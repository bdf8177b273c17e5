/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of ebpf/wire/ only: a cursor over what was got of a message. Reading past the end gives
 * zeros and says so.
 */
#ifndef EBPF_WIRE_WIRE_CURSOR_H
#define EBPF_WIRE_WIRE_CURSOR_H

#include "base/def.h"

struct tap_wire_cursor {
	struct or_slice s;
	bool past;
};

static inline struct or_slice tap_wire_take(struct tap_wire_cursor *c, uint64_t n)
{
	struct or_slice s = or_slice(c->s.p, n <= c->s.n ? (size_t)n : 0);

	if (n > c->s.n) {
		c->past = true;
		c->s.n = 0;
		return OR_SLICE_NONE;
	}
	c->s = or_slice_from(c->s, (size_t)n);
	return s;
}

/* Big-endian; below, little-endian. */
static inline uint64_t tap_wire_uint(struct tap_wire_cursor *c, size_t bytes)
{
	struct or_slice s = tap_wire_take(c, bytes);
	uint64_t v = 0;

	for (size_t i = 0; i < s.n; i++)
		v = v << 8 | s.p[i];
	return v;
}

static inline uint64_t tap_wire_little(struct tap_wire_cursor *c, size_t bytes)
{
	struct or_slice s = tap_wire_take(c, bytes);
	uint64_t v = 0;

	for (size_t i = 0; i < s.n; i++)
		v |= (uint64_t)s.p[i] << 8 * i;
	return v;
}

/* Up to the NUL; without one, what there is. */
static inline struct or_slice tap_wire_text(struct tap_wire_cursor *c)
{
	size_t n = 0;
	struct or_slice s;

	while (n < c->s.n && c->s.p[n])
		n++;
	s = or_slice(c->s.p, n);
	c->past |= n == c->s.n;
	c->s = or_slice_from(c->s, n < c->s.n ? n + 1 : n);
	return s;
}

#endif
