/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/check.h"

#include "base/map.h"
#include "proto/audit.h"
#include "proto/root.h"

#include <inttypes.h>

struct check {
	struct co_check out;
	const struct co_ingest_opt *opt;
	const struct co_ingest_request *request;
	int64_t now_ns;
	struct or_arena *a;
	struct or_arena *scratch;
	const char *reason;
	struct or_err *err;
};

static enum or_code refuse(struct check *c, enum or_code rc, const char *reason)
{
	c->reason = reason;
	return rc;
}

/* Errors of a decoder: what is too much is as malformed as what is wrong. */
static enum or_code malformed(struct check *c, const char *reason)
{
	return refuse(c, OR_PARSE, reason);
}

static const struct or_crypto_key *find_issuer(const struct check *c)
{
	uint8_t id[WIRE_CERT_KEY_ID_LEN];

	for (size_t i = 0; i < c->opt->n_issuers; i++) {
		if (wire_cert_key_id(id, c->opt->issuers[i]) == OR_OK &&
		    or_slice_eq(c->out.cert.issuer_key_id, or_slice(id, sizeof(id))))
			return c->opt->issuers[i];
	}
	return NULL;
}

static enum or_code check_cert(struct check *c)
{
	const struct or_crypto_key *issuer;
	enum or_code rc;

	if (wire_cert_decode(&c->out.cert, c->out.frame.cert, c->a, c->err))
		return malformed(c, "certificate");
	issuer = find_issuer(c);
	if (!issuer) {
		or_err_set(c->err, OR_DENIED, "the certificate is not of this collector's issuing");
		return refuse(c, OR_DENIED, "certificate");
	}
	rc = wire_cert_verify(&c->out.cert, issuer, c->now_ns, c->err);
	if (rc)
		return refuse(c, OR_DENIED, rc == OR_STALE ? "expired" : "certificate");
	if (c->opt->is_revoked && c->opt->is_revoked(c->opt->revoked_arg, &c->out.cert)) {
		or_err_set(c->err, OR_DENIED, "the certificate has been revoked");
		return refuse(c, OR_DENIED, "revoked");
	}
	if (c->request->agent_id.n && !or_slice_eq(c->request->agent_id, c->out.cert.agent_id)) {
		or_err_set(c->err, OR_DENIED, "the connection is another agent's");
		return refuse(c, OR_DENIED, "identity");
	}
	return OR_OK;
}

static enum or_code check_signature(struct check *c)
{
	struct or_crypto_key *key;
	enum or_code rc;

	if (c->request->vetted)
		return OR_OK;
	if (or_crypto_key_from_ed25519(&key, c->out.cert.public_key)) {
		or_err_set(c->err, OR_DENIED, "the certificate's key is none");
		return refuse(c, OR_DENIED, "signature");
	}
	rc = wire_frame_verify(&c->out.frame, key, c->err);
	or_crypto_key_free(key);
	return rc ? refuse(c, OR_DENIED, "signature") : OR_OK;
}

/* The stream is "<topic>/<product>" of this topic and one of the certificate's products. */
static enum or_code check_stream(struct check *c)
{
	struct or_slice stream = c->out.frame.stream, topic = c->request->topic;

	if (stream.n <= topic.n + 1 || memcmp(stream.p, topic.p, topic.n) != 0 ||
	    stream.p[topic.n] != '/') {
		or_err_set(c->err, OR_PARSE, "stream \"%.*s\" is not one of topic \"%.*s\"",
		    OR_SLICE_FMT(stream), OR_SLICE_FMT(topic));
		return malformed(c, "frame");
	}
	c->out.product = or_slice_from(stream, topic.n + 1);
	if (wire_cert_has_product(&c->out.cert, c->out.product))
		return OR_OK;
	or_err_set(c->err, OR_DENIED, "this agent may not speak for product \"%.*s\"",
	    OR_SLICE_FMT(c->out.product));
	return refuse(c, OR_DENIED, "product");
}

enum or_code co_check_frame(struct co_check *out, const struct co_ingest_opt *opt,
    const struct co_ingest_request *request, int64_t now_ns, struct or_arena *a,
    const char **reason, struct or_err *err)
{
	struct check c = {.opt = opt, .request = request, .now_ns = now_ns, .a = a, .err = err};
	enum or_code rc = wire_frame_decode(&c.out.frame, request->frame, a, err)
			      ? malformed(&c, "frame")
			      : OR_OK;

	if (!rc)
		rc = check_cert(&c);
	if (!rc)
		rc = check_signature(&c);
	if (!rc)
		rc = check_stream(&c);
	if (rc)
		*reason = c.reason;
	else
		*out = c.out;
	return rc;
}

static enum or_code check_batch(struct check *c, struct wire_batch *batch)
{
	uint8_t root[OR_CRYPTO_HASH_LEN];

	if (wire_batch_decode(batch, c->request->batch, c->a, c->err))
		return malformed(c, "batch");
	if (batch->n_records != wire_frame_records(&c->out.frame)) {
		or_err_set(c->err, OR_PARSE, "%zu records, but the frame is of %" PRIu64,
		    batch->n_records, wire_frame_records(&c->out.frame));
		return malformed(c, "count");
	}
	wire_root_compute(root, batch->records, batch->n_records);
	if (or_slice_eq(c->out.frame.root, or_slice(root, sizeof(root))))
		return OR_OK;
	or_err_set(c->err, OR_PARSE, "the frame was signed for other records");
	return malformed(c, "root");
}

/* What a record must share with its frame; NULL where it does. */
static const char *record_differs(const struct check *c, const struct wire_audit *r, uint64_t last)
{
	const struct wire_frame *f = &c->out.frame;

	if (!or_slice_eq(r->agent_id, c->out.cert.agent_id))
		return "agent_id";
	if (r->epoch != f->epoch)
		return "epoch";
	if (!or_slice_eq(r->stream, f->stream))
		return "stream";
	if (!or_slice_eq(r->product, c->out.product))
		return "product";
	if (r->seq <= last || r->seq < f->seq_from || r->seq > f->seq_to ||
	    wire_frame_is_dropped(f, r->seq))
		return "seq";
	if (r->front == WIRE_FRONT_COLLECTOR)
		return "front"; /* what the collector alone may say */
	return NULL;
}

/* named: NULL, or where the hashes of inputs go. */
static enum or_code check_record(
    struct check *c, size_t i, struct or_slice bytes, uint64_t *last, struct or_map *named)
{
	struct wire_audit r;
	const char *differs;

	or_arena_clear(c->scratch);
	if (wire_audit_decode(&r, NULL, bytes, c->scratch, c->err)) {
		or_err_wrap(c->err, OR_PARSE, "record %zu", i);
		return malformed(c, "record");
	}
	differs = record_differs(c, &r, *last);
	if (differs) {
		or_err_set(
		    c->err, OR_PARSE, "record %zu: its %s does not fit its frame", i, differs);
		return malformed(c, "record");
	}
	*last = r.seq;
	c->out.records[i] = (struct co_check_record){r.seq, bytes};
	if (named && r.inputs.n && or_map_put(named, r.inputs, c) == OR_FULL)
		return malformed(c, "inputs");
	return OR_OK;
}

static enum or_code check_inputs(
    struct check *c, const struct wire_batch *batch, const struct or_map *named)
{
	uint8_t hash[OR_CRYPTO_HASH_LEN];

	for (size_t i = 0; i < batch->n_inputs; i++) {
		or_crypto_sha256(hash, batch->inputs[i]);
		if (!or_map_find(named, or_slice(hash, sizeof(hash)))) {
			or_err_set(c->err, OR_PARSE, "inputs %zu: no record names them", i);
			return malformed(c, "inputs");
		}
	}
	c->out.inputs = batch->inputs;
	c->out.n_inputs = batch->n_inputs;
	return OR_OK;
}

static enum or_code check_records(struct check *c, const struct wire_batch *batch)
{
	struct or_map named;
	enum or_code rc = OR_OK;
	uint64_t last = 0;

	c->out.records = or_arena_array(c->a, batch->n_records, sizeof(*c->out.records));
	if (!c->out.records)
		return refuse(c, OR_FULL, "batch");
	c->out.n_records = batch->n_records;
	or_map_init(&named, WIRE_BATCH_RECORDS_MAX);
	for (size_t i = 0; i < batch->n_records && !rc; i++)
		rc = check_record(c, i, batch->records[i], &last, batch->n_inputs ? &named : NULL);
	if (!rc)
		rc = check_inputs(c, batch, &named);
	or_map_done(&named);
	return rc;
}

/* Everything that the frame vouches for, but not the records themselves. */
static enum or_code check_envelope(struct check *c, struct wire_batch *batch)
{
	enum or_code rc = wire_frame_decode(&c->out.frame, c->request->frame, c->a, c->err)
			      ? malformed(c, "frame")
			      : OR_OK;

	if (!rc)
		rc = check_cert(c);
	if (!rc)
		rc = check_signature(c);
	if (!rc)
		rc = check_stream(c);
	return rc ? rc : check_batch(c, batch);
}

enum or_code co_check_run(struct co_check *out, const struct co_ingest_opt *opt,
    const struct co_ingest_request *request, int64_t now_ns, struct or_arena *a,
    struct or_arena *scratch, const char **reason, struct or_err *err)
{
	struct check c = {.opt = opt,
	    .request = request,
	    .now_ns = now_ns,
	    .a = a,
	    .scratch = scratch,
	    .err = err};
	struct wire_batch batch;
	enum or_code rc = check_envelope(&c, &batch);

	if (!rc)
		rc = check_records(&c, &batch);
	if (rc)
		*reason = c.reason;
	else
		*out = c.out;
	return rc;
}

/* The numbers of the frame that are not dropped, in order. */
static enum or_code number_records(struct check *c, const struct wire_batch *batch)
{
	const struct wire_frame *f = &c->out.frame;
	uint64_t seq = f->seq_from;
	size_t range = 0;

	if (batch->n_inputs) {
		or_err_set(c->err, OR_PARSE, "telemetry has no inputs");
		return malformed(c, "inputs");
	}
	c->out.records = or_arena_array(c->a, batch->n_records, sizeof(*c->out.records));
	if (!c->out.records)
		return refuse(c, OR_FULL, "batch");
	c->out.n_records = batch->n_records;
	for (size_t i = 0; i < batch->n_records; i++, seq++) {
		while (range < f->n_dropped && f->dropped[range].from <= seq)
			seq = f->dropped[range++].to + 1;
		c->out.records[i] = (struct co_check_record){seq, batch->records[i]};
	}
	return OR_OK;
}

enum or_code co_check_opaque(struct co_check *out, const struct co_ingest_opt *opt,
    const struct co_ingest_request *request, int64_t now_ns, struct or_arena *a,
    const char **reason, struct or_err *err)
{
	struct check c = {.opt = opt, .request = request, .now_ns = now_ns, .a = a, .err = err};
	struct wire_batch batch;
	enum or_code rc = check_envelope(&c, &batch);

	if (!rc)
		rc = number_records(&c, &batch);
	if (rc)
		*reason = c.reason;
	else
		*out = c.out;
	return rc;
}

bool co_check_is_signed(const char *reason)
{
	static const char *const before[] = {
	    "topic", "frame", "certificate", "expired", "revoked", "identity", "signature"};

	for (size_t i = 0; i < OR_LEN(before); i++) {
		if (strcmp(reason, before[i]) == 0)
			return false;
	}
	return true;
}
