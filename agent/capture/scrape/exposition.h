/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Prometheus exporter answers, as families of samples.
 *
 * Two formats: the text format 0.0.4, read as leniently as Prometheus does (blanks, comments, empty
 * lines, any order), and OpenMetrics 1.0, of which every MUST that a reader can see is asked for:
 * order and grouping of families, suffixes and values by type, buckets, exemplars, the final # EOF.
 * An error names the line and what would be right; nothing is kept of a text that has one.
 *
 * Pure; any thread. Families live in the arena, and slices point into the arena or the text.
 * Limits: the arena's budget (OR_FULL), AG_EXPOSITION_LABELS_MAX labels a sample.
 * Standards: OpenMetrics 1.0 (draft-richih-opsawg-openmetrics-00); the text format 0.0.4.
 */
#ifndef AGENT_CAPTURE_SCRAPE_EXPOSITION_H
#define AGENT_CAPTURE_SCRAPE_EXPOSITION_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define AG_EXPOSITION_LABELS_MAX 128

enum ag_exposition_format { AG_EXPOSITION_TEXT, AG_EXPOSITION_OPENMETRICS };

enum ag_exposition_type {
	AG_EXPOSITION_UNKNOWN,
	AG_EXPOSITION_GAUGE,
	AG_EXPOSITION_COUNTER,
	AG_EXPOSITION_STATESET,
	AG_EXPOSITION_INFO,
	AG_EXPOSITION_HISTOGRAM,
	AG_EXPOSITION_GAUGEHISTOGRAM,
	AG_EXPOSITION_SUMMARY,
	AG_EXPOSITION_TYPES,
};

/* What stands behind the family's name in a sample's. */
enum ag_exposition_suffix {
	AG_EXPOSITION_PLAIN,
	AG_EXPOSITION_TOTAL,
	AG_EXPOSITION_CREATED,
	AG_EXPOSITION_INFO_SUFFIX,
	AG_EXPOSITION_BUCKET,
	AG_EXPOSITION_COUNT,
	AG_EXPOSITION_SUM,
	AG_EXPOSITION_GCOUNT,
	AG_EXPOSITION_GSUM,
};

struct ag_exposition_label {
	struct or_slice name, value;
};

struct ag_exposition_labels {
	const struct ag_exposition_label *items; /* in the order of the text; names differ */
	size_t n;
};

/* A value with the time that the exporter gave, if it did. */
struct ag_exposition_point {
	double value;
	int64_t time_ns; /* unix time, clamped to what fits */
	bool has_time;
};

struct ag_exposition_exemplar {
	struct ag_exposition_labels labels;
	struct ag_exposition_point point;
};

struct ag_exposition_sample {
	struct ag_exposition_sample *next;
	enum ag_exposition_suffix suffix;
	struct ag_exposition_labels labels;
	struct ag_exposition_point point;
	const struct ag_exposition_exemplar *exemplar; /* NULL: none */
	unsigned int line;
};

struct ag_exposition_family {
	struct ag_exposition_family *next;
	struct or_slice name, help, unit;
	enum ag_exposition_type type;
	struct ag_exposition_sample *samples; /* in the order of the text */
	size_t n_samples;
};

struct ag_exposition {
	struct ag_exposition_family *families; /* in the order of the text */
	size_t n_families, n_samples;
};

/* OR_PARSE: "line 7: …". OR_FULL: the arena's budget. */
OR_NODISCARD enum or_code ag_exposition_parse(struct ag_exposition *out, struct or_slice text,
    enum ag_exposition_format format, struct or_arena *a, struct or_err *err);

/* The format that a Content-Type names; what is not OpenMetrics is taken for text. */
enum ag_exposition_format ag_exposition_format_of(struct or_slice content_type);

/* Puts a slice with its length in front: several of them make a key that no others make. */
void ag_exposition_put_piece(struct or_buf *key, struct or_slice s);

/* The value of a label, or an empty slice. */
struct or_slice ag_exposition_label(const struct ag_exposition_labels *labels, const char *name);

/* A number as both formats write it: decimal, or inf, infinity and nan in any case. OR_PARSE. */
OR_NODISCARD enum or_code ag_exposition_number(double *out, struct or_slice text);

#endif
