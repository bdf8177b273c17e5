/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the CLI speaks: colour on a terminal and none in a pipe (NO_COLOR, CLICOLOR_FORCE and
 * TERM=dumb are heard),
 * aligned tables, and text from elsewhere made harmless (control characters shown as U+FFFD).
 */
#ifndef CLI_TERM_H
#define CLI_TERM_H

#include "base/buf.h"
#include "base/err.h"

enum ctl_term_style {
	CTL_TERM_PLAIN,
	CTL_TERM_BOLD,
	CTL_TERM_DIM,
	CTL_TERM_GOOD, /* green */
	CTL_TERM_BAD,  /* red */
	CTL_TERM_WARN, /* yellow */
};

/* True where stdout is a terminal that wants colour. */
bool ctl_term_is_colour(void);

/* To stdout; cleans the text of control characters (line breaks stay). */
void ctl_term_put(enum ctl_term_style style, struct or_slice text);
/* The same for one value from elsewhere, whose line breaks would look like lines of ours. */
void ctl_term_value(enum ctl_term_style style, struct or_slice text);
/* At most 4,095 bytes; longer text goes through ctl_term_put. */
void ctl_term_printf(enum ctl_term_style style, const char *fmt, ...) OR_PRINTF(2, 3);

/* "outrider VERB: message" on stderr; returns the exit code that fits the error: 2 for a misspelt
 * input, 1 for a refusal, 3 for what could not be answered. */
int ctl_term_fail(const char *verb, const struct or_err *err);

/* A table: rows of n_cols cells each, put together in cells; the last column is not padded.
 * style_of may be NULL; it picks a cell's style. */
typedef enum ctl_term_style ctl_term_style_fn(size_t col, struct or_slice cell);
void ctl_term_table(const char *const *head, size_t n_cols, const struct or_slice *cells,
    size_t n_rows, ctl_term_style_fn *style_of);

#endif
