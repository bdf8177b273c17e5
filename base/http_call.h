/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request, blocking, for programs without a loop of their own (the CLI, tools, tests).
 * Thread: any that runs no loop. Everything of base/http_client.h holds.
 */
#ifndef BASE_HTTP_CALL_H
#define BASE_HTTP_CALL_H

#include "base/buf.h"
#include "base/http_client.h"

struct or_http_call_answer {
	unsigned int status;
	char type[128]; /* Content-Type, "" where absent or longer */
	struct or_buf body;
};

/* On success *out is the caller's (or_http_call_done). max: bytes of content. */
OR_NODISCARD enum or_code or_http_call_run(struct or_http_call_answer *out,
    const struct or_http_client_req *req, size_t max, struct or_err *err);
void or_http_call_done(struct or_http_call_answer *answer);

/* Waits until the server answers anything at all, up to timeout_ns. OR_TIMEOUT: it did not. */
OR_NODISCARD enum or_code or_http_call_wait(
    const struct or_http_client_req *req, int64_t timeout_ns, struct or_err *err);

#endif
