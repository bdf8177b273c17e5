/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/uid.h"

#include "base/map.h"
#include "base/str.h"

struct pol_uid pol_uid_make(struct or_slice type, struct or_slice id)
{
	/* Mixing by an odd multiplier keeps ("a","b") and ("b","a") apart. */
	uint64_t h = or_map_hash(type) * 0x9E3779B97F4A7C15ULL;

	return (struct pol_uid){type, id, (h ^ h >> 29) + or_map_hash(id)};
}

const struct pol_uid *pol_uid_dup(struct or_arena *a, const struct pol_uid *u)
{
	struct pol_uid *copy = or_arena_alloc(a, sizeof(*copy));

	if (!copy)
		return NULL;
	copy->type = or_arena_dup(a, u->type);
	copy->id = or_arena_dup(a, u->id);
	copy->hash = u->hash;
	return copy->type.p && copy->id.p ? copy : NULL;
}

int pol_uid_cmp(const struct pol_uid *a, const struct pol_uid *b)
{
	int c = or_slice_cmp(a->type, b->type);

	return c ? c : or_slice_cmp(a->id, b->id);
}

static void print_char(struct or_buf *b, uint32_t cp)
{
	switch (cp) {
	case '"': or_buf_put_str(b, "\\\""); return;
	case '\\': or_buf_put_str(b, "\\\\"); return;
	case '\n': or_buf_put_str(b, "\\n"); return;
	case '\r': or_buf_put_str(b, "\\r"); return;
	case '\t': or_buf_put_str(b, "\\t"); return;
	case 0: or_buf_put_str(b, "\\0"); return;
	default: break;
	}
	if (cp < 0x20 || (cp >= 0x7F && cp < 0xA0))
		or_buf_printf(b, "\\u{%x}", cp);
	else
		or_str_utf8_encode(b, cp);
}

void pol_uid_print_string(struct or_buf *b, struct or_slice s)
{
	or_buf_put_byte(b, '"');
	for (size_t i = 0; i < s.n;) {
		uint32_t cp = 0xFFFD;
		size_t n = or_str_utf8_decode(&cp, or_slice_from(s, i));

		print_char(b, cp);
		i += n ? n : 1;
	}
	or_buf_put_byte(b, '"');
}

void pol_uid_print(struct or_buf *b, const struct pol_uid *u)
{
	or_buf_put_slice(b, u->type);
	or_buf_put_str(b, "::");
	pol_uid_print_string(b, u->id);
}
