/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/scrape/scrape_config.h"

#include "base/http_url.h"
#include "base/str.h"

enum { LABELS_MAX = 64 };

#define INTERVAL_DEFAULT (15 * OR_NS_PER_S)
#define TIMEOUT_DEFAULT  (10 * OR_NS_PER_S)
#define INTERVAL_MIN     (100 * OR_NS_PER_MS)
#define BODY_DEFAULT     (4 * OR_MIB)
#define BODY_MAX         (64 * OR_MIB)

static enum or_code check_keys(const struct or_json *target, struct or_err *err)
{
	static const char *const names[] = {"url", "job", "interval", "timeout", "labels",
	    "body_size_limit", "metric_relabel_configs", NULL};

	if (target->type != OR_JSON_OBJECT)
		return or_err_set(err, OR_INVAL, "expected a map with url");
	for (size_t i = 0; i < target->object.n; i++) {
		struct or_slice key = target->object.members[i].key;
		const char *nearest = or_str_nearest(key, names);
		bool is_known = false;

		for (size_t n = 0; names[n]; n++)
			is_known = is_known || or_slice_is(key, names[n]);
		if (!is_known)
			return or_err_set(err, OR_INVAL, "unknown key \"%.*s\"%s%s%s",
			    OR_SLICE_FMT(key), nearest ? "; did you mean \"" : "",
			    nearest ? nearest : "", nearest ? "\"?" : "");
	}
	return OR_OK;
}

static enum or_code read_url(struct ag_scrape_config *out, const struct or_json *target,
    struct or_arena *a, struct or_err *err)
{
	struct or_slice url = or_json_get_str(target, "url");
	const char *text;
	enum or_code rc;

	if (!url.n)
		return or_err_set(err, OR_INVAL, "url: expected http://ADDRESS:PORT/metrics");
	text = or_arena_strdup(a, url);
	rc = or_http_url_split(out->origin, &out->path, text, err);
	if (!out->path.n)
		out->path = OR_SLICE_LIT("/metrics");
	out->url = or_slice_str(text);
	return rc ? or_err_wrap(err, rc, "url") : OR_OK;
}

static enum or_code read_time(
    int64_t *out, const struct or_json *target, const char *key, int64_t def, struct or_err *err)
{
	const struct or_json *v = or_json_get(target, key);

	*out = def;
	if (!v)
		return OR_OK;
	if (v->type != OR_JSON_STR || or_str_duration_ns(out, v->s) || *out < INTERVAL_MIN)
		return or_err_set(
		    err, OR_INVAL, "%s: expected a time like 15s, at least 100ms", key);
	return OR_OK;
}

static enum or_code read_body_max(
    struct ag_scrape_config *out, const struct or_json *target, struct or_err *err)
{
	const struct or_json *v = or_json_get(target, "body_size_limit");

	out->body_max = BODY_DEFAULT;
	if (!v)
		return OR_OK;
	if (v->type != OR_JSON_STR || or_str_bytes(&out->body_max, v->s) || !out->body_max ||
	    out->body_max > BODY_MAX)
		return or_err_set(
		    err, OR_INVAL, "body_size_limit: expected a size like 4MiB, at most 64MiB");
	return OR_OK;
}

static enum or_code read_labels(struct ag_scrape_config *out, const struct or_json *target,
    struct or_arena *a, struct or_err *err)
{
	const struct or_json *v = or_json_get(target, "labels");
	size_t n = v && v->type == OR_JSON_OBJECT ? v->object.n : 0;

	if (v && (v->type != OR_JSON_OBJECT || n > LABELS_MAX))
		return or_err_set(
		    err, OR_INVAL, "labels: expected a map of at most %d", LABELS_MAX);
	out->labels = or_arena_array(a, n + AG_SCRAPE_CONFIG_SPARE, sizeof(out->labels[0]));
	if (!out->labels)
		return or_err_set(err, OR_FULL, "labels: too many");
	for (size_t i = 0; i < n; i++) {
		const struct or_json_member *m = &v->object.members[i];

		if (m->value->type != OR_JSON_STR)
			return or_err_set(
			    err, OR_INVAL, "labels.%.*s: expected text", OR_SLICE_FMT(m->key));
		out->labels[out->n_labels++] = (struct wire_otlp_metric_attribute){
		    or_arena_dup(a, m->key), or_arena_dup(a, m->value->s)};
	}
	return OR_OK;
}

enum or_code ag_scrape_config_read(struct ag_scrape_config *out, const struct or_json *target,
    const char *product, struct or_arena *a, struct or_err *err)
{
	struct ag_scrape_config c = {0};
	const struct or_json *rules;
	struct or_slice job;
	enum or_code rc = check_keys(target, err);

	if (rc)
		return rc;
	job = or_json_get_str(target, "job");
	c.job = or_arena_dup(a, job.n ? job : or_slice_str(product));
	rules = or_json_get(target, "metric_relabel_configs");
	rc = read_url(&c, target, a, err);
	rc = rc ? rc : read_time(&c.interval_ns, target, "interval", INTERVAL_DEFAULT, err);
	rc = rc ? rc
		: read_time(&c.timeout_ns, target, "timeout",
		      c.interval_ns < TIMEOUT_DEFAULT ? c.interval_ns : TIMEOUT_DEFAULT, err);
	if (rc == OR_OK && c.timeout_ns > c.interval_ns)
		rc = or_err_set(err, OR_INVAL, "timeout: longer than the interval");
	rc = rc ? rc : read_body_max(&c, target, err);
	rc = rc ? rc : read_labels(&c, target, a, err);
	if (rc == OR_OK && rules)
		rc = ag_relabel_new(&c.relabel, rules, err);
	if (rc == OR_OK)
		*out = c;
	return rc;
}
