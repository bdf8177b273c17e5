/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/entities.h"

#include "policy/sort.h"

/* Half of the hash tells most entities apart without a look at them. */
struct slot {
	uint32_t tag;
	uint32_t at; /* index + 1; 0: free */
};

struct pol_entities {
	struct or_arena *arena;
	struct or_buf list;     /* struct pol_entity; until seal */
	struct pol_entity *all; /* after seal, one after the other */
	size_t n;
	struct slot *slots;
	size_t n_slots; /* a power of two; 0 before seal */
};

enum { ENTITIES_MAX = 16 << 20 };

static const struct pol_record EMPTY;

struct pol_entities *pol_entities_new(size_t budget)
{
	struct or_arena *a = or_arena_new(budget ? budget : POL_ENTITIES_BUDGET);
	struct pol_entities *es = or_arena_alloc(a, sizeof(*es));

	OR_ASSERT(es);
	es->arena = a;
	or_buf_init(&es->list, ENTITIES_MAX * sizeof(struct pol_entity));
	return es;
}

void pol_entities_free(struct pol_entities *es)
{
	if (!es)
		return;
	or_buf_done(&es->list);
	/* The store itself lies in it. */
	or_arena_free(es->arena);
}

static enum or_code dup_record(
    const struct pol_record **out, struct or_arena *a, const struct pol_record *from)
{
	struct pol_value v = pol_value_rec(from);
	enum or_code rc;

	if (!from || from->n == 0) {
		*out = &EMPTY;
		return OR_OK;
	}
	rc = pol_value_dup(&v, a, &v);
	if (rc == OR_OK)
		*out = v.rec;
	return rc;
}

enum or_code pol_entities_add(struct pol_entities *es, const struct pol_uid *uid,
    const struct pol_record *attrs, const struct pol_record *tags, const struct pol_uid *parents,
    size_t n_parents)
{
	struct pol_entity e = {.n_parents = n_parents};
	const struct pol_uid *own = pol_uid_dup(es->arena, uid);
	const struct pol_uid **ps = or_arena_array(es->arena, n_parents, sizeof(*ps));

	OR_ASSERT(es->n_slots == 0);
	if (!own || !ps || dup_record(&e.attrs, es->arena, attrs) ||
	    dup_record(&e.tags, es->arena, tags))
		return OR_FULL;
	for (size_t i = 0; i < n_parents; i++) {
		ps[i] = pol_uid_dup(es->arena, &parents[i]);
		if (!ps[i])
			return OR_FULL;
	}
	e.uid = *own;
	e.parents = ps;
	or_buf_put(&es->list, &e, sizeof(e));
	es->n++;
	return or_buf_ok(&es->list) ? OR_OK : OR_FULL;
}

/* The place of that uid, or the free one where it would go. */
static size_t slot_of(const struct pol_entities *es, const struct pol_uid *uid)
{
	size_t i = uid->hash & (es->n_slots - 1);
	uint32_t tag = (uint32_t)(uid->hash >> 32);

	while (es->slots[i].at &&
	       (es->slots[i].tag != tag || !pol_uid_eq(&es->all[es->slots[i].at - 1].uid, uid)))
		i = (i + 1) & (es->n_slots - 1);
	return i;
}

static enum or_code about(
    struct or_err *err, enum or_code code, const char *what, const struct pol_uid *uid)
{
	struct or_buf b;

	or_buf_init(&b, OR_ERR_MSG_MAX);
	pol_uid_print(&b, uid);
	or_err_set(err, code, "%s %s", or_buf_text(&b), what);
	or_buf_done(&b);
	return code;
}

static enum or_code index_all(struct pol_entities *es, struct or_err *err)
{
	size_t slots = 8;

	while (slots < es->n * 2)
		slots *= 2;
	es->slots = or_arena_array(es->arena, slots, sizeof(*es->slots));
	es->all = or_arena_array(es->arena, es->n, sizeof(*es->all));
	if (!es->slots || !es->all)
		return or_err_set(err, OR_FULL, "the entities need more memory than their budget");
	es->n_slots = slots;
	if (es->n)
		memcpy(es->all, es->list.p, es->n * sizeof(*es->all));
	or_buf_done(&es->list);
	for (size_t i = 0; i < es->n; i++) {
		const struct pol_uid *uid = &es->all[i].uid;
		size_t to = slot_of(es, uid);

		if (es->slots[to].at)
			return about(err, OR_EXISTS, "is there twice", uid);
		es->slots[to] = (struct slot){(uint32_t)(uid->hash >> 32), (uint32_t)i + 1};
	}
	return OR_OK;
}

static int on_uids(const void *a, const void *b)
{
	const struct pol_uid *x = *(const struct pol_uid *const *)a;
	const struct pol_uid *y = *(const struct pol_uid *const *)b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return pol_uid_cmp(x, y);
}

size_t pol_entities_sort(const struct pol_uid **list, size_t n)
{
	size_t kept = 0;

	if (n > 1)
		pol_sort_items(list, n, sizeof(*list), on_uids);
	for (size_t i = 0; i < n; i++) {
		if (kept == 0 || !pol_uid_eq(list[kept - 1], list[i]))
			list[kept++] = list[i];
	}
	return kept;
}

/*
 * The walk: depth first, parents before children. An entity that is met again while it is still on
 * the stack closes a cycle. `ancestors` is NULL until an entity is done.
 */
struct step {
	struct pol_entity *e;
	size_t next; /* parent to look at */
};

struct walk {
	struct pol_entities *es;
	struct or_buf stack; /* struct step */
	struct or_buf found; /* const struct pol_uid * */
};

static struct pol_entity *find_mutable(const struct pol_entities *es, const struct pol_uid *uid)
{
	uint32_t found = es->slots[slot_of(es, uid)].at;

	return found ? &es->all[found - 1] : NULL;
}

/* The uid of the store's own entity, where it has it. */
static const struct pol_uid *own_uid(const struct pol_entities *es, const struct pol_uid *uid)
{
	const struct pol_entity *e = pol_entities_find(es, uid);

	return e ? &e->uid : uid;
}

enum or_code pol_entities_take_ancestors(
    struct pol_entity *e, struct or_arena *a, const struct pol_uid *const *list, size_t n)
{
	uint64_t *hashes = or_arena_array(a, n, sizeof(*hashes));

	if (!hashes)
		return OR_FULL;
	for (size_t i = 0; i < n; i++)
		hashes[i] = list[i]->hash;
	e->ancestors = list;
	e->hashes = hashes;
	e->n_ancestors = n;
	return OR_OK;
}

static enum or_code finish(struct walk *w, struct pol_entity *e)
{
	const struct pol_uid **list;
	size_t n;

	or_buf_clear(&w->found);
	for (size_t i = 0; i < e->n_parents; i++) {
		const struct pol_entity *p = pol_entities_find(w->es, e->parents[i]);
		const struct pol_uid *uid = own_uid(w->es, e->parents[i]);

		or_buf_put(&w->found, &uid, sizeof(uid));
		if (p)
			or_buf_put(&w->found, p->ancestors, p->n_ancestors * sizeof(*p->ancestors));
	}
	n = w->found.n / sizeof(*list);
	if (n)
		n = pol_entities_sort((const struct pol_uid **)(void *)w->found.p, n);
	list = or_arena_array(w->es->arena, n, sizeof(*list));
	if (!list || !or_buf_ok(&w->found))
		return OR_FULL;
	if (n)
		memcpy(list, w->found.p, n * sizeof(*list));
	return pol_entities_take_ancestors(e, w->es->arena, list, n);
}

/* n_ancestors of one that is on the stack. */
#define ON_STACK SIZE_MAX

static void push(struct walk *w, struct pol_entity *e)
{
	struct step s = {e, 0};

	e->n_ancestors = ON_STACK;
	or_buf_put(&w->stack, &s, sizeof(s));
}

static enum or_code walk_from(struct walk *w, struct pol_entity *start, struct or_err *err)
{
	if (start->ancestors)
		return OR_OK;
	push(w, start);
	while (w->stack.n) {
		struct step *s = (struct step *)(void *)(w->stack.p + w->stack.n) - 1;
		struct pol_entity *p;

		if (!or_buf_ok(&w->stack))
			return OR_FULL;
		if (s->next == s->e->n_parents) {
			if (finish(w, s->e))
				return OR_FULL;
			or_buf_cut(&w->stack, w->stack.n - sizeof(*s));
			continue;
		}
		p = find_mutable(w->es, s->e->parents[s->next++]);
		if (!p || p->ancestors)
			continue;
		if (p->n_ancestors == ON_STACK)
			return about(err, OR_INVAL, "is its own ancestor", &p->uid);
		push(w, p);
	}
	return OR_OK;
}

/* Lets the entities that a value names point to the store's own: one is then found at once. */
static void own_value(const struct pol_entities *es, const struct pol_value *value)
{
	/* Made by this store, which is not sealed yet. */
	struct pol_value *v = (struct pol_value *)(uintptr_t)value;

	if (v->kind == POL_ENTITY) {
		v->e = own_uid(es, v->e);
	} else if (v->kind == POL_SET) {
		for (size_t i = 0; i < v->set->n; i++)
			own_value(es, &v->set->items[i]);
	} else if (v->kind == POL_RECORD) {
		for (size_t i = 0; i < v->rec->n; i++)
			own_value(es, &v->rec->fields[i].value);
	}
}

static void own_values(const struct pol_entities *es)
{
	for (size_t i = 0; i < es->n; i++) {
		for (size_t k = 0; k < es->all[i].attrs->n; k++)
			own_value(es, &es->all[i].attrs->fields[k].value);
		for (size_t k = 0; k < es->all[i].tags->n; k++)
			own_value(es, &es->all[i].tags->fields[k].value);
	}
}

enum or_code pol_entities_seal(struct pol_entities *es, struct or_err *err)
{
	struct walk w = {.es = es};
	enum or_code rc = index_all(es, err);

	if (rc)
		return rc;
	or_buf_init(&w.stack, ENTITIES_MAX * sizeof(struct step));
	or_buf_init(&w.found, ENTITIES_MAX * sizeof(void *));
	for (size_t i = 0; rc == OR_OK && i < es->n; i++)
		rc = walk_from(&w, &es->all[i], err);
	or_buf_done(&w.stack);
	or_buf_done(&w.found);
	if (rc == OR_FULL)
		return or_err_set(err, rc, "the entities need more memory than their budget");
	if (rc == OR_OK)
		own_values(es);
	return rc;
}

const struct pol_entity *pol_entities_find(const struct pol_entities *es, const struct pol_uid *uid)
{
	size_t offset = (uintptr_t)uid - (uintptr_t)es->all;
	uint32_t found;

	OR_ASSERT(es->n_slots);
	/* A uid that lies among the entities is one's own, its first member. */
	if (offset < es->n * sizeof(*es->all))
		return (const struct pol_entity *)(const void *)uid;
	found = es->slots[slot_of(es, uid)].at;
	return found ? &es->all[found - 1] : NULL;
}

size_t pol_entities_count(const struct pol_entities *es)
{
	return es->n;
}

const struct pol_entity *pol_entities_at(const struct pol_entities *es, size_t i)
{
	OR_ASSERT(i < es->n && es->all);
	return &es->all[i];
}

/* Hashes are spread evenly, so that a hash says about where it is in a sorted list. */
bool pol_entities_has_ancestor(const struct pol_entity *e, const struct pol_uid *of)
{
	size_t n = e->n_ancestors, i = (size_t)(((unsigned __int128)of->hash * n) >> 64);

	while (i > 0 && e->hashes[i - 1] >= of->hash)
		i--;
	while (i < n && e->hashes[i] < of->hash)
		i++;
	for (; i < n && e->hashes[i] == of->hash; i++) {
		if (pol_uid_eq(e->ancestors[i], of))
			return true;
	}
	return false;
}
