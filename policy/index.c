/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/index.h"

static size_t slot_of(
    const struct pol_index_bucket *slots, size_t n_slots, enum pol_var var, uint64_t hash)
{
	size_t i = (hash + (uint64_t)var * 0x9E3779B97F4A7C15ULL) & (n_slots - 1);

	while (slots[i].n && (slots[i].hash != hash || slots[i].var != var))
		i = (i + 1) & (n_slots - 1);
	return i;
}

static bool grow(struct pol_index *ix, size_t n_slots)
{
	struct pol_index_bucket *slots = or_arena_array(ix->arena, n_slots, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < ix->n_slots; i++) {
		const struct pol_index_bucket *b = &ix->slots[i];

		if (b->n)
			slots[slot_of(slots, n_slots, (enum pol_var)b->var, b->hash)] = *b;
	}
	ix->slots = slots;
	ix->n_slots = n_slots;
	return true;
}

bool pol_index_reserve(struct pol_index *ix, size_t n)
{
	size_t n_slots = ix->n_slots ? ix->n_slots : 16;

	/* Each may open one bucket; a table is at most half full. */
	while (n_slots < (ix->n_used + n) * 2)
		n_slots *= 2;
	if (n_slots != ix->n_slots && !grow(ix, n_slots))
		return false;
	if (ix->n_spare < n) {
		struct pol_index_entry *spare = or_arena_array(ix->arena, n, sizeof(*spare));

		if (!spare)
			return false;
		ix->spare = spare;
		ix->n_spare = n;
	}
	return true;
}

/* The entity that a scope names, NULL where it names none or several. */
static const struct pol_uid *target(
    const struct pol_policy *p, const struct pol_scope *s, bool action)
{
	if (s->op == POL_SCOPE_ANY || s->op == POL_SCOPE_IS)
		return NULL;
	if (action)
		return s->n_uids == 1 ? s->uids[0] : NULL;
	return s->slot == POL_SLOT_NONE ? s->uid : p->slots[s->slot];
}

void pol_index_add(struct pol_index *ix, const struct pol_policy *p)
{
	const struct pol_uid *const targets[] = {
	    [POL_VAR_PRINCIPAL] = target(p, &p->body->principal, false),
	    [POL_VAR_ACTION] = target(p, &p->body->action, true),
	    [POL_VAR_RESOURCE] = target(p, &p->body->resource, false)};
	struct pol_index_bucket *best = NULL;
	struct pol_index_entry *e = ix->spare++;
	size_t var_of_best = 0;

	OR_ASSERT(ix->n_spare > 0);
	ix->n_spare--;
	e->policy = p;
	for (size_t var = 0; var < OR_LEN(targets); var++) {
		struct pol_index_bucket *b;

		if (!targets[var])
			continue;
		b = &ix->slots[slot_of(
		    ix->slots, ix->n_slots, (enum pol_var)var, targets[var]->hash)];
		if (!best || b->n < best->n) {
			best = b;
			var_of_best = var;
		}
	}
	if (!best) {
		e->next = ix->rest;
		ix->rest = e;
		return;
	}
	ix->n_used += best->n == 0;
	best->hash = targets[var_of_best]->hash;
	best->var = (uint8_t)var_of_best;
	best->n++;
	e->next = best->head;
	best->head = e;
}

const struct pol_index_entry *pol_index_find(
    const struct pol_index *ix, enum pol_var var, uint64_t hash)
{
	return ix->n_slots ? ix->slots[slot_of(ix->slots, ix->n_slots, var, hash)].head : NULL;
}
