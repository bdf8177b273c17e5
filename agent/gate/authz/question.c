/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/authz/question.h"

#include "agent/gate/ask.h"

#define FIELD(name, value) ((struct or_http_field){OR_SLICE_LIT(name), (value)})

void ag_question_split(struct or_slice *path, struct or_slice *query, struct or_slice target)
{
	const uint8_t *mark = target.n ? memchr(target.p, '?', target.n) : NULL;

	*path = target;
	*query = OR_SLICE_NONE;
	if (!mark)
		return;
	path->n = (size_t)(mark - target.p);
	*query = or_slice(mark + 1, target.n - path->n - 1);
}

void ag_question_put(struct ag_question *q, struct ag_asked_call *call,
    const struct or_http_msg *msg, struct or_slice path, struct or_slice query, const char *why)
{
	struct or_slice target = OR_SLICE_NONE;
	bool changed = false;

	q->ask.cannot_filter = true;
	q->ask.token = ag_ask_token(msg);
	q->ask.grant = ag_ask_grant(msg);
	q->status = why ? 400 : 403;
	if (!why)
		why = ag_ask_target(&q->ask, &target, &changed, path, query,
		    ag_asked_scratch(call->asked), call->arena);
	if (!why && !ag_ask_purpose(&q->ask.purpose, msg))
		why = "purpose";
	if (!why && changed)
		why = "path_not_canonical";
	if (!why) {
		ag_asked_decide(&q->decision, call, &q->ask);
		q->status = ag_asked_status(q->decision.verdict);
	} else if (!ag_asked_refuse(call, &q->ask, why, q->status)) {
		q->status = 503;
	}
}

unsigned int ag_question_status(const struct ag_question *q, bool durable)
{
	if (!durable && !(q->status == 200 && q->decision.result.audit_full_allows))
		return 503;
	return q->status;
}

static size_t allowed_fields(struct or_http_field *fields, const struct ag_question *q)
{
	struct or_slice who = q->decision.result.record.principal.id;
	size_t n = 0;

	if (q->decision.id[0])
		fields[n++] = FIELD("X-Outrider-Decision-Id", or_slice_str(q->decision.id));
	if (or_http_msg_is_value(who))
		fields[n++] = FIELD("X-Outrider-Principal", who);
	return n;
}

size_t ag_question_fields(struct or_http_field fields[AG_QUESTION_FIELDS_MAX], const char **error,
    const struct ag_question *q, unsigned int status)
{
	switch (status) {
	case 200: *error = NULL; return allowed_fields(fields, q);
	case 400: *error = "bad_request"; return 0;
	case 401:
		*error = "unauthorized";
		fields[0] = FIELD("WWW-Authenticate",
		    q->ask.token.p ? OR_SLICE_LIT("Bearer error=\"invalid_token\"")
				   : OR_SLICE_LIT("Bearer"));
		return 1;
	case 403:
		*error = "forbidden";
		fields[0] = FIELD("X-Outrider-Decision-Id", or_slice_str(q->decision.id));
		return q->decision.id[0] ? 1 : 0;
	default:
		*error = "unavailable";
		fields[0] = FIELD("Retry-After", OR_SLICE_LIT("5"));
		return 1;
	}
}
