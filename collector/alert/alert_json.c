/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "collector/alert/alert_impl.h"

#include <stdio.h>

static void put_time(struct or_jsonw *w, const char *key, int64_t ns)
{
	struct or_buf text;

	or_jsonw_key(w, key);
	if (!ns) {
		or_jsonw_null(w);
		return;
	}
	or_buf_init(&text, 64);
	or_str_time(&text, ns);
	or_jsonw_str(w, or_buf_slice(&text));
	or_buf_done(&text);
}

static void put_set(struct or_jsonw *w, const char *key, struct co_label_set set)
{
	or_jsonw_key(w, key);
	co_label_put_json(w, set);
}

static void put_alert(struct or_jsonw *w, const struct co_state_alert *a)
{
	static const char *const states[] = {"pending", "firing", "resolved"};
	char fingerprint[17];

	snprintf(fingerprint, sizeof(fingerprint), "%016llx", (unsigned long long)a->fingerprint);
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "fingerprint", fingerprint);
	or_jsonw_kv_text(w, "state", states[a->phase]);
	put_set(w, "labels", a->labels);
	put_set(w, "annotations", a->annotations);
	put_time(w, "startsAt", a->starts_ns ? a->starts_ns : a->began_ns);
	put_time(w, "endsAt", a->ends_ns);
	put_time(w, "updatedAt", a->last_ns);
	or_jsonw_end(w);
}

/* The newest first. */
static void put_alerts(struct or_jsonw *w, const struct co_alert *al)
{
	struct co_state_alert *a = NULL, *last = NULL;

	while ((a = co_state_next(al->state, a)))
		last = a;
	or_jsonw_key(w, "alerts");
	or_jsonw_array(w);
	for (a = last; a; a = a->prev)
		put_alert(w, a);
	or_jsonw_end(w);
}

static const char *state_of(const struct co_notice_group *g)
{
	if (g->out)
		return g->out->attempts ? "failing" : "sending";
	if (!g->told)
		return "waiting";
	return g->refused[0] ? "refused" : "told";
}

static void put_notice(struct or_jsonw *w, const struct co_notice_group *g)
{
	or_jsonw_object(w);
	or_jsonw_kv_str(w, "receiver", g->receiver);
	or_jsonw_kv_text(w, "sink", g->sink->name);
	or_jsonw_kv_str(w, "groupKey", g->group_key);
	or_jsonw_kv_text(w, "state", state_of(g));
	or_jsonw_kv_u64(w, "alerts", g->n_alerts);
	put_time(w, "toldAt", g->told_ns);
	or_jsonw_kv_u64(w, "attempts", g->out ? g->out->attempts : 0);
	or_jsonw_kv_text(w, "error", g->out ? g->out->why : g->refused);
	or_jsonw_end(w);
}

static void put_notices(struct or_jsonw *w, const struct co_alert *al)
{
	struct co_notice_group *g = NULL;

	or_jsonw_key(w, "notices");
	or_jsonw_array(w);
	while ((g = co_notice_next(al->notices, g)))
		put_notice(w, g);
	or_jsonw_end(w);
}

static void put_rules(struct or_jsonw *w, const struct co_alert *al)
{
	struct co_state_stats s;

	or_jsonw_key(w, "rules");
	or_jsonw_array(w);
	for (size_t i = 0; i < al->set->n_rules; i++) {
		co_state_stats(&s, al->state, i);
		or_jsonw_object(w);
		or_jsonw_kv_str(w, "name", al->set->rules[i].name);
		or_jsonw_kv_str(w, "expr", al->set->rules[i].expr);
		or_jsonw_kv_u64(w, "matched", s.matched);
		or_jsonw_kv_u64(w, "groups", s.groups);
		or_jsonw_kv_u64(w, "firing", s.firing);
		or_jsonw_kv_u64(w, "overflow", s.overflow);
		or_jsonw_end(w);
	}
	or_jsonw_end(w);
}

void co_alert_json_put(struct or_buf *out, const struct co_alert *al)
{
	struct or_jsonw w;

	or_jsonw_init(&w, out, 0);
	or_jsonw_object(&w);
	put_alerts(&w, al);
	put_notices(&w, al);
	put_rules(&w, al);
	or_jsonw_kv_text(&w, "file", al->opt.rules);
	or_jsonw_kv_text(&w, "error", al->rules_err.code ? al->rules_err.msg : "");
	or_jsonw_end(&w);
	or_buf_put_byte(out, '\n');
}
