/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/api.h"

#include "base/http_call.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>

#define CALL_NS (120 * OR_NS_PER_S)

enum or_code ctl_api_open(
    struct ctl_api *out, struct ctl_state *s, const char *collector, struct or_err *err)
{
	const char *env = getenv("OUTRIDER_COLLECTOR"), *token_file = getenv("OUTRIDER_TOKEN_FILE");
	struct ctl_state_endpoint e;
	struct or_slice token;
	size_t n;
	enum or_code rc;

	*out = (struct ctl_api){.state = s};
	if (collector && *collector)
		out->url = collector;
	else if (env && *env)
		out->url = env;
	else if (ctl_state_endpoint(&e, s, "collector", NULL) == OR_OK && e.alive && e.url)
		out->url = e.url;
	else
		return or_err_set(err, OR_ABSENT,
		    "no collector runs in %s: start one with `outrider up`, or name one with "
		    "--collector URL",
		    s->dir);
	if (strncmp(out->url, "http://", 7) != 0)
		return or_err_set(
		    err, OR_INVAL, "the collector \"%s\": expected http://ADDRESS:PORT", out->url);
	for (n = strlen(out->url); out->url[n - 1] == '/'; n--)
		out->url = or_arena_strdup(s->arena, or_slice(out->url, n - 1));
	out->token_file =
	    token_file && *token_file ? token_file : ctl_state_path(s, "collector/admin.token");
	rc = ctl_state_read(&token, s, out->token_file, err);
	if (rc == OR_OK)
		out->token = or_arena_strdup(s->arena, token);
	else if (out->token_file == token_file)
		return or_err_wrap(err, rc, "OUTRIDER_TOKEN_FILE");
	return OR_OK;
}

/* The collector's own words: {"error", "message"}. */
static void explain(struct or_err *err, enum or_code code, const struct ctl_api *api,
    const struct or_http_call_answer *answer)
{
	struct or_arena *a = or_arena_new(OR_MIB);
	const struct or_json *j;
	struct or_slice message = OR_SLICE_NONE;

	if (answer->status == 401 || answer->status == 403)
		or_err_set(err, code,
		    "%s %s %s; OUTRIDER_TOKEN_FILE names the file of another token", api->url,
		    api->token ? "does not take the token in"
			       : "wants a token, and there is no file",
		    api->token_file ? api->token_file : "for it");
	else if (or_json_parse(&j, or_buf_slice(&answer->body), a, NULL) == OR_OK)
		message = or_json_get_str(j, "message");
	if (message.n)
		or_err_set(err, code, "%.*s", OR_SLICE_FMT(message));
	else if (answer->status != 401 && answer->status != 403)
		or_err_set(
		    err, code, "%s answered %u: is it a collector?", api->url, answer->status);
	or_arena_free(a);
}

/* Who may not ask gets no answer, which is another thing than the answer no (OR_DENIED). */
static enum or_code code_of(unsigned int status)
{
	switch (status) {
	case 401:
	case 403: return OR_CLOSED;
	case 404: return OR_ABSENT;
	case 409: return OR_EXISTS;
	case 413: return OR_FULL;
	default: return status >= 500 ? OR_BUSY : OR_PARSE;
	}
}

static enum or_code call(struct or_buf *body, const struct ctl_api *api, const char *method,
    const char *path, struct or_slice json, struct or_err *err)
{
	struct or_http_call_answer answer;
	struct or_http_field fields[2];
	struct or_buf bearer;
	struct or_http_client_req req = {.origin = api->url + strlen("http://"),
	    .method = or_slice_str(method),
	    .target = or_slice_str(path),
	    .fields = fields,
	    .body = json,
	    .replayable = true,
	    .total_ns = CALL_NS};
	enum or_code rc;

	or_buf_init(&bearer, 4096);
	if (api->token) {
		or_buf_printf(&bearer, "Bearer %s", api->token);
		fields[req.n_fields++] = (struct or_http_field){
		    .name = OR_SLICE_LIT("Authorization"), .value = or_buf_slice(&bearer)};
	}
	if (json.n)
		fields[req.n_fields++] =
		    (struct or_http_field){.name = OR_SLICE_LIT("Content-Type"),
			.value = OR_SLICE_LIT("application/json")};
	rc = or_http_call_run(&answer, &req, CTL_API_BODY_MAX, err);
	or_buf_done(&bearer);
	if (rc == OR_IO || rc == OR_CLOSED || rc == OR_TIMEOUT)
		return or_err_wrap(err, rc,
		    api->token_file
			? "the collector does not answer; does it run (outrider up), and is "
			  "--collector or OUTRIDER_COLLECTOR right?"
			: "no answer");
	if (rc)
		return rc;
	if (answer.status / 100 == 2) {
		or_buf_put_slice(body, or_buf_slice(&answer.body));
		rc = or_buf_ok(body) ? OR_OK : or_err_set(err, OR_FULL, "the answer is too large");
	} else {
		rc = code_of(answer.status);
		explain(err, rc, api, &answer);
	}
	or_http_call_done(&answer);
	return rc;
}

enum or_code ctl_api_get(
    struct or_buf *body, const struct ctl_api *api, const char *path, struct or_err *err)
{
	return call(body, api, "GET", path, OR_SLICE_NONE, err);
}

enum or_code ctl_api_post(struct or_buf *body, const struct ctl_api *api, const char *path,
    struct or_slice json, struct or_err *err)
{
	return call(body, api, "POST", path, json, err);
}

enum or_code ctl_api_get_json(
    const struct or_json **out, const struct ctl_api *api, const char *path, struct or_err *err)
{
	struct or_buf body;
	enum or_code rc;

	or_buf_init(&body, CTL_API_BODY_MAX);
	rc = ctl_api_get(&body, api, path, err);
	if (rc == OR_OK) {
		rc = or_json_parse(out, or_buf_slice(&body), api->state->arena, err);
		if (rc)
			or_err_wrap(err, rc, "the answer to %s", path);
	}
	or_buf_done(&body);
	return rc;
}

void ctl_api_escape(struct or_buf *to, struct or_slice text)
{
	static const char unreserved[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] && strchr(unreserved, text.p[i]))
			or_buf_put_byte(to, text.p[i]);
		else
			or_buf_printf(to, "%%%02X", text.p[i]);
	}
}
