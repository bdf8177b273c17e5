/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/decide_inside.h"
#include "policy/grant.h"

enum { LIST_MAX = 4096 };

/* -- policies that do not count yet -- */

/* "deny: a, b": what would be, and the policies in their trial that say so. */
static struct or_slice say(
    struct ag_decide_case *r, const char *what, const struct pol_decision *d, enum pol_mode mode)
{
	struct or_slice text;
	struct or_buf b;
	size_t n = 0;

	or_buf_init(&b, LIST_MAX);
	or_buf_put_str(&b, what);
	for (size_t i = 0; i < d->n_reasons; i++) {
		if (d->reasons[i]->mode == mode)
			or_buf_printf(
			    &b, "%s%.*s", n++ ? ", " : ": ", OR_SLICE_FMT(d->reasons[i]->id));
	}
	for (size_t i = 0; i < d->n_errors; i++) {
		if (d->errors[i].policy->mode == mode)
			or_buf_printf(&b, "%s%.*s (error)", n++ ? ", " : ": ",
			    OR_SLICE_FMT(d->errors[i].policy->id));
	}
	text = or_buf_ok(&b) ? or_arena_dup(r->a, or_buf_slice(&b)) : or_slice_str(what);
	or_buf_done(&b);
	return text;
}

static enum or_code try_shadow(struct ag_decide_case *r, const struct pol_set *set,
    const struct pol_request *request, const struct pol_decision *enforced)
{
	struct pol_request req = *request;
	struct pol_decision d;

	req.skip = 1U << POL_MODE_OBSERVE;
	if (pol_authorize_request(&d, r->d->ctx, &set, 1, &req))
		return OR_FULL;
	if (d.allow == enforced->allow)
		return OR_OK;
	ag_decide_note(r, "shadow", say(r, d.allow ? "allow" : "deny", &d, POL_MODE_SHADOW));
	/* What was allowed passes; the record tells it from those that go on passing. */
	if (r->out->verdict == AG_DECIDE_ALLOW && !d.allow)
		r->out->record.decision = WIRE_DECISION_WOULD_DENY;
	return OR_OK;
}

static enum or_code try_observe(
    struct ag_decide_case *r, const struct pol_set *set, const struct pol_request *request)
{
	struct pol_request req = *request;
	struct pol_decision d;

	req.skip = (1U << POL_MODE_ENFORCE) | (1U << POL_MODE_SHADOW);
	if (pol_authorize_request(&d, r->d->ctx, &set, 1, &req))
		return OR_FULL;
	if (d.n_reasons || d.n_errors)
		ag_decide_note(
		    r, "observe", say(r, d.allow ? "permit" : "forbid", &d, POL_MODE_OBSERVE));
	return OR_OK;
}

enum or_code ag_decide_mode_try(struct ag_decide_case *r, const struct pol_set *set,
    const struct pol_request *request, const struct pol_decision *enforced)
{
	unsigned int modes = pol_set_modes(set);
	enum or_code rc = OR_OK;

	if (modes & (1U << POL_MODE_SHADOW))
		rc = try_shadow(r, set, request, enforced);
	if (rc == OR_OK && modes & (1U << POL_MODE_OBSERVE))
		rc = try_observe(r, set, request);
	return rc;
}

/* -- break-glass -- */

static void use_grant(struct ag_decide_case *r)
{
	const struct ag_decide_opt *opt = &r->d->opt;
	struct wire_audit *rec = &r->out->record;
	struct pol_grant_use use = {.product = opt->folder->product->id,
	    .agent = or_slice_str(opt->agent_id),
	    .principal = rec->principal.id,
	    .action = rec->action,
	    .now_s = r->ask->now_ns / OR_NS_PER_S};
	struct pol_grant g;
	enum pol_grant_fault fault =
	    pol_grant_check(&g, r->ask->grant, opt->grant_keys, opt->n_grant_keys, &use, r->a);

	if (fault == POL_GRANT_FINE || fault >= POL_GRANT_EXPIRED) {
		ag_decide_note(r, "break_glass", g.id);
		ag_decide_note(r, "break_glass_reason", g.reason);
	}
	if (fault != POL_GRANT_FINE) {
		ag_decide_note(r, "break_glass_refused", or_slice_str(pol_grant_fault_name(fault)));
		return;
	}
	ag_decide_note(r, "break_glass_over", or_slice_str(r->out->reason));
	ag_decide_conclude(r, AG_DECIDE_ALLOW, "break_glass");
}

/* -- the product's mode -- */

static enum dp_mode mode_of(const struct ag_decide_case *r)
{
	return dp_product_setting(r->d->opt.folder->product, r->out->port).mode;
}

bool ag_decide_mode_observes(const struct ag_decide_case *r)
{
	return !r->ask->rows && mode_of(r) == DP_MODE_OBSERVE;
}

/* What was owed is told; in its trial nothing is done to the answer. */
static void note_owed(struct ag_decide_case *r)
{
	struct wire_audit *rec = &r->out->record;
	struct or_buf b;

	if (!rec->n_obligations)
		return;
	or_buf_init(&b, LIST_MAX);
	for (size_t i = 0; i < rec->n_obligations; i++)
		or_buf_printf(&b, "%s%.*s", i ? ", " : "", OR_SLICE_FMT(rec->obligations[i]));
	ag_decide_note(r, "owed",
	    or_buf_ok(&b) ? or_arena_dup(r->a, or_buf_slice(&b)) : OR_SLICE_LIT("too many"));
	or_buf_done(&b);
	rec->n_obligations = 0;
}

static void pass_in_shadow(struct ag_decide_case *r)
{
	struct ag_decide_result *out = r->out;

	if (out->verdict != AG_DECIDE_ALLOW)
		out->record.decision = WIRE_DECISION_WOULD_DENY;
	out->verdict = AG_DECIDE_ALLOW;
	out->filter = NULL;
	note_owed(r);
}

void ag_decide_mode_settle(struct ag_decide_case *r)
{
	enum dp_mode mode = mode_of(r);

	if (r->ask->rows)
		return;
	if (r->ask->grant.n && r->by_policy && r->out->verdict != AG_DECIDE_ALLOW)
		use_grant(r);
	if (mode == DP_MODE_SHADOW)
		pass_in_shadow(r);
	if (mode != DP_MODE_OBSERVE)
		return;
	if (r->out->unproven)
		ag_decide_note(r, "identity", or_slice_str(r->out->reason));
	ag_decide_conclude(r, AG_DECIDE_ALLOW, "observed");
}
