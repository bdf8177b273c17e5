/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/format_doc.h"

enum { STACK_MAX = 256 << 20 };

enum kind { TEXT, LINE, LINE0, HARD, CAT, NEST, GROUP };

struct pol_format_doc {
	enum kind kind;
	int indent; /* NEST */
	struct or_slice text;
	const struct pol_format_doc *left;
	const struct pol_format_doc *right;
};

const struct pol_format_doc pol_format_doc_line = {.kind = LINE};
const struct pol_format_doc pol_format_doc_line0 = {.kind = LINE0};
const struct pol_format_doc pol_format_doc_hard = {.kind = HARD};
const struct pol_format_doc pol_format_doc_space = {
    .kind = TEXT, .text = {(const uint8_t *)" ", 1}};

static struct pol_format_doc *make(struct or_arena *a, enum kind kind)
{
	struct pol_format_doc *d = or_arena_alloc(a, sizeof(*d));

	if (d)
		d->kind = kind;
	return d;
}

const struct pol_format_doc *pol_format_doc_text(struct or_arena *a, struct or_slice s)
{
	struct pol_format_doc *d = make(a, TEXT);

	if (d)
		d->text = s;
	return d;
}

const struct pol_format_doc *pol_format_doc_cat(
    struct or_arena *a, const struct pol_format_doc *left, const struct pol_format_doc *right)
{
	struct pol_format_doc *d;

	if (!left || !right)
		return left ? left : right;
	d = make(a, CAT);
	if (d) {
		d->left = left;
		d->right = right;
	}
	return d;
}

const struct pol_format_doc *pol_format_doc_nest(
    struct or_arena *a, int indent, const struct pol_format_doc *inner)
{
	struct pol_format_doc *d = inner ? make(a, NEST) : NULL;

	if (d) {
		d->indent = indent;
		d->left = inner;
	}
	return d;
}

const struct pol_format_doc *pol_format_doc_group(
    struct or_arena *a, const struct pol_format_doc *inner)
{
	struct pol_format_doc *d = inner ? make(a, GROUP) : NULL;

	if (d)
		d->left = inner;
	return d;
}

/* What is still to be set. */
struct item {
	const struct pol_format_doc *doc;
	int indent;
	bool flat;
};

struct layout {
	struct or_buf *out;
	struct or_buf todo;   /* struct item, as a stack */
	struct or_buf trying; /* const struct pol_format_doc *, as a stack */
	int width;
	int col;
	size_t line; /* where the line that is being set begins in out */
	bool blank;  /* nothing but blanks in it */
};

static void push(struct layout *l, const struct pol_format_doc *doc, int indent, bool flat)
{
	struct item i = {doc, indent, flat};

	or_buf_put(&l->todo, &i, sizeof(i));
}

static int columns(struct or_slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += (s.p[i] & 0xC0) != 0x80;
	return n < 1 << 20 ? (int)n : 1 << 20;
}

static void push_try(struct layout *l, const struct pol_format_doc *d)
{
	or_buf_put(&l->trying, &d, sizeof(d));
}

static const struct pol_format_doc *pop_try(struct layout *l)
{
	const struct pol_format_doc *d;

	memcpy(&d, l->trying.p + l->trying.n - sizeof(d), sizeof(d));
	or_buf_cut(&l->trying, l->trying.n - sizeof(d));
	return d;
}

/* Whether the document and what follows fits up to the first line's end that can be. Within it, on
 * one line, a hard line does not fit; behind it any line ends. */
static bool fits(struct layout *l, const struct pol_format_doc *doc)
{
	size_t behind = l->todo.n / sizeof(struct item);
	int col = l->col;
	bool flat = true;

	or_buf_clear(&l->trying);
	push_try(l, doc);
	while (col <= l->width && or_buf_ok(&l->trying)) {
		const struct pol_format_doc *d;

		if (l->trying.n == 0) {
			if (behind == 0)
				return true;
			flat = false;
			push_try(l, ((const struct item *)(const void *)l->todo.p)[--behind].doc);
			continue;
		}
		d = pop_try(l);
		switch (d->kind) {
		case TEXT: col += columns(d->text); break;
		case HARD: return !flat;
		case LINE:
		case LINE0:
			if (!flat)
				return true;
			col += d->kind == LINE;
			break;
		case CAT:
			push_try(l, d->right);
			push_try(l, d->left);
			break;
		case NEST:
		case GROUP: push_try(l, d->left); break;
		}
	}
	return false;
}

static void put_text(struct layout *l, struct or_slice s)
{
	or_buf_put_slice(l->out, s);
	l->col += columns(s);
	if (s.n != 1 || s.p[0] != ' ')
		l->blank = false;
}

/* Takes blanks at the line's end away, and the line too where there is nothing in it. The new one
 * is indented as what comes next says. */
static void end_line(struct layout *l, int indent)
{
	size_t next = l->todo.n / sizeof(struct item);

	if (next > 0)
		indent = ((const struct item *)(const void *)l->todo.p)[next - 1].indent;
	while (l->out->n > l->line && l->out->p[l->out->n - 1] == ' ')
		or_buf_cut(l->out, l->out->n - 1);
	if (!l->blank)
		or_buf_put_byte(l->out, '\n');
	l->line = l->out->n;
	l->blank = true;
	for (int i = 0; i < indent; i++)
		or_buf_put_byte(l->out, ' ');
	l->col = indent;
}

static void set(struct layout *l, struct item i)
{
	const struct pol_format_doc *d = i.doc;

	switch (d->kind) {
	case TEXT: put_text(l, d->text); return;
	case HARD: end_line(l, i.indent); return;
	case LINE:
	case LINE0:
		if (!i.flat)
			end_line(l, i.indent);
		else if (d->kind == LINE)
			put_text(l, pol_format_doc_space.text);
		return;
	case CAT:
		push(l, d->right, i.indent, i.flat);
		push(l, d->left, i.indent, i.flat);
		return;
	case NEST: push(l, d->left, i.indent + d->indent, i.flat); return;
	case GROUP: push(l, d->left, i.indent, i.flat || fits(l, d->left)); return;
	}
}

bool pol_format_doc_render(struct or_buf *b, const struct pol_format_doc *d, int width)
{
	struct layout l = {.out = b, .width = width, .line = b->n, .blank = true};
	bool ok;

	or_buf_init(&l.todo, STACK_MAX);
	or_buf_init(&l.trying, STACK_MAX);
	if (d)
		push(&l, d, 0, false);
	while (l.todo.n > 0 && or_buf_ok(b)) {
		struct item i;

		memcpy(&i, l.todo.p + l.todo.n - sizeof(i), sizeof(i));
		or_buf_cut(&l.todo, l.todo.n - sizeof(i));
		set(&l, i);
	}
	if (l.blank)
		or_buf_cut(b, l.line);
	ok = or_buf_ok(&l.todo) && or_buf_ok(&l.trying);
	or_buf_done(&l.todo);
	or_buf_done(&l.trying);
	return ok;
}
