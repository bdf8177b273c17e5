/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table holds every run of names of every path, joined by dots: of the path with the names x, y
 * and z these are x, x.y, x.y.z, y, y.z and z. A member's name is looked up once for each name that
 * a dot could begin.
 */
#include "agent/gate/mask/mask_plan.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

enum { STEP_BITS = 6 }; /* POL_MASK_PATH_MAX names fit */

/* Names [first, next) of a mask's path. */
struct span {
	const struct pol_mask *mask;
	struct span *more; /* another one of the same text */
	struct or_slice text;
	uint32_t index; /* of the mask */
	uint32_t first, next;
};

struct ag_mask_plan {
	struct or_arena *arena;
	struct or_slice hash_key;
	struct or_map spans; /* by text */
	size_t n;
	uint64_t lengths; /* a bit for each length that a span has: most names need no hash */
};

static struct or_slice join(struct or_arena *a, const struct pol_mask *mask, size_t i, size_t end)
{
	size_t n = 0;
	uint8_t *to, *at;

	for (size_t k = i; k < end; k++)
		n += mask->path[k].n + 1;
	at = to = or_arena_alloc(a, n);
	for (size_t k = i; k < end; k++) {
		memcpy(at, mask->path[k].p, mask->path[k].n);
		at += mask->path[k].n;
		*at++ = '.';
	}
	return or_slice(to, n - 1);
}

static uint64_t length_bit(size_t n)
{
	return 1ULL << (n < 63 ? n : 63);
}

static bool add_span(struct ag_mask_plan *plan, const struct pol_mask *mask, uint32_t index,
    uint32_t first, uint32_t next)
{
	struct span *s = or_arena_alloc(plan->arena, sizeof(*s)), *there;

	if (plan->n++ == AG_MASK_PLAN_SPANS_MAX)
		return false;
	*s = (struct span){.mask = mask,
	    .text = join(plan->arena, mask, first, next),
	    .index = index,
	    .first = first,
	    .next = next};
	plan->lengths |= length_bit(s->text.n);
	there = or_map_find(&plan->spans, s->text);
	if (!there)
		return or_map_put(&plan->spans, s->text, s) == OR_OK;
	s->more = there->more;
	there->more = s;
	return true;
}

static bool add_mask(struct ag_mask_plan *plan, const struct pol_mask *mask, uint32_t index)
{
	for (uint32_t i = 0; i < mask->n_path; i++) {
		for (uint32_t end = i + 1; end <= mask->n_path; end++) {
			if (!add_span(plan, mask, index, i, end))
				return false;
		}
	}
	return true;
}

enum or_code ag_mask_plan_new(struct ag_mask_plan **out, const struct pol_masks *masks,
    struct or_slice hash_key, struct or_err *err)
{
	struct ag_mask_plan *plan = or_mem_new(sizeof(*plan));
	bool fits = true;

	plan->arena = or_arena_new(0);
	or_map_init(&plan->spans, AG_MASK_PLAN_SPANS_MAX);
	plan->hash_key = or_arena_dup(plan->arena, hash_key);
	for (size_t i = 0; i < masks->n && fits; i++)
		fits = add_mask(plan, &masks->items[i], (uint32_t)i);
	if (!fits) {
		ag_mask_plan_free(plan);
		return or_err_set(err, OR_FULL, "the columns that are masked are too many");
	}
	*out = plan;
	return OR_OK;
}

void ag_mask_plan_free(struct ag_mask_plan *plan)
{
	if (!plan)
		return;
	or_map_done(&plan->spans);
	or_arena_free(plan->arena);
	or_mem_free(plan);
}

struct or_slice ag_mask_plan_hash_key(const struct ag_mask_plan *plan)
{
	return plan->hash_key;
}

void ag_mask_plan_trail_done(struct ag_mask_trail *t)
{
	or_mem_free(t->steps);
	*t = (struct ag_mask_trail){0};
}

static bool push(struct ag_mask_trail *t, uint32_t step)
{
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 16;

		if (cap > AG_MASK_PLAN_TRAIL_MAX)
			return false;
		t->steps = or_mem_resize(t->steps, cap * sizeof(*t->steps));
		t->cap = cap;
	}
	t->steps[t->n++] = step;
	return true;
}

static bool is_stricter(const struct pol_mask *x, const struct pol_mask *than)
{
	if (!than)
		return true;
	if (x->kind != than->kind)
		return x->kind < than->kind;
	return x->n != than->n ? x->n < than->n : or_slice_cmp(x->constant, than->constant) < 0;
}

/* Has the span's mask come as far as the span begins? From its first name on it always has. */
static bool reaches(const struct span *s, const struct ag_mask_trail *t, size_t from, size_t to)
{
	if (s->first == 0)
		return true;
	for (size_t i = from; i < to; i++) {
		if (t->steps[i] == (s->index << STEP_BITS | s->first))
			return true;
	}
	return false;
}

static const struct span *find(const struct ag_mask_plan *plan, struct or_slice name)
{
	return plan->lengths & length_bit(name.n) ? or_map_find(&plan->spans, name) : NULL;
}

bool ag_mask_plan_step(const struct pol_mask **out, const struct ag_mask_plan *plan,
    struct ag_mask_trail *t, size_t from, struct or_slice name)
{
	size_t to = t->n, at = 0;

	*out = NULL;
	for (;;) {
		const struct span *s = find(plan, or_slice_from(name, at));

		for (; s; s = s->more) {
			/* behind a dot of this very name only a path may begin */
			if (at ? s->first != 0 : !reaches(s, t, from, to))
				continue;
			if (s->next < s->mask->n_path) {
				if (!push(t, s->index << STEP_BITS | s->next))
					return false;
			} else if (is_stricter(s->mask, *out)) {
				*out = s->mask;
			}
		}
		at = or_str_find(name, '.', at) + 1;
		if (at > name.n)
			break;
	}
	if (*out)
		t->n = to;
	return true;
}
