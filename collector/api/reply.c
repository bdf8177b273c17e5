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

void co_reply_error(
    struct co_api_call *call, unsigned int status, const char *code, const char *fmt, ...)
{
	struct or_http_field fields[2] = {{OR_SLICE_LIT("Content-Type"), OR_SLICE_LIT(JSON)}};
	size_t n = 1;
	char message[OR_ERR_MSG_MAX];
	struct or_jsonw w;
	struct or_buf body;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
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
	co_reply_count(call->api, status);
	or_http_req_respond_with(call->req, status, fields, n, or_buf_slice(&body));
	or_buf_done(&body);
}
