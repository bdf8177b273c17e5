/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/alert/state.h"

#include "base/map.h"
#include "base/mem.h"
#include "collector/alert/state_alert.h"
#include "collector/query/match.h"

enum { TIMES_FIRST = 4, GROUPS_MAX = 1000000 };

/* A rule's records with the same values. In its rule's list, the longest quiet first, unless it has
 * an alert. */
struct co_state_group {
	struct co_state_group *prev, *next;
	struct co_state_alert *alert; /* that is not resolved */
	size_t rule;                  /* its place in st->rules */
	int64_t touched_ns;
	int64_t *times; /* rising */
	uint32_t n, cap;
	struct or_slice key; /* in the same piece of memory */
};

struct rule_state {
	const struct co_rule *rule;
	struct or_map groups;
	struct co_state_group *first, *last;
	size_t bytes;
	size_t active; /* alerts that are not resolved */
	uint64_t matched, evicted, overflow, late;
};

struct co_state {
	struct co_state_opt opt;
	struct rule_state *rules;
	size_t n_rules;
	struct co_state_alert *first, *last;
	struct or_buf scratch, key;
};

/* ---- lists and memory */

static void link_group(struct rule_state *r, struct co_state_group *g)
{
	g->prev = r->last;
	g->next = NULL;
	*(r->last ? &r->last->next : &r->first) = g;
	r->last = g;
}

static void unlink_group(struct rule_state *r, struct co_state_group *g)
{
	*(g->prev ? &g->prev->next : &r->first) = g->next;
	*(g->next ? &g->next->prev : &r->last) = g->prev;
}

static size_t size_of(const struct co_state_group *g)
{
	/* With what the map keeps for it. */
	return sizeof(*g) + g->key.n + g->cap * sizeof(int64_t) + 2 * sizeof(struct or_map_entry);
}

static void free_group(struct rule_state *r, struct co_state_group *g)
{
	OR_ASSERT(!g->alert);
	unlink_group(r, g);
	r->bytes -= size_of(g);
	or_map_take(&r->groups, g->key);
	or_mem_free(g->times);
	or_mem_free(g);
}

static void link_alert(struct co_state *st, struct co_state_alert *a)
{
	a->prev = st->last;
	a->next = NULL;
	*(st->last ? &st->last->next : &st->first) = a;
	st->last = a;
}

static void free_alert(struct co_state *st, struct co_state_alert *a)
{
	OR_ASSERT(!a->group && !a->held);
	*(a->prev ? &a->prev->next : &st->first) = a->next;
	*(a->next ? &a->next->prev : &st->last) = a->prev;
	or_mem_free(a);
}

/* ---- phases */

/* Of an alert that is not resolved. */
static struct rule_state *rule_of(const struct co_state *st, const struct co_state_alert *a)
{
	return &st->rules[a->group->rule];
}

static void enter(struct co_state *st, struct co_state_alert *a, enum co_state_phase phase)
{
	a->phase = phase;
	if (st->opt.fn)
		st->opt.fn(st->opt.arg, a);
}

static void fire(struct co_state *st, struct co_state_alert *a, int64_t now_ns)
{
	a->starts_ns = now_ns;
	enter(st, a, CO_STATE_FIRING);
}

/* Its group goes on counting without it. */
static void detach(struct co_state *st, struct co_state_alert *a)
{
	struct rule_state *r;

	if (!a->group)
		return;
	r = rule_of(st, a);
	a->group->alert = NULL;
	link_group(r, a->group);
	a->group = NULL;
	r->active--;
}

/* False: it was pending, and is gone. */
static bool end_alert(struct co_state *st, struct co_state_alert *a, int64_t now_ns)
{
	bool fired = a->phase == CO_STATE_FIRING;

	detach(st, a);
	a->ends_ns = now_ns;
	enter(st, a, fired ? CO_STATE_RESOLVED : CO_STATE_LAPSED);
	if (!fired)
		free_alert(st, a);
	return fired;
}

/* When the phase ends; *fires: in firing. */
static int64_t due_of(const struct co_rule *r, const struct co_state_alert *a, bool *fires)
{
	int64_t quiet = a->last_ns + r->window_ns, fire_ns = a->began_ns + r->for_ns;

	*fires = false;
	if (a->phase == CO_STATE_FIRING)
		return a->last_ns + r->resolve_after_ns;
	*fires = fire_ns < quiet;
	return *fires ? fire_ns : quiet;
}

void co_state_tick(struct co_state *st, int64_t now_ns)
{
	struct co_state_alert *a = st->first, *next;

	for (; a; a = next) {
		bool fires;

		next = a->next;
		if (!a->group || due_of(rule_of(st, a)->rule, a, &fires) > now_ns)
			continue;
		if (fires)
			fire(st, a, now_ns);
		else
			end_alert(st, a, now_ns);
	}
}

int64_t co_state_due_ns(const struct co_state *st)
{
	int64_t due = INT64_MAX;
	bool fires;

	for (const struct co_state_alert *a = st->first; a; a = a->next) {
		int64_t t = a->group ? due_of(rule_of(st, a)->rule, a, &fires) : INT64_MAX;

		due = t < due ? t : due;
	}
	return due;
}

/* ---- counting */

/* The values that the record is counted under, each behind its length. */
static void make_key(
    struct co_state *st, const struct co_rule *rule, const struct wire_audit *record)
{
	char number[24];
	struct or_buf text;

	or_buf_clear(&st->key);
	for (size_t i = 0; i < rule->n_by; i++) {
		struct wire_field_value v;

		wire_field_get(&v, rule->by[i].field, record, rule->by[i].name, &st->scratch);
		if (v.type == WIRE_FIELD_INT) {
			or_buf_init(&text, sizeof(number));
			or_buf_put_u64(&text, v.i);
			co_state_alert_put_value(&st->key, or_buf_slice(&text));
			or_buf_done(&text);
		} else {
			co_state_alert_put_value(
			    &st->key, v.type == WIRE_FIELD_TEXT ? v.s : OR_SLICE_NONE);
		}
	}
	OR_ASSERT(or_buf_ok(&st->key));
}

/* Frees groups that are no longer needed, and while there is no room, those quiet longest. */
static bool make_room(struct co_state *st, struct rule_state *r, size_t need, int64_t now_ns)
{
	while (r->first && r->first->touched_ns < now_ns - r->rule->window_ns)
		free_group(r, r->first);
	while (r->bytes + need > st->opt.rule_bytes && r->first) {
		r->evicted++;
		free_group(r, r->first);
	}
	return r->bytes + need <= st->opt.rule_bytes;
}

static struct co_state_group *group_of_key(
    struct co_state *st, struct rule_state *r, struct or_slice key, int64_t now_ns)
{
	struct co_state_group *g = or_map_find(&r->groups, key);
	struct co_state_group small = {.key = key, .cap = TIMES_FIRST};

	if (g || !make_room(st, r, size_of(&small), now_ns))
		return g;
	g = or_mem_new(sizeof(*g) + key.n);
	if (key.n)
		memcpy(g + 1, key.p, key.n);
	g->key = or_slice(g + 1, key.n);
	g->cap = TIMES_FIRST;
	g->rule = (size_t)(r - st->rules);
	g->times = or_mem_array(g->cap, sizeof(*g->times));
	if (or_map_put(&r->groups, g->key, g)) {
		or_mem_free(g->times);
		or_mem_free(g);
		return NULL;
	}
	r->bytes += size_of(g);
	link_group(r, g);
	return g;
}

/* Room for one more time; the oldest goes where the group keeps enough. */
static void make_place(struct rule_state *r, struct co_state_group *g)
{
	uint32_t max = 2 * r->rule->threshold;

	if (g->n < g->cap && g->n < max)
		return;
	if (g->n >= max) {
		memmove(g->times, g->times + 1, (g->n - 1) * sizeof(*g->times));
		g->n--;
		return;
	}
	r->bytes -= size_of(g);
	g->cap = g->cap * 2 < max ? g->cap * 2 : max;
	g->times = or_mem_resize(g->times, g->cap * sizeof(*g->times));
	r->bytes += size_of(g);
}

/* Puts the time in its place; true where `threshold` times, it among them, lie within the window.
 */
static bool count(struct rule_state *r, struct co_state_group *g, int64_t t)
{
	uint32_t k = r->rule->threshold, at, from;

	if (g->n >= 2 * k && t < g->times[0]) {
		r->late++;
		return false;
	}
	make_place(r, g);
	for (at = g->n; at > 0 && g->times[at - 1] > t; at--)
		g->times[at] = g->times[at - 1];
	g->times[at] = t;
	g->n++;
	from = at + 1 >= k ? at + 1 - k : 0;
	for (; from <= at && from + k <= g->n; from++) {
		if (g->times[from + k - 1] - g->times[from] <= r->rule->window_ns)
			return true;
	}
	return false;
}

static struct co_state_alert *new_alert(
    struct co_state *st, struct rule_state *r, struct co_state_group *g, int64_t now_ns)
{
	struct co_state_alert *a = co_state_alert_make(r->rule, g->key);

	a->began_ns = now_ns;
	a->last_ns = now_ns;
	a->group = g;
	g->alert = a;
	unlink_group(r, g);
	r->active++;
	link_alert(st, a);
	return a;
}

static void trigger(
    struct co_state *st, struct rule_state *r, struct co_state_group *g, int64_t now_ns)
{
	if (g->alert) {
		g->alert->last_ns = now_ns;
		return;
	}
	if (r->active >= CO_STATE_ALERTS_MAX) {
		r->overflow++;
		return;
	}
	new_alert(st, r, g, now_ns);
	if (r->rule->for_ns)
		enter(st, g->alert, CO_STATE_PENDING);
	else
		fire(st, g->alert, now_ns);
}

static void feed_rule(struct co_state *st, struct rule_state *r, const struct wire_audit *record,
    int64_t now_ns, bool replay)
{
	int64_t t = record->time_ns > (uint64_t)now_ns ? now_ns : (int64_t)record->time_ns;
	struct co_state_group *g;

	if (!co_match_record(&r->rule->query, record, &st->scratch))
		return;
	r->matched++;
	make_key(st, r->rule, record);
	g = group_of_key(st, r, or_buf_slice(&st->key), now_ns);
	if (!g) {
		r->overflow++;
		return;
	}
	g->touched_ns = now_ns;
	if (!g->alert) {
		unlink_group(r, g);
		link_group(r, g);
	}
	if (count(r, g, t) && !replay)
		trigger(st, r, g, now_ns);
}

void co_state_feed(
    struct co_state *st, const struct wire_audit *record, int64_t now_ns, bool replay)
{
	for (size_t i = 0; i < st->n_rules; i++)
		feed_rule(st, &st->rules[i], record, now_ns, replay);
}

/* ---- restart and reload */

static struct rule_state *find_rule(struct co_state *st, const char *digest)
{
	for (size_t i = 0; i < st->n_rules; i++) {
		if (strcmp(st->rules[i].rule->digest, digest) == 0)
			return &st->rules[i];
	}
	return NULL;
}

/* The group that an alert with these labels is of; NULL: no room. */
static struct co_state_group *group_of_labels(
    struct co_state *st, struct rule_state *r, struct co_label_set labels, int64_t now_ns)
{
	or_buf_clear(&st->key);
	for (size_t i = 0; i < r->rule->n_by; i++)
		co_state_alert_put_value(&st->key, co_label_get(labels, r->rule->by_labels[i]));
	return group_of_key(st, r, or_buf_slice(&st->key), now_ns);
}

struct co_state_alert *co_state_restore(
    struct co_state *st, const struct co_state_alert *stored, int64_t now_ns)
{
	struct co_state_alert *a = co_state_alert_copy(stored);
	struct rule_state *r = find_rule(st, a->digest);
	struct co_state_group *g = NULL;

	link_alert(st, a);
	if (a->phase == CO_STATE_RESOLVED)
		return a;
	if (r)
		g = group_of_labels(st, r, a->labels, now_ns);
	if (!g || g->alert)
		return end_alert(st, a, now_ns) ? a : NULL;
	g->alert = a;
	g->touched_ns = now_ns;
	unlink_group(r, g);
	r->active++;
	a->group = g;
	a->last_ns = now_ns;
	return a;
}

/* A rule that is no more: its alerts end, its groups go. */
static void drop_rule(struct co_state *st, struct rule_state *r, int64_t now_ns)
{
	struct co_state_alert *next;

	for (struct co_state_alert *a = st->first; a; a = next) {
		next = a->next;
		if (a->group && rule_of(st, a) == r)
			end_alert(st, a, now_ns);
	}
	while (r->first)
		free_group(r, r->first);
	or_map_done(&r->groups);
}

static void renumber(struct rule_state *r, size_t place)
{
	struct or_map_entry *e;
	size_t at = 0;

	while ((e = or_map_next(&r->groups, &at)))
		((struct co_state_group *)e->value)->rule = place;
}

void co_state_set_rules(struct co_state *st, const struct co_rule_set *set, int64_t now_ns)
{
	struct rule_state *rules = or_mem_array(set->n_rules, sizeof(*rules));

	for (size_t i = 0; i < st->n_rules; i++) {
		const struct co_rule *same = co_rule_find(set, st->rules[i].rule->name);

		if (!same || strcmp(same->digest, st->rules[i].rule->digest) != 0)
			drop_rule(st, &st->rules[i], now_ns);
	}
	for (size_t i = 0; i < set->n_rules; i++) {
		struct rule_state *old = find_rule(st, set->rules[i].digest);

		if (old)
			rules[i] = *old;
		else
			or_map_init(&rules[i].groups, GROUPS_MAX);
		rules[i].rule = &set->rules[i];
		renumber(&rules[i], i);
	}
	or_mem_free(st->rules);
	st->rules = rules;
	st->n_rules = set->n_rules;
}

/* ---- the rest */

struct co_state *co_state_new(const struct co_state_opt *opt)
{
	struct co_state *st = or_mem_new(sizeof(*st));

	st->opt = *opt;
	if (!st->opt.rule_bytes)
		st->opt.rule_bytes = CO_STATE_RULE_BYTES;
	or_buf_init(&st->scratch, CO_MATCH_SCRATCH);
	or_buf_init(&st->key, CO_RULE_BY_MAX * (CO_STATE_VALUE_MAX + sizeof(uint16_t)));
	return st;
}

void co_state_free(struct co_state *st)
{
	struct co_state_alert *a;

	if (!st)
		return;
	while ((a = st->first)) {
		detach(st, a);
		a->held = 0;
		free_alert(st, a);
	}
	for (size_t i = 0; i < st->n_rules; i++)
		drop_rule(st, &st->rules[i], 0);
	or_mem_free(st->rules);
	or_buf_done(&st->scratch);
	or_buf_done(&st->key);
	or_mem_free(st);
}

struct co_state_alert *co_state_next(const struct co_state *st, const struct co_state_alert *a)
{
	return a ? a->next : st->first;
}

void co_state_forget(struct co_state *st, struct co_state_alert *alert)
{
	OR_ASSERT(alert->phase == CO_STATE_RESOLVED);
	free_alert(st, alert);
}

void co_state_stats(struct co_state_stats *out, const struct co_state *st, size_t rule)
{
	*out = (struct co_state_stats){0};
	for (size_t i = 0; i < st->n_rules; i++) {
		const struct rule_state *r = &st->rules[i];

		if (rule != SIZE_MAX && rule != i)
			continue;
		out->matched += r->matched;
		out->evicted += r->evicted;
		out->overflow += r->overflow;
		out->late += r->late;
		out->groups += r->groups.n;
		out->bytes += r->bytes;
	}
	for (const struct co_state_alert *a = st->first; a; a = a->next) {
		if (rule != SIZE_MAX && (!a->group || a->group->rule != rule))
			continue;
		out->pending += a->phase == CO_STATE_PENDING;
		out->firing += a->phase == CO_STATE_FIRING;
		out->resolved += a->phase == CO_STATE_RESOLVED;
	}
}
