/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metric.h"

#include "base/arena.h"
#include "base/map.h"

enum kind { COUNTER, GAUGE, HISTOGRAM };

struct or_metric_histogram {
	const double *bounds;
	size_t n_bounds;
	uint64_t *counts; /* n_bounds + 1 of them: the last is +Inf; not cumulative */
	uint64_t count;
	double sum;
};

struct series {
	struct series *next;
	const char *labels; /* `a="x",b="y"`, escaped; "" without labels */
	or_metric_read_fn *read;
	void *read_arg;
	union {
		struct or_metric_counter counter;
		struct or_metric_gauge gauge;
		struct or_metric_histogram histogram;
	};
};

struct family {
	struct family *next;
	const char *name;
	const char *help;
	enum kind kind;
	struct series *first;
	struct series **last;
};

struct or_metric_registry {
	struct or_arena *arena; /* everything, these lists included */
	struct or_map families; /* by name */
	struct or_map series;   /* by name{labels} */
	struct family *first;
	struct family **last;
	struct or_metric_counter *refused;
	struct series unseen[3]; /* by kind: what callers get beyond the limit */
	uint64_t unseen_counts[1];
};

const double or_metric_seconds[OR_METRIC_N_SECONDS] = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

struct or_metric_registry *or_metric_registry_new(size_t max_series)
{
	struct or_arena *arena = or_arena_new(0);
	struct or_metric_registry *reg = or_arena_alloc(arena, sizeof(*reg));

	reg->arena = arena;
	or_map_init(&reg->families, max_series + 1);
	or_map_init(&reg->series, max_series + 1);
	reg->last = &reg->first;
	reg->unseen[HISTOGRAM].histogram.counts = reg->unseen_counts;
	reg->refused = or_metric_counter_get(reg, "outrider_metrics_refused_total",
	    "Series that were not kept because the registry was full.", NULL);
	return reg;
}

void or_metric_registry_free(struct or_metric_registry *reg)
{
	if (!reg)
		return;
	or_map_done(&reg->families);
	or_map_done(&reg->series);
	or_arena_free(reg->arena);
}

/* [a-zA-Z_:][a-zA-Z0-9_:]*; label names have no colon. */
static bool is_name(const char *name, bool colon)
{
	for (const char *p = name; *p; p++) {
		bool alpha = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_';
		bool digit = *p >= '0' && *p <= '9' && p > name;

		if (!alpha && !digit && !(colon && *p == ':'))
			return false;
	}
	return *name != 0;
}

/* The format's escapes: backslash and line feed, in label values the quote too. */
static void put_escaped(struct or_buf *b, const char *text, bool quote)
{
	for (; *text; text++) {
		if (*text == '\\')
			or_buf_put_str(b, "\\\\");
		else if (*text == '\n')
			or_buf_put_str(b, "\\n");
		else if (*text == '"' && quote)
			or_buf_put_str(b, "\\\"");
		else
			or_buf_put_byte(b, (uint8_t)*text);
	}
}

static void put_labels(struct or_buf *b, const struct or_metric_label *labels)
{
	for (const struct or_metric_label *l = labels; l && l->name; l++) {
		OR_ASSERT(is_name(l->name, false));
		or_buf_put_str(b, l == labels ? "" : ",");
		or_buf_put_str(b, l->name);
		or_buf_put_str(b, "=\"");
		put_escaped(b, l->value, true);
		or_buf_put_byte(b, '"');
	}
}

static struct family *get_family(
    struct or_metric_registry *reg, const char *name, const char *help, enum kind kind)
{
	struct family *f = or_map_find(&reg->families, or_slice_str(name));

	if (f) {
		OR_ASSERT(f->kind == kind);
		return f;
	}
	OR_ASSERT(is_name(name, true));
	f = or_arena_alloc(reg->arena, sizeof(*f));
	f->name = or_arena_strdup(reg->arena, or_slice_str(name));
	f->help = help;
	f->kind = kind;
	f->last = &f->first;
	*reg->last = f;
	reg->last = &f->next;
	OR_ASSERT(or_map_put(&reg->families, or_slice_str(f->name), f) == OR_OK);
	return f;
}

static struct series *add_series(
    struct or_metric_registry *reg, struct family *f, const struct or_buf *name_and_labels)
{
	struct series *s = or_arena_alloc(reg->arena, sizeof(*s));
	char *key = or_arena_strdup(reg->arena, or_buf_slice(name_and_labels));

	s->labels = key + strlen(f->name) + 1;
	*f->last = s;
	f->last = &s->next;
	OR_ASSERT(or_map_put(&reg->series, or_slice_str(key), s) == OR_OK);
	return s;
}

/* *is_new: the caller fills it in. */
static struct series *get_series(struct or_metric_registry *reg, const char *name, const char *help,
    enum kind kind, const struct or_metric_label *labels, bool *is_new)
{
	struct series *s = NULL;
	struct or_buf key;

	*is_new = false;
	or_buf_init(&key, 64 * OR_KIB);
	or_buf_put_str(&key, name);
	or_buf_put_byte(&key, '{');
	put_labels(&key, labels);
	if (or_buf_ok(&key))
		s = or_map_find(&reg->series, or_buf_slice(&key));
	if (!s && or_buf_ok(&key) && reg->series.n < reg->series.max) {
		s = add_series(reg, get_family(reg, name, help, kind), &key);
		*is_new = true;
	}
	if (!s) {
		or_metric_add(reg->refused, 1);
		s = &reg->unseen[kind];
	}
	or_buf_done(&key);
	return s;
}

struct or_metric_counter *or_metric_counter_get(struct or_metric_registry *reg, const char *name,
    const char *help, const struct or_metric_label *labels)
{
	bool is_new;

	return &get_series(reg, name, help, COUNTER, labels, &is_new)->counter;
}

struct or_metric_gauge *or_metric_gauge_get(struct or_metric_registry *reg, const char *name,
    const char *help, const struct or_metric_label *labels)
{
	bool is_new;

	return &get_series(reg, name, help, GAUGE, labels, &is_new)->gauge;
}

void or_metric_gauge_read(struct or_metric_registry *reg, const char *name, const char *help,
    const struct or_metric_label *labels, or_metric_read_fn *fn, void *arg)
{
	bool is_new;
	struct series *s = get_series(reg, name, help, GAUGE, labels, &is_new);

	s->read = fn;
	s->read_arg = arg;
}

struct or_metric_histogram *or_metric_histogram_get(struct or_metric_registry *reg,
    const char *name, const char *help, const struct or_metric_label *labels, const double *bounds,
    size_t n_bounds)
{
	bool is_new;
	struct or_metric_histogram *h =
	    &get_series(reg, name, help, HISTOGRAM, labels, &is_new)->histogram;

	if (is_new) {
		h->bounds = bounds;
		h->n_bounds = n_bounds;
		h->counts = or_arena_array(reg->arena, n_bounds + 1, sizeof(*h->counts));
	}
	return h;
}

void or_metric_observe(struct or_metric_histogram *h, double v)
{
	size_t i = 0;

	while (i < h->n_bounds && v > h->bounds[i])
		i++;
	h->counts[i]++;
	h->count++;
	h->sum += v;
}

uint64_t or_metric_histogram_count(const struct or_metric_histogram *h)
{
	return h->count;
}

static void on_turn(void *arg, int64_t busy_ns)
{
	or_metric_observe(arg, (double)busy_ns / (double)OR_NS_PER_S);
}

void or_metric_watch_loop(struct or_metric_registry *reg, struct or_loop *loop)
{
	static const double bounds[] = {0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1};

	or_loop_watch(loop, on_turn,
	    or_metric_histogram_get(reg, "outrider_loop_lag_seconds",
		"How long a turn of the event loop kept other events waiting.", NULL, bounds,
		OR_LEN(bounds)));
}

/* name[suffix]{labels[,le="bound"]} and the blank in front of the value. */
static void put_name(struct or_buf *out, const struct family *f, const char *suffix,
    const struct series *s, const char *le)
{
	or_buf_put_str(out, f->name);
	or_buf_put_str(out, suffix);
	if (*s->labels || le) {
		or_buf_put_byte(out, '{');
		or_buf_put_str(out, s->labels);
		if (le)
			or_buf_printf(out, "%sle=\"%s\"", *s->labels ? "," : "", le);
		or_buf_put_byte(out, '}');
	}
	or_buf_put_byte(out, ' ');
}

static void put_count(struct or_buf *out, uint64_t v)
{
	or_buf_put_u64(out, v);
	or_buf_put_byte(out, '\n');
}

static void put_real(struct or_buf *out, double v)
{
	if (__builtin_isinf(v))
		or_buf_put_str(out, v > 0 ? "+Inf\n" : "-Inf\n");
	else if (__builtin_isnan(v))
		or_buf_put_str(out, "NaN\n");
	else
		or_buf_printf(out, "%.15g\n", v);
}

static void put_histogram(struct or_buf *out, const struct family *f, const struct series *s)
{
	const struct or_metric_histogram *h = &s->histogram;
	uint64_t below = 0;

	for (size_t i = 0; i <= h->n_bounds; i++) {
		uint8_t text[32];
		struct or_buf le = {.p = text, .cap = sizeof(text), .max = 31};

		if (i < h->n_bounds)
			or_buf_printf(&le, "%.15g", h->bounds[i]);
		else
			or_buf_put_str(&le, "+Inf");
		below += h->counts[i];
		put_name(out, f, "_bucket", s, or_buf_text(&le));
		put_count(out, below);
	}
	put_name(out, f, "_sum", s, NULL);
	put_real(out, h->sum);
	put_name(out, f, "_count", s, NULL);
	put_count(out, h->count);
}

static void put_series(struct or_buf *out, const struct family *f, const struct series *s)
{
	switch (f->kind) {
	case COUNTER:
		put_name(out, f, "", s, NULL);
		put_count(out, s->counter.value);
		break;
	case GAUGE:
		put_name(out, f, "", s, NULL);
		put_real(out, s->read ? s->read(s->read_arg) : s->gauge.value);
		break;
	case HISTOGRAM: put_histogram(out, f, s); break;
	}
}

enum or_code or_metric_write(struct or_buf *out, const struct or_metric_registry *reg)
{
	static const char *const kinds[] = {
	    [COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram"};
	size_t start = out->n;

	for (const struct family *f = reg->first; f; f = f->next) {
		or_buf_printf(out, "# HELP %s ", f->name);
		put_escaped(out, f->help, false);
		or_buf_printf(out, "\n# TYPE %s %s\n", f->name, kinds[f->kind]);
		for (const struct series *s = f->first; s; s = s->next)
			put_series(out, f, s);
	}
	if (or_buf_ok(out))
		return OR_OK;
	or_buf_cut(out, start);
	return OR_FULL;
}
