/* SPDX-License-Identifier: Apache-2.0 */
#include "product/diag.h"

#include <stdarg.h>
#include <stdio.h>

#define TEXT_MAX 400

void dp_diag_init(struct dp_diags *d, const char *file, struct or_arena *arena)
{
	memset(d, 0, sizeof(*d));
	d->file = file;
	d->arena = arena;
}

static const char *keep(struct dp_diags *d, const char *text)
{
	const char *copy = or_arena_strdup(d->arena, or_slice_str(text));

	return copy ? copy : "(no memory left for the message)";
}

OR_PRINTF(5, 0)
static void add(struct dp_diags *d, bool warning, const struct or_json *at, const char *path,
    const char *fmt, va_list ap)
{
	char text[TEXT_MAX];

	if (warning)
		d->n_warnings++;
	else
		d->n_errors++;
	if (d->n == DP_DIAG_MAX) {
		d->shed++;
		return;
	}
	vsnprintf(text, sizeof(text), fmt, ap);
	d->list[d->n++] = (struct dp_diag){
	    .warning = warning,
	    .line = at ? at->line : 0,
	    .path = keep(d, path),
	    .text = keep(d, text),
	};
}

void dp_diag_error(
    struct dp_diags *d, const struct or_json *at, const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, false, at, path, fmt, ap);
	va_end(ap);
}

void dp_diag_warn(
    struct dp_diags *d, const struct or_json *at, const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, true, at, path, fmt, ap);
	va_end(ap);
}

static void print_one(struct or_buf *out, const struct dp_diags *d, const struct dp_diag *one)
{
	or_buf_put_str(out, d->file);
	if (one->line)
		or_buf_printf(out, ":%u", one->line);
	or_buf_put_str(out, one->warning ? ": warning: " : ": ");
	if (one->path[0]) {
		or_buf_put_str(out, one->path);
		or_buf_put_str(out, ": ");
	}
	or_buf_put_str(out, one->text);
}

void dp_diag_print(struct or_buf *out, const struct dp_diags *d)
{
	for (size_t i = 0; i < d->n; i++) {
		print_one(out, d, &d->list[i]);
		or_buf_put_byte(out, '\n');
	}
	if (d->shed)
		or_buf_printf(out, "%s: %zu more\n", d->file, d->shed);
}

enum or_code dp_diag_result(const struct dp_diags *d, struct or_err *err)
{
	struct or_buf text;

	if (d->n_errors == 0)
		return OR_OK;
	or_buf_init(&text, OR_ERR_MSG_MAX * 4);
	for (size_t i = 0; i < d->n; i++) {
		if (d->list[i].warning)
			continue;
		print_one(&text, d, &d->list[i]);
		break;
	}
	if (d->n_errors > 1)
		or_buf_printf(&text, " (and %zu more)", d->n_errors - 1);
	or_err_set(err, OR_INVAL, "%s", or_buf_text(&text));
	or_buf_done(&text);
	return OR_INVAL;
}
