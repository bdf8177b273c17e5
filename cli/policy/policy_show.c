/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy/policy_show.h"

#include "cli/term.h"

#include <stdio.h>

enum { TEXT_MAX = 256 * 1024 };

static void put_policy(const struct pol_policy *p)
{
	ctl_term_value(CTL_TERM_BOLD, p->id);
	ctl_term_printf(CTL_TERM_DIM, "  %s:%u\n", p->file, p->line);
}

static const char *why_denied(const struct ctl_policy_answer *answer)
{
	if (answer->mask_error)
		return "a mask cannot be carried out";
	if (answer->d.n_reasons)
		return "by a forbid";
	return answer->d.by_error ? "a forbid erred" : "no permit is satisfied";
}

void ctl_policy_show_masks(const struct pol_masks *masks)
{
	for (size_t i = 0; i < masks->n; i++) {
		struct or_buf b;

		or_buf_init(&b, TEXT_MAX);
		pol_mask_print(&b, &masks->items[i]);
		ctl_term_put(CTL_TERM_PLAIN, OR_SLICE_LIT("  mask  "));
		ctl_term_value(CTL_TERM_WARN, or_buf_slice(&b));
		ctl_term_put(CTL_TERM_DIM, OR_SLICE_LIT("  by "));
		ctl_term_value(CTL_TERM_DIM, masks->items[i].policy->id);
		putchar('\n');
		or_buf_done(&b);
	}
}

void ctl_policy_show_answer(const struct ctl_policy_answer *answer)
{
	const struct pol_decision *d = &answer->d;

	if (answer->allow) {
		ctl_term_printf(CTL_TERM_GOOD, "allow\n");
	} else {
		ctl_term_printf(CTL_TERM_BAD, "deny");
		ctl_term_printf(CTL_TERM_PLAIN, ": %s\n", why_denied(answer));
	}
	for (size_t i = 0; i < d->n_reasons; i++) {
		ctl_term_put(CTL_TERM_PLAIN, OR_SLICE_LIT("  by    "));
		put_policy(d->reasons[i]);
	}
	ctl_policy_show_masks(&answer->masks);
	for (size_t i = 0; i < d->n_errors; i++) {
		ctl_term_put(CTL_TERM_WARN, OR_SLICE_LIT("  error "));
		ctl_term_value(CTL_TERM_BOLD, d->errors[i].policy->id);
		ctl_term_put(CTL_TERM_PLAIN, OR_SLICE_LIT(": "));
		ctl_term_value(CTL_TERM_PLAIN, or_slice_str(d->errors[i].msg));
		putchar('\n');
	}
	if (answer->mask_error) {
		ctl_term_put(CTL_TERM_WARN, OR_SLICE_LIT("  error "));
		ctl_term_value(CTL_TERM_PLAIN, or_slice_str(answer->mask_error));
		putchar('\n');
	}
}

static void show_part(const struct pol_explain_part *part)
{
	static const char *const words[] = {"holds  ", "fails  ", "errs   ", "untried"};
	static const enum ctl_term_style styles[] = {
	    CTL_TERM_GOOD, CTL_TERM_BAD, CTL_TERM_WARN, CTL_TERM_DIM};

	/* A scope that asks for nothing says nothing. */
	if (!part->text.n)
		return;
	ctl_term_printf(styles[part->outcome], "    %s ", words[part->outcome]);
	if (strcmp(part->kind, "when") == 0 || strcmp(part->kind, "unless") == 0)
		ctl_term_printf(CTL_TERM_DIM, "%s ", part->kind);
	ctl_term_value(CTL_TERM_PLAIN, part->text);
	putchar('\n');
	if (part->because.n) {
		ctl_term_printf(CTL_TERM_DIM, "            settled by ");
		ctl_term_value(CTL_TERM_BOLD, part->because);
		putchar('\n');
	}
	if (part->error)
		ctl_term_printf(CTL_TERM_WARN, "            %s\n", part->error);
	for (size_t i = 0; i < part->n_values; i++) {
		const struct pol_explain_value *v = &part->values[i];

		ctl_term_put(CTL_TERM_PLAIN, OR_SLICE_LIT("            "));
		ctl_term_value(CTL_TERM_PLAIN, v->term);
		ctl_term_put(CTL_TERM_DIM, v->error ? OR_SLICE_LIT(": ") : OR_SLICE_LIT(" = "));
		ctl_term_value(v->error ? CTL_TERM_WARN : CTL_TERM_PLAIN, v->value);
		putchar('\n');
	}
}

void ctl_policy_show_explain(const struct pol_explain *e)
{
	static const char *const heads[] = {"it was settled by", "this erred", "what came closest"};
	int last = -1;

	for (size_t i = 0; i < e->n_policies; i++) {
		const struct pol_explain_policy *p = &e->policies[i];

		if ((int)p->role != last)
			ctl_term_printf(CTL_TERM_PLAIN, "\n%s:\n", heads[p->role]);
		last = (int)p->role;
		ctl_term_printf(CTL_TERM_PLAIN, "  %s ", p->policy->forbid ? "forbid" : "permit");
		put_policy(p->policy);
		for (size_t k = 0; k < p->n_parts; k++)
			show_part(&p->parts[k]);
	}
}

void ctl_policy_show_masks_json(struct or_jsonw *w, const struct pol_masks *masks)
{
	or_jsonw_key(w, "masks");
	or_jsonw_array(w);
	for (size_t i = 0; i < masks->n; i++) {
		const struct pol_mask *m = &masks->items[i];
		struct or_buf b;

		or_buf_init(&b, TEXT_MAX);
		pol_mask_print_kind(&b, m);
		or_jsonw_object(w);
		or_jsonw_kv_str(w, "column", m->column);
		or_jsonw_kv_str(w, "kind", or_buf_slice(&b));
		if (m->kind == POL_MASK_CONSTANT)
			or_jsonw_kv_str(w, "constant", m->constant);
		or_jsonw_kv_str(w, "policy", m->policy->id);
		or_jsonw_end(w);
		or_buf_done(&b);
	}
	or_jsonw_end(w);
}

void ctl_policy_show_json(struct or_jsonw *w, const struct ctl_policy_answer *answer)
{
	const struct pol_decision *d = &answer->d;

	or_jsonw_kv_text(w, "decision", answer->allow ? "allow" : "deny");
	or_jsonw_key(w, "reasons");
	or_jsonw_array(w);
	for (size_t i = 0; i < d->n_reasons; i++)
		or_jsonw_str(w, d->reasons[i]->id);
	or_jsonw_end(w);
	or_jsonw_key(w, "errors");
	or_jsonw_array(w);
	for (size_t i = 0; i < d->n_errors; i++) {
		or_jsonw_object(w);
		or_jsonw_kv_str(w, "policy", d->errors[i].policy->id);
		or_jsonw_kv_text(w, "message", d->errors[i].msg);
		or_jsonw_end(w);
	}
	or_jsonw_end(w);
	ctl_policy_show_masks_json(w, &answer->masks);
	if (answer->mask_error)
		or_jsonw_kv_text(w, "mask_error", answer->mask_error);
}

struct or_slice ctl_policy_show_uid(struct or_arena *a, const struct pol_uid *uid)
{
	struct or_slice s;
	struct or_buf b;

	or_buf_init(&b, TEXT_MAX);
	pol_uid_print(&b, uid);
	s = or_arena_dup(a, or_buf_slice(&b));
	or_buf_done(&b);
	return s;
}
