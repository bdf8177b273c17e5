/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with a text, as a compiler says it: file, line, column, the line and a caret.
 *
 * A list keeps the first POL_DIAG_MAX; those beyond are counted. It owns copies of all it shows,
 * so that the source may go. Columns count code points from 1. Thread: whoever owns the list.
 */
#ifndef POLICY_DIAG_H
#define POLICY_DIAG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "policy/finding.h"

#define POL_DIAG_MAX 20

struct pol_diag {
	const char *file;
	uint32_t line;
	uint32_t col;
	uint32_t width; /* code points under the caret, at least 1 */
	bool warning;
	enum pol_finding finding;
	const char *msg;
	const char *help;     /* or NULL */
	struct or_slice text; /* the line, or the part of a long one around col */
	uint32_t text_col;    /* where in text the caret goes, from 0, in code points */
};

struct pol_diags {
	struct or_arena *arena;
	size_t n;       /* kept in items */
	size_t errors;  /* all errors, warnings not counted */
	size_t dropped; /* not kept */
	struct pol_diag items[POL_DIAG_MAX];
};

void pol_diag_init(struct pol_diags *d);
void pol_diag_done(struct pol_diags *d);

/* What a position refers to; borrowed. Where the text is a part of a file, before bytes of it lie
 * in front of text.p: lines and columns are the file's. */
struct pol_source {
	const char *file;
	struct or_slice text;
	uint32_t before;
};

/* Adds an error at n bytes from offset `at` of the source. d may be NULL; help too. */
void pol_diag_add(struct pol_diags *d, const struct pol_source *src, size_t at, size_t n,
    const char *help, const char *fmt, ...) OR_PRINTF(6, 7);
void pol_diag_warn(struct pol_diags *d, const struct pol_source *src, size_t at, size_t n,
    const char *fmt, ...) OR_PRINTF(5, 6);

/* Adds what validation found; its class says whether it is a warning. */
void pol_diag_find(struct pol_diags *d, const struct pol_source *src, size_t at, size_t n,
    enum pol_finding finding, const char *fmt, ...) OR_PRINTF(6, 7);

/* Every diagnostic (a finding with its class behind the message):
 *   orders.cedar:3:17: error: expected `)`, found `&&`
 *       3 | permit (principal && action)
 *         |                   ^~
 */
void pol_diag_print(struct or_buf *b, const struct pol_diags *d);

/* The first error (and how many follow) as the message of *err; returns code. */
enum or_code pol_diag_err(struct or_err *err, const struct pol_diags *d, enum or_code code);

#endif
