/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fetch.h"

#include "tests/support/support.h"

#include <stdio.h>

enum { ANSWER_MAX = 64 * 1024 * 1024 };

struct waiting {
	struct support_answer *answer;
	bool done;
};

static void on_answer(void *arg, const struct or_http_client_answer *a)
{
	struct waiting *w = arg;

	if (a->err)
		fail_msg("no answer: %s", a->err->msg);
	w->answer->status = a->status;
	snprintf(w->answer->type, sizeof(w->answer->type), "%.*s",
	    OR_SLICE_FMT(or_http_msg_get(a->msg, "Content-Type")));
	or_buf_put_slice(&w->answer->body, a->body);
	w->done = true;
}

void support_fetch(struct support_answer *answer, struct or_loop *loop,
    struct or_http_client *client, const struct or_http_client_req *req)
{
	struct waiting w = {.answer = answer};
	struct or_http_client_call *call;
	struct or_err err;

	or_buf_done(&answer->body);
	or_buf_init(&answer->body, ANSWER_MAX);
	ASSERT_OK(or_http_client_fetch(&call, client, req, ANSWER_MAX, on_answer, &w, &err), &err);
	while (!w.done)
		or_loop_turn(loop, false);
}

void support_answer_done(struct support_answer *answer)
{
	or_buf_done(&answer->body);
}
