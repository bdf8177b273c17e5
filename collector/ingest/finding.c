/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/finding.h"

#include "base/str.h"

#include <inttypes.h>

static void put_uuid(struct or_buf *b, struct or_slice id)
{
	for (size_t i = 0; i < id.n; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			or_buf_put_byte(b, '-');
		or_str_hex_encode(b, or_slice(id.p + i, 1));
	}
}

static struct or_slice number(struct or_arena *a, uint64_t v)
{
	return or_slice_str(or_arena_printf(a, "%" PRIu64, v));
}

static struct or_slice hex(struct or_arena *a, const struct tl_hash *h)
{
	struct or_slice s;
	struct or_buf b;

	or_buf_init(&b, 2 * TL_HASH_LEN);
	or_str_hex_encode(&b, or_slice(h->b, TL_HASH_LEN));
	s = or_arena_dup(a, or_buf_slice(&b));
	or_buf_done(&b);
	return s;
}

enum or_code co_finding_describe(struct wire_audit *r,
    struct wire_attribute attrs[CO_FINDING_ATTRIBUTES], struct or_arena *a,
    const struct co_finding *f, struct or_slice product)
{
	struct or_slice agent;
	struct or_buf uuid;
	const char *stream;

	or_buf_init(&uuid, 64);
	put_uuid(&uuid, f->key.agent);
	agent = or_arena_dup(a, or_buf_slice(&uuid));
	or_buf_done(&uuid);
	stream = or_arena_printf(a, "%.*s/%016" PRIx64 "/%.*s", OR_SLICE_FMT(agent), f->key.epoch,
	    OR_SLICE_FMT(f->key.stream));
	attrs[0] =
	    (struct wire_attribute){.key = OR_SLICE_LIT("from"), .value = number(a, f->from)};
	attrs[1] = (struct wire_attribute){.key = OR_SLICE_LIT("to"), .value = number(a, f->to)};
	attrs[2] =
	    (struct wire_attribute){.key = OR_SLICE_LIT("count"), .value = number(a, f->count)};
	attrs[3] = (struct wire_attribute){
	    .key = OR_SLICE_LIT("stored_leaf"), .value = hex(a, &f->stored)};
	attrs[4] =
	    (struct wire_attribute){.key = OR_SLICE_LIT("other_leaf"), .value = hex(a, &f->other)};
	*r = (struct wire_audit){.product = product,
	    .kind = WIRE_KIND_GAP,
	    .principal = {.type = OR_SLICE_LIT("Agent"), .id = agent},
	    .action = OR_SLICE_LIT("sequence"),
	    .resource = {.type = OR_SLICE_LIT("Stream"), .id = or_slice_str(stream)},
	    .reason = or_slice_str(f->is_conflict ? "conflict" : "missing"),
	    .attributes = attrs,
	    .n_attributes = f->is_conflict ? 5 : 3};
	return or_arena_is_full(a) ? OR_FULL : OR_OK;
}
