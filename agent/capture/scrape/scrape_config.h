/* SPDX-License-Identifier: Apache-2.0 */
/* A target as its configuration has it. Pure; everything lives in the arena but the rules, which
 * are the caller's to free. */
#ifndef AGENT_CAPTURE_SCRAPE_SCRAPE_CONFIG_H
#define AGENT_CAPTURE_SCRAPE_SCRAPE_CONFIG_H

#include "agent/capture/scrape/relabel.h"
#include "base/net.h"

struct ag_scrape_config {
	char origin[OR_NET_TEXT_MAX];
	struct or_slice path; /* with its query; "/metrics" where the URL has none */
	struct or_slice url, job;
	int64_t interval_ns, timeout_ns;
	uint64_t body_max;
	struct wire_otlp_metric_attribute *labels; /* with room for more behind them */
	size_t n_labels;
	struct ag_relabel *relabel; /* NULL: none */
};

/* Attributes that may be added behind labels. */
enum { AG_SCRAPE_CONFIG_SPARE = 4 };

/* OR_INVAL, OR_UNSUPPORTED. */
OR_NODISCARD enum or_code ag_scrape_config_read(struct ag_scrape_config *out,
    const struct or_json *target, const char *product, struct or_arena *a, struct or_err *err);

#endif
