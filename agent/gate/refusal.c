/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/refusal.h"

#include "agent/gate/trace.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"

#include <stdio.h>

struct kind {
	char key[OR_NET_TEXT_MAX + 64]; /* address without port, blank, reason */
	enum wire_kind kind;
	enum wire_front front;
	const char *reason;
	char peer[OR_NET_TEXT_MAX];
	uint64_t more; /* beyond the first */
};

struct ag_refusal {
	struct or_loop *loop;
	struct ag_record *record;
	struct or_map kinds;
	struct or_loop_timer *timer;
};

struct ag_refusal *ag_refusal_new(struct or_loop *loop, struct ag_record *rec)
{
	struct ag_refusal *r = or_mem_new(sizeof(*r));

	r->loop = loop;
	r->record = rec;
	or_map_init(&r->kinds, AG_REFUSAL_KINDS_MAX + 96);
	return r;
}

static enum or_code put_record(struct ag_refusal *r, struct wire_audit *record)
{
	record->front = record->front ? record->front : WIRE_FRONT_PROXY;
	record->phase = WIRE_PHASE_COMPLETE;
	record->decision = WIRE_DECISION_DENY;
	return ag_record_put(r->record, record, OR_SLICE_NONE, NULL);
}

static void put_count(struct ag_refusal *r, const struct kind *kind)
{
	struct wire_attribute count = {.key = OR_SLICE_LIT("count")};
	struct wire_audit record = {
	    .kind = kind->kind, .front = kind->front, .reason = or_slice_str(kind->reason)};
	struct ag_trace trace;
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)kind->more);
	count.value = or_slice_str(text);
	ag_trace_start(&trace);
	record.peer = or_slice_str(kind->peer);
	record.trace_id = or_slice(trace.id, sizeof(trace.id));
	record.span_id = or_slice(trace.span, sizeof(trace.span));
	record.attributes = &count;
	record.n_attributes = 1;
	if (put_record(r, &record))
		OR_LOG(OR_LOG_WARN, "gate.refusals_not_recorded",
		    or_log_text("reason", kind->reason), or_log_u64("count", kind->more));
}

static void flush(struct ag_refusal *r)
{
	struct or_map_entry *e;
	size_t at = 0;

	while ((e = or_map_next(&r->kinds, &at))) {
		struct kind *kind = e->value;

		if (kind->more)
			put_count(r, kind);
		or_mem_free(kind);
	}
	or_map_clear(&r->kinds);
}

static void on_second(void *arg)
{
	struct ag_refusal *r = arg;

	r->timer = NULL;
	flush(r);
}

void ag_refusal_free(struct ag_refusal *r)
{
	if (!r)
		return;
	or_loop_timer_cancel(r->timer);
	flush(r);
	or_map_done(&r->kinds);
	or_mem_free(r);
}

/* The address alone: a client has many ports. */
static void address_text(char out[OR_NET_TEXT_MAX], const struct or_net_addr *peer)
{
	struct or_net_addr addr = *peer;
	char *colon;

	or_net_text(out, &addr);
	colon = peer->sa.sa_family != AF_UNIX ? strrchr(out, ':') : NULL;
	if (colon)
		*colon = 0;
}

/* The entry of this second; *first where it is new. NULL: there is no room for its kind. */
static struct kind *find_kind(
    struct ag_refusal *r, const struct ag_refusal_what *what, const char *peer, bool *first)
{
	char key[sizeof(((struct kind *)NULL)->key)];
	struct kind *kind;

	snprintf(key, sizeof(key), "%s %s", peer, what->reason);
	kind = or_map_find(&r->kinds, or_slice_str(key));
	*first = kind == NULL;
	if (kind)
		return kind;
	kind = or_mem_new(sizeof(*kind));
	memcpy(kind->key, key, sizeof(key));
	kind->kind = what->kind;
	kind->front = what->front;
	kind->reason = what->reason;
	snprintf(kind->peer, sizeof(kind->peer), "%s", peer);
	if (or_map_put(&r->kinds, or_slice_str(kind->key), kind)) {
		or_mem_free(kind);
		return NULL;
	}
	if (!r->timer)
		r->timer = or_loop_timer_start(r->loop, OR_NS_PER_S, on_second, r);
	return kind;
}

enum or_code ag_refusal_note(struct ag_refusal *r, const struct ag_refusal_what *what)
{
	struct wire_audit record = {
	    .kind = what->kind, .front = what->front, .reason = or_slice_str(what->reason)};
	char peer[OR_NET_TEXT_MAX], full[OR_NET_TEXT_MAX];
	struct ag_trace trace;
	struct kind *kind;
	bool first;

	address_text(peer, what->peer);
	if (r->kinds.n >= AG_REFUSAL_KINDS_MAX)
		snprintf(peer, sizeof(peer), "*");
	kind = find_kind(r, what, peer, &first);
	if (!kind || !first) {
		if (kind)
			kind->more++;
		return OR_OK;
	}
	ag_trace_start(&trace);
	or_net_text(full, what->peer);
	record.peer = or_slice_str(full);
	record.trace_id = what->trace_id.n ? what->trace_id : or_slice(trace.id, sizeof(trace.id));
	record.span_id = what->span_id.n ? what->span_id : or_slice(trace.span, sizeof(trace.span));
	record.request.method = what->method;
	record.request.path = what->path;
	record.request.host = what->host;
	record.request.status = what->status;
	return put_record(r, &record);
}
