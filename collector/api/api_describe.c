/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/openapi.json */
#include "collector/api/api_impl.h"
#include "collector/api/openapi.h"

#define DOCUMENT_MAX (256UL * 1024)

void co_api_describe_get(struct co_api_call *call)
{
	struct or_buf body;
	struct or_jsonw w;

	or_buf_init(&body, DOCUMENT_MAX);
	or_jsonw_init(&w, &body, 2);
	co_openapi_put(&w);
	or_buf_put_byte(&body, '\n');
	co_reply_json(call, 200, &body);
	or_buf_done(&body);
}
