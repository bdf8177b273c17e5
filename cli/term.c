/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/term.h"

#include "base/str.h"
#include "cli/args.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { COLS_MAX = 16, CELL_WIDTH_MAX = 60 };

bool ctl_term_is_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	const char *force = getenv("CLICOLOR_FORCE");

	if (no && *no)
		return false;
	if (force && *force && strcmp(force, "0") != 0)
		return true;
	return isatty(STDOUT_FILENO) && !(term && strcmp(term, "dumb") == 0);
}

static const char *code_of(enum ctl_term_style style)
{
	switch (style) {
	case CTL_TERM_PLAIN: return "";
	case CTL_TERM_BOLD: return "\033[1m";
	case CTL_TERM_DIM: return "\033[2m";
	case CTL_TERM_GOOD: return "\033[32m";
	case CTL_TERM_BAD: return "\033[31m";
	case CTL_TERM_WARN: return "\033[33m";
	}
	return "";
}

/* Records hold what clients sent: an escape sequence must not reach the terminal. */
static void put_clean(struct or_slice s, bool breaks)
{
	uint32_t cp;

	for (size_t i = 0; i < s.n;) {
		size_t n = or_str_utf8_decode(&cp, or_slice_from(s, i));
		bool layout = breaks && (cp == '\n' || cp == '\t');

		if (n == 0 || (or_str_is_control(cp) && !layout))
			fputs("\xEF\xBF\xBD", stdout);
		else
			fwrite(s.p + i, 1, n, stdout);
		i += n ? n : 1;
	}
}

static void put(enum ctl_term_style style, struct or_slice text, bool breaks)
{
	bool colour = style != CTL_TERM_PLAIN && ctl_term_is_colour();

	if (colour)
		fputs(code_of(style), stdout);
	put_clean(text, breaks);
	if (colour)
		fputs("\033[0m", stdout);
}

void ctl_term_put(enum ctl_term_style style, struct or_slice text)
{
	put(style, text, true);
}

void ctl_term_value(enum ctl_term_style style, struct or_slice text)
{
	put(style, text, false);
}

void ctl_term_printf(enum ctl_term_style style, const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	OR_ASSERT(n >= 0);
	ctl_term_put(style, or_slice_str(text));
}

int ctl_term_fail(const char *verb, const struct or_err *err)
{
	fflush(stdout);
	fprintf(stderr, "outrider %s: %s\n", verb, err->msg);
	switch (err->code) {
	case OR_PARSE:
	case OR_INVAL: return CTL_EXIT_USAGE;
	case OR_DENIED:
	case OR_CORRUPT:
	case OR_STALE: return CTL_EXIT_NO;
	case OR_OK:
	case OR_FULL:
	case OR_ABSENT:
	case OR_EXISTS:
	case OR_IO:
	case OR_BUSY:
	case OR_TIMEOUT:
	case OR_CLOSED:
	case OR_UNSUPPORTED:
	case OR_AGAIN: break;
	}
	return CTL_EXIT_UNKNOWN;
}

/* Columns on a screen: characters, not bytes. */
static size_t width_of(struct or_slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += (s.p[i] & 0xC0) != 0x80;
	return n;
}

static void put_cell(enum ctl_term_style style, struct or_slice cell, size_t width, bool last)
{
	size_t n = width_of(cell);

	ctl_term_value(style, cell);
	if (!last)
		printf("%*s", (int)(n < width ? width - n + 2 : 2), "");
}

void ctl_term_table(const char *const *head, size_t n_cols, const struct or_slice *cells,
    size_t n_rows, ctl_term_style_fn *style_of)
{
	size_t width[COLS_MAX];

	OR_ASSERT(n_cols > 0 && n_cols <= COLS_MAX);
	for (size_t c = 0; c < n_cols; c++) {
		width[c] = strlen(head[c]);
		for (size_t r = 0; r < n_rows; r++) {
			size_t n = width_of(cells[r * n_cols + c]);

			if (n > width[c])
				width[c] = n < CELL_WIDTH_MAX ? n : CELL_WIDTH_MAX;
		}
	}
	for (size_t c = 0; c < n_cols; c++)
		put_cell(CTL_TERM_BOLD, or_slice_str(head[c]), width[c], c + 1 == n_cols);
	putchar('\n');
	for (size_t r = 0; r < n_rows; r++) {
		for (size_t c = 0; c < n_cols; c++) {
			struct or_slice cell = cells[r * n_cols + c];

			put_cell(style_of ? style_of(c, cell) : CTL_TERM_PLAIN, cell, width[c],
			    c + 1 == n_cols);
		}
		putchar('\n');
	}
}
