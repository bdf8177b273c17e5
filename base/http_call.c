/* SPDX-License-Identifier: Apache-2.0 */
#include "base/http_call.h"

#include <stdio.h>

#define RETRY_NS   (20 * OR_NS_PER_MS)
#define ANSWER_MAX (64U * 1024)

struct run {
	struct or_loop *loop;
	struct or_http_call_answer *out;
	struct or_err *err;
	enum or_code rc;
};

static void on_answer(void *arg, const struct or_http_client_answer *answer)
{
	struct run *run = arg;
	struct or_slice type;

	or_loop_stop(run->loop);
	if (answer->err) {
		run->rc = answer->err->code;
		if (run->err)
			*run->err = *answer->err;
		return;
	}
	type = or_http_msg_get(answer->msg, "Content-Type");
	run->rc = OR_OK;
	run->out->status = answer->status;
	run->out->type[0] = 0;
	if (type.n < sizeof(run->out->type))
		snprintf(run->out->type, sizeof(run->out->type), "%.*s", OR_SLICE_FMT(type));
	or_buf_init(&run->out->body, answer->body.n ? answer->body.n : 1);
	or_buf_put_slice(&run->out->body, answer->body);
}

enum or_code or_http_call_run(struct or_http_call_answer *out, const struct or_http_client_req *req,
    size_t max, struct or_err *err)
{
	struct run run = {.out = out, .err = err};
	struct or_http_client_call *call;
	struct or_http_client *client;

	run.rc = or_loop_new(&run.loop, NULL, err);
	if (run.rc)
		return run.rc;
	client = or_http_client_new(run.loop, NULL);
	run.rc = or_http_client_fetch(&call, client, req, max, on_answer, &run, err);
	if (!run.rc)
		or_loop_run(run.loop);
	or_http_client_free(client);
	or_loop_free(run.loop);
	return run.rc;
}

void or_http_call_done(struct or_http_call_answer *answer)
{
	or_buf_done(&answer->body);
}

static void on_pause_end(void *arg)
{
	or_loop_stop(arg);
}

static enum or_code pause_for(int64_t ns, struct or_err *err)
{
	struct or_loop *loop;
	enum or_code rc = or_loop_new(&loop, NULL, err);

	if (rc)
		return rc;
	or_loop_timer_start(loop, ns, on_pause_end, loop);
	or_loop_run(loop);
	or_loop_free(loop);
	return OR_OK;
}

enum or_code or_http_call_wait(
    const struct or_http_client_req *req, int64_t timeout_ns, struct or_err *err)
{
	for (int64_t waited = 0;; waited += RETRY_NS) {
		struct or_http_call_answer answer;
		enum or_code rc = or_http_call_run(&answer, req, ANSWER_MAX, err);

		if (!rc) {
			or_http_call_done(&answer);
			return OR_OK;
		}
		if (rc != OR_IO && rc != OR_CLOSED)
			return rc;
		if (waited >= timeout_ns)
			return or_err_wrap(err, OR_TIMEOUT, "no server came up");
		rc = pause_for(RETRY_NS, err);
		if (rc)
			return rc;
	}
}
