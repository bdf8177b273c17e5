/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/code_pool.h"

#include "base/map.h"
#include "base/mem.h"

struct pol_code_slot {
	uint32_t hash;
	uint32_t at; /* number + 1; 0: free */
};

/* Whether the pool's thing of that number is this one. */
typedef bool (*is_same)(const struct pol_code_pool *p, uint32_t at, const void *what);

void pol_code_pool_init(struct pol_code_pool *p, struct or_arena *arena)
{
	struct or_buf *bufs[] = {&p->consts, &p->names, &p->lists, &p->instrs, &p->exprs,
	    &p->guards, &p->dims, &p->trees, &p->listed};

	*p = (struct pol_code_pool){.arena = arena};
	for (size_t i = 0; i < OR_LEN(bufs); i++)
		pol_code_pool_start(bufs[i]);
}

void pol_code_pool_start(struct or_buf *b)
{
	or_buf_init(b, POL_CODE_POOL_MAX);
	/* So that it has an address, also where nothing is put. */
	or_buf_reserve(b, 64);
}

void pol_code_pool_done(struct pol_code_pool *p)
{
	struct or_buf *bufs[] = {&p->consts, &p->names, &p->lists, &p->instrs, &p->exprs,
	    &p->guards, &p->dims, &p->trees, &p->listed};
	struct pol_code_table *tables[] = {
	    &p->by_const, &p->by_name, &p->by_list, &p->by_expr, &p->by_guard, &p->by_dim};

	for (size_t i = 0; i < OR_LEN(bufs); i++)
		or_buf_done(bufs[i]);
	for (size_t i = 0; i < OR_LEN(tables); i++)
		or_mem_free(tables[i]->slots);
}

bool pol_code_pool_ok(const struct pol_code_pool *p)
{
	return !p->full && or_buf_ok(&p->lists) && or_buf_ok(&p->instrs) && or_buf_ok(&p->listed);
}

static void place(struct pol_code_slot *slots, size_t n_slots, struct pol_code_slot slot)
{
	size_t i = slot.hash & (n_slots - 1);

	while (slots[i].at)
		i = (i + 1) & (n_slots - 1);
	slots[i] = slot;
}

static void grow(struct pol_code_table *t)
{
	size_t n = t->n_slots ? t->n_slots * 2 : 64;
	struct pol_code_slot *slots = or_mem_array(n, sizeof(*slots));

	for (size_t i = 0; i < t->n_slots; i++) {
		if (t->slots[i].at)
			place(slots, n, t->slots[i]);
	}
	or_mem_free(t->slots);
	t->slots = slots;
	t->n_slots = n;
}

/* The number of what is there, or UINT32_MAX. */
static uint32_t look_up(const struct pol_code_pool *p, const struct pol_code_table *t,
    uint64_t hash, is_same same, const void *what)
{
	if (t->n_slots == 0)
		return UINT32_MAX;
	for (size_t i = hash & (t->n_slots - 1); t->slots[i].at; i = (i + 1) & (t->n_slots - 1)) {
		if (t->slots[i].hash == (uint32_t)hash && same(p, t->slots[i].at - 1, what))
			return t->slots[i].at - 1;
	}
	return UINT32_MAX;
}

static void enter(struct pol_code_table *t, uint64_t hash, uint32_t at)
{
	if ((t->n + 1) * 2 > t->n_slots)
		grow(t);
	place(t->slots, t->n_slots, (struct pol_code_slot){(uint32_t)hash, at + 1});
	t->n++;
}

/* Adds the thing to its pool. */
static uint32_t append(struct pol_code_pool *p, struct or_buf *b, const void *what, size_t size)
{
	size_t at = b->n / size;

	or_buf_put(b, what, size);
	if (or_buf_ok(b))
		return (uint32_t)at;
	p->full = true;
	return 0;
}

static uint32_t intern(struct pol_code_pool *p, struct pol_code_table *t, uint64_t hash,
    is_same same, struct or_buf *b, const void *what, size_t size)
{
	uint32_t at = look_up(p, t, hash, same, what);

	if (at == UINT32_MAX) {
		at = append(p, b, what, size);
		if (!p->full)
			enter(t, hash, at);
	}
	return at;
}

static bool same_const(const struct pol_code_pool *p, uint32_t at, const void *what)
{
	return pol_value_eq(pol_code_pool_value(p, at), what);
}

uint32_t pol_code_pool_const(struct pol_code_pool *p, const struct pol_value *v)
{
	return intern(p, &p->by_const, pol_value_hash(v), same_const, &p->consts, v, sizeof(*v));
}

static bool same_name(const struct pol_code_pool *p, uint32_t at, const void *what)
{
	const struct or_slice *name = what;

	return or_slice_eq(((const struct or_slice *)(const void *)p->names.p)[at], *name);
}

uint32_t pol_code_pool_name(struct pol_code_pool *p, struct or_slice name)
{
	return intern(p, &p->by_name, or_map_hash(name), same_name, &p->names, &name, sizeof(name));
}

struct or_slice pol_code_pool_prefix(const struct pol_code_pool *p, uint32_t name, bool *exact)
{
	struct or_slice pattern = ((const struct or_slice *)(const void *)p->names.p)[name];
	size_t n = 0;

	while (n < pattern.n && pattern.p[n] != POL_CODE_STAR)
		n++;
	if (n == pattern.n)
		return OR_SLICE_NONE;
	if (exact)
		*exact = n + 1 == pattern.n && n <= POL_CODE_PREFIX_MAX;
	return or_slice(pattern.p, n < POL_CODE_PREFIX_MAX ? n : POL_CODE_PREFIX_MAX);
}

/* What follows is compared bytewise: made by designated initialisers, without padding. */
static uint64_t hash_of(const void *bytes, size_t n)
{
	return or_map_hash(or_slice(bytes, n));
}

static const uint32_t *list_at(const struct pol_code_pool *p, uint32_t at)
{
	return (const uint32_t *)(const void *)p->lists.p + at;
}

static bool same_list(const struct pol_code_pool *p, uint32_t at, const void *what)
{
	const uint32_t *a = list_at(p, at), *b = what;

	return a[0] == b[0] && memcmp(a, b, (a[0] + 1) * sizeof(*a)) == 0;
}

uint32_t pol_code_pool_list(struct pol_code_pool *p, const struct or_slice *names, size_t n)
{
	uint32_t at = (uint32_t)(p->lists.n / sizeof(at)), there, n32 = (uint32_t)n;
	uint64_t hash;

	or_buf_put(&p->lists, &n32, sizeof(n32));
	for (size_t i = 0; i < n; i++) {
		uint32_t name = pol_code_pool_name(p, names[i]);

		or_buf_put(&p->lists, &name, sizeof(name));
	}
	if (!or_buf_ok(&p->lists))
		return 0;
	hash = hash_of(list_at(p, at), (n + 1) * sizeof(at));
	there = look_up(p, &p->by_list, hash, same_list, list_at(p, at));
	if (there != UINT32_MAX) {
		or_buf_cut(&p->lists, at * sizeof(at));
		return there;
	}
	enter(&p->by_list, hash, at);
	return at;
}

static bool same_guard(const struct pol_code_pool *p, uint32_t at, const void *what)
{
	const struct pol_code_guard *a = pol_code_pool_guard_at(p, at), *b = what;

	return a->test == b->test && a->want == b->want && a->expr == b->expr && a->arg == b->arg;
}

uint32_t pol_code_pool_guard(struct pol_code_pool *p, const struct pol_code_guard *g)
{
	uint32_t key[] = {g->test, g->want, g->expr, g->arg};

	return intern(
	    p, &p->by_guard, hash_of(key, sizeof(key)), same_guard, &p->guards, g, sizeof(*g));
}

static bool same_dim(const struct pol_code_pool *p, uint32_t at, const void *what)
{
	const struct pol_code_dim *a = (const struct pol_code_dim *)(const void *)p->dims.p + at;
	const struct pol_code_dim *b = what;

	return a->kind == b->kind && a->of == b->of;
}

uint32_t pol_code_pool_dim(struct pol_code_pool *p, enum pol_code_class kind, uint32_t of)
{
	struct pol_code_dim dim = {.kind = (uint8_t)kind, .of = of};
	uint32_t key[] = {kind, of};

	return intern(
	    p, &p->by_dim, hash_of(key, sizeof(key)), same_dim, &p->dims, &dim, sizeof(dim));
}

static bool same_expr(const struct pol_code_pool *p, uint32_t at, const void *what)
{
	const struct pol_code_expr *a = pol_code_pool_expr_at(p, at), *b = what;
	const struct pol_code_instr *all = (const void *)p->instrs.p;

	if (a->form != b->form || a->var != b->var || a->n != b->n)
		return false;
	if (a->form != POL_CODE_FORM_CODE)
		return a->at == b->at;
	for (uint32_t i = 0; i < a->n; i++) {
		const struct pol_code_instr *x = &all[a->at + i], *y = &all[b->at + i];

		if (x->op != y->op || x->sub != y->sub || x->arg != y->arg)
			return false;
	}
	return true;
}

static uint32_t intern_expr(struct pol_code_pool *p, const struct pol_code_expr *e, uint64_t hash)
{
	return intern(p, &p->by_expr, hash, same_expr, &p->exprs, e, sizeof(*e));
}

uint32_t pol_code_pool_var(struct pol_code_pool *p, enum pol_var var)
{
	struct pol_code_expr e = {.form = POL_CODE_FORM_VAR, .var = (uint8_t)var};

	return intern_expr(p, &e, var);
}

uint32_t pol_code_pool_expr(struct pol_code_pool *p, size_t from)
{
	const struct pol_code_instr *in = (const struct pol_code_instr *)(void *)p->instrs.p + from;
	size_t n = p->instrs.n / sizeof(*in) - from;
	struct pol_code_expr e = {
	    .form = POL_CODE_FORM_CODE, .at = (uint32_t)from, .n = (uint32_t)n};
	size_t before = p->exprs.n;
	uint64_t hash = n;
	uint32_t at;

	if (!or_buf_ok(&p->instrs))
		return 0;
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ ((uint64_t)in[i].arg << 16 | (uint64_t)in[i].sub << 8 | in[i].op)) *
			   0x9E3779B97F4A7C15ULL +
		       (hash >> 29);
	hash ^= hash >> 32;
	if (n == 1 && in->op == POL_CODE_VAR) {
		or_buf_cut(&p->instrs, from * sizeof(*in));
		return pol_code_pool_var(p, (enum pol_var)in->sub);
	}
	if (n == 1 && in->op == POL_CODE_VAR_ATTR)
		e = (struct pol_code_expr){
		    .form = POL_CODE_FORM_VAR_ATTR, .var = in->sub, .at = in->arg};
	at = intern_expr(p, &e, hash);
	if (p->exprs.n == before || e.form != POL_CODE_FORM_CODE)
		or_buf_cut(&p->instrs, from * sizeof(*in));
	return at;
}

uint32_t pol_code_pool_tree(
    struct pol_code_pool *p, const struct pol_node *node, const struct pol_source *src)
{
	struct pol_code_tree t = {node, src};
	struct pol_code_expr e = {
	    .form = POL_CODE_FORM_TREE, .at = append(p, &p->trees, &t, sizeof(t))};

	return append(p, &p->exprs, &e, sizeof(e));
}
