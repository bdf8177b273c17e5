/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/alert/notice.h"

#include "base/map.h"
#include "base/mem.h"
#include "collector/alert/notice_body.h"

#include <stdio.h>

enum { KEY_MAX = 64 * 1024, GROUPS_MAX = 1000000 };

struct co_notice {
	const struct co_rule_set *set;
	struct or_slice external_url;
	struct co_notice_group *first, *last;
	struct or_map by_key;
};

/* ---- groups */

static void free_out(struct co_notice_group *g)
{
	if (!g->out)
		return;
	OR_ASSERT(!g->out->is_queued);
	or_mem_free(g->out->body);
	co_notice_set_done(&g->out->firing);
	co_notice_set_done(&g->out->resolved);
	or_mem_free(g->out);
	g->out = NULL;
}

static void release_alerts(struct co_notice_group *g)
{
	for (size_t i = 0; i < g->n_alerts; i++)
		g->alerts[i]->held--;
	g->n_alerts = 0;
}

static void add_alert(struct co_notice_group *g, struct co_state_alert *a)
{
	if (g->n_alerts == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 4;
		g->alerts = or_mem_resize(g->alerts, g->cap * sizeof(g->alerts[0]));
	}
	g->alerts[g->n_alerts++] = a;
	a->held++;
}

static void remove_alert(struct co_notice_group *g, size_t i)
{
	g->alerts[i]->held--;
	g->alerts[i]->dirty = true; /* held is stored with it */
	g->n_alerts--;
	memmove(&g->alerts[i], &g->alerts[i + 1], (g->n_alerts - i) * sizeof(g->alerts[0]));
}

void co_notice_drop(struct co_notice *ns, struct co_notice_group *g)
{
	release_alerts(g);
	free_out(g);
	*(g->prev ? &g->prev->next : &ns->first) = g->next;
	*(g->next ? &g->next->prev : &ns->last) = g->prev;
	or_map_take(&ns->by_key, or_slice_str(g->key));
	co_notice_set_done(&g->firing);
	co_notice_set_done(&g->resolved);
	or_mem_free(g->alerts);
	or_arena_free(g->arena);
	or_mem_free(g);
}

static struct co_label_set copy_labels(struct or_arena *a, struct co_label_set set)
{
	struct co_label *p = or_arena_array(a, set.n, sizeof(*p));

	for (size_t i = 0; i < set.n; i++)
		p[i] = (struct co_label){
		    or_arena_dup(a, set.p[i].name), or_arena_dup(a, set.p[i].value)};
	return (struct co_label_set){p, set.n};
}

static struct co_notice_group *new_group(
    struct co_notice *ns, const struct co_notice_group *like, const struct or_buf *key, size_t at)
{
	struct co_notice_group *g = or_mem_new(sizeof(*g));

	g->arena = or_arena_new(0);
	g->key = or_arena_strdup(g->arena, or_buf_slice(key));
	g->group_key = or_slice(g->key + at, key->n - at);
	g->receiver = or_arena_dup(g->arena, like->receiver);
	g->sink = like->sink;
	g->place = like->place;
	g->labels = copy_labels(g->arena, like->labels);
	g->prev = ns->last;
	*(ns->last ? &ns->last->next : &ns->first) = g;
	ns->last = g;
	OR_ASSERT(or_map_put(&ns->by_key, or_slice_str(g->key), g) == OR_OK);
	return g;
}

/* The group of that receiver, target and labels; *is_new where it was made. NULL: no room. */
static struct co_notice_group *get_group(
    struct co_notice *ns, const struct co_notice_group *like, bool *is_new)
{
	struct co_notice_group *g;
	struct or_buf key;
	size_t at;

	or_buf_init(&key, KEY_MAX);
	or_buf_printf(
	    &key, "%.*s/%s[%zu]/", OR_SLICE_FMT(like->receiver), like->sink->name, like->place);
	at = key.n;
	or_buf_put_str(&key, "{}:"); /* the root route's key, as Alertmanager writes it */
	co_label_put_text(&key, like->labels);
	g = or_map_find(&ns->by_key, or_buf_slice(&key));
	*is_new = !g && or_buf_ok(&key) && ns->by_key.n < GROUPS_MAX;
	if (*is_new)
		g = new_group(ns, like, &key, at);
	or_buf_done(&key);
	return g;
}

/* The target that a group is for; NULL: the rules have no such one. */
static const struct co_sink_target *find_target(
    const struct co_notice *ns, const struct co_notice_group *g)
{
	const struct co_rule_receiver *r = ns->set->route.receiver;

	if (!r || !or_slice_eq(r->name, g->receiver) || g->place >= r->n_targets ||
	    r->targets[g->place].sink != g->sink)
		return NULL;
	return &r->targets[g->place];
}

/* ---- alerts into groups */

/* Another alert with the same labels takes the place of one that was resolved. */
static void put_into(struct co_notice_group *g, struct co_state_alert *a)
{
	for (size_t i = 0; i < g->n_alerts; i++) {
		if (g->alerts[i] == a)
			return;
		if (g->alerts[i]->fingerprint != a->fingerprint)
			continue;
		if (g->alerts[i]->began_ns > a->began_ns)
			return;
		remove_alert(g, i);
		break;
	}
	add_alert(g, a);
	a->dirty = true;
}

/* The labels that the route groups by. */
static struct co_label_set group_labels(
    const struct co_rule_route *route, struct co_label_set labels, struct co_label *to)
{
	size_t n = 0;

	for (size_t i = 0; i < labels.n; i++) {
		bool takes = route->group_by_all;

		for (size_t k = 0; k < route->n_group_by && !takes; k++)
			takes = or_slice_eq(labels.p[i].name, route->group_by[k]);
		if (takes)
			to[n++] = labels.p[i];
	}
	return (struct co_label_set){to, n};
}

void co_notice_put(struct co_notice *ns, struct co_state_alert *a, int64_t now_ns)
{
	const struct co_rule_route *route = &ns->set->route;
	const struct co_rule_receiver *r = route->receiver;
	struct co_label *labels = or_mem_array(a->labels.n, sizeof(*labels));
	struct co_notice_group like = {.labels = group_labels(route, a->labels, labels)};

	for (size_t i = 0; r && i < r->n_targets; i++) {
		int64_t first_ns = a->starts_ns + route->group_wait_ns;
		struct co_notice_group *g;
		bool is_new;

		like.receiver = r->name;
		like.sink = r->targets[i].sink;
		like.place = i;
		g = get_group(ns, &like, &is_new);
		if (!g)
			continue;
		if (is_new) {
			g->target = &r->targets[i];
			g->dirty = true;
		}
		if (g->n_alerts == 0 && !g->out)
			g->next_ns = first_ns > now_ns ? first_ns : now_ns;
		put_into(g, a);
	}
	or_mem_free(labels);
}

/* ---- what to tell, and when */

static void split(
    const struct co_notice_group *g, struct co_notice_set *firing, struct co_notice_set *resolved)
{
	for (size_t i = 0; i < g->n_alerts; i++)
		co_notice_set_add(
		    g->alerts[i]->ends_ns ? resolved : firing, g->alerts[i]->fingerprint);
}

/* Alertmanager's DedupStage.needsUpdate, but for alerts that came and went in between. */
static bool is_due(const struct co_notice_group *g, const struct co_notice_set *firing,
    const struct co_notice_set *resolved, int64_t repeat_ns, int64_t now_ns)
{
	bool news = g->target->send_resolved && !co_notice_set_is_subset(resolved, &g->resolved);

	if (!g->told)
		return firing->n > 0 || news;
	if (!co_notice_set_is_subset(firing, &g->firing))
		return true;
	if (firing->n == 0)
		return g->firing.n > 0 || news;
	return news || g->told_ns + repeat_ns <= now_ns;
}

/* What was told as resolved need not be kept. */
static void forget_resolved(struct co_notice_group *g, const struct co_notice_set *told)
{
	for (size_t i = g->n_alerts; i > 0; i--) {
		const struct co_state_alert *a = g->alerts[i - 1];

		if (a->ends_ns && co_notice_set_has(told, a->fingerprint))
			remove_alert(g, i - 1);
	}
}

static void set_told(struct co_notice_group *g, struct co_notice_set *firing,
    struct co_notice_set *resolved, int64_t now_ns)
{
	g->told = true;
	g->told_ns = now_ns;
	co_notice_set_move(&g->firing, firing);
	co_notice_set_move(&g->resolved, resolved);
	forget_resolved(g, &g->resolved);
	g->dirty = true;
}

static void make_out(struct co_notice *ns, struct co_notice_group *g, struct co_notice_set *firing,
    struct co_notice_set *resolved, int64_t now_ns)
{
	struct co_notice_out *out = or_mem_new(sizeof(*out));
	struct or_buf body;

	or_buf_init(&body, CO_SINK_BODY_MAX);
	co_notice_body_put(&body, g, ns->set, ns->external_url);
	or_rng_uuid(out->id);
	out->body = or_mem_dup(or_buf_slice(&body));
	out->body_len = body.n;
	or_buf_done(&body);
	co_notice_set_move(&out->firing, firing);
	co_notice_set_move(&out->resolved, resolved);
	out->made_ns = now_ns;
	g->out = out;
	g->dirty = true;
}

static void look_at(struct co_notice *ns, struct co_notice_group *g, int64_t now_ns)
{
	const struct co_rule_route *route = &ns->set->route;
	struct co_notice_set firing = {0}, resolved = {0};

	g->next_ns = now_ns + route->group_interval_ns;
	split(g, &firing, &resolved);
	if (!is_due(g, &firing, &resolved, route->repeat_interval_ns, now_ns)) {
		forget_resolved(g, &resolved);
	} else if (firing.n == 0 && !g->target->send_resolved) {
		/* Nothing that the target wants to hear, but what fires next is news. */
		set_told(g, &firing, &resolved, now_ns);
	} else {
		make_out(ns, g, &firing, &resolved, now_ns);
	}
	co_notice_set_done(&firing);
	co_notice_set_done(&resolved);
}

void co_notice_flush(struct co_notice *ns, int64_t now_ns)
{
	for (struct co_notice_group *g = ns->first; g; g = g->next) {
		if (g->n_alerts && !g->out && g->target && g->next_ns <= now_ns)
			look_at(ns, g, now_ns);
	}
}

int64_t co_notice_due_ns(const struct co_notice *ns)
{
	int64_t due = INT64_MAX;

	for (const struct co_notice_group *g = ns->first; g; g = g->next) {
		if (g->n_alerts && !g->out && g->target && g->next_ns < due)
			due = g->next_ns;
	}
	return due;
}

void co_notice_done(struct co_notice_group *g, const char *why, int64_t now_ns)
{
	snprintf(g->refused, sizeof(g->refused), "%s", why ? why : "");
	set_told(g, &g->out->firing, &g->out->resolved, now_ns);
	free_out(g);
}

/* ---- restart and reload */

struct co_notice_group *co_notice_restore(
    struct co_notice *ns, const struct co_notice_group *stored, int64_t now_ns)
{
	struct co_notice_group *g;
	bool is_new;

	if (!find_target(ns, stored))
		return NULL;
	g = get_group(ns, stored, &is_new);
	if (!g || !is_new)
		return NULL;
	g->target = find_target(ns, g);
	g->next_ns = now_ns + ns->set->route.group_interval_ns;
	g->told = stored->told;
	g->told_ns = stored->told_ns;
	co_notice_set_copy(&g->firing, &stored->firing);
	co_notice_set_copy(&g->resolved, &stored->resolved);
	snprintf(g->refused, sizeof(g->refused), "%s", stored->refused);
	if (stored->out) {
		g->out = or_mem_new(sizeof(*g->out));
		*g->out = *stored->out;
		g->out->is_stored = true;
		g->out->body = or_mem_dup(or_slice(stored->out->body, stored->out->body_len));
		g->out->firing = g->out->resolved = (struct co_notice_set){NULL, 0};
		co_notice_set_copy(&g->out->firing, &stored->out->firing);
		co_notice_set_copy(&g->out->resolved, &stored->out->resolved);
	}
	return g;
}

/* All alerts of all groups, some of them several times. */
static struct co_state_alert **take_alerts(struct co_notice *ns, size_t *n)
{
	struct co_state_alert **all;
	size_t count = 0;

	for (struct co_notice_group *g = ns->first; g; g = g->next)
		count += g->n_alerts;
	all = or_mem_array(count, sizeof(*all));
	*n = 0;
	for (struct co_notice_group *g = ns->first; g; g = g->next) {
		for (size_t i = 0; i < g->n_alerts; i++)
			all[(*n)++] = g->alerts[i];
		release_alerts(g);
	}
	return all;
}

void co_notice_set_rules(struct co_notice *ns, const struct co_rule_set *set,
    struct or_slice external_url, int64_t now_ns, co_notice_release_fn *release, void *arg)
{
	struct co_state_alert **alerts;
	size_t n;

	ns->set = set;
	ns->external_url = external_url;
	alerts = take_alerts(ns, &n);
	for (struct co_notice_group *g = ns->first; g; g = g->next) {
		g->target = find_target(ns, g);
		if (g->target || !g->out)
			continue;
		release(arg, g);
		free_out(g);
		g->dirty = true;
	}
	for (size_t i = 0; i < n; i++)
		co_notice_put(ns, alerts[i], now_ns);
	or_mem_free(alerts);
}

/* ---- the rest */

struct co_notice *co_notice_new(void)
{
	struct co_notice *ns = or_mem_new(sizeof(*ns));

	or_map_init(&ns->by_key, GROUPS_MAX);
	return ns;
}

void co_notice_free(struct co_notice *ns)
{
	if (!ns)
		return;
	while (ns->first)
		co_notice_drop(ns, ns->first);
	or_map_done(&ns->by_key);
	or_mem_free(ns);
}

struct co_notice_group *co_notice_next(const struct co_notice *ns, const struct co_notice_group *g)
{
	return g ? g->next : ns->first;
}

bool co_notice_is_idle(const struct co_notice_group *g)
{
	return g->n_alerts == 0 && !g->out;
}
