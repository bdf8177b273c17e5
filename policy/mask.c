/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/mask.h"

#include "base/str.h"

#include <stdlib.h>

enum { ANNOTATION_MAX = 64 * 1024 };

static const char *const kinds[POL_MASK_KINDS] = {
    [POL_MASK_NULL] = "null",
    [POL_MASK_DEFAULT] = "default",
    [POL_MASK_CONSTANT] = "constant",
    [POL_MASK_REDACT] = "redact",
    [POL_MASK_HASH] = "hash",
    [POL_MASK_DATE_YEAR] = "date-year",
    [POL_MASK_DATE_MONTH] = "date-month",
    [POL_MASK_EMAIL] = "email",
    [POL_MASK_LAST] = "last-",
    [POL_MASK_FIRST] = "first-",
};

/* One annotation being read. */
struct reader {
	struct or_arena *arena;
	const struct pol_policy *policy;
	struct or_slice text;
	size_t at;
	struct or_err *err;
};

static enum or_code fail(const struct reader *r, const char *what)
{
	return or_err_set(r->err, OR_INVAL, "%s:%u: @mask(\"%.*s\") of policy `%.*s`: %s",
	    r->policy->file, r->policy->line, OR_SLICE_FMT(r->text), OR_SLICE_FMT(r->policy->id),
	    what);
}

static void skip_blanks(struct reader *r)
{
	while (r->at < r->text.n && (r->text.p[r->at] == ' ' || r->text.p[r->at] == '\n' ||
					r->text.p[r->at] == '\t' || r->text.p[r->at] == '\r'))
		r->at++;
}

/* The bytes up to one of the stops (or the end), without blanks around, backslashes resolved. */
static enum or_code read_word(struct reader *r, const char *stops, struct or_slice *out)
{
	struct or_buf b;
	size_t solid = 0;
	enum or_code rc = OR_OK;

	or_buf_init(&b, ANNOTATION_MAX);
	skip_blanks(r);
	while (r->at < r->text.n && !strchr(stops, r->text.p[r->at]) && rc == OR_OK) {
		bool escaped = r->text.p[r->at] == '\\';

		if (escaped && ++r->at == r->text.n) {
			rc = fail(r, "a backslash takes the next character, and there is none");
			break;
		}
		or_buf_put_byte(&b, r->text.p[r->at]);
		if (escaped || !strchr(" \t\r\n", r->text.p[r->at]))
			solid = b.n;
		r->at++;
	}
	or_buf_cut(&b, solid);
	if (rc == OR_OK) {
		*out = or_arena_dup(r->arena, or_buf_slice(&b));
		rc = out->p && or_buf_ok(&b) ? OR_OK : OR_FULL;
	}
	or_buf_done(&b);
	return rc;
}

/* The text with a backslash before each of the specials, and before blanks at its ends. */
static void put_escaped(struct or_buf *b, struct or_slice text, const char *specials)
{
	for (size_t i = 0; i < text.n; i++) {
		bool edge = i == 0 || i + 1 == text.n;

		if (strchr(specials, text.p[i]) || (edge && strchr(" \t\r\n", text.p[i])))
			or_buf_put_byte(b, '\\');
		or_buf_put_byte(b, text.p[i]);
	}
}

static enum or_code write_column(struct pol_mask *m, struct or_arena *a)
{
	struct or_buf b;
	enum or_code rc;

	or_buf_init(&b, 2 * ANNOTATION_MAX);
	for (size_t i = 0; i < m->n_path; i++) {
		if (i)
			or_buf_put_byte(&b, '.');
		put_escaped(&b, m->path[i], ".:,\\");
	}
	m->column = or_arena_dup(a, or_buf_slice(&b));
	rc = m->column.p && or_buf_ok(&b) ? OR_OK : OR_FULL;
	or_buf_done(&b);
	return rc;
}

static enum or_code read_column(struct reader *r, struct pol_mask *m)
{
	struct or_slice names[POL_MASK_PATH_MAX], *path;
	enum or_code rc;

	for (;;) {
		if (m->n_path == POL_MASK_PATH_MAX)
			return fail(r, "the column's path is too long");
		rc = read_word(r, ".:,", &names[m->n_path]);
		if (rc)
			return rc;
		if (!names[m->n_path++].n)
			return fail(r, "a column's name is missing");
		if (r->at == r->text.n || r->text.p[r->at] == ',')
			return fail(r, "expected column:kind");
		if (r->text.p[r->at++] == ':')
			break;
	}
	path = or_arena_array(r->arena, m->n_path, sizeof(*path));
	if (!path)
		return OR_FULL;
	memcpy(path, names, m->n_path * sizeof(*path));
	m->path = path;
	return write_column(m, r->arena);
}

/* last-N and first-N */
static enum or_code read_number(struct reader *r, struct pol_mask *m, struct or_slice digits)
{
	uint64_t n;

	if (or_str_u64(&n, digits) || n == 0 || n > POL_MASK_SHOW_MAX)
		return fail(r, "last-N and first-N take a number from 1 to 64");
	m->n = (uint32_t)n;
	return OR_OK;
}

static enum or_code read_kind(struct reader *r, struct pol_mask *m)
{
	struct or_slice word;
	size_t k = 0;
	enum or_code rc = read_word(r, ":,", &word);

	if (rc)
		return rc;
	for (; k < POL_MASK_LAST && !or_slice_is(word, kinds[k]); k++)
		;
	for (; k >= POL_MASK_LAST && k < POL_MASK_KINDS && !or_str_has_prefix(word, kinds[k]); k++)
		;
	m->kind = (enum pol_mask_kind)k;
	if (k == POL_MASK_KINDS)
		return fail(r, "unknown kind of mask; there are null, default, constant:TEXT, "
			       "redact, hash, date-year, date-month, email, last-N and first-N");
	if (k >= POL_MASK_LAST)
		rc = read_number(r, m, or_slice_from(word, strlen(kinds[k])));
	if (rc)
		return rc;
	if (r->at == r->text.n || r->text.p[r->at] == ',')
		return k == POL_MASK_CONSTANT ? fail(r, "expected constant:TEXT") : OR_OK;
	if (k != POL_MASK_CONSTANT)
		return fail(r, "only constant takes a text");
	r->at++;
	return read_word(r, ",", &m->constant);
}

/* A list in the arena that grows by doubling. */
struct list {
	struct pol_mask *items;
	size_t n, cap;
};

static struct pol_mask *add(struct list *l, struct or_arena *a)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 8;
		struct pol_mask *items =
		    l->n < POL_MASK_MAX ? or_arena_array(a, cap, sizeof(*items)) : NULL;

		if (!items)
			return NULL;
		if (l->n)
			memcpy(items, l->items, l->n * sizeof(*items));
		l->items = items;
		l->cap = cap;
	}
	return &l->items[l->n++];
}

static enum or_code read_annotation(struct list *l, struct or_arena *a, const struct pol_policy *p,
    struct or_slice text, struct or_err *err)
{
	struct reader r = {.arena = a, .policy = p, .text = text, .err = err};
	enum or_code rc;

	/* strchr finds NUL at the end of every list of stops. */
	if (text.n && memchr(text.p, 0, text.n))
		return fail(&r, "U+0000 has no place in it");
	for (;;) {
		struct pol_mask *m = add(l, a);

		if (!m)
			return or_err_set(
			    err, OR_FULL, "more than %d masks for one request", POL_MASK_MAX);
		*m = (struct pol_mask){.policy = p};
		rc = read_column(&r, m);
		if (rc == OR_OK)
			rc = read_kind(&r, m);
		if (rc == OR_FULL)
			or_err_set(err, rc, "the masks need more memory than their budget");
		if (rc || r.at == text.n)
			return rc;
		r.at++;
	}
}

static int by_strictness(const struct pol_mask *x, const struct pol_mask *y)
{
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return 0;
}

static int on_masks(const void *a, const void *b)
{
	const struct pol_mask *x = a, *y = b;
	int c = or_slice_cmp(x->column, y->column);

	if (c == 0)
		c = by_strictness(x, y);
	if (c == 0)
		c = or_slice_cmp(x->policy->id, y->policy->id);
	return c ? c : or_slice_cmp(x->constant, y->constant);
}

/* Of the masks of one column the first is the strictest; constants must agree, whoever wins. */
static enum or_code settle(struct list *l, struct or_err *err)
{
	size_t kept = 0;
	const struct pol_mask *constant = NULL;

	if (l->n > 1)
		qsort(l->items, l->n, sizeof(l->items[0]), on_masks);
	for (size_t i = 0; i < l->n; i++) {
		struct pol_mask *m = &l->items[i];
		bool first = kept == 0 || !or_slice_eq(l->items[kept - 1].column, m->column);

		if (first)
			constant = NULL;
		if (m->kind == POL_MASK_CONSTANT && constant &&
		    !or_slice_eq(constant->constant, m->constant))
			return or_err_set(err, OR_INVAL,
			    "column %.*s: policies `%.*s` and `%.*s` want different constants",
			    OR_SLICE_FMT(m->column), OR_SLICE_FMT(constant->policy->id),
			    OR_SLICE_FMT(m->policy->id));
		if (first)
			l->items[kept++] = *m;
		if (m->kind == POL_MASK_CONSTANT)
			constant = first ? &l->items[kept - 1] : m;
	}
	l->n = kept;
	return OR_OK;
}

enum or_code pol_mask_collect(struct pol_masks *out, struct or_arena *a,
    const struct pol_policy *const *policies, size_t n, struct or_err *err)
{
	struct list l = {0};
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < n && rc == OR_OK; i++) {
		const struct pol_annotation *m = pol_set_annotation(policies[i], "mask");

		if (m)
			rc = read_annotation(&l, a, policies[i], m->value, err);
	}
	if (rc == OR_OK)
		rc = settle(&l, err);
	if (rc == OR_OK)
		*out = (struct pol_masks){l.items, l.n};
	return rc;
}

enum or_code pol_mask_resolve(
    struct pol_masks *out, struct or_arena *a, const struct pol_decision *d, struct or_err *err)
{
	return pol_mask_collect(out, a, d->reasons, d->allow ? d->n_reasons : 0, err);
}

enum or_code pol_mask_check(const struct pol_set *set, struct or_err *err)
{
	struct or_arena *a = or_arena_new(16 * OR_MIB);
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < pol_set_count(set) && rc == OR_OK; i++) {
		const struct pol_policy *p = pol_set_at(set, i);
		struct pol_masks one;

		if (p->forbid && pol_set_annotation(p, "mask"))
			rc = or_err_set(err, OR_INVAL,
			    "%s:%u: policy `%.*s` is a forbid: only what a permit lets through "
			    "can be masked",
			    p->file, p->line, OR_SLICE_FMT(p->id));
		else
			rc = pol_mask_collect(&one, a, &p, 1, err);
		or_arena_clear(a);
	}
	or_arena_free(a);
	return rc;
}

void pol_mask_print_kind(struct or_buf *b, const struct pol_mask *m)
{
	or_buf_put_str(b, kinds[m->kind]);
	if (m->kind >= POL_MASK_LAST)
		or_buf_put_u64(b, m->n);
}

void pol_mask_print(struct or_buf *b, const struct pol_mask *m)
{
	or_buf_put_slice(b, m->column);
	or_buf_put_byte(b, ':');
	pol_mask_print_kind(b, m);
	if (m->kind == POL_MASK_CONSTANT) {
		or_buf_put_byte(b, ':');
		put_escaped(b, m->constant, ",\\");
	}
}

const struct pol_mask *pol_mask_find(const struct pol_masks *masks, struct or_slice column)
{
	size_t low = 0, high = masks->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = or_slice_cmp(masks->items[mid].column, column);

		if (c == 0)
			return &masks->items[mid];
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}
