/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/diag.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>

enum { ARENA_MAX = 64 * 1024, MSG_MAX = 400, LINE_MAX_BYTES = 160, CONTEXT_BYTES = 100 };

void pol_diag_init(struct pol_diags *d)
{
	memset(d, 0, sizeof(*d));
	d->arena = or_arena_new(ARENA_MAX);
}

void pol_diag_done(struct pol_diags *d)
{
	or_arena_free(d->arena);
	memset(d, 0, sizeof(*d));
}

static uint32_t count_points(struct or_slice s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += (s.p[i] & 0xC0) != 0x80;
	return n;
}

/* Moves i towards the start until a code point begins there. */
static size_t to_boundary(struct or_slice s, size_t i)
{
	while (i > 0 && i < s.n && (s.p[i] & 0xC0) == 0x80)
		i--;
	return i;
}

static void locate(
    struct pol_diag *g, struct or_arena *a, struct or_slice text, size_t at, size_t n)
{
	size_t start = 0, end, from, cut;

	at = to_boundary(text, at < text.n ? at : text.n);
	g->line = 1;
	for (size_t i = 0; i < at; i++) {
		if (text.p[i] == '\n') {
			g->line++;
			start = i + 1;
		}
	}
	end = or_str_find(text, '\n', start);
	if (end > start && text.p[end - 1] == '\r' && end - 1 >= at)
		end--;
	if (n > end - at)
		n = end - at;
	g->col = count_points(or_slice(text.p + start, at - start)) + 1;
	g->width = n ? count_points(or_slice(text.p + at, n)) : 1;
	from = at - start > CONTEXT_BYTES ? to_boundary(text, at - CONTEXT_BYTES) : start;
	cut = end - from > LINE_MAX_BYTES ? to_boundary(text, from + LINE_MAX_BYTES) : end;
	g->text = or_arena_dup(a, or_slice(text.p + from, cut - from));
	g->text_col = count_points(or_slice(text.p + from, at - from));
}

static void add(struct pol_diags *d, const struct pol_source *src, size_t at, size_t n,
    enum pol_finding finding, bool warning, const char *help, const char *msg)
{
	struct pol_diag g = {.warning = warning, .finding = finding};

	d->errors += !warning;
	if (d->n == POL_DIAG_MAX) {
		d->dropped++;
		return;
	}
	g.file = or_arena_strdup(d->arena, or_slice_str(src->file));
	g.msg = or_arena_strdup(d->arena, or_slice_str(msg));
	g.help = help ? or_arena_strdup(d->arena, or_slice_str(help)) : NULL;
	locate(&g, d->arena, or_slice(src->text.p - src->before, src->text.n + src->before),
	    at + src->before, n);
	if (!g.file || !g.msg || !g.text.p)
		d->dropped++;
	else
		d->items[d->n++] = g;
}

void pol_diag_add(struct pol_diags *d, const struct pol_source *src, size_t at, size_t n,
    const char *help, const char *fmt, ...)
{
	char msg[MSG_MAX];
	va_list ap;

	if (!d)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	add(d, src, at, n, POL_FINDING_NONE, false, help, msg);
}

void pol_diag_warn(
    struct pol_diags *d, const struct pol_source *src, size_t at, size_t n, const char *fmt, ...)
{
	char msg[MSG_MAX];
	va_list ap;

	if (!d)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	add(d, src, at, n, POL_FINDING_NONE, true, NULL, msg);
}

void pol_diag_find(struct pol_diags *d, const struct pol_source *src, size_t at, size_t n,
    enum pol_finding finding, const char *fmt, ...)
{
	char msg[MSG_MAX];
	va_list ap;

	if (!d)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	add(d, src, at, n, finding, finding >= POL_FINDING_WARNINGS, NULL, msg);
}

/* The caret's line: tabs stay tabs, so that it stands right at any tab width. */
static void print_caret(struct or_buf *b, const struct pol_diag *g)
{
	uint32_t seen = 0, left;

	or_buf_put_str(b, "      | ");
	for (size_t i = 0; i < g->text.n && seen < g->text_col; i++) {
		if ((g->text.p[i] & 0xC0) == 0x80)
			continue;
		or_buf_put_byte(b, g->text.p[i] == '\t' ? '\t' : ' ');
		seen++;
	}
	or_buf_put_byte(b, '^');
	left = count_points(g->text);
	left = left > g->text_col ? left - g->text_col : 1;
	for (uint32_t i = 1; i < g->width && i < left; i++)
		or_buf_put_byte(b, '~');
	or_buf_put_byte(b, '\n');
}

static void print_one(struct or_buf *b, const struct pol_diag *g)
{
	const char *class = pol_finding_name(g->finding);

	or_buf_printf(b, "%s:%u:%u: %s: %s%s%s%s\n", g->file, g->line, g->col,
	    g->warning ? "warning" : "error", g->msg, class ? " [" : "", class ? class : "",
	    class ? "]" : "");
	or_buf_printf(b, "%5u | ", g->line);
	or_buf_put_slice(b, g->text);
	or_buf_put_byte(b, '\n');
	print_caret(b, g);
	if (g->help)
		or_buf_printf(b, "      = help: %s\n", g->help);
}

void pol_diag_print(struct or_buf *b, const struct pol_diags *d)
{
	for (size_t i = 0; i < d->n; i++)
		print_one(b, &d->items[i]);
	if (d->dropped)
		or_buf_printf(b, "and %zu more\n", d->dropped);
}

enum or_code pol_diag_err(struct or_err *err, const struct pol_diags *d, enum or_code code)
{
	const struct pol_diag *first = NULL;
	struct or_buf b;

	for (size_t i = 0; i < d->n && !first; i++)
		first = d->items[i].warning ? NULL : &d->items[i];
	if (!first)
		return or_err_set(err, code, "no memory left to say what is wrong");
	or_buf_init(&b, OR_ERR_MSG_MAX * 4);
	print_one(&b, first);
	if (b.n && b.p[b.n - 1] == '\n')
		or_buf_cut(&b, b.n - 1);
	if (d->errors > 1)
		or_buf_printf(&b, "\n(%zu errors in all)", d->errors);
	or_err_set(err, code, "%s", or_buf_text(&b));
	or_buf_done(&b);
	return code;
}
