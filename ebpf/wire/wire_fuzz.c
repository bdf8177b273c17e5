/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes of both sides: accesses have texts that end, and the same ones come when the bytes come
 * one by one. A piece is: side and flags, its length (two bytes), the bytes; a flag makes a gap of
 * it.
 */
#include "base/buf.h"
#include "ebpf/wire/wire.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_access(void *arg, const struct tap_wire_access *a)
{
	OR_ASSERT(strnlen(a->name_space, TAP_WIRE_NAMESPACE) < TAP_WIRE_NAMESPACE);
	OR_ASSERT(strnlen(a->name, TAP_WIRE_NAME) < TAP_WIRE_NAME && a->name[0]);
	or_buf_printf(
	    arg, "%d %d %s %s %s\n", a->write, (int)a->sure, a->protocol, a->name_space, a->name);
}

static void put(struct tap_wire *w, bool client, struct or_slice s, bool bytewise)
{
	if (!bytewise) {
		tap_wire_feed(w, client, s);
		return;
	}
	for (size_t i = 0; i < s.n; i++)
		tap_wire_feed(w, client, or_slice(s.p + i, 1));
}

/* Gaps only where the whole is looked at: where a piece begins is what is left to go by then. */
static void run(struct or_buf *out, struct or_slice in, bool late, bool gaps, bool bytewise)
{
	struct tap_wire_topics *topics = tap_wire_topics_new();
	struct tap_wire *w = tap_wire_new(&(struct tap_wire_opt){
	    .server = "127.0.0.1:1", .late = late, .topics = topics, .fn = on_access, .arg = out});

	while (in.n >= 3 && tap_wire_is_of_use(w)) {
		bool client = in.p[0] & 1, gap = gaps && (in.p[0] & 2);
		size_t n = (size_t)in.p[1] << 8 | in.p[2];

		in = or_slice_from(in, 3);
		n = n < in.n ? n : in.n;
		if (gap)
			tap_wire_gap(w, client, n);
		else
			put(w, client, or_slice(in.p, n), bytewise);
		in = or_slice_from(in, gap ? 0 : n);
	}
	tap_wire_free(w);
	tap_wire_topics_free(topics);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_buf a, b;
	struct or_slice in;

	if (size < 1)
		return 0;
	in = or_slice(data + 1, size - 1);
	or_buf_init(&a, 1 << 20);
	or_buf_init(&b, 1 << 20);
	run(&a, in, data[0] & 1, true, false);
	or_buf_clear(&a);
	run(&a, in, false, false, false);
	run(&b, in, false, false, true);
	OR_ASSERT(or_slice_eq(or_buf_slice(&a), or_buf_slice(&b)));
	or_buf_done(&a);
	or_buf_done(&b);
	return 0;
}
