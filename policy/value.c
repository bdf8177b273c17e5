/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/value.h"

#include "base/map.h"
#include "policy/ext_datetime.h"
#include "policy/ext_decimal.h"
#include "policy/ext_ip.h"
#include "policy/sort.h"

static int cmp_i64(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int cmp_sets(const struct pol_set_value *a, const struct pol_set_value *b)
{
	int c = (a->n > b->n) - (a->n < b->n);

	for (size_t i = 0; c == 0 && i < a->n; i++)
		c = pol_value_cmp(&a->items[i], &b->items[i]);
	return c;
}

static int cmp_records(const struct pol_record *a, const struct pol_record *b)
{
	int c = (a->n > b->n) - (a->n < b->n);

	for (size_t i = 0; c == 0 && i < a->n; i++) {
		c = or_slice_cmp(a->fields[i].key, b->fields[i].key);
		if (c == 0)
			c = pol_value_cmp(&a->fields[i].value, &b->fields[i].value);
	}
	return c;
}

int pol_value_cmp(const struct pol_value *a, const struct pol_value *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	switch (a->kind) {
	case POL_BOOL: return (int)a->b - (int)b->b;
	case POL_LONG:
	case POL_DECIMAL:
	case POL_DATETIME:
	case POL_DURATION: return cmp_i64(a->i, b->i);
	case POL_STRING: return or_slice_cmp(a->s, b->s);
	case POL_ENTITY: return a->e == b->e ? 0 : pol_uid_cmp(a->e, b->e);
	case POL_SET: return a->set == b->set ? 0 : cmp_sets(a->set, b->set);
	case POL_RECORD: return a->rec == b->rec ? 0 : cmp_records(a->rec, b->rec);
	case POL_IP: return pol_ext_ip_cmp(a->ip, b->ip);
	}
	return 0;
}

bool pol_value_eq(const struct pol_value *a, const struct pol_value *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == POL_ENTITY)
		return pol_uid_eq(a->e, b->e);
	if (a->kind == POL_STRING)
		return pol_uid_same(a->s, b->s);
	return pol_value_cmp(a, b) == 0;
}

static int on_values(const void *a, const void *b)
{
	return pol_value_cmp(a, b);
}

static int on_fields(const void *a, const void *b)
{
	const struct pol_field *x = a, *y = b;

	return or_slice_cmp(x->key, y->key);
}

enum or_code pol_value_set(
    struct pol_value *out, struct or_arena *a, const struct pol_value *items, size_t n)
{
	struct pol_set_value *set =
	    n < SIZE_MAX / sizeof(*items) / 2
		? or_arena_alloc(a, sizeof(*set) + n * sizeof(set->items[0]))
		: NULL;
	size_t kept = 0;

	if (!set)
		return OR_FULL;
	if (n)
		memcpy(set->items, items, n * sizeof(items[0]));
	if (n > 1)
		pol_sort_items(set->items, n, sizeof(set->items[0]), on_values);
	for (size_t i = 0; i < n; i++) {
		if (kept == 0 || pol_value_cmp(&set->items[kept - 1], &set->items[i]) != 0)
			set->items[kept++] = set->items[i];
	}
	set->n = kept;
	*out = (struct pol_value){.kind = POL_SET, .set = set};
	return OR_OK;
}

enum or_code pol_value_record(
    const struct pol_record **out, struct or_arena *a, const struct pol_field *fields, size_t n)
{
	struct pol_record *rec = n < SIZE_MAX / sizeof(*fields) / 2
				     ? or_arena_alloc(a, sizeof(*rec) + n * sizeof(fields[0]))
				     : NULL;

	if (!rec)
		return OR_FULL;
	if (n)
		memcpy(rec->fields, fields, n * sizeof(fields[0]));
	if (n > 1)
		pol_sort_items(rec->fields, n, sizeof(fields[0]), on_fields);
	for (size_t i = 1; i < n; i++) {
		if (or_slice_eq(rec->fields[i - 1].key, rec->fields[i].key))
			return OR_EXISTS;
	}
	rec->n = n;
	*out = rec;
	return OR_OK;
}

static enum or_code dup_set(
    struct pol_value *out, struct or_arena *a, const struct pol_set_value *from)
{
	struct pol_set_value *set =
	    or_arena_alloc(a, sizeof(*set) + from->n * sizeof(set->items[0]));
	enum or_code rc = set ? OR_OK : OR_FULL;

	for (size_t i = 0; rc == OR_OK && i < from->n; i++)
		rc = pol_value_dup(&set->items[i], a, &from->items[i]);
	if (rc)
		return rc;
	set->n = from->n;
	*out = (struct pol_value){.kind = POL_SET, .set = set};
	return OR_OK;
}

static enum or_code dup_record(
    struct pol_value *out, struct or_arena *a, const struct pol_record *from)
{
	struct pol_record *rec = or_arena_alloc(a, sizeof(*rec) + from->n * sizeof(rec->fields[0]));
	enum or_code rc = rec ? OR_OK : OR_FULL;

	for (size_t i = 0; rc == OR_OK && i < from->n; i++) {
		rec->fields[i].key = or_arena_dup(a, from->fields[i].key);
		rc = rec->fields[i].key.p
			 ? pol_value_dup(&rec->fields[i].value, a, &from->fields[i].value)
			 : OR_FULL;
	}
	if (rc)
		return rc;
	rec->n = from->n;
	*out = pol_value_rec(rec);
	return OR_OK;
}

enum or_code pol_value_dup(struct pol_value *out, struct or_arena *a, const struct pol_value *v)
{
	struct pol_value copy = *v;

	switch (v->kind) {
	case POL_STRING:
		copy.s = or_arena_dup(a, v->s);
		if (!copy.s.p)
			return OR_FULL;
		break;
	case POL_ENTITY:
		copy.e = pol_uid_dup(a, v->e);
		if (!copy.e)
			return OR_FULL;
		break;
	case POL_IP:
		copy.ip = pol_ext_ip_dup(a, v->ip);
		if (!copy.ip)
			return OR_FULL;
		break;
	case POL_SET: return dup_set(out, a, v->set);
	case POL_RECORD: return dup_record(out, a, v->rec);
	case POL_BOOL:
	case POL_LONG:
	case POL_DECIMAL:
	case POL_DATETIME:
	case POL_DURATION: break;
	}
	*out = copy;
	return OR_OK;
}

static uint64_t mix(uint64_t h, uint64_t with)
{
	h = (h ^ with) * 0x9E3779B97F4A7C15ULL;
	return h ^ h >> 32;
}

uint64_t pol_value_hash(const struct pol_value *v)
{
	uint64_t h = (uint64_t)v->kind;

	switch (v->kind) {
	case POL_BOOL: return mix(h, v->b);
	case POL_LONG:
	case POL_DECIMAL:
	case POL_DATETIME:
	case POL_DURATION: return mix(h, (uint64_t)v->i);
	case POL_STRING: return mix(h, or_map_hash(v->s));
	case POL_ENTITY: return mix(h, v->e->hash);
	case POL_IP: return mix(h, or_map_hash(or_slice(v->ip->addr, v->ip->v6 ? 16 : 4)));
	case POL_SET:
		for (size_t i = 0; i < v->set->n; i++)
			h = mix(h, pol_value_hash(&v->set->items[i]));
		return h;
	case POL_RECORD:
		for (size_t i = 0; i < v->rec->n; i++)
			h = mix(mix(h, or_map_hash(v->rec->fields[i].key)),
			    pol_value_hash(&v->rec->fields[i].value));
		return h;
	}
	return h;
}

/* Entities are told apart by their hash, so that the bytes of few are looked at. */
static bool has_entity(const struct pol_set_value *set, const struct pol_uid *uid)
{
	for (size_t i = 0; i < set->n; i++) {
		if (set->items[i].kind == POL_ENTITY && pol_uid_eq(set->items[i].e, uid))
			return true;
	}
	return false;
}

/* Up to here a walk over a set or record beats halving. */
enum { FEW = 8 };

bool pol_value_set_has(const struct pol_set_value *set, const struct pol_value *v)
{
	size_t low = 0, high = set->n;

	if (v->kind == POL_ENTITY && set->n <= FEW)
		return has_entity(set, v->e);
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = pol_value_cmp(&set->items[mid], v);

		if (c == 0)
			return true;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

static const struct pol_value *field_of_few(const struct pol_record *rec, struct or_slice key)
{
	for (size_t i = 0; i < rec->n; i++) {
		if (pol_uid_same(rec->fields[i].key, key))
			return &rec->fields[i].value;
	}
	return NULL;
}

const struct pol_value *pol_value_field(const struct pol_record *rec, struct or_slice key)
{
	size_t low = 0, high = rec ? rec->n : 0;

	if (high <= FEW)
		return rec ? field_of_few(rec, key) : NULL;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = or_slice_cmp(rec->fields[mid].key, key);

		if (c == 0)
			return &rec->fields[mid].value;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static void print_set(struct or_buf *b, const struct pol_set_value *set)
{
	or_buf_put_byte(b, '[');
	for (size_t i = 0; i < set->n; i++) {
		if (i)
			or_buf_put_str(b, ", ");
		pol_value_print(b, &set->items[i]);
	}
	or_buf_put_byte(b, ']');
}

static void print_record(struct or_buf *b, const struct pol_record *rec)
{
	or_buf_put_byte(b, '{');
	for (size_t i = 0; i < rec->n; i++) {
		if (i)
			or_buf_put_str(b, ", ");
		pol_uid_print_string(b, rec->fields[i].key);
		or_buf_put_str(b, ": ");
		pol_value_print(b, &rec->fields[i].value);
	}
	or_buf_put_byte(b, '}');
}

void pol_value_print(struct or_buf *b, const struct pol_value *v)
{
	switch (v->kind) {
	case POL_BOOL: or_buf_put_str(b, v->b ? "true" : "false"); return;
	case POL_LONG: or_buf_put_i64(b, v->i); return;
	case POL_STRING: pol_uid_print_string(b, v->s); return;
	case POL_ENTITY: pol_uid_print(b, v->e); return;
	case POL_SET: print_set(b, v->set); return;
	case POL_RECORD: print_record(b, v->rec); return;
	case POL_IP: pol_ext_ip_print(b, v->ip); return;
	case POL_DECIMAL: pol_ext_decimal_print(b, v->i); return;
	case POL_DATETIME: pol_ext_datetime_print(b, v->i); return;
	case POL_DURATION: pol_ext_datetime_print_duration(b, v->i); return;
	}
}

const char *pol_value_kind_name(enum pol_kind kind)
{
	static const char *const names[] = {[POL_BOOL] = "bool",
	    [POL_LONG] = "long",
	    [POL_STRING] = "string",
	    [POL_ENTITY] = "entity",
	    [POL_SET] = "set",
	    [POL_RECORD] = "record",
	    [POL_IP] = "ipaddr",
	    [POL_DECIMAL] = "decimal",
	    [POL_DATETIME] = "datetime",
	    [POL_DURATION] = "duration"};

	return names[kind];
}
