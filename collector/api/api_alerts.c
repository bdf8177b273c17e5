/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/api/api_impl.h"

#define NAME(name) "outrider_collector_" name

static void set_count(struct co_api *api, const char *name, const char *help, uint64_t value)
{
	or_metric_counter_get(api->metrics, name, help, NULL)->value = value;
}

static void set_alerts(struct co_api *api, const char *state, size_t n)
{
	const struct or_metric_label labels[] = {{"state", state}, {NULL, NULL}};

	or_metric_set(or_metric_gauge_get(api->metrics, NAME("alerts"), "Alerts by state.", labels),
	    (double)n);
}

static void set_notices(struct co_api *api, const char *result, uint64_t n)
{
	const struct or_metric_label labels[] = {{"result", result}, {NULL, NULL}};

	or_metric_counter_get(
	    api->metrics, NAME("notices_total"), "Attempts to tell a receiver.", labels)
	    ->value = n;
}

void co_api_alerts_gather(struct co_api *api)
{
	struct co_alert_stats s;

	co_alert_stats(&s, api->alert);
	set_alerts(api, "pending", s.state.pending);
	set_alerts(api, "firing", s.state.firing);
	set_notices(api, "taken", s.notify.taken);
	set_notices(api, "failed", s.notify.failed);
	set_notices(api, "refused", s.notify.refused);
	set_count(api, NAME("alert_matches_total"), "Records that passed the filter of a rule.",
	    s.state.matched);
	set_count(api, NAME("alert_overflow_total"),
	    "Records that no alert could be made of for want of room.", s.state.overflow);
	or_metric_set(or_metric_gauge_get(api->metrics, NAME("alert_behind_leaves"),
			  "Leaves that no rule has seen yet.", NULL),
	    (double)s.behind);
}

void co_api_alerts_get(struct co_api_call *call)
{
	struct or_buf body;

	if (!call->api->alert) {
		co_reply_error(call, 404, "no_rules",
		    "this collector has no alert rules; start it with --alert.rules FILE");
		return;
	}
	or_buf_init(&body, CO_ALERT_JSON_MAX);
	co_alert_json_put(&body, call->api->alert);
	co_reply_json(call, 200, &body);
	or_buf_done(&body);
}
