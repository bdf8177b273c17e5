/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/index.h"

#include "base/map.h"
#include "base/mem.h"

#include <stdlib.h>

enum {
	LEAF_MAX = 3,    /* so few policies are tried one by one */
	GUARDS_MAX = 64, /* of a policy that are looked at */
	DEPTH_MAX = 48,
	COPIES_MAX = 16, /* places of one policy */
};

/* A policy at a node. */
struct item {
	uint64_t used;   /* guards that have held on the way */
	uint64_t redo;   /* of these, those that have only been likely to */
	uint32_t policy; /* place */
	uint32_t copies;
	uint32_t guard; /* that this node groups it by: which of its own; GUARDS_MAX: none */
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

static const struct pol_code_guard *guard_at(const struct build *b, uint32_t policy, uint32_t i)
{
	const uint32_t *listed = (const uint32_t *)(const void *)b->pool->listed.p;

	return pol_code_pool_guard_at(b->pool, listed[b->ranges[policy].at + i]);
}

static uint32_t keys_of(const struct build *b, const struct pol_code_guard *g)
{
	bool any = g->test == POL_CODE_TEST_EQ_ANY || g->test == POL_CODE_TEST_IN_ANY;

	return g->want && any ? (uint32_t)pol_code_pool_value(b->pool, g->arg)->set->n : 1;
}

/*
 * Calls back with each guard of the item that its node may look at: those that cannot err, up to
 * the first that can, and that one where all before it have held.
 */
static void each_open(struct build *b, struct item *it,
    void (*on_open)(struct build *b, struct item *it, uint32_t i, const struct pol_code_guard *g))
{
	uint32_t n = b->ranges[it->policy].n;
	bool all_held = true;

	for (uint32_t i = 0; i < n && i < GUARDS_MAX; i++) {
		const struct pol_code_guard *g = guard_at(b, it->policy, i);
		uint32_t keys;

		if (it->used >> i & 1)
			continue;
		if (!g->total && !all_held)
			return;
		keys = keys_of(b, g);
		if (keys > 0 && keys * it->copies <= COPIES_MAX)
			on_open(b, it, i, g);
		if (!g->total)
			return;
		all_held = false;
	}
}

static struct tally *tally_of_guard(struct build *b, const struct pol_code_guard *g)
{
	return &b->of_guard[g - pol_code_pool_guard_at(b->pool, 0)];
}

static void on_count(struct build *b, struct item *it, uint32_t i, const struct pol_code_guard *g)
{
	(void)it;
	(void)i;
	b->of_dim[g->dim].policies++;
	if (tally_of_guard(b, g)->policies++ == 0)
		b->of_dim[g->dim].keys++;
}

static void on_forget(struct build *b, struct item *it, uint32_t i, const struct pol_code_guard *g)
{
	(void)it;
	(void)i;
	b->of_dim[g->dim] = *tally_of_guard(b, g) = (struct tally){0, 0};
}

/* How many policies a look at the dimension leaves aside, where each key is as likely as none; of
 * bounds, where half of them are reached. */
static uint64_t worth(const struct build *b, uint32_t dim)
{
	const struct tally *t = &b->of_dim[dim];
	uint32_t keys = pol_index_is_bounds(dim_at(b, dim)->kind) ? 1 : t->keys;

	return t->policies < 2 ? 0 : (uint64_t)t->policies * 1024 * keys / (keys + 1);
}

/* The dimension of most worth. */
static void on_choose(struct build *b, struct item *it, uint32_t i, const struct pol_code_guard *g)
{
	uint64_t w = worth(b, g->dim);

	if (w == 0 || (it->guard != GUARDS_MAX &&
			  (w < worth(b, it->dim) || (w == worth(b, it->dim) && g->dim > it->dim))))
		return;
	it->guard = i;
	it->dim = g->dim;
}

static int on_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->guard == GUARDS_MAX || y->guard == GUARDS_MAX)
		return (x->guard == GUARDS_MAX) - (y->guard == GUARDS_MAX);
	if (x->dim != y->dim)
		return x->dim < y->dim ? -1 : 1;
	return (x->policy > y->policy) - (x->policy < y->policy);
}

/* Chooses for each of the node's policies and puts those of one dimension side by side. */
static void choose(struct build *b, size_t from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		each_open(b, item_at(b, from + i), on_count);
	for (size_t i = 0; i < n; i++) {
		item_at(b, from + i)->guard = GUARDS_MAX;
		each_open(b, item_at(b, from + i), on_choose);
	}
	for (size_t i = 0; i < n; i++)
		each_open(b, item_at(b, from + i), on_forget);
	qsort(item_at(b, from), n, sizeof(struct item), on_items);
}

static void put_entry(struct build *b, const struct item *it)
{
	struct pol_index_entry e = {it->policy, count_of(&b->guards, sizeof(uint32_t))};
	struct pol_code_range of = b->ranges[it->policy];
	const uint32_t *listed = (const uint32_t *)(const void *)b->pool->listed.p + of.at;
	uint64_t held = it->used & ~it->redo;
	uint32_t left = of.n - (uint32_t)__builtin_popcountll(held);

	or_buf_put(&b->guards, &left, sizeof(left));
	for (uint32_t i = 0; i < of.n; i++) {
		if (i >= GUARDS_MAX || !(held >> i & 1))
			or_buf_put(&b->guards, &listed[i], sizeof(listed[i]));
	}
	or_buf_put(&b->entries, &e, sizeof(e));
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
		max += keys_of(b, guard_at(b, item_at(b, i)->policy, item_at(b, i)->guard));
	list = or_mem_array(max, sizeof(*list));
	*n = 0;
	for (size_t i = from; i < to; i++) {
		const struct item *it = item_at(b, i);
		const struct pol_code_guard *g = guard_at(b, it->policy, it->guard);
		uint32_t keys = keys_of(b, g);

		/* A key is made from the guard, whose pool must not move: look again each time. */
		for (uint32_t k = 0; k < keys; k++) {
			uint32_t key = key_of(b, guard_at(b, it->policy, it->guard), k);

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

		it.copies *= keys_of(b, guard_at(b, it.policy, it.guard));
		it.used |= 1ULL << it.guard;
		if (is_likely(b, guard_at(b, it.policy, it.guard)))
			it.redo |= 1ULL << it.guard;
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

/* Over the items from `from` to the top, which it takes off. */
static uint32_t make_node(struct build *b, size_t from, unsigned int depth)
{
	size_t end = b->items.n / sizeof(struct item), i = from, mark = b->made.n;
	struct pol_index_node node = {.groups = {0, 0}};
	uint32_t at = count_of(&b->entries, sizeof(struct pol_index_entry));

	if (end - from == 1) {
		put_entry(b, item_at(b, from));
		or_buf_cut(&b->items, from * sizeof(struct item));
		return at | POL_INDEX_ENTRY;
	}
	if (end - from > LEAF_MAX && depth < DEPTH_MAX) {
		choose(b, from, end - from);
		while (i < end && item_at(b, i)->guard != GUARDS_MAX) {
			size_t next = i + 1;

			while (next < end && item_at(b, next)->guard != GUARDS_MAX &&
			       item_at(b, next)->dim == item_at(b, i)->dim)
				next++;
			make_group(b, i, next, depth);
			i = next;
		}
	}
	node.groups = settle(b, mark);
	node.entries.at = count_of(&b->entries, sizeof(struct pol_index_entry));
	node.entries.n = (uint32_t)(end - i);
	for (; i < end; i++)
		put_entry(b, item_at(b, i));
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
		or_buf_init(bufs[i], POL_CODE_POOL_MAX);
	b.of_guard =
	    or_mem_array(pool->guards.n / sizeof(struct pol_code_guard) + 1, sizeof(struct tally));
	b.of_dim =
	    or_mem_array(pool->dims.n / sizeof(struct pol_code_dim) + 1, sizeof(struct tally));
	for (uint32_t i = 0; i < n; i++) {
		struct item it = {.policy = i, .copies = 1};

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
