/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/reload.h"

#include "base/mem.h"
#include "base/str.h"

enum { NAMES_MAX = 4096, STARTED = 0, RELOADED, REFUSED, STATES };

static const char *const states[STATES] = {"started", "reloaded", "refused"};

struct ag_reload {
	struct ag_reload_opt opt;
	struct or_arena *arena; /* of what is in force since the last success; NULL: the start's */
	int state;
	int64_t since_ns;
	struct or_err error;
	struct or_buf left; /* keys that wait for a restart */
	struct or_metric_counter *counts[STATES];
};

static double read_valid(void *arg)
{
	return ((const struct ag_reload *)arg)->state != REFUSED;
}

struct ag_reload *ag_reload_new(const struct ag_reload_opt *opt)
{
	struct ag_reload *r = or_mem_new(sizeof(*r));

	r->opt = *opt;
	r->since_ns = or_loop_wall_ns(opt->loop);
	or_buf_init(&r->left, NAMES_MAX);
	for (int i = RELOADED; i < STATES; i++) {
		const struct or_metric_label labels[] = {{"result", states[i]}, {NULL, NULL}};

		r->counts[i] = or_metric_counter_get(opt->metrics, "outrider_config_reloads_total",
		    "Times that the configuration was read again.", labels);
	}
	or_metric_gauge_read(opt->metrics, "outrider_config_valid",
	    "0 while the configuration as it was read last is refused, and an older one in force.",
	    NULL, read_valid, r);
	return r;
}

void ag_reload_free(struct ag_reload *r)
{
	if (!r)
		return;
	or_buf_done(&r->left);
	or_arena_free(r->arena);
	or_mem_free(r);
}

static void enter(struct ag_reload *r, int state)
{
	r->state = state;
	r->since_ns = or_loop_wall_ns(r->opt.loop);
	or_metric_add(r->counts[state], 1);
}

static void take(
    struct ag_reload *r, const struct ag_config *merged, struct or_arena *a, struct or_slice taken)
{
	*r->opt.config = *merged;
	or_arena_free(r->arena);
	r->arena = a;
	r->error = (struct or_err){0};
	enter(r, RELOADED);
	OR_LOG(OR_LOG_INFO, "config.reloaded", or_log_str("changed", taken),
	    or_log_str("needs_restart", or_buf_slice(&r->left)));
}

void ag_reload_run(struct ag_reload *r)
{
	struct or_arena *a = or_arena_new(16 * OR_MIB);
	struct ag_config next, merged;
	struct or_opt_seen seen;
	const char *from;
	struct or_buf taken, left;
	struct or_err err = {0};
	enum or_code rc = ag_config_load(&next, &seen, r->opt.argc, r->opt.argv, a, &err);

	or_buf_init(&taken, NAMES_MAX);
	or_buf_init(&left, NAMES_MAX);
	if (rc == OR_OK) {
		ag_config_merge(&merged, r->opt.config, &next, &taken, &left);
		rc = r->opt.apply(r->opt.arg, &merged, &err);
		from = rc ? ag_config_origin(&seen, err.msg) : NULL;
		if (from)
			or_err_wrap(&err, rc, "%s", from);
	}
	if (rc) {
		r->error = err;
		enter(r, REFUSED);
		OR_LOG(OR_LOG_ERROR, "config.refused", or_log_err(&err));
		or_arena_free(a);
	} else {
		or_buf_clear(&r->left);
		or_buf_put_slice(&r->left, or_buf_slice(&left));
		take(r, &merged, a, or_buf_slice(&taken));
	}
	or_buf_done(&taken);
	or_buf_done(&left);
}

void ag_reload_put_status(const struct ag_reload *r, struct or_jsonw *w)
{
	uint8_t text[64];
	struct or_buf since = {.p = text, .cap = sizeof(text), .max = sizeof(text) - 1};

	or_str_time(&since, r->since_ns);
	or_jsonw_key(w, "config");
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "state", states[r->state]);
	or_jsonw_kv_str(w, "since", or_buf_slice(&since));
	if (r->error.code)
		or_jsonw_kv_text(w, "error", r->error.msg);
	if (r->left.n)
		or_jsonw_kv_str(w, "needs_restart", or_buf_slice(&r->left));
	or_jsonw_end(w);
}
