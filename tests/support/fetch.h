/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request from a test whose server runs on the same loop: turns the loop until it is
 * answered. A request that fails without an answer fails the test.
 */
#ifndef TESTS_SUPPORT_FETCH_H
#define TESTS_SUPPORT_FETCH_H

#include "base/buf.h"
#include "base/http_client.h"

struct support_answer {
	unsigned int status;
	char type[64]; /* Content-Type */
	struct or_buf body;
};

/* answer: all zero, or of an earlier call (its body is replaced). */
void support_fetch(struct support_answer *answer, struct or_loop *loop,
    struct or_http_client *client, const struct or_http_client_req *req);
void support_answer_done(struct support_answer *answer);

#endif
