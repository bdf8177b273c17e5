/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/index.h"

#include "base/map.h"
#include "policy/run.h"

struct walk {
	struct pol_run *r;
	const struct pol_index *ix;
	pol_index_found on_found;
	void *arg;
};

static bool visit(const struct walk *w, uint32_t child);

static bool found(const struct walk *w, uint32_t entry)
{
	const struct pol_index_entry *e = &w->ix->entries[entry];

	return w->on_found(w->arg, e->policy, &w->ix->guards[e->at]);
}

/* Every policy below errs. Recursion is bounded by the tree's depth. */
static bool visit_erred(const struct walk *w, uint32_t child)
{
	const struct pol_index_node *n;

	if (child & POL_INDEX_ENTRY)
		return w->on_found(w->arg, w->ix->entries[child & ~POL_INDEX_ENTRY].policy, NULL);
	n = &w->ix->nodes[child];
	for (uint32_t g = 0; g < n->groups.n; g++) {
		const struct pol_index_group *group = &w->ix->groups[n->groups.at + g];

		for (uint32_t i = 0; i < group->n_slots; i++) {
			uint32_t next = w->ix->slots[group->slot + i].child;

			if (next != POL_INDEX_NONE && !visit_erred(w, next))
				return false;
		}
	}
	for (uint32_t i = 0; i < n->entries.n; i++) {
		if (!w->on_found(w->arg, w->ix->entries[n->entries.at + i].policy, NULL))
			return false;
	}
	return true;
}

static bool all_erred(const struct walk *w, const struct pol_index_group *g)
{
	if (w->r->full)
		return false;
	for (uint32_t i = 0; i < g->n_slots; i++) {
		uint32_t next = w->ix->slots[g->slot + i].child;

		if (next != POL_INDEX_NONE && !visit_erred(w, next))
			return false;
	}
	return true;
}

/* What a key is compared with: a value, or a name. */
struct probe {
	const struct pol_value *value; /* NULL: name */
	struct or_slice name;
	uint64_t hash; /* where the group is a table */
};

static bool fits(const struct walk *w, uint32_t key, const struct probe *p)
{
	return p->value ? pol_value_eq(&w->r->code->consts[key], p->value)
			: pol_uid_same(w->r->code->names[key], p->name);
}

/* The child of the key, or POL_INDEX_NONE. */
static uint32_t look_up(
    const struct walk *w, const struct pol_index_group *g, const struct probe *p)
{
	const struct pol_index_slot *slots = &w->ix->slots[g->slot];
	uint32_t hash = pol_index_hash(p->hash), mask = g->n_slots - 1;

	if (!pol_index_is_table(g)) {
		for (uint32_t i = 0; i < g->n_slots; i++) {
			if (fits(w, slots[i].key, p))
				return slots[i].child;
		}
		return POL_INDEX_NONE;
	}
	for (uint32_t i = hash & mask; slots[i].child != POL_INDEX_NONE; i = (i + 1) & mask) {
		if (slots[i].hash == hash && fits(w, slots[i].key, p))
			return slots[i].child;
	}
	return POL_INDEX_NONE;
}

static bool visit_value(
    const struct walk *w, const struct pol_index_group *g, const struct pol_value *v)
{
	struct probe p = {.value = v, .hash = pol_index_is_table(g) ? pol_value_hash(v) : 0};
	uint32_t child = look_up(w, g, &p);

	return child == POL_INDEX_NONE || visit(w, child);
}

static bool visit_name(const struct walk *w, const struct pol_index_group *g, struct or_slice name)
{
	struct probe p = {.name = name, .hash = pol_index_is_table(g) ? or_map_hash(name) : 0};
	uint32_t child = look_up(w, g, &p);

	return child == POL_INDEX_NONE || visit(w, child);
}

static bool visit_entity(
    const struct walk *w, const struct pol_index_group *g, const struct pol_uid *uid)
{
	struct pol_value v = pol_value_entity(uid);
	struct probe p = {.value = &v, .hash = uid->hash};
	uint32_t child = look_up(w, g, &p);

	return child == POL_INDEX_NONE || visit(w, child);
}

/* The groups that the entity is in: each of its ancestors is looked up, or each key is tried. */
static bool visit_in(
    const struct walk *w, const struct pol_index_group *g, const struct pol_value *v)
{
	const struct pol_entity *e;

	if (v->kind != POL_ENTITY)
		return all_erred(w, g);
	e = pol_eval_entity(w->r->ev, v->e);
	if (!e || e->n_ancestors == 0)
		return visit_entity(w, g, v->e);
	if (pol_index_is_table(g) && e->n_ancestors < g->n_keys) {
		for (size_t i = 0; i < e->n_ancestors; i++) {
			if (!visit_entity(w, g, e->ancestors[i]))
				return false;
		}
		return visit_entity(w, g, v->e);
	}
	for (uint32_t i = 0; i < g->n_slots; i++) {
		const struct pol_index_slot *s = &w->ix->slots[g->slot + i];
		const struct pol_uid *key;

		if (s->child == POL_INDEX_NONE)
			continue;
		key = w->r->code->consts[s->key].e;
		if ((pol_uid_eq(key, v->e) || pol_entities_has_ancestor(e, key)) &&
		    !visit(w, s->child))
			return false;
	}
	return true;
}

static bool visit_has(
    const struct walk *w, const struct pol_index_group *g, const struct pol_value *v)
{
	const struct pol_record *rec = v->kind == POL_RECORD ? v->rec : NULL;
	const struct pol_entity *e = v->kind == POL_ENTITY ? pol_eval_entity(w->r->ev, v->e) : NULL;

	if (v->kind != POL_RECORD && v->kind != POL_ENTITY)
		return all_erred(w, g);
	if (e)
		rec = e->attrs;
	for (size_t i = 0; rec && i < rec->n; i++) {
		if (!visit_name(w, g, rec->fields[i].key))
			return false;
	}
	return true;
}

static bool visit_contains(
    const struct walk *w, const struct pol_index_group *g, const struct pol_value *v)
{
	if (v->kind != POL_SET)
		return all_erred(w, g);
	for (size_t i = 0; i < v->set->n; i++) {
		if (!visit_value(w, g, &v->set->items[i]))
			return false;
	}
	return true;
}

/* Those whose bound the value reaches come first. */
static bool visit_bounds(
    const struct walk *w, const struct pol_index_group *g, const struct pol_value *v)
{
	bool at_least = g->kind == POL_CODE_CLASS_GE || g->kind == POL_CODE_CLASS_GE_TIME;
	bool time = g->kind == POL_CODE_CLASS_GE_TIME || g->kind == POL_CODE_CLASS_LE_TIME;

	if (v->kind != (time ? POL_DATETIME : POL_LONG))
		return all_erred(w, g);
	for (uint32_t i = 0; i < g->n_slots; i++) {
		const struct pol_index_slot *s = &w->ix->slots[g->slot + i];
		int64_t bound = w->r->code->consts[s->key].i;

		if (at_least ? v->i < bound : v->i > bound)
			break;
		if (!visit(w, s->child))
			return false;
	}
	return true;
}

/* Patterns by what they begin with: each length that there is of it is looked up. */
static bool visit_prefixes(
    const struct walk *w, const struct pol_index_group *g, const struct pol_value *v)
{
	const uint32_t *lengths = &w->ix->guards[g->lengths];

	if (v->kind != POL_STRING)
		return all_erred(w, g);
	for (uint32_t i = 1; i <= lengths[0] && lengths[i] <= v->s.n; i++) {
		if (!visit_name(w, g, or_slice(v->s.p, lengths[i])))
			return false;
	}
	return true;
}

static bool visit_outcome(const struct walk *w, const struct pol_index_group *g)
{
	enum pol_outcome o = pol_run_guard(w->r, &w->r->code->guards[g->of]);
	uint32_t child;

	if (o == POL_OUTCOME_ERROR)
		return all_erred(w, g);
	child = w->ix->slots[g->slot + (o == POL_OUTCOME_YES)].child;
	return child == POL_INDEX_NONE || visit(w, child);
}

static bool visit_group(const struct walk *w, const struct pol_index_group *g)
{
	struct pol_value room;
	const struct pol_value *v;

	if (g->kind == POL_CODE_CLASS_BOOL)
		return visit_outcome(w, g);
	v = pol_run_value(w->r, g->of, &room);
	if (!v)
		return all_erred(w, g);
	switch ((enum pol_code_class)g->kind) {
	case POL_CODE_CLASS_BOOL: break;
	case POL_CODE_CLASS_EQ: return visit_value(w, g, v);
	case POL_CODE_CLASS_IN: return visit_in(w, g, v);
	case POL_CODE_CLASS_IS:
		return v->kind == POL_ENTITY ? visit_name(w, g, v->e->type) : all_erred(w, g);
	case POL_CODE_CLASS_HAS: return visit_has(w, g, v);
	case POL_CODE_CLASS_CONTAINS: return visit_contains(w, g, v);
	case POL_CODE_CLASS_PREFIX: return visit_prefixes(w, g, v);
	case POL_CODE_CLASS_GE:
	case POL_CODE_CLASS_LE:
	case POL_CODE_CLASS_GE_TIME:
	case POL_CODE_CLASS_LE_TIME: return visit_bounds(w, g, v);
	}
	return true;
}

static enum pol_outcome try_common(const struct walk *w, uint32_t at)
{
	const uint32_t *guards = &w->ix->guards[at];
	enum pol_outcome o = POL_OUTCOME_YES;

	for (uint32_t i = 1; i <= guards[0] && o == POL_OUTCOME_YES; i++)
		o = pol_run_guard(w->r, &w->r->code->guards[guards[i]]);
	return o;
}

/* Recursion is bounded by the tree's depth. */
static bool visit(const struct walk *w, uint32_t child)
{
	const struct pol_index_node *n;
	enum pol_outcome o;

	if (child & POL_INDEX_ENTRY)
		return found(w, child & ~POL_INDEX_ENTRY);
	n = &w->ix->nodes[child];
	o = n->common == POL_INDEX_NONE ? POL_OUTCOME_YES : try_common(w, n->common);
	if (o == POL_OUTCOME_NO)
		return true;
	if (o == POL_OUTCOME_ERROR)
		return !w->r->full && visit_erred(w, child);
	for (uint32_t i = 0; i < n->groups.n; i++) {
		if (!visit_group(w, &w->ix->groups[n->groups.at + i]))
			return false;
	}
	for (uint32_t i = 0; i < n->entries.n; i++) {
		if (!found(w, n->entries.at + i))
			return false;
	}
	return true;
}

bool pol_index_walk(
    struct pol_run *r, const struct pol_index *ix, pol_index_found on_found, void *arg)
{
	struct walk w = {r, ix, on_found, arg};

	return visit(&w, ix->root);
}
