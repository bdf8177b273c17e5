/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A proxy's question, whichever dialect it is in: what is asked of the decision core, what becomes
 * of it, and by which fields that is told. So HTTP and gRPC cannot differ.
 *
 * A path that is not canonical is refused (403), for the proxy passes on the one that it has. An
 * allow that owes a mask or a row filter is denied: no answer passes here.
 * Thread: the loop's. A question lies in its request's arena.
 */
#ifndef AGENT_GATE_AUTHZ_QUESTION_H
#define AGENT_GATE_AUTHZ_QUESTION_H

#include "agent/gate/asked.h"

#define AG_QUESTION_FIELDS_MAX 2

struct ag_question {
	struct ag_decide_ask ask;
	struct ag_asked_decision decision;
	unsigned int status; /* what is answered where nothing is decided */
};

/*
 * Decides, or records why not. The dialect has filled q->ask's front, method, host, client_ip and
 * peer; msg has the client's fields; why: the question is none (400), NULL: it is one. path and
 * query are the client's own.
 */
void ag_question_put(struct ag_question *q, struct ag_asked_call *call,
    const struct or_http_msg *msg, struct or_slice path, struct or_slice query, const char *why);

/* 200, 400, 401, 403 or 503. durable: what is recorded is on the disk, as far as it must be. */
unsigned int ag_question_status(const struct ag_question *q, bool durable);

/* The fields that tell it besides: who was allowed, or what to do now; how many. *error: the name
 * for the body, NULL with 200. */
size_t ag_question_fields(struct or_http_field fields[AG_QUESTION_FIELDS_MAX], const char **error,
    const struct ag_question *q, unsigned int status);

/* "/path?query" in two; query.p NULL: there is none. */
void ag_question_split(struct or_slice *path, struct or_slice *query, struct or_slice target);

#endif
