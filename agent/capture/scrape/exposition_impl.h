/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the exposition reader share; nobody else includes it.
 *
 *	exposition.c         lines to families
 *	exposition_line.c    the inside of a line: names, labels, numbers, exemplars
 *	exposition_rules.c   what OpenMetrics asks of the samples of a family
 */
#ifndef AGENT_CAPTURE_SCRAPE_EXPOSITION_IMPL_H
#define AGENT_CAPTURE_SCRAPE_EXPOSITION_IMPL_H

#include "agent/capture/scrape/exposition.h"
#include "base/buf.h"
#include "base/map.h"

/* One line, read from its front. */
struct line {
	struct or_slice rest;
	bool is_strict; /* OpenMetrics */
	unsigned int number;
	struct or_arena *arena;
	struct or_err *err;
};

struct sample_line {
	struct or_slice name;
	struct ag_exposition_sample *sample; /* its suffix is not known yet */
};

/* The samples of one metric at one time, while a family is read (OpenMetrics). */
struct group {
	struct or_slice key; /* its labels; in the arena */
	bool is_open, has_time;
	int64_t time_ns;
	/* Of histograms. */
	bool has_bucket, has_count, has_sum, is_negative_sum, has_negative_bound;
	double bound, in_bucket, count;
	unsigned int line;
};

struct rules {
	struct or_map groups; /* keys of the family that is read */
	struct or_map series; /* of the group: names with all labels */
	struct or_buf key;
	struct group group;
	struct or_arena *arena;
};

/* "line 7: " and what is wrong; OR_PARSE. */
OR_NODISCARD enum or_code ag_exposition_line_fail(const struct line *l, const char *fmt, ...)
    OR_PRINTF(2, 3);
/* The name at the front: [a-zA-Z_:][a-zA-Z0-9_:]*; empty where there is none. */
struct or_slice ag_exposition_line_name(struct line *l);
/* What separates two words: one blank (OpenMetrics), or blanks and tabs. False: nothing does. */
bool ag_exposition_line_gap(struct line *l);
/* As ag_exposition_number. */
OR_NODISCARD enum or_code ag_exposition_line_number(double *out, struct or_slice text);
/* Help text without its escapes. */
OR_NODISCARD enum or_code ag_exposition_line_help(struct or_slice *out, struct line *l);
OR_NODISCARD enum or_code ag_exposition_line_sample(struct sample_line *out, struct line *l);

void ag_exposition_rules_init(struct rules *r, struct or_arena *a);
void ag_exposition_rules_done(struct rules *r);
/* A sample of the family, in order. *is_repeated: the series is there with the same time. */
OR_NODISCARD enum or_code ag_exposition_rules_sample(struct rules *r, const struct line *l,
    const struct ag_exposition_family *family, const struct ag_exposition_sample *sample,
    bool *is_repeated);
/* The family is complete. */
OR_NODISCARD enum or_code ag_exposition_rules_end(
    struct rules *r, const struct line *l, const struct ag_exposition_family *family);

#endif
