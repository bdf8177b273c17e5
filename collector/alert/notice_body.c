/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/alert/notice_body.h"

#include "base/mem.h"

enum { URL_MAX = 16 * 1024 };

static void put_escaped(struct or_buf *out, struct or_slice s)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    c == '-' || c == '.' || c == '_' || c == '~') {
			or_buf_put_byte(out, c);
			continue;
		}
		or_buf_put_byte(out, '%');
		or_buf_put_byte(out, (uint8_t)digits[c >> 4]);
		or_buf_put_byte(out, (uint8_t)digits[c & 15]);
	}
}

/* " FIELD="VALUE"", as a query. */
static void put_term(struct or_buf *out, struct or_slice field, struct or_slice value)
{
	or_buf_put_byte(out, ' ');
	or_buf_put_slice(out, field);
	or_buf_put_str(out, "=\"");
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '"' || value.p[i] == '\\')
			or_buf_put_byte(out, '\\');
		or_buf_put_byte(out, value.p[i]);
	}
	or_buf_put_byte(out, '"');
}

/* The query that finds the records behind an alert. */
static struct or_slice make_url(const struct co_state_alert *a, const struct co_rule_set *set,
    struct or_slice external_url, struct or_arena *arena)
{
	const struct co_rule *rule = co_rule_find(set, a->rule);
	struct or_buf query, url;
	struct or_slice copy;

	if (!rule)
		return external_url;
	or_buf_init(&query, URL_MAX);
	or_buf_init(&url, 4 * URL_MAX);
	or_buf_put_byte(&query, '(');
	or_buf_put_slice(&query, rule->expr);
	or_buf_put_byte(&query, ')');
	for (size_t i = 0; i < rule->n_by; i++)
		put_term(&query, rule->by[i].name, co_label_get(a->labels, rule->by_labels[i]));
	or_buf_put_slice(&url, external_url);
	or_buf_put_str(&url, "/v1/audit?q=");
	put_escaped(&url, or_buf_slice(&query));
	copy = or_buf_ok(&query) && or_buf_ok(&url) ? or_arena_dup(arena, or_buf_slice(&url))
						    : external_url;
	or_buf_done(&query);
	or_buf_done(&url);
	return copy;
}

void co_notice_body_put(struct or_buf *out, const struct co_notice_group *g,
    const struct co_rule_set *set, struct or_slice external_url)
{
	struct co_sink_target target = *g->target;
	struct co_sink_alert *alerts = or_mem_array(g->n_alerts, sizeof(*alerts));
	struct co_sink_notice notice = {.receiver = g->receiver,
	    .group_key = g->group_key,
	    .group_labels = g->labels,
	    .external_url = external_url,
	    .alerts = alerts,
	    .arena = or_arena_new(0)};

	for (size_t i = 0; i < g->n_alerts; i++) {
		const struct co_state_alert *a = g->alerts[i];

		if (a->ends_ns && !target.send_resolved)
			continue;
		alerts[notice.n_alerts++] = (struct co_sink_alert){.labels = a->labels,
		    .annotations = a->annotations,
		    .starts_ns = a->starts_ns,
		    .ends_ns = a->ends_ns,
		    .fingerprint = a->fingerprint,
		    .generator_url = make_url(a, set, external_url, notice.arena)};
	}
	if (!target.max_alerts || target.max_alerts > notice.n_alerts)
		target.max_alerts = notice.n_alerts;
	do {
		or_buf_clear(out);
		g->sink->render(out, &target, &notice);
		target.max_alerts /= 2;
	} while (!or_buf_ok(out) && target.max_alerts > 0);
	or_arena_free(notice.arena);
	or_mem_free(alerts);
}
