/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/index.h"

#include "base/map.h"
#include "base/mem.h"

#include <stdlib.h>

enum {
	LEAF_MAX = 3, /* so few policies are tried one by one */
	WINDOW = 64,  /* guards of a policy that are looked at */
	DEPTH_MAX = 48,
	COPIES_MAX = 16, /* places of one policy… */
	KEYS_MAX = 64,   /* …or, where one guard alone makes them */
};

#define NONE UINT32_MAX

/* A policy at a node. Its guards are known by their place in its list. */
struct item {
	uint64_t used;    /* guards that have held on the way: a window that begins at first */
	uint64_t redo;    /* of these, those that have only been likely to */
	uint32_t first;   /* all before it have held */
	uint32_t policy;  /* place */
	uint32_t copies;  /* there are of it */
	uint32_t either;  /* the guard for which this copy looks at one of its alternatives */
	uint32_t instead; /* that one */
	uint32_t guard;   /* that this node groups it by; NONE: by none */
	uint32_t dim;
};

/* How many of a node's policies have a guard, or a dimension. */
struct tally {
	uint32_t policies;
	uint32_t keys;
};

struct build {
	struct pol_code_pool *pool;
	const struct pol_code_range *ranges;
	struct tally *of_guard, *of_dim;
	struct or_buf items; /* of the nodes under way, as a stack */
	struct or_buf made;  /* groups of the nodes under way, as a stack */
	struct or_buf nodes, groups, slots, entries, guards;
};

/* A policy and one key of the guard that it is grouped by. */
struct keyed {
	int64_t order;
	uint32_t key;
	uint32_t item; /* from the first of the node's */
};

static uint32_t make_node(struct build *b, size_t from, unsigned int depth);

static uint32_t count_of(const struct or_buf *buf, size_t size)
{
	return (uint32_t)(buf->n / size);
}

static struct item *item_at(const struct build *b, size_t i)
{
	return (struct item *)(void *)b->items.p + i;
}

static const struct pol_code_dim *dim_at(const struct build *b, uint32_t i)
{
	return (const struct pol_code_dim *)(const void *)b->pool->dims.p + i;
}

static uint32_t id_at(const struct build *b, const struct item *it, uint32_t i)
{
	const uint32_t *listed = (const uint32_t *)(const void *)b->pool->listed.p;

	return i == it->either ? it->instead : listed[b->ranges[it->policy].at + i];
}

static const struct pol_code_guard *guard_at(
    const struct build *b, const struct item *it, uint32_t i)
{
	return pol_code_pool_guard_at(b->pool, id_at(b, it, i));
}

static uint32_t keys_of(const struct build *b, const struct pol_code_guard *g)
{
	bool any = g->test == POL_CODE_TEST_EQ_ANY || g->test == POL_CODE_TEST_IN_ANY;

	return g->want && any ? (uint32_t)pol_code_pool_value(b->pool, g->arg)->set->n : 1;
}

/* There may be so many more of the item. */
static bool may_split(const struct item *it, uint32_t into)
{
	return into > 0 && (it->copies == 1 ? into <= KEYS_MAX : into * it->copies <= COPIES_MAX);
}

static bool is_used(const struct item *it, uint32_t i)
{
	return i < it->first || (it->used >> (i - it->first) & 1);
}

static void use(struct item *it, uint32_t i, bool redo)
{
	it->used |= 1ULL << (i - it->first);
	it->redo |= (uint64_t)redo << (i - it->first);
	for (; it->used & ~it->redo & 1; it->used >>= 1, it->redo >>= 1)
		it->first++;
}

/*
 * The guards of an item that its node may look at: those that cannot err, up to the first that
 * can, and that one where all before it have held.
 */
struct open {
	uint32_t next;
	bool unheld, last;
	uint32_t i; /* the guard */
	const struct pol_code_guard *g;
};

static bool next_open(const struct build *b, const struct item *it, struct open *o)
{
	uint32_t end = b->ranges[it->policy].n;

	if (o->next < it->first)
		o->next = it->first;
	while (!o->last && o->next < end && o->next - it->first < WINDOW) {
		o->i = o->next++;
		if (is_used(it, o->i))
			continue;
		o->g = guard_at(b, it, o->i);
		if (!o->g->total && o->unheld)
			return false;
		o->last = !o->g->total;
		o->unheld = true;
		return true;
	}
	return false;
}

/* As next_open, of those by which the item may be grouped. */
static bool next_choice(const struct build *b, const struct item *it, struct open *o)
{
	while (next_open(b, it, o)) {
		if (may_split(it, keys_of(b, o->g)))
			return true;
	}
	return false;
}

static struct tally *tally_of_guard(struct build *b, const struct pol_code_guard *g)
{
	return &b->of_guard[g - pol_code_pool_guard_at(b->pool, 0)];
}

/* How many policies a look at the dimension leaves aside, where each key is as likely as none; of
 * bounds, where half of them are reached. */
static uint64_t worth(const struct build *b, uint32_t dim)
{
	const struct tally *t = &b->of_dim[dim];
	uint32_t keys = pol_index_is_bounds(dim_at(b, dim)->kind) ? 1 : t->keys;

	return t->policies < 2 ? 0 : (uint64_t)t->policies * 1024 * keys / (keys + 1);
}

static void count(struct build *b, const struct item *it)
{
	for (struct open o = {0}; next_choice(b, it, &o);) {
		b->of_dim[o.g->dim].policies++;
		if (tally_of_guard(b, o.g)->policies++ == 0)
			b->of_dim[o.g->dim].keys++;
	}
}

static void forget(struct build *b, const struct item *it)
{
	for (struct open o = {0}; next_choice(b, it, &o);)
		b->of_dim[o.g->dim] = *tally_of_guard(b, o.g) = (struct tally){0, 0};
}

/* The dimension of most worth; of equal ones the first. */
static void choose_one(struct build *b, struct item *it)
{
	uint64_t best = 0;

	it->guard = NONE;
	for (struct open o = {0}; next_choice(b, it, &o);) {
		uint64_t w = worth(b, o.g->dim);

		if (w < best || w == 0 || (w == best && o.g->dim > it->dim))
			continue;
		best = w;
		it->guard = o.i;
		it->dim = o.g->dim;
	}
}

static int on_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if ((x->guard == NONE) != (y->guard == NONE))
		return x->guard == NONE ? 1 : -1;
	if (x->guard != NONE && x->dim != y->dim)
		return x->dim < y->dim ? -1 : 1;
	return (x->policy > y->policy) - (x->policy < y->policy);
}

/* Chooses for each of the node's policies and puts those of one dimension side by side. */
static void choose(struct build *b, size_t from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		count(b, item_at(b, from + i));
	for (size_t i = 0; i < n; i++)
		choose_one(b, item_at(b, from + i));
	for (size_t i = 0; i < n; i++)
		forget(b, item_at(b, from + i));
	qsort(item_at(b, from), n, sizeof(struct item), on_items);
}

static void put_entry(struct build *b, const struct item *it)
{
	struct pol_index_entry e = {it->policy, count_of(&b->guards, sizeof(uint32_t))};
	struct pol_code_range of = b->ranges[it->policy];
	const uint32_t *listed = (const uint32_t *)(const void *)b->pool->listed.p + of.at;
	uint64_t held = it->used & ~it->redo;
	uint32_t left = of.n - it->first - (uint32_t)__builtin_popcountll(held);

	or_buf_put(&b->guards, &left, sizeof(left));
	for (uint32_t i = it->first; i < of.n; i++) {
		if (i - it->first >= WINDOW || !(held >> (i - it->first) & 1))
			or_buf_put(&b->guards, &listed[i], sizeof(listed[i]));
	}
	or_buf_put(&b->entries, &e, sizeof(e));
}

static uint32_t place_of(const struct build *b, const struct item *it, uint32_t id)
{
	for (struct open o = {0}; next_open(b, it, &o);) {
		if (o.i != it->either && id_at(b, it, o.i) == id)
			return o.i;
	}
	return NONE;
}

static bool all_have(const struct build *b, size_t from, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++) {
		if (place_of(b, item_at(b, from + i), id) == NONE)
			return false;
	}
	return true;
}

/* A guard that every one of the node's policies may look at now, or NONE. */
static uint32_t find_common(const struct build *b, size_t from, size_t n)
{
	const struct item *it = item_at(b, from);

	for (struct open o = {0}; next_open(b, it, &o);) {
		uint32_t id = id_at(b, it, o.i);

		if (o.i != it->either && all_have(b, from + 1, n - 1, id))
			return id;
	}
	return NONE;
}

/* Those that all of them have are looked at once: where one does not hold, none of the policies
 * below is satisfied. Where they are listed, or POL_INDEX_NONE. */
static uint32_t take_common(struct build *b, size_t from, size_t n)
{
	uint32_t at, id, found = 0;
	struct or_buf list;

	pol_code_pool_start(&list);
	while ((id = find_common(b, from, n)) != NONE) {
		for (size_t i = 0; i < n; i++) {
			struct item *it = item_at(b, from + i);

			use(it, place_of(b, it, id), false);
		}
		or_buf_put(&list, &id, sizeof(id));
		found++;
	}
	at = found ? count_of(&b->guards, sizeof(at)) : POL_INDEX_NONE;
	if (found) {
		or_buf_put(&b->guards, &found, sizeof(found));
		or_buf_put(&b->guards, list.p, list.n);
	}
	or_buf_done(&list);
	return at;
}

/* The guard of an item that has alternatives, or NONE. */
static uint32_t find_either(const struct build *b, const struct item *it, uint32_t *alternatives)
{
	if (it->either != NONE && !is_used(it, it->either))
		return NONE;
	for (struct open o = {0}; next_open(b, it, &o);) {
		if (o.g->alternatives != NONE) {
			*alternatives = o.g->alternatives;
			return o.i;
		}
	}
	return NONE;
}

/*
 * Of the items from `from` to the top, those that look for one thing or another become one copy for
 * each: the policy is found by whichever fits, and then looked at whole.
 */
static void split_either(struct build *b, size_t from, size_t to)
{
	const uint32_t *lists = (const uint32_t *)(const void *)b->pool->lists.p;

	for (size_t i = from; i < to; i++) {
		struct item it = *item_at(b, i);
		uint32_t at = 0, either = find_either(b, &it, &at);

		if (either == NONE || !may_split(&it, lists[at]))
			continue;
		it.either = either;
		it.copies *= lists[at];
		for (uint32_t k = 1; k <= lists[at]; k++) {
			it.instead = lists[at + k];
			if (k == 1)
				*item_at(b, i) = it;
			else
				or_buf_put(&b->items, &it, sizeof(it));
		}
	}
}

/* The key that a guard of one value has, in its group. */
static uint32_t key_of(struct build *b, const struct pol_code_guard *g, uint32_t i)
{
	struct pol_value v;

	if (dim_at(b, g->dim)->kind == POL_CODE_CLASS_BOOL)
		return g->want;
	if (g->test == POL_CODE_TEST_LIKE)
		return pol_code_pool_name(b->pool, pol_code_pool_prefix(b->pool, g->arg, NULL));
	if (g->test != POL_CODE_TEST_EQ_ANY && g->test != POL_CODE_TEST_IN_ANY)
		return g->arg;
	v = pol_code_pool_value(b->pool, g->arg)->set->items[i];
	return pol_code_pool_const(b->pool, &v);
}

static int on_keyed(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

/* Bounds lie so that those a value reaches come first. */
static int64_t order_of(const struct build *b, enum pol_code_class kind, uint32_t key)
{
	if (kind == POL_CODE_CLASS_GE || kind == POL_CODE_CLASS_GE_TIME)
		return pol_code_pool_value(b->pool, key)->i;
	if (kind == POL_CODE_CLASS_LE || kind == POL_CODE_CLASS_LE_TIME)
		return ~pol_code_pool_value(b->pool, key)->i;
	return key;
}

/* Each of the items [from, to) with each of its keys, by key. */
static struct keyed *list_keys(struct build *b, size_t from, size_t to, size_t *n)
{
	enum pol_code_class kind = (enum pol_code_class)dim_at(b, item_at(b, from)->dim)->kind;
	size_t max = 0;
	struct keyed *list;

	for (size_t i = from; i < to; i++)
		max += keys_of(b, guard_at(b, item_at(b, i), item_at(b, i)->guard));
	list = or_mem_array(max, sizeof(*list));
	*n = 0;
	for (size_t i = from; i < to; i++) {
		const struct item *it = item_at(b, i);
		const struct pol_code_guard *g = guard_at(b, it, it->guard);
		uint32_t keys = keys_of(b, g);

		/* A key is made from the guard, whose pool must not move: look again each time. */
		for (uint32_t k = 0; k < keys; k++) {
			uint32_t key = key_of(b, guard_at(b, it, it->guard), k);

			list[(*n)++] = (struct keyed){order_of(b, kind, key), key, (uint32_t)i};
		}
	}
	qsort(list, *n, sizeof(*list), on_keyed);
	return list;
}

static uint64_t hash_of(const struct build *b, enum pol_code_class kind, uint32_t key)
{
	if (kind == POL_CODE_CLASS_IS || kind == POL_CODE_CLASS_HAS ||
	    kind == POL_CODE_CLASS_PREFIX)
		return or_map_hash(((const struct or_slice *)(const void *)b->pool->names.p)[key]);
	if (kind == POL_CODE_CLASS_IN)
		return pol_code_pool_value(b->pool, key)->e->hash;
	return pol_value_hash(pol_code_pool_value(b->pool, key));
}

static struct pol_index_slot *slot_at(const struct build *b, uint32_t i)
{
	return (struct pol_index_slot *)(void *)b->slots.p + i;
}

static void put_child(
    struct build *b, const struct pol_index_group *g, uint32_t at, uint32_t key, uint32_t child)
{
	struct pol_index_slot slot = {.key = key, .child = child};
	uint32_t i = at;

	if (!or_buf_ok(&b->slots))
		return;
	if (g->kind == POL_CODE_CLASS_BOOL) {
		slot_at(b, g->slot + key)->child = child;
		return;
	}
	slot.hash = pol_index_hash(hash_of(b, (enum pol_code_class)g->kind, key));
	if (pol_index_is_table(g)) {
		i = slot.hash & (g->n_slots - 1);
		while (slot_at(b, g->slot + i)->child != POL_INDEX_NONE)
			i = (i + 1) & (g->n_slots - 1);
	}
	*slot_at(b, g->slot + i) = slot;
}

static void reserve_slots(struct build *b, struct pol_index_group *g)
{
	struct pol_index_slot none = {.child = POL_INDEX_NONE};

	g->slot = count_of(&b->slots, sizeof(none));
	g->n_slots = g->n_keys;
	if (g->kind == POL_CODE_CLASS_BOOL)
		g->n_slots = 2;
	for (uint32_t n = 16; pol_index_is_table(g) && g->n_slots < g->n_keys * 2; n *= 2)
		g->n_slots = n;
	for (uint32_t i = 0; i < g->n_slots; i++)
		or_buf_put(&b->slots, &none, sizeof(none));
}

/* A pattern that says more than its prefix: where that fits, the rest is still to be seen. */
static bool is_likely(const struct build *b, const struct pol_code_guard *g)
{
	bool exact = true;

	if (g->want && g->test == POL_CODE_TEST_LIKE)
		pol_code_pool_prefix(b->pool, g->arg, &exact);
	return !exact;
}

static int on_lengths(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The lengths of the list's keys, each once. */
static uint32_t put_lengths(struct build *b, const struct keyed *list, size_t n)
{
	const struct or_slice *names = (const struct or_slice *)(const void *)b->pool->names.p;
	uint32_t at = count_of(&b->guards, sizeof(at)), kept = 0;
	uint32_t *lengths = or_mem_array(n + 1, sizeof(*lengths));

	for (size_t i = 0; i < n; i++)
		lengths[i] = (uint32_t)names[list[i].key].n;
	qsort(lengths, n, sizeof(*lengths), on_lengths);
	for (size_t i = 0; i < n; i++) {
		if (kept == 0 || lengths[kept - 1] != lengths[i])
			lengths[kept++] = lengths[i];
	}
	or_buf_put(&b->guards, &kept, sizeof(kept));
	or_buf_put(&b->guards, lengths, kept * sizeof(*lengths));
	or_mem_free(lengths);
	return at;
}

/* The items of list[0..n), which have one key, as a child of their own. */
static uint32_t make_child(struct build *b, const struct keyed *list, size_t n, unsigned int depth)
{
	size_t from = b->items.n / sizeof(struct item);

	for (size_t i = 0; i < n; i++) {
		struct item it = *item_at(b, list[i].item);
		const struct pol_code_guard *g = guard_at(b, &it, it.guard);

		it.copies *= keys_of(b, g);
		use(&it, it.guard, it.guard == it.either || is_likely(b, g));
		or_buf_put(&b->items, &it, sizeof(it));
	}
	if (!or_buf_ok(&b->items))
		return POL_INDEX_NONE;
	return make_node(b, from, depth + 1);
}

/* Of the items [from, to), which are grouped by one dimension. */
static void make_group(struct build *b, size_t from, size_t to, unsigned int depth)
{
	const struct pol_code_dim *dim = dim_at(b, item_at(b, from)->dim);
	struct pol_index_group g = {.kind = dim->kind, .of = dim->of};
	size_t n;
	struct keyed *list = list_keys(b, from, to, &n);
	uint32_t at = 0;

	for (size_t i = 0; i < n; i++)
		g.n_keys += i == 0 || list[i].key != list[i - 1].key;
	reserve_slots(b, &g);
	if (g.kind == POL_CODE_CLASS_PREFIX)
		g.lengths = put_lengths(b, list, n);
	for (size_t i = 0, next; i < n; i = next) {
		uint32_t child;

		for (next = i + 1; next < n && list[next].key == list[i].key;)
			next++;
		child = make_child(b, &list[i], next - i, depth);
		put_child(b, &g, at++, list[i].key, child);
	}
	or_mem_free(list);
	or_buf_put(&b->made, &g, sizeof(g));
}

/* Moves what was pushed since mark to where it stays. */
static struct pol_code_range settle(struct build *b, size_t mark)
{
	size_t size = sizeof(struct pol_index_group);
	struct pol_code_range r = {
	    count_of(&b->groups, size), (uint32_t)((b->made.n - mark) / size)};

	if (r.n)
		or_buf_put(&b->groups, b->made.p + mark, b->made.n - mark);
	or_buf_cut(&b->made, mark);
	return r;
}

/* Groups the items from `from` to the top; returns the first that is in no group. */
static size_t make_groups(struct build *b, size_t from, unsigned int depth)
{
	size_t end = b->items.n / sizeof(struct item), i = from;

	choose(b, from, end - from);
	while (i < end && item_at(b, i)->guard != NONE) {
		size_t next = i + 1;

		while (next < end && item_at(b, next)->guard != NONE &&
		       item_at(b, next)->dim == item_at(b, i)->dim)
			next++;
		make_group(b, i, next, depth);
		i = next;
	}
	return i;
}

/* The items from `from` to the top as entries, a policy's copies as one. */
static struct pol_code_range put_entries(struct build *b, size_t from)
{
	size_t end = b->items.n / sizeof(struct item);
	struct pol_code_range r = {count_of(&b->entries, sizeof(struct pol_index_entry)), 0};

	for (size_t i = from; i < end; i++) {
		if (i > from && item_at(b, i)->policy == item_at(b, i - 1)->policy)
			continue;
		put_entry(b, item_at(b, i));
		r.n++;
	}
	return r;
}

/* Over the items from `from` to the top, which it takes off. */
static uint32_t make_node(struct build *b, size_t from, unsigned int depth)
{
	size_t end = b->items.n / sizeof(struct item), rest = from, mark = b->made.n;
	struct pol_index_node node = {.common = POL_INDEX_NONE};
	uint32_t at = count_of(&b->entries, sizeof(struct pol_index_entry));

	if (end - from == 1) {
		put_entry(b, item_at(b, from));
		or_buf_cut(&b->items, from * sizeof(struct item));
		return at | POL_INDEX_ENTRY;
	}
	if (end - from > LEAF_MAX && depth < DEPTH_MAX) {
		node.common = take_common(b, from, end - from);
		rest = make_groups(b, from, depth);
		if (end - rest > LEAF_MAX) {
			split_either(b, rest, end);
			rest = make_groups(b, rest, depth);
		}
	}
	node.groups = settle(b, mark);
	node.entries = put_entries(b, rest);
	or_buf_cut(&b->items, from * sizeof(struct item));
	at = count_of(&b->nodes, sizeof(node));
	or_buf_put(&b->nodes, &node, sizeof(node));
	return at;
}

static const void *keep(struct build *b, const struct or_buf *buf)
{
	void *to = or_buf_ok(buf) ? or_arena_alloc(b->pool->arena, buf->n) : NULL;

	if (to && buf->n)
		memcpy(to, buf->p, buf->n);
	b->pool->full |= !to;
	return to;
}

static const struct pol_index *finish(struct build *b, uint32_t root)
{
	struct pol_index *ix = or_arena_alloc(b->pool->arena, sizeof(*ix));

	if (!ix || !or_buf_ok(&b->items) || !or_buf_ok(&b->made))
		return NULL;
	ix->nodes = keep(b, &b->nodes);
	ix->groups = keep(b, &b->groups);
	ix->slots = keep(b, &b->slots);
	ix->entries = keep(b, &b->entries);
	ix->guards = keep(b, &b->guards);
	ix->root = root;
	return b->pool->full ? NULL : ix;
}

const struct pol_index *pol_index_build(struct pol_code_pool *pool,
    const struct pol_policy *const *policies, const struct pol_code_range *ranges, size_t n)
{
	struct build b = {.pool = pool, .ranges = ranges};
	struct or_buf *bufs[] = {
	    &b.items, &b.made, &b.nodes, &b.groups, &b.slots, &b.entries, &b.guards};
	const struct pol_index *ix;

	for (size_t i = 0; i < OR_LEN(bufs); i++)
		pol_code_pool_start(bufs[i]);
	b.of_guard =
	    or_mem_array(pool->guards.n / sizeof(struct pol_code_guard) + 1, sizeof(struct tally));
	b.of_dim =
	    or_mem_array(pool->dims.n / sizeof(struct pol_code_dim) + 1, sizeof(struct tally));
	for (uint32_t i = 0; i < n; i++) {
		struct item it = {.policy = i, .copies = 1, .either = NONE};

		if (!policies[i]->template)
			or_buf_put(&b.items, &it, sizeof(it));
	}
	ix = or_buf_ok(&b.items) ? finish(&b, make_node(&b, 0, 0)) : NULL;
	for (size_t i = 0; i < OR_LEN(bufs); i++)
		or_buf_done(bufs[i]);
	or_mem_free(b.of_guard);
	or_mem_free(b.of_dim);
	return ix;
}
