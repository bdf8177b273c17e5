/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy/policy_ask.h"

#include "base/jsonw.h"
#include "base/str.h"
#include "cli/policy/input.h"
#include "policy/conform.h"
#include "policy/entities_json.h"
#include "policy/uid_parse.h"

/* A part of a document as Cedar's JSON reader takes it: from text. */
static enum or_code to_text(struct or_slice *out, struct or_arena *a, const struct or_json *j)
{
	struct or_buf b;
	struct or_jsonw w;

	or_buf_init(&b, CTL_INPUT_MAX);
	or_jsonw_init(&w, &b, 0);
	or_jsonw_tree(&w, j);
	*out = or_arena_dup(a, or_buf_slice(&b));
	or_buf_done(&b);
	return out->p ? OR_OK : OR_FULL;
}

static enum or_code read_uid(
    struct pol_uid *out, struct or_arena *a, struct or_slice text, bool action, struct or_err *err)
{
	/* A bare word has neither quotes nor colons. */
	if (action && text.n && !memchr(text.p, '"', text.n) && !memchr(text.p, ':', text.n)) {
		*out = pol_uid_make(OR_SLICE_LIT("Action"), text);
		return OR_OK;
	}
	return pol_uid_parse(out, a, text, err);
}

static enum or_code read_entity(struct pol_uid *out, struct or_arena *a, const struct or_json *j,
    const char *key, struct or_err *err)
{
	const struct or_json *value = or_json_get(j, key);
	struct or_slice type = or_json_get_str(value, "type"), id = or_json_get_str(value, "id");

	if (!value)
		return or_err_set(err, OR_INVAL, "%s is missing", key);
	if (value->type == OR_JSON_STR)
		return read_uid(out, a, value->s, strcmp(key, "action") == 0, err);
	if (!type.p || !id.p)
		return or_err_set(err, OR_INVAL,
		    "%s: expected \"User::\\\"alice\\\"\", or {\"type\": …, \"id\": …}", key);
	*out = pol_uid_make(type, id);
	return OR_OK;
}

static enum or_code read_context(struct ctl_policy_ask *ask, struct ctl_policy_world *w,
    struct or_slice text, struct or_err *err)
{
	const struct pol_source src = {.file = "<context>", .text = text};
	const struct or_json *j = NULL;
	struct pol_diags diags;
	enum or_code rc;

	pol_diag_init(&diags);
	rc = pol_json_parse(&j, &src, w->arena, &diags);
	if (rc == OR_OK)
		rc = pol_entities_json_context(&ask->req.context, w->arena, &src, j, w->schema,
		    w->schema ? &ask->req.action : NULL, &diags);
	if (rc)
		pol_diag_err(err, &diags, rc);
	pol_diag_done(&diags);
	return rc;
}

static enum or_code read_own_entities(struct ctl_policy_ask *ask, struct ctl_policy_world *w,
    const struct or_json *j, struct or_err *err)
{
	struct pol_entities *own = NULL;
	struct or_slice text;
	enum or_code rc = to_text(&text, w->arena, j);

	if (rc == OR_OK)
		rc = pol_entities_json_parse(&own, "<entities>", text, w->schema, NULL, err);
	if (rc == OR_OK)
		rc = ctl_policy_world_merge(&ask->entities, own, w->entities, err);
	pol_entities_free(own);
	return rc;
}

enum or_code ctl_policy_ask_json(struct ctl_policy_ask *out, struct ctl_policy_world *w,
    const struct or_json *j, const char *where, bool need_resource, struct or_err *err)
{
	struct ctl_policy_ask ask = {.req = {.on_forbid_error = POL_FORBID_ERROR_DENY}};
	const struct or_json *context = or_json_get(j, "context");
	const struct or_json *entities = or_json_get(j, "entities");
	struct or_slice text;
	enum or_code rc = read_entity(&ask.req.principal, w->arena, j, "principal", err);

	if (rc == OR_OK)
		rc = read_entity(&ask.req.action, w->arena, j, "action", err);
	if (rc == OR_OK && (need_resource || or_json_get(j, "resource")))
		rc = read_entity(&ask.req.resource, w->arena, j, "resource", err);
	if (rc == OR_OK && context) {
		rc = to_text(&text, w->arena, context);
		if (rc == OR_OK)
			rc = read_context(&ask, w, text, err);
	}
	if (rc == OR_OK && entities)
		rc = read_own_entities(&ask, w, entities, err);
	if (rc)
		return or_err_wrap(err, rc, "%s", where);
	*out = ask;
	return OR_OK;
}

void ctl_policy_ask_done(struct ctl_policy_ask *ask)
{
	pol_entities_free(ask->entities);
	ask->entities = NULL;
}

static enum or_code set_mode(
    struct ctl_policy_ask *ask, const struct ctl_policy_ask_opt *opt, struct or_err *err)
{
	const char *mode = opt->forbid_error ? opt->forbid_error : "deny";

	if (strcmp(mode, "deny") != 0 && strcmp(mode, "skip") != 0)
		return or_err_set(
		    err, OR_INVAL, "--on-forbid-error %s: expected deny or skip", mode);
	ask->req.on_forbid_error =
	    strcmp(mode, "deny") == 0 ? POL_FORBID_ERROR_DENY : POL_FORBID_ERROR_SKIP;
	return OR_OK;
}

static enum or_code read_request_file(struct ctl_policy_ask *out, struct ctl_policy_world *w,
    const char *path, bool need_resource, struct or_err *err)
{
	const struct or_json *j = NULL;
	struct or_slice text;
	enum or_code rc = ctl_policy_world_read(&text, w->arena, path, err);

	if (rc == OR_OK) {
		rc = or_json_parse(&j, text, w->arena, err);
		if (rc)
			or_err_wrap(err, rc, "%s", ctl_input_name(path));
	}
	return rc ? rc : ctl_policy_ask_json(out, w, j, ctl_input_name(path), need_resource, err);
}

static enum or_code read_flag(struct pol_uid *out, struct or_arena *a, const char *flag,
    const char *value, bool action, struct or_err *err)
{
	enum or_code rc;

	if (!value)
		return or_err_set(err, OR_INVAL, "--%s (or --request) is needed", flag);
	rc = read_uid(out, a, or_slice_str(value), action, err);
	return rc ? or_err_wrap(err, rc, "--%s", flag) : OR_OK;
}

static enum or_code read_parts(struct ctl_policy_ask *ask, struct ctl_policy_world *w,
    const struct ctl_policy_ask_opt *opt, bool need_resource, struct or_err *err)
{
	struct or_slice text = or_slice_str(opt->context);
	enum or_code rc =
	    read_flag(&ask->req.principal, w->arena, "principal", opt->principal, false, err);

	if (rc == OR_OK)
		rc = read_flag(&ask->req.action, w->arena, "action", opt->action, true, err);
	if (rc == OR_OK && (need_resource || opt->resource))
		rc = read_flag(&ask->req.resource, w->arena, "resource", opt->resource, false, err);
	if (rc == OR_OK && text.n && text.p[0] == '@')
		rc = ctl_policy_world_read(&text, w->arena, opt->context + 1, err);
	if (rc == OR_OK && text.n)
		rc = read_context(ask, w, text, err);
	return rc;
}

enum or_code ctl_policy_ask_flags(struct ctl_policy_ask *out, struct ctl_policy_world *w,
    const struct ctl_policy_ask_opt *opt, bool need_resource, struct or_err *err)
{
	struct ctl_policy_ask ask = {.req = {.on_forbid_error = POL_FORBID_ERROR_DENY}};
	bool parts = opt->principal || opt->action || opt->resource || opt->context;
	enum or_code rc;

	if (opt->request && parts)
		return or_err_set(
		    err, OR_INVAL, "--request holds the whole request; no flag adds to it");
	rc = opt->request ? read_request_file(&ask, w, opt->request, need_resource, err)
			  : read_parts(&ask, w, opt, need_resource, err);
	if (rc == OR_OK)
		rc = set_mode(&ask, opt, err);
	if (rc)
		ctl_policy_ask_done(&ask);
	else
		*out = ask;
	return rc;
}

void ctl_policy_ask_begin(struct ctl_policy_world *w, const struct ctl_policy_ask *ask)
{
	const struct pol_entities *bases[] = {ask->entities ? ask->entities : w->entities};

	pol_ctx_begin(w->ctx, bases, 1);
}

enum or_code ctl_policy_ask_decide(struct ctl_policy_answer *out, struct ctl_policy_world *w,
    const struct ctl_policy_ask *ask, struct or_err *err)
{
	struct ctl_policy_answer answer = {0};
	struct or_err why = {0};
	enum or_code rc = OR_OK;

	if (w->schema)
		rc = pol_conform_request(w->schema, &ask->req, err);
	if (rc)
		return rc;
	ctl_policy_ask_begin(w, ask);
	rc = pol_authorize_request(&answer.d, w->ctx, w->sets, 1, &ask->req);
	if (rc)
		return or_err_set(err, rc, "the request needs more memory than its budget");
	answer.allow = answer.d.allow;
	if (pol_mask_resolve(&answer.masks, pol_ctx_arena(w->ctx), &answer.d, &why)) {
		answer.allow = false;
		answer.mask_error = or_arena_strdup(w->arena, or_slice_str(why.msg));
	}
	*out = answer;
	return OR_OK;
}
