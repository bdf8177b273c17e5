/* SPDX-License-Identifier: Apache-2.0 */
/* wire_audit_fit: what a client can make too long or ill-formed must never cost us its record. */
#include "base/crypto.h"
#include "base/str.h"
#include "proto/audit_table.h"

#include <stdio.h>

enum { KEEP_MAX = WIRE_AUDIT_ATTRS_MAX - WIRE_AUDIT_NOTES_MAX };

struct fitter {
	struct or_arena *a;
	struct wire_attribute notes[WIRE_AUDIT_NOTES_MAX];
	size_t n_notes;
	bool full; /* the arena is */
};

static struct or_slice hash_of(struct fitter *x, const struct or_slice *parts, size_t n)
{
	uint8_t *p = or_arena_alloc(x->a, WIRE_AUDIT_HASH_LEN);

	if (!p) {
		x->full = true;
		return OR_SLICE_NONE;
	}
	or_crypto_sha256_parts(p, parts, n);
	return or_slice(p, WIRE_AUDIT_HASH_LEN);
}

/* The last note stands for all that found no place. */
static void add_note(struct fitter *x, const char *parent, const char *field, struct or_slice hash)
{
	struct wire_attribute *note;
	char *key;

	if (x->n_notes == OR_LEN(x->notes)) {
		x->notes[x->n_notes - 1] =
		    (struct wire_attribute){.key = OR_SLICE_LIT("cut.more"), .cut = true};
		return;
	}
	key = or_arena_printf(x->a, "cut.%s%s%s", parent ? parent : "", parent ? "." : "", field);
	if (!key) {
		x->full = true;
		return;
	}
	note = &x->notes[x->n_notes++];
	*note = (struct wire_attribute){.key = or_slice_str(key), .cut = true, .sha256 = hash};
}

/* At most max bytes of valid UTF-8; what is not becomes U+FFFD. */
static struct or_slice mend(struct fitter *x, struct or_slice s, size_t max)
{
	static const uint8_t replacement[3] = {0xef, 0xbf, 0xbd};
	uint8_t *to = or_arena_alloc(x->a, max);
	size_t n = 0, i = 0;
	uint32_t cp;

	if (!to) {
		x->full = true;
		return OR_SLICE_NONE;
	}
	while (i < s.n) {
		size_t len = s.p[i] ? or_str_utf8_decode(&cp, or_slice_from(s, i)) : 0;
		const uint8_t *from = len ? s.p + i : replacement;
		size_t put = len ? len : sizeof(replacement);

		if (put > max - n)
			break;
		memcpy(to + n, from, put);
		n += put;
		i += len ? len : 1;
	}
	return or_slice(to, n);
}

/* True where *s had to be changed; *hash is then that of the whole. */
static bool fit_text(struct fitter *x, struct or_slice *s, size_t max, struct or_slice *hash)
{
	if (s->n <= max && wire_table_is_text(*s))
		return false;
	*hash = hash_of(x, s, 1);
	*s = mend(x, *s, max);
	return true;
}

static void fit_message(
    struct fitter *x, const struct wire_table *t, const char *parent, uint8_t *msg);

/* A copy of the list, in the arena, that may be written to; cut to its maximum. */
static uint8_t *own_list(
    struct fitter *x, const struct wire_table_field *f, uint8_t *msg, size_t *n)
{
	size_t size = f->kind == WIRE_TABLE_MSGS ? f->sub->size : sizeof(struct or_slice);
	const uint8_t *items;
	uint8_t *own;

	memcpy(&items, msg + f->offset, sizeof(items));
	memcpy(n, msg + f->n_offset, sizeof(*n));
	if (*n > f->max_items) {
		add_note(x, NULL, f->name,
		    f->kind == WIRE_TABLE_STRS
			? hash_of(x, (const struct or_slice *)(const void *)items, *n)
			: OR_SLICE_NONE);
		*n = f->max_items;
	}
	own = *n ? or_arena_array(x->a, *n, size) : NULL;
	if (*n && !own) {
		x->full = true;
		*n = 0;
	} else if (*n) {
		memcpy(own, items, *n * size);
	}
	memcpy(msg + f->offset, &own, sizeof(own));
	memcpy(msg + f->n_offset, n, sizeof(*n));
	return own;
}

static void fit_list(struct fitter *x, const struct wire_table_field *f, uint8_t *msg)
{
	size_t n;
	uint8_t *own = own_list(x, f, msg, &n);
	struct or_slice hash, first = OR_SLICE_NONE;

	for (size_t i = 0; i < n; i++) {
		if (f->kind == WIRE_TABLE_MSGS)
			fit_message(x, f->sub, f->name, own + i * f->sub->size);
		else if (fit_text(x, (struct or_slice *)(void *)own + i, f->max, &hash) && !first.n)
			first = hash;
	}
	if (first.n)
		add_note(x, NULL, f->name, first);
}

static void fit_message(
    struct fitter *x, const struct wire_table *t, const char *parent, uint8_t *msg)
{
	for (size_t i = 0; i < t->n_fields; i++) {
		const struct wire_table_field *f = &t->fields[i];
		struct or_slice hash;

		if (f->kind == WIRE_TABLE_STR) {
			if (fit_text(
				x, (struct or_slice *)(void *)(msg + f->offset), f->max, &hash))
				add_note(x, parent, f->name, hash);
		} else if (f->kind == WIRE_TABLE_MSG) {
			fit_message(x, f->sub, f->name, msg + f->offset);
		} else if (f->kind == WIRE_TABLE_STRS || f->kind == WIRE_TABLE_MSGS) {
			if (f->offset != offsetof(struct wire_audit, attributes) || parent)
				fit_list(x, f, msg);
		}
	}
}

/* Attributes carry their cuts themselves; those beyond the limit go, and the notes come last. */
static enum or_code fit_attributes(struct fitter *x, struct wire_audit *r)
{
	size_t keep = r->n_attributes < KEEP_MAX ? r->n_attributes : (size_t)KEEP_MAX;
	struct wire_attribute *own;

	if (keep < r->n_attributes)
		add_note(x, NULL, "attributes", OR_SLICE_NONE);
	own = or_arena_array(x->a, keep + x->n_notes, sizeof(*own));
	if (!own)
		return OR_FULL;
	for (size_t i = 0; i < keep; i++) {
		struct or_slice hash;

		own[i] = r->attributes[i];
		if (fit_text(x, &own[i].value, 512, &hash)) {
			own[i].cut = true;
			own[i].sha256 = hash;
		}
		if (fit_text(x, &own[i].key, 64, &hash))
			own[i].cut = true;
	}
	memcpy(own + keep, x->notes, x->n_notes * sizeof(*own));
	r->attributes = own;
	r->n_attributes = keep + x->n_notes;
	return x->full ? OR_FULL : OR_OK;
}

enum or_code wire_audit_fit(struct wire_audit *r, struct or_arena *a)
{
	struct fitter x = {.a = a};

	fit_message(&x, &wire_audit_table_record, NULL, (uint8_t *)r);
	return fit_attributes(&x, r);
}
