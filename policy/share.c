/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/share.h"

#include "base/map.h"
#include "base/mem.h"

enum kind { KIND_BYTES, KIND_UID, KIND_NODE, KIND_POINTERS, KIND_NAMES, KIND_FIELDS, KIND_WHENS };

struct pol_share_slot {
	uint32_t hash;
	uint32_t kind; /* enum kind */
	const void *p; /* NULL: free */
};

/* Bytes, pointers, … with their number, as the table keeps them. */
struct list {
	size_t n;
	const void *items;
};

/* Something to find: what it is compared with, and how it is made where it is not there. */
struct what {
	enum kind kind;
	uint64_t hash;
	bool (*same)(const void *there, const void *what);
	const void *(*make)(struct pol_share *s, const void *what);
	const void *arg;
};

static const struct pol_node *share_node(struct pol_share *s, const struct pol_node *n);

void pol_share_init(struct pol_share *s, struct or_arena *arena)
{
	*s = (struct pol_share){.arena = arena};
}

void pol_share_done(struct pol_share *s)
{
	or_mem_free(s->slots);
	*s = (struct pol_share){.arena = s->arena};
}

static uint64_t mix(uint64_t h, uint64_t with)
{
	h = (h ^ with) * 0x9E3779B97F4A7C15ULL;
	return h ^ h >> 32;
}

static void place(struct pol_share_slot *slots, size_t n_slots, struct pol_share_slot slot)
{
	size_t i = slot.hash & (n_slots - 1);

	while (slots[i].p)
		i = (i + 1) & (n_slots - 1);
	slots[i] = slot;
}

static void grow(struct pol_share *s)
{
	size_t n = s->n_slots ? s->n_slots * 2 : 256;
	struct pol_share_slot *slots = or_mem_array(n, sizeof(*slots));

	for (size_t i = 0; i < s->n_slots; i++) {
		if (s->slots[i].p)
			place(slots, n, s->slots[i]);
	}
	or_mem_free(s->slots);
	s->slots = slots;
	s->n_slots = n;
}

static const void *share(struct pol_share *s, const struct what *w)
{
	struct pol_share_slot slot = {.hash = (uint32_t)w->hash, .kind = w->kind};

	if ((s->n + 1) * 2 > s->n_slots)
		grow(s);
	for (size_t i = slot.hash & (s->n_slots - 1); s->slots[i].p;
	     i = (i + 1) & (s->n_slots - 1)) {
		const struct pol_share_slot *at = &s->slots[i];

		if (at->hash == slot.hash && at->kind == w->kind && w->same(at->p, w->arg))
			return at->p;
	}
	slot.p = w->make(s, w->arg);
	if (!slot.p) {
		s->full = true;
		return NULL;
	}
	place(s->slots, s->n_slots, slot);
	s->n++;
	return slot.p;
}

static bool same_bytes(const void *there, const void *what)
{
	const struct or_slice *a = there, *b = what;

	return or_slice_eq(*a, *b);
}

static const void *make_bytes(struct pol_share *s, const void *what)
{
	struct or_slice *copy = or_arena_alloc(s->arena, sizeof(*copy));

	if (copy)
		*copy = or_arena_dup(s->arena, *(const struct or_slice *)what);
	return copy && copy->p ? copy : NULL;
}

static struct or_slice share_bytes(struct pol_share *s, struct or_slice b)
{
	struct what w = {KIND_BYTES, 0, same_bytes, make_bytes, &b};
	const struct or_slice *found;

	if (b.n == 0)
		return OR_SLICE_LIT("");
	if (b.p >= s->text.p && b.p < s->text.p + s->text.n)
		return b;
	w.hash = or_map_hash(b);
	found = share(s, &w);
	return found ? *found : OR_SLICE_NONE;
}

static bool same_uid(const void *there, const void *what)
{
	return pol_uid_eq(there, what);
}

static const void *make_uid(struct pol_share *s, const void *what)
{
	const struct pol_uid *from = what;
	struct pol_uid *copy = or_arena_alloc(s->arena, sizeof(*copy));

	if (copy)
		*copy = (struct pol_uid){
		    share_bytes(s, from->type), share_bytes(s, from->id), from->hash};
	return s->full ? NULL : copy;
}

static const struct pol_uid *share_uid(struct pol_share *s, const struct pol_uid *uid)
{
	struct what w = {KIND_UID, uid->hash, same_uid, make_uid, uid};

	return share(s, &w);
}

static struct pol_value share_value(struct pol_share *s, const struct pol_value *v)
{
	struct pol_value copy = *v;

	if (v->kind == POL_STRING)
		copy.s = share_bytes(s, v->s);
	else if (v->kind == POL_ENTITY)
		copy.e = share_uid(s, v->e);
	else if (pol_value_dup(&copy, s->arena, v))
		s->full = true;
	return copy;
}

/* Lists of pointers to what is shared already: equal where the pointers are. */
static bool same_pointers(const void *there, const void *what)
{
	const struct list *a = there, *b = what;

	return a->n == b->n && memcmp(a->items, b->items, a->n * sizeof(void *)) == 0;
}

static const void *keep_list(struct pol_share *s, const void *what, size_t size)
{
	const struct list *from = what;
	struct list *to = or_arena_alloc(s->arena, sizeof(*to) + from->n * size);

	if (!to)
		return NULL;
	to->n = from->n;
	to->items = to + 1;
	memcpy(to + 1, from->items, from->n * size);
	return to;
}

static const void *make_pointers(struct pol_share *s, const void *what)
{
	return keep_list(s, what, sizeof(void *));
}

/* items lie on the heap, for the time of the call. */
static const void *share_list(struct pol_share *s, struct what w, void *items, size_t n)
{
	struct list l = {n, items};
	const struct list *found;

	w.arg = &l;
	found = s->full ? NULL : share(s, &w);
	or_mem_free(items);
	return found ? found->items : NULL;
}

static const struct pol_node *const *share_args(
    struct pol_share *s, const struct pol_node *const *args, size_t n)
{
	const struct pol_node **items = or_mem_array(n + 1, sizeof(*items));
	struct what w = {KIND_POINTERS, n, same_pointers, make_pointers, NULL};

	for (size_t i = 0; i < n; i++) {
		items[i] = share_node(s, args[i]);
		w.hash = mix(w.hash, (uintptr_t)items[i]);
	}
	return share_list(s, w, items, n);
}

static const struct pol_uid *const *share_uids(
    struct pol_share *s, const struct pol_uid *const *uids, size_t n)
{
	const struct pol_uid **items = or_mem_array(n + 1, sizeof(*items));
	struct what w = {KIND_POINTERS, n, same_pointers, make_pointers, NULL};

	for (size_t i = 0; i < n; i++) {
		items[i] = share_uid(s, uids[i]);
		w.hash = mix(w.hash, (uintptr_t)items[i]);
	}
	return share_list(s, w, items, n);
}

static bool same_names(const void *there, const void *what)
{
	const struct list *a = there, *b = what;
	const struct or_slice *x = a->items, *y = b->items;

	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (!or_slice_eq(x[i], y[i]))
			return false;
	}
	return true;
}

static const void *make_names(struct pol_share *s, const void *what)
{
	return keep_list(s, what, sizeof(struct or_slice));
}

static const struct or_slice *share_names(
    struct pol_share *s, const struct or_slice *names, size_t n)
{
	struct or_slice *items = or_mem_array(n + 1, sizeof(*items));
	struct what w = {KIND_NAMES, n, same_names, make_names, NULL};

	for (size_t i = 0; i < n; i++) {
		items[i] = share_bytes(s, names[i]);
		w.hash = mix(w.hash, or_map_hash(names[i]));
	}
	return share_list(s, w, items, n);
}

static bool same_fields(const void *there, const void *what)
{
	const struct list *a = there, *b = what;
	const struct pol_node_field *x = a->items, *y = b->items;

	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (x[i].value != y[i].value || !or_slice_eq(x[i].key, y[i].key))
			return false;
	}
	return true;
}

static const void *make_fields(struct pol_share *s, const void *what)
{
	return keep_list(s, what, sizeof(struct pol_node_field));
}

static const struct pol_node_field *share_fields(
    struct pol_share *s, const struct pol_node_field *fields, size_t n)
{
	struct pol_node_field *items = or_mem_array(n + 1, sizeof(*items));
	struct what w = {KIND_FIELDS, n, same_fields, make_fields, NULL};

	for (size_t i = 0; i < n; i++) {
		items[i].key = share_bytes(s, fields[i].key);
		items[i].value = share_node(s, fields[i].value);
		w.hash = mix(w.hash, or_map_hash(fields[i].key) ^ (uintptr_t)items[i].value);
	}
	return share_list(s, w, items, n);
}

/* What a node has beside its place and operands, compared and hashed. */
static bool same_rest(const struct pol_node *a, const struct pol_node *b)
{
	switch (a->op) {
	case POL_OP_LIT: return pol_value_eq(&a->lit, &b->lit);
	case POL_OP_ATTR:
	case POL_OP_LIKE:
	case POL_OP_IS: return or_slice_eq(a->name, b->name);
	default: return a->c == b->c;
	}
}

static bool same_node(const void *there, const void *what)
{
	const struct pol_node *a = there, *b = what;

	return a->op == b->op && a->sub == b->sub && a->n == b->n && a->at == b->at &&
	       a->len == b->len && a->a == b->a && a->b == b->b && same_rest(a, b);
}

static uint64_t hash_node(const struct pol_node *n)
{
	uint64_t h = mix((uint64_t)n->op << 8 | n->sub, (uint64_t)n->at << 32 | n->len);

	h = mix(mix(h, (uintptr_t)n->a), (uintptr_t)n->b);
	switch (n->op) {
	case POL_OP_LIT: return mix(h, pol_value_hash(&n->lit));
	case POL_OP_ATTR:
	case POL_OP_LIKE:
	case POL_OP_IS: return mix(h, or_map_hash(n->name));
	default: return mix(h, (uintptr_t)n->c);
	}
}

static const void *make_node(struct pol_share *s, const void *what)
{
	struct pol_node *copy = or_arena_alloc(s->arena, sizeof(*copy));

	if (copy)
		*copy = *(const struct pol_node *)what;
	return copy;
}

/* Recursion is bounded by the tree's height. */
static const struct pol_node *share_node(struct pol_share *s, const struct pol_node *n)
{
	struct pol_node own = *n;
	struct what w = {KIND_NODE, 0, same_node, make_node, &own};

	own.at -= s->start;
	own.a = n->a ? share_node(s, n->a) : NULL;
	own.b = n->b ? share_node(s, n->b) : NULL;
	switch (n->op) {
	case POL_OP_LIT: own.lit = share_value(s, &n->lit); break;
	case POL_OP_IF: own.c = share_node(s, n->c); break;
	case POL_OP_AND:
	case POL_OP_OR:
	case POL_OP_SET:
	case POL_OP_EXT: own.args = share_args(s, n->args, n->n); break;
	case POL_OP_RECORD: own.fields = share_fields(s, n->fields, n->n); break;
	case POL_OP_HAS: own.names = share_names(s, n->names, n->n); break;
	case POL_OP_ATTR:
	case POL_OP_LIKE:
	case POL_OP_IS: own.name = share_bytes(s, n->name); break;
	default: own.c = NULL; break;
	}
	if (s->full)
		return NULL;
	w.hash = hash_node(&own);
	return share(s, &w);
}

static bool same_whens(const void *there, const void *what)
{
	const struct list *a = there, *b = what;
	const struct pol_condition *x = a->items, *y = b->items;

	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (x[i].unless != y[i].unless || x[i].expr != y[i].expr)
			return false;
	}
	return true;
}

static const void *make_whens(struct pol_share *s, const void *what)
{
	return keep_list(s, what, sizeof(struct pol_condition));
}

static const struct pol_condition *share_whens(
    struct pol_share *s, const struct pol_condition *whens, size_t n)
{
	struct pol_condition *items = or_mem_array(n + 1, sizeof(*items));
	struct what w = {KIND_WHENS, n, same_whens, make_whens, NULL};

	for (size_t i = 0; i < n; i++) {
		items[i].unless = whens[i].unless;
		items[i].expr = share_node(s, whens[i].expr);
		w.hash = mix(w.hash, (uintptr_t)items[i].expr + items[i].unless);
	}
	return share_list(s, w, items, n);
}

static void share_scope(struct pol_share *s, struct pol_scope *to, const struct pol_scope *from)
{
	*to = *from;
	to->at -= s->start;
	to->type = share_bytes(s, from->type);
	if (from->uid)
		to->uid = share_uid(s, from->uid);
	if (from->uids == &from->uid)
		to->uids = &to->uid;
	else if (from->n_uids)
		to->uids = share_uids(s, from->uids, from->n_uids);
	else
		to->uids = NULL;
}

static const struct pol_body *share_body(struct pol_share *s, const struct pol_body *from)
{
	struct pol_body *to = or_arena_alloc(s->arena, sizeof(*to));

	if (!to) {
		s->full = true;
		return NULL;
	}
	*to = *from;
	to->src.text = or_slice_from(from->src.text, s->start);
	to->src.before = from->src.before + s->start;
	share_scope(s, &to->principal, &from->principal);
	share_scope(s, &to->action, &from->action);
	share_scope(s, &to->resource, &from->resource);
	to->conditions = share_whens(s, from->conditions, from->n_conditions);
	return to;
}

struct pol_policy *pol_share_policy(struct pol_share *s, const struct pol_policy *p)
{
	struct pol_policy *to = or_arena_alloc(s->arena, sizeof(*to));
	struct pol_annotation *list = or_arena_array(s->arena, p->n_annotations, sizeof(*list));

	if (!to || !list)
		return NULL;
	*to = *p;
	s->full = false;
	s->text = p->body->src.text;
	s->start = p->at;
	for (size_t i = 0; i < p->n_annotations; i++) {
		list[i] = p->annotations[i];
		list[i].key = share_bytes(s, list[i].key);
		list[i].value = share_bytes(s, list[i].value);
	}
	to->annotations = list;
	to->body = share_body(s, p->body);
	return s->full ? NULL : to;
}
