/* SPDX-License-Identifier: Apache-2.0 */
#include "base/jsonw.h"
#include "collector/api/api_impl.h"

#include <stdarg.h>
#include <stdio.h>

#define JSON "application/json"

void co_reply_count(struct co_api *api, unsigned int status)
{
	or_metric_add(api->m.answers[status / 100 % 6], 1);
}

void co_reply_json(struct co_api_call *call, unsigned int status, const struct or_buf *body)
{
	if (!or_buf_ok(body)) {
		co_reply_error(call, 500, "too_large", "the answer does not fit its limit");
		return;
	}
	co_reply_count(call->api, status);
	or_http_req_respond(call->req, status, JSON, or_buf_slice(body));
}

/* extra: one more field, or an empty name. */
static void put_error(struct co_api_call *call, unsigned int status, const char *code,
    const char *message, struct or_http_field extra)
{
	struct or_http_field fields[3] = {{OR_SLICE_LIT("Content-Type"), OR_SLICE_LIT(JSON)}};
	struct or_jsonw w;
	struct or_buf body;
	size_t n = 1;

	or_buf_init(&body, 8 * OR_ERR_MSG_MAX);
	or_jsonw_init(&w, &body, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "error", code);
	or_jsonw_kv_text(&w, "message", message);
	or_jsonw_end(&w);
	or_buf_put_byte(&body, '\n');
	if (status == 401)
		fields[n++] = (struct or_http_field){
		    OR_SLICE_LIT("WWW-Authenticate"), OR_SLICE_LIT("Bearer")};
	if (status == 429 || status == 503)
		fields[n++] =
		    (struct or_http_field){OR_SLICE_LIT("Retry-After"), OR_SLICE_LIT("1")};
	if (extra.name.n)
		fields[n++] = extra;
	co_reply_count(call->api, status);
	or_http_req_respond_with(call->req, status, fields, n, or_buf_slice(&body));
	or_buf_done(&body);
}

void co_reply_error(
    struct co_api_call *call, unsigned int status, const char *code, const char *fmt, ...)
{
	char message[OR_ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	put_error(call, status, code, message, (struct or_http_field){.name = OR_SLICE_NONE});
}

void co_reply_not_allowed(struct co_api_call *call, const char *use, const char *allow)
{
	char message[OR_ERR_MSG_MAX];

	snprintf(message, sizeof(message), "use %s here", use);
	put_error(call, 405, "method_not_allowed", message,
	    (struct or_http_field){OR_SLICE_LIT("Allow"), or_slice_str(allow)});
}
