/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/scrape/exposition_impl.h"

#include <math.h>
#include <string.h>

enum { GROUPS_MAX = 1U << 20, KEY_MAX = 1U << 20 };

void ag_exposition_rules_init(struct rules *r, struct or_arena *a)
{
	*r = (struct rules){.arena = a};
	or_map_init(&r->groups, GROUPS_MAX);
	or_map_init(&r->series, GROUPS_MAX);
	or_buf_init(&r->key, KEY_MAX);
}

void ag_exposition_rules_done(struct rules *r)
{
	or_map_done(&r->groups);
	or_map_done(&r->series);
	or_buf_done(&r->key);
}

static bool is_histogram(const struct ag_exposition_family *f)
{
	return f->type == AG_EXPOSITION_HISTOGRAM || f->type == AG_EXPOSITION_GAUGEHISTOGRAM;
}

/* ---- one sample by itself */

/* A bound as text: a number, infinity as "+Inf" alone. */
static bool read_bound(double *out, struct or_slice text)
{
	if (ag_exposition_line_number(out, text))
		return false;
	return isfinite(*out) || or_slice_is(text, "+Inf");
}

static enum or_code check_labels(const struct line *l, const struct ag_exposition_family *f,
    const struct ag_exposition_sample *s, double *bound)
{
	if (s->suffix == AG_EXPOSITION_BUCKET &&
	    !read_bound(bound, ag_exposition_label(&s->labels, "le")))
		return ag_exposition_line_fail(
		    l, "a bucket has a label le with its upper bound, the last one le=\"+Inf\"");
	if (f->type == AG_EXPOSITION_SUMMARY && s->suffix == AG_EXPOSITION_PLAIN &&
	    (!read_bound(bound, ag_exposition_label(&s->labels, "quantile")) ||
		!(*bound >= 0 && *bound <= 1)))
		return ag_exposition_line_fail(
		    l, "a summary's quantile has a label quantile between 0 and 1");
	if (f->type != AG_EXPOSITION_STATESET)
		return OR_OK;
	for (size_t i = 0; i < s->labels.n; i++)
		if (or_slice_eq(s->labels.items[i].name, f->name))
			return OR_OK;
	return ag_exposition_line_fail(l, "a state has a label with the name of its metric");
}

static enum or_code check_value(const struct line *l, const struct ag_exposition_family *f,
    const struct ag_exposition_sample *s)
{
	double v = s->point.value;
	bool is_plain = s->suffix == AG_EXPOSITION_PLAIN;

	if (f->type == AG_EXPOSITION_INFO && v != 1)
		return ag_exposition_line_fail(l, "the value of an info is 1");
	if (f->type == AG_EXPOSITION_STATESET && v != 0 && v != 1)
		return ag_exposition_line_fail(l, "the value of a state is 0 or 1");
	if (f->type == AG_EXPOSITION_SUMMARY && is_plain && v < 0)
		return ag_exposition_line_fail(l, "a quantile is not negative");
	if (is_plain || s->suffix == AG_EXPOSITION_CREATED)
		return OR_OK;
	if (isnan(v))
		return ag_exposition_line_fail(l, "a total, count, sum or bucket is not NaN");
	if (v < 0 && s->suffix != AG_EXPOSITION_GSUM)
		return ag_exposition_line_fail(l, "a total, count, sum or bucket is not negative");
	return OR_OK;
}

static enum or_code check_exemplar(const struct line *l, const struct ag_exposition_sample *s)
{
	if (s->exemplar && s->suffix != AG_EXPOSITION_TOTAL && s->suffix != AG_EXPOSITION_BUCKET)
		return ag_exposition_line_fail(l, "only totals and buckets have exemplars");
	return OR_OK;
}

/* ---- groups */

/* The label that tells the samples of one metric apart. */
static struct or_slice inner_label(
    const struct ag_exposition_family *f, const struct ag_exposition_sample *s)
{
	if (s->suffix == AG_EXPOSITION_BUCKET)
		return OR_SLICE_LIT("le");
	if (f->type == AG_EXPOSITION_SUMMARY && s->suffix == AG_EXPOSITION_PLAIN)
		return OR_SLICE_LIT("quantile");
	return f->type == AG_EXPOSITION_STATESET ? f->name : OR_SLICE_NONE;
}

/* The labels in the order of their names, one left out. */
static void put_labels(
    struct or_buf *key, const struct ag_exposition_labels *labels, struct or_slice without)
{
	uint8_t order[AG_EXPOSITION_LABELS_MAX];
	const struct ag_exposition_label *items = labels->items;

	for (size_t i = 0; i < labels->n; i++) {
		size_t at = i;

		for (; at && or_slice_cmp(items[i].name, items[order[at - 1]].name) < 0; at--)
			order[at] = order[at - 1];
		order[at] = (uint8_t)i;
	}
	for (size_t i = 0; i < labels->n; i++) {
		if (without.n && or_slice_eq(items[order[i]].name, without))
			continue;
		ag_exposition_put_piece(key, items[order[i]].name);
		ag_exposition_put_piece(key, items[order[i]].value);
	}
}

/* Notes the key that r->key holds. *is_new: it was not there. */
static enum or_code note(
    struct rules *r, const struct line *l, struct or_map *map, struct or_slice *key, bool *is_new)
{
	struct or_slice held = or_buf_slice(&r->key);

	if (!or_buf_ok(&r->key))
		return ag_exposition_line_fail(l, "the labels are too long");
	*is_new = !or_map_find(map, held);
	if (!*is_new)
		return OR_OK;
	*key = or_arena_dup(r->arena, held);
	if (!key->p || or_map_put(map, *key, r))
		return or_err_set(l->err, OR_FULL, "line %u: too many samples", l->number);
	return OR_OK;
}

/* All samples of a point have been seen. */
static enum or_code end_point(
    const struct group *g, const struct line *l, const struct ag_exposition_family *f)
{
	struct line at = *l;
	const char *wrong = NULL;

	if (!g->is_open || !is_histogram(f))
		return OR_OK;
	if (!g->has_bucket || g->bound != INFINITY)
		wrong = "a histogram has a bucket le=\"+Inf\", as its last";
	else if (g->has_count && g->count != g->in_bucket)
		wrong = "the count is that of the bucket le=\"+Inf\"";
	else if (g->has_sum != g->has_count)
		wrong = "sum and count are both there or both not";
	else if (g->has_negative_bound && g->has_sum && f->type == AG_EXPOSITION_HISTOGRAM)
		wrong = "a histogram with a negative bound has no sum";
	else if (!g->has_negative_bound && g->is_negative_sum)
		wrong = "the sum is negative though no bound is";
	at.number = g->line;
	return wrong ? ag_exposition_line_fail(&at, "%s", wrong) : OR_OK;
}

static void begin_point(struct group *g, const struct ag_exposition_sample *s)
{
	*g = (struct group){.key = g->key,
	    .is_open = true,
	    .has_time = s->point.has_time,
	    .time_ns = s->point.time_ns};
}

/* The sample belongs to the group that is open, or opens one. */
static enum or_code enter_group(struct rules *r, const struct line *l,
    const struct ag_exposition_family *f, const struct ag_exposition_sample *s)
{
	struct group *g = &r->group;
	enum or_code rc;
	bool is_new;

	or_buf_clear(&r->key);
	if (f->type != AG_EXPOSITION_INFO)
		put_labels(&r->key, &s->labels, inner_label(f, s));
	if (!g->is_open || !or_slice_eq(g->key, or_buf_slice(&r->key))) {
		rc = end_point(g, l, f);
		rc = rc ? rc : note(r, l, &r->groups, &g->key, &is_new);
		if (rc)
			return rc;
		if (!is_new)
			return ag_exposition_line_fail(
			    l, "the samples of a metric stand together; others came between these");
	} else if (g->has_time != s->point.has_time) {
		return ag_exposition_line_fail(
		    l, "some samples of a metric have a time, some have not");
	} else if (!g->has_time || g->time_ns == s->point.time_ns) {
		return OR_OK;
	} else if (s->point.time_ns < g->time_ns && f->type != AG_EXPOSITION_INFO) {
		return ag_exposition_line_fail(l, "the times of a metric do not go back");
	} else {
		rc = end_point(g, l, f);
		if (rc)
			return rc;
	}
	begin_point(g, s);
	or_map_clear(&r->series);
	return OR_OK;
}

static enum or_code enter_series(
    struct rules *r, const struct line *l, const struct ag_exposition_sample *s, bool *is_repeated)
{
	uint8_t suffix = (uint8_t)s->suffix;
	struct or_slice key;
	enum or_code rc;
	bool is_new;

	or_buf_clear(&r->key);
	or_buf_put_byte(&r->key, suffix);
	put_labels(&r->key, &s->labels, OR_SLICE_NONE);
	rc = note(r, l, &r->series, &key, &is_new);
	if (rc)
		return rc;
	/* Times may be the same because they were rounded; without one it is a mistake. */
	*is_repeated = !is_new;
	if (!is_new && !s->point.has_time)
		return ag_exposition_line_fail(l, "this sample is there already");
	return OR_OK;
}

static enum or_code enter_histogram(
    struct group *g, const struct line *l, const struct ag_exposition_sample *s, double bound)
{
	double v = s->point.value;

	g->line = l->number;
	if (s->suffix == AG_EXPOSITION_COUNT || s->suffix == AG_EXPOSITION_GCOUNT) {
		g->has_count = true;
		g->count = v;
	}
	if (s->suffix == AG_EXPOSITION_SUM || s->suffix == AG_EXPOSITION_GSUM) {
		g->has_sum = true;
		g->is_negative_sum = v < 0;
	}
	if (s->suffix != AG_EXPOSITION_BUCKET)
		return OR_OK;
	if (g->has_bucket && bound <= g->bound)
		return ag_exposition_line_fail(l, "the bounds of buckets rise");
	if (g->has_bucket && v < g->in_bucket)
		return ag_exposition_line_fail(
		    l, "a bucket counts what the ones before it count as well");
	g->has_bucket = true;
	g->bound = bound;
	g->in_bucket = v;
	g->has_negative_bound = g->has_negative_bound || bound < 0;
	return OR_OK;
}

enum or_code ag_exposition_rules_sample(struct rules *r, const struct line *l,
    const struct ag_exposition_family *family, const struct ag_exposition_sample *sample,
    bool *is_repeated)
{
	double bound = 0;
	enum or_code rc = check_labels(l, family, sample, &bound);

	rc = rc ? rc : check_value(l, family, sample);
	rc = rc ? rc : check_exemplar(l, sample);
	rc = rc ? rc : enter_group(r, l, family, sample);
	rc = rc ? rc : enter_series(r, l, sample, is_repeated);
	if (rc || *is_repeated || !is_histogram(family))
		return rc;
	return enter_histogram(&r->group, l, sample, bound);
}

enum or_code ag_exposition_rules_end(
    struct rules *r, const struct line *l, const struct ag_exposition_family *family)
{
	enum or_code rc = end_point(&r->group, l, family);

	r->group = (struct group){0};
	or_map_clear(&r->groups);
	or_map_clear(&r->series);
	return rc;
}
