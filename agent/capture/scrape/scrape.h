/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scraping: what exporters near the workload tell is fetched, and taken as OTLP metrics.
 *
 * Targets are a list of maps: url (required), job (default: the product), interval (15s), timeout
 * (10s, at most the interval), labels (attributes of the resource), body_size_limit (4MiB) and
 * metric_relabel_configs (relabel.h). A target is asked for OpenMetrics or text; the answer's
 * Content-Type says what it is. Each scrape adds the gauges up, scrape_duration_seconds and
 * scrape_samples_scraped. A failed one makes the target's series stale, and is logged when it
 * begins and when it is over. The resource has service.name (the job), service.instance.id,
 * server.address and server.port.
 *
 * Thread: the loop's. Borrows loop, client and registry; the configuration is read at the start.
 * Limits: TARGETS_MAX targets; a request of at most REQUEST_ENOUGH bytes and one point more.
 */
#ifndef AGENT_CAPTURE_SCRAPE_SCRAPE_H
#define AGENT_CAPTURE_SCRAPE_SCRAPE_H

#include "base/http_client.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/metric.h"

struct ag_scrape;

/* An ExportMetricsServiceRequest with so many points; borrowed. What it does not take is lost. */
typedef enum or_code ag_scrape_take_fn(void *arg, struct or_slice request, uint64_t points);

struct ag_scrape_opt {
	struct or_loop *loop;
	struct or_http_client *client;
	const struct or_json *targets; /* NULL: none */
	const char *product;
	struct or_metric_registry *registry;
	ag_scrape_take_fn *take;
	void *arg;
	size_t request_max; /* bytes that take can take */
};

/* OR_INVAL, OR_UNSUPPORTED: which target, and what is wrong with it. */
OR_NODISCARD enum or_code ag_scrape_new(
    struct ag_scrape **out, const struct ag_scrape_opt *opt, struct or_err *err);
/* NULL does nothing. */
void ag_scrape_free(struct ag_scrape *s);

/* Puts the member "scrape", a list with the state of each target, into the object that is open. */
void ag_scrape_put_status(const struct ag_scrape *s, struct or_jsonw *w);

#endif
