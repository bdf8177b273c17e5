/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/entities.h"

#include <stdlib.h>

struct pol_entities {
	struct or_arena *arena;
	struct or_buf list; /* struct pol_entity * */
	const struct pol_entity **slots;
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
	or_buf_init(&es->list, ENTITIES_MAX * sizeof(void *));
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

static struct pol_entity *at(const struct pol_entities *es, size_t i)
{
	return ((struct pol_entity *const *)(const void *)es->list.p)[i];
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
	struct pol_entity *e = or_arena_alloc(es->arena, sizeof(*e));
	const struct pol_uid *own = pol_uid_dup(es->arena, uid);
	const struct pol_uid **ps = or_arena_array(es->arena, n_parents, sizeof(*ps));

	OR_ASSERT(es->n_slots == 0);
	if (!e || !own || !ps || dup_record(&e->attrs, es->arena, attrs) ||
	    dup_record(&e->tags, es->arena, tags))
		return OR_FULL;
	for (size_t i = 0; i < n_parents; i++) {
		ps[i] = pol_uid_dup(es->arena, &parents[i]);
		if (!ps[i])
			return OR_FULL;
	}
	e->uid = *own;
	e->parents = ps;
	e->n_parents = n_parents;
	or_buf_put(&es->list, &e, sizeof(e));
	return or_buf_ok(&es->list) ? OR_OK : OR_FULL;
}

/* The place of that uid, or the free one where it would go. */
static size_t slot_of(const struct pol_entities *es, const struct pol_uid *uid)
{
	size_t i = uid->hash & (es->n_slots - 1);

	while (es->slots[i] && !pol_uid_eq(&es->slots[i]->uid, uid))
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
	size_t n = pol_entities_count(es), slots = 8;

	while (slots < n * 2)
		slots *= 2;
	es->slots = or_arena_array(es->arena, slots, sizeof(*es->slots));
	if (!es->slots)
		return or_err_set(err, OR_FULL, "the entities need more memory than their budget");
	es->n_slots = slots;
	for (size_t i = 0; i < n; i++) {
		size_t to = slot_of(es, &at(es, i)->uid);

		if (es->slots[to])
			return about(err, OR_EXISTS, "is there twice", &at(es, i)->uid);
		es->slots[to] = at(es, i);
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
		qsort(list, n, sizeof(*list), on_uids);
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
	const struct pol_entity *e = es->slots[slot_of(es, uid)];

	/* The store owns it and is not sealed yet. */
	return e ? (struct pol_entity *)(uintptr_t)e : NULL;
}

static enum or_code finish(struct walk *w, struct pol_entity *e)
{
	const struct pol_uid **list;
	size_t n;

	or_buf_clear(&w->found);
	for (size_t i = 0; i < e->n_parents; i++) {
		const struct pol_entity *p = pol_entities_find(w->es, e->parents[i]);

		or_buf_put(&w->found, &e->parents[i], sizeof(e->parents[i]));
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
	e->ancestors = list;
	e->n_ancestors = n;
	return OR_OK;
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

enum or_code pol_entities_seal(struct pol_entities *es, struct or_err *err)
{
	struct walk w = {.es = es};
	enum or_code rc = index_all(es, err);

	if (rc)
		return rc;
	or_buf_init(&w.stack, ENTITIES_MAX * sizeof(struct step));
	or_buf_init(&w.found, ENTITIES_MAX * sizeof(void *));
	for (size_t i = 0; rc == OR_OK && i < pol_entities_count(es); i++)
		rc = walk_from(&w, at(es, i), err);
	or_buf_done(&w.stack);
	or_buf_done(&w.found);
	if (rc == OR_FULL)
		return or_err_set(err, rc, "the entities need more memory than their budget");
	return rc;
}

const struct pol_entity *pol_entities_find(const struct pol_entities *es, const struct pol_uid *uid)
{
	OR_ASSERT(es->n_slots);
	return es->slots[slot_of(es, uid)];
}

size_t pol_entities_count(const struct pol_entities *es)
{
	return es->list.n / sizeof(struct pol_entity *);
}

const struct pol_entity *pol_entities_at(const struct pol_entities *es, size_t i)
{
	OR_ASSERT(i < pol_entities_count(es));
	return at(es, i);
}

bool pol_entities_has_ancestor(const struct pol_entity *e, const struct pol_uid *of)
{
	size_t low = 0, high = e->n_ancestors;

	/* The first whose hash is not below. */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (e->ancestors[mid]->hash < of->hash)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < e->n_ancestors && e->ancestors[low]->hash == of->hash; low++) {
		if (pol_uid_eq(e->ancestors[low], of))
			return true;
	}
	return false;
}
