/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/alert/webhook/webhook.h"

#include "base/fetch.h"
#include "base/str.h"

#include <stdio.h>

enum { URL_MAX = 2048 };

static enum or_code read_url(struct co_sink_target *out, const struct or_json *j,
    struct or_arena *a, const struct co_conf *c)
{
	struct or_slice url = OR_SLICE_NONE;
	size_t n;
	struct or_err why;
	enum or_code rc = co_conf_text(c, &url, j, "url", URL_MAX);

	if (rc)
		return rc;
	out->url = or_arena_strdup(a, url);
	n = or_str_find(url, '/', or_str_find(url, '/', 0) + 2);
	out->shown = or_arena_strdup(a, or_slice(url.p, n));
	if (!out->url || !out->shown)
		return or_err_set(c->err, OR_FULL, "%s: the rules need too much memory", c->file);
	if (or_fetch_check(out->url, &why))
		return co_conf_fail(c, or_json_get(j, "url"), "url: %s", why.msg);
	return OR_OK;
}

static enum or_code parse(struct co_sink_target *out, const struct or_json *j, struct or_arena *a,
    const struct co_conf *c)
{
	static const char *const keys[] = {"url", "send_resolved", "max_alerts", "timeout", NULL};
	struct co_sink_target t = {
	    .sink = &co_webhook_sink, .send_resolved = true, .timeout_ns = CO_SINK_TIMEOUT_NS};
	enum or_code rc = co_conf_keys(c, j, keys, "a webhook");

	if (rc == OR_OK)
		rc = co_conf_need(c, j, "url", "a webhook");
	if (rc == OR_OK)
		rc = read_url(&t, j, a, c);
	if (rc == OR_OK)
		rc = co_conf_bool(c, &t.send_resolved, j, "send_resolved");
	if (rc == OR_OK)
		rc = co_conf_u64(c, &t.max_alerts, j, "max_alerts", 0, 10000);
	if (rc == OR_OK)
		rc = co_conf_duration(
		    c, &t.timeout_ns, j, "timeout", 100 * OR_NS_PER_MS, 300 * OR_NS_PER_S);
	if (rc == OR_OK)
		*out = t;
	return rc;
}

static const char *status_of(bool firing)
{
	return firing ? "firing" : "resolved";
}

static void put_time(struct or_jsonw *w, const char *key, int64_t ns)
{
	struct or_buf text;

	or_buf_init(&text, 64);
	if (ns)
		or_str_time(&text, ns);
	else
		or_buf_put_str(&text, "0001-01-01T00:00:00Z"); /* Go's zero time: not yet */
	or_jsonw_kv_str(w, key, or_buf_slice(&text));
	or_buf_done(&text);
}

static void put_alert(struct or_jsonw *w, const struct co_sink_alert *a)
{
	char fingerprint[17];

	snprintf(fingerprint, sizeof(fingerprint), "%016llx", (unsigned long long)a->fingerprint);
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "status", status_of(!a->ends_ns));
	or_jsonw_key(w, "labels");
	co_label_put_json(w, a->labels);
	or_jsonw_key(w, "annotations");
	co_label_put_json(w, a->annotations);
	put_time(w, "startsAt", a->starts_ns);
	put_time(w, "endsAt", a->ends_ns);
	or_jsonw_kv_str(w, "generatorURL", a->generator_url);
	or_jsonw_kv_text(w, "fingerprint", fingerprint);
	or_jsonw_end(w);
}

/* What all alerts say alike. Memory that is lacking leaves the sets smaller, which is true too. */
static void find_common(
    const struct co_sink_notice *n, struct co_label_set *labels, struct co_label_set *annotations)
{
	*labels = n->alerts[0].labels;
	*annotations = n->alerts[0].annotations;
	for (size_t i = 1; i < n->n_alerts; i++) {
		if (!co_label_common(labels, *labels, n->alerts[i].labels, n->arena))
			*labels = (struct co_label_set){NULL, 0};
		if (!co_label_common(annotations, *annotations, n->alerts[i].annotations, n->arena))
			*annotations = (struct co_label_set){NULL, 0};
	}
}

static void put_set(struct or_jsonw *w, const char *key, struct co_label_set set)
{
	or_jsonw_key(w, key);
	co_label_put_json(w, set);
}

static void render(
    struct or_buf *out, const struct co_sink_target *target, const struct co_sink_notice *notice)
{
	size_t shown = notice->n_alerts;
	struct co_label_set labels, annotations;
	bool firing = false;
	struct or_jsonw w;

	if (target->max_alerts && shown > target->max_alerts)
		shown = target->max_alerts;
	for (size_t i = 0; i < notice->n_alerts; i++)
		firing = firing || !notice->alerts[i].ends_ns;
	find_common(notice, &labels, &annotations);
	or_jsonw_init(&w, out, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "version", "4");
	or_jsonw_kv_str(&w, "groupKey", notice->group_key);
	or_jsonw_kv_u64(&w, "truncatedAlerts", notice->n_alerts - shown);
	or_jsonw_kv_text(&w, "status", status_of(firing));
	or_jsonw_kv_str(&w, "receiver", notice->receiver);
	put_set(&w, "groupLabels", notice->group_labels);
	put_set(&w, "commonLabels", labels);
	put_set(&w, "commonAnnotations", annotations);
	or_jsonw_kv_str(&w, "externalURL", notice->external_url);
	or_jsonw_key(&w, "alerts");
	or_jsonw_array(&w);
	for (size_t i = 0; i < shown; i++)
		put_alert(&w, &notice->alerts[i]);
	or_jsonw_end(&w);
	or_jsonw_end(&w);
}

const struct co_sink co_webhook_sink = {.name = "webhook",
    .key = "webhook_configs",
    .content_type = "application/json",
    .parse = parse,
    .render = render};
