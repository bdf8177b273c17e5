/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/announce/announce.h"

#include "agent/folder.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "base/watch.h"
#include "proto/frame.h"
#include "proto/root.h"

#include <limits.h>
#include <stdio.h>

enum { ARENA_MAX = 64 * 1024 * 1024, ANSWER_MAX = 64 * 1024 };

#define RETRY_MIN_NS (500 * OR_NS_PER_MS)
#define RETRY_MAX_NS (60 * OR_NS_PER_S)
#define CALL_NS      (15 * OR_NS_PER_S)

struct ag_announce {
	struct or_loop *loop;
	struct ag_announce_opt opt;
	char stream[WIRE_AUDIT_STREAM_MAX + 1];
	uint64_t epoch, seq; /* of the frames that this process signed */
	struct or_buf document;
	uint8_t sha256[OR_CRYPTO_HASH_LEN];
	char version[128]; /* the descriptor's */
	struct or_watch *watch;
	struct or_loop_timer *timer;
	struct or_http_client_call *call;
	struct or_buf sending, frame; /* of the request in flight */
	int64_t retry_ns;
	enum ag_announce_state state;
	struct or_err error;
};

static void attempt(void *arg);

static void schedule(struct ag_announce *a, int64_t after_ns)
{
	or_loop_timer_cancel(a->timer);
	a->timer = or_loop_timer_start(a->loop, after_ns, attempt, a);
}

/* ---- the document */

/* *changed: it differs from the one before. */
static enum or_code read_document(struct ag_announce *a, bool *changed, struct or_err *err)
{
	struct or_arena *arena = or_arena_new(ARENA_MAX);
	uint8_t sha256[OR_CRYPTO_HASH_LEN];
	struct dp_folder folder;
	struct or_buf text;
	enum or_code rc = ag_folder_read(&folder, a->opt.descriptor, arena, err);

	or_buf_init(&text, DP_DOCUMENT_MAX);
	if (!rc && !or_slice_is(folder.product->id, a->opt.product))
		rc = or_err_set(
		    err, OR_INVAL, "%s: its id is no longer %s", a->opt.descriptor, a->opt.product);
	if (!rc)
		rc = dp_document_put(&text, &folder, &a->opt.source, err);
	if (!rc) {
		or_crypto_sha256(sha256, or_buf_slice(&text));
		*changed = memcmp(sha256, a->sha256, sizeof(sha256)) != 0;
		memcpy(a->sha256, sha256, sizeof(sha256));
		snprintf(
		    a->version, sizeof(a->version), "%.*s", OR_SLICE_FMT(folder.product->version));
		or_buf_done(&a->document);
		a->document = text;
	} else {
		or_buf_done(&text);
	}
	or_arena_free(arena);
	return rc;
}

static void on_files(void *arg)
{
	struct ag_announce *a = arg;
	bool changed;
	struct or_err err;

	if (read_document(a, &changed, &err)) {
		OR_LOG(OR_LOG_WARN, "product.unreadable", or_log_err(&err));
		return;
	}
	if (!changed || !a->opt.origin)
		return;
	OR_LOG(OR_LOG_INFO, "product.changed", or_log_text("version", a->version));
	a->state = AG_ANNOUNCE_WAITING;
	if (!a->call)
		schedule(a, 0);
}

/* ---- sending */

static void failed(struct ag_announce *a)
{
	OR_LOG(OR_LOG_WARN, "announce.failed", or_log_err(&a->error));
	schedule(a, a->retry_ns);
	a->retry_ns = a->retry_ns * 2 < RETRY_MAX_NS ? a->retry_ns * 2 : RETRY_MAX_NS;
}

static void read_refusal(struct ag_announce *a, const struct or_http_client_answer *answer)
{
	struct or_arena *arena = or_arena_new(ARENA_MAX);
	struct or_slice message = OR_SLICE_NONE;
	const struct or_json *j;

	if (or_json_parse(&j, answer->body, arena, NULL) == OR_OK)
		message = or_json_get_str(j, "message");
	or_err_set(&a->error, OR_DENIED, "the collector at %s answered %u%s%.*s", a->opt.origin,
	    answer->status, message.n ? ": " : "", OR_SLICE_FMT(message));
	or_arena_free(arena);
}

static void on_answer(void *arg, const struct or_http_client_answer *answer)
{
	struct ag_announce *a = arg;
	bool current = or_slice_eq(or_buf_slice(&a->sending), or_buf_slice(&a->document));

	a->call = NULL;
	if (answer->err && answer->err->code) {
		a->error = *answer->err;
		or_err_wrap(&a->error, a->error.code, "the collector at %s", a->opt.origin);
		failed(a);
	} else if (answer->status / 100 == 2) {
		a->error = (struct or_err){0};
		a->retry_ns = RETRY_MIN_NS;
		if (current)
			a->state = AG_ANNOUNCE_TAKEN;
		schedule(a, current ? AG_ANNOUNCE_AGAIN_NS : 0);
	} else {
		read_refusal(a, answer);
		/* What is wrong with it stays wrong; what is busy, or an older collector, may not.
		 */
		if (current && answer->status / 100 == 4)
			a->state = AG_ANNOUNCE_REFUSED;
		failed(a);
	}
}

static enum or_code make_frame(struct ag_announce *a, struct or_slice cert, struct or_err *err)
{
	struct or_slice document = or_buf_slice(&a->sending);
	uint8_t root[OR_CRYPTO_HASH_LEN];
	struct wire_frame f = {.cert = cert,
	    .epoch = a->epoch,
	    .stream = or_slice_str(a->stream),
	    .seq_from = ++a->seq,
	    .seq_to = a->seq,
	    .root = or_slice(root, sizeof(root)),
	    .sent_ns = (uint64_t)or_loop_wall_ns(a->loop)};
	struct or_buf bytes;
	enum or_code rc;

	wire_root_compute(root, &document, 1);
	or_buf_init(&bytes, WIRE_FRAME_MAX);
	rc = wire_frame_sign(&bytes, &f, a->opt.key, err);
	or_buf_clear(&a->frame);
	if (!rc)
		or_str_base64_encode(&a->frame, or_buf_slice(&bytes));
	or_buf_done(&bytes);
	return rc;
}

static void attempt(void *arg)
{
	struct ag_announce *a = arg;
	struct or_slice cert = a->opt.cert(a->opt.arg);
	struct or_http_field fields[2] = {
	    {OR_SLICE_LIT("Content-Type"), OR_SLICE_LIT("application/json")},
	    {.name = OR_SLICE_LIT("Outrider-Frame")}};
	struct or_http_client_req req = {.origin = a->opt.origin,
	    .method = OR_SLICE_LIT("POST"),
	    .target = OR_SLICE_LIT("/v1/products"),
	    .fields = fields,
	    .n_fields = OR_LEN(fields),
	    .total_ns = CALL_NS};

	a->timer = NULL;
	if (!cert.n) {
		or_err_set(&a->error, OR_ABSENT, "there is no certificate yet");
		return; /* ag_announce_wake goes on */
	}
	or_buf_clear(&a->sending);
	or_buf_put_slice(&a->sending, or_buf_slice(&a->document));
	if (make_frame(a, cert, &a->error)) {
		failed(a);
		return;
	}
	fields[1].value = or_buf_slice(&a->frame);
	req.body = or_buf_slice(&a->sending);
	if (or_http_client_fetch(
		&a->call, a->opt.client, &req, ANSWER_MAX, on_answer, a, &a->error)) {
		a->call = NULL;
		failed(a);
	}
}

void ag_announce_wake(struct ag_announce *a)
{
	if (a->state == AG_ANNOUNCE_WAITING && !a->call)
		schedule(a, 0);
}

/* ---- the record of what runs */

static void put_record(struct ag_announce *a)
{
	const struct dp_source *s = &a->opt.source;
	uint8_t trace[WIRE_AUDIT_TRACE_LEN], span[WIRE_AUDIT_SPAN_LEN];
	struct wire_attribute attributes[5];
	struct wire_audit r = {.kind = WIRE_KIND_PIPELINE,
	    .front = WIRE_FRONT_AGENT,
	    .phase = WIRE_PHASE_COMPLETE,
	    .action = OR_SLICE_LIT("start"),
	    .reason = OR_SLICE_LIT("version_started"),
	    .resource = {OR_SLICE_LIT("Product"), or_slice_str(a->opt.product)},
	    .trace_id = or_slice(trace, sizeof(trace)),
	    .span_id = or_slice(span, sizeof(span)),
	    .attributes = attributes};
	struct or_buf hex;

	or_rng_fill(trace, sizeof(trace));
	or_rng_fill(span, sizeof(span));
	or_buf_init(&hex, 2 * OR_CRYPTO_HASH_LEN);
	or_str_hex_encode(&hex, or_slice(a->sha256, sizeof(a->sha256)));
	attributes[r.n_attributes++] =
	    (struct wire_attribute){.key = OR_SLICE_LIT("document"), .value = or_buf_slice(&hex)};
	if (a->version[0])
		attributes[r.n_attributes++] = (struct wire_attribute){
		    .key = OR_SLICE_LIT("version"), .value = or_slice_str(a->version)};
	if (s->commit.n) {
		attributes[r.n_attributes++] =
		    (struct wire_attribute){.key = OR_SLICE_LIT("commit"), .value = s->commit};
		attributes[r.n_attributes++] =
		    (struct wire_attribute){.key = OR_SLICE_LIT("modified"),
			.value = or_slice_str(s->modified ? "true" : "false")};
	}
	if (s->committed.n)
		attributes[r.n_attributes++] = (struct wire_attribute){
		    .key = OR_SLICE_LIT("committed"), .value = s->committed};
	if (ag_record_put(a->opt.record, &r, OR_SLICE_NONE, NULL))
		OR_LOG(OR_LOG_ERROR, "record.failed", or_log_text("action", "start"));
	or_buf_done(&hex);
}

/* ---- life */

static enum or_code start_watch(struct ag_announce *a, struct or_err *err)
{
	const char *slash = strrchr(a->opt.descriptor, '/');
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%.*s/", slash ? (int)(slash - a->opt.descriptor) : 1,
	    slash ? a->opt.descriptor : ".");
	return or_watch_start(&a->watch, a->loop, folder, on_files, a, err);
}

enum or_code ag_announce_new(struct ag_announce **out, struct or_loop *loop,
    const struct ag_announce_opt *opt, struct or_err *err)
{
	struct ag_announce *a = or_mem_new(sizeof(*a));
	bool changed;
	enum or_code rc;

	a->loop = loop;
	a->opt = *opt;
	a->retry_ns = RETRY_MIN_NS;
	a->state = opt->origin ? AG_ANNOUNCE_WAITING : AG_ANNOUNCE_NOWHERE;
	or_buf_init(&a->document, DP_DOCUMENT_MAX);
	or_buf_init(&a->sending, DP_DOCUMENT_MAX);
	or_buf_init(&a->frame, 2 * WIRE_FRAME_MAX);
	snprintf(a->stream, sizeof(a->stream), AG_ANNOUNCE_TOPIC "/%s", opt->product);
	or_rng_fill(&a->epoch, sizeof(a->epoch));
	a->epoch |= 1; /* never 0 */
	rc = read_document(a, &changed, err);
	if (!rc)
		rc = start_watch(a, err);
	if (rc) {
		ag_announce_free(a);
		return rc;
	}
	put_record(a);
	if (opt->origin)
		schedule(a, 0);
	*out = a;
	return OR_OK;
}

void ag_announce_free(struct ag_announce *a)
{
	if (!a)
		return;
	or_watch_cancel(a->watch);
	or_loop_timer_cancel(a->timer);
	or_http_client_cancel(a->call);
	or_buf_done(&a->document);
	or_buf_done(&a->sending);
	or_buf_done(&a->frame);
	or_mem_free(a);
}

const char *ag_announce_state_name(enum ag_announce_state state)
{
	static const char *const names[] = {"waiting", "taken", "refused", "nowhere"};

	return names[state];
}

void ag_announce_get_info(struct ag_announce_info *out, const struct ag_announce *a)
{
	*out =
	    (struct ag_announce_info){a->state, or_slice(a->sha256, sizeof(a->sha256)), &a->error};
}
