/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus's metric_relabel_configs, as far as they choose and rename labels.
 *
 * Actions: keep, drop, replace, labeldrop, labelkeep, lowercase, uppercase, with source_labels,
 * separator, regex, target_label and replacement ($1 to $9, ${1}), and Prometheus's defaults. The
 * label
 * __name__ is the metric's name, which can be looked at and not changed. le and quantile are what a
 * point consists of and are not seen. regex is a POSIX extended one, anchored at both ends.
 * Thread: one at a time. Limits: 64 rules; values of 4 KiB (longer ones are cut).
 */
#ifndef AGENT_CAPTURE_SCRAPE_RELABEL_H
#define AGENT_CAPTURE_SCRAPE_RELABEL_H

#include "base/arena.h"
#include "base/json.h"
#include "proto/otlp_metric.h"

struct ag_relabel;

/* rules: a list of maps, or NULL. OR_INVAL: which rule, and what is wrong with it. */
OR_NODISCARD enum or_code ag_relabel_new(
    struct ag_relabel **out, const struct or_json *rules, struct or_err *err);
/* NULL does nothing. */
void ag_relabel_free(struct ag_relabel *r);

struct ag_relabel_labels {
	struct wire_otlp_metric_attribute *items;
	size_t n, max; /* room of items; a label beyond it is not added */
};

/* Changes labels in place; new values live in the arena. False: the point is dropped. */
bool ag_relabel_apply(const struct ag_relabel *r, struct or_slice name,
    struct ag_relabel_labels *labels, struct or_arena *a);

#endif
