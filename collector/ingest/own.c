/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/own.h"

#include "base/mem.h"
#include "base/rng.h"
#include "proto/frame.h"
#include "proto/root.h"

#include <stdio.h>

static bool is_cert_of(
    const struct wire_cert *c, const struct or_crypto_key *key, struct or_buf *raw)
{
	return or_crypto_key_is_private(key) && or_crypto_key_public(raw, key) == OR_OK &&
	       or_slice_eq(c->public_key, or_buf_slice(raw));
}

enum or_code co_own_init(struct co_own *own, const struct or_crypto_key *key, struct or_slice cert,
    const char *origin, struct or_err *err)
{
	struct or_arena *a = or_arena_new(1 << 20);
	uint8_t hash[OR_CRYPTO_HASH_LEN];
	struct wire_cert c;
	struct or_buf raw;
	enum or_code rc;

	or_buf_init(&raw, 256);
	rc = wire_cert_decode(&c, cert, a, err) ? OR_INVAL : OR_OK;
	if (!rc && !is_cert_of(&c, key, &raw))
		rc = or_err_set(err, OR_INVAL, "the certificate is not for the collector's key");
	if (rc) {
		or_err_wrap(err, rc, "the collector's own certificate");
		goto out;
	}
	*own = (struct co_own){.key = key, .cert = {(const uint8_t *)or_mem_dup(cert), cert.n}};
	memcpy(own->agent_id, c.agent_id.p, sizeof(own->agent_id));
	or_crypto_sha256_parts(hash,
	    (const struct or_slice[]){
		or_slice_str(origin), or_slice(own->agent_id, sizeof(own->agent_id))},
	    2);
	memcpy(&own->epoch, hash, sizeof(own->epoch));
	own->epoch |= 1; /* never 0 */
out:
	or_buf_done(&raw);
	or_arena_free(a);
	return rc;
}

void co_own_done(struct co_own *own)
{
	or_mem_free((void *)(uintptr_t)own->cert.p);
	*own = (struct co_own){.key = NULL};
}

enum or_code co_own_key(struct co_marks_key *out, const struct co_own *own, struct or_slice product,
    char stream[CO_MARKS_STREAM_MAX + 1])
{
	int n =
	    snprintf(stream, CO_MARKS_STREAM_MAX + 1, "outrider.audit/%.*s", OR_SLICE_FMT(product));

	if (n < 0 || n > CO_MARKS_STREAM_MAX || product.n == 0)
		return OR_INVAL;
	*out = (struct co_marks_key){.agent = or_slice(own->agent_id, sizeof(own->agent_id)),
	    .epoch = own->epoch,
	    .stream = or_slice(stream, (size_t)n)};
	return OR_OK;
}

enum or_code co_own_record(struct or_buf *out, const struct co_marks_key *key,
    const struct wire_audit *r, uint64_t seq, int64_t now_ns, struct or_arena *scratch,
    struct or_err *err)
{
	uint8_t random[WIRE_AUDIT_TRACE_LEN + WIRE_AUDIT_SPAN_LEN];
	struct wire_audit copy = *r;

	or_rng_fill(random, sizeof(random));
	copy.agent_id = key->agent;
	copy.epoch = key->epoch;
	copy.stream = key->stream;
	copy.seq = seq;
	copy.front = WIRE_FRONT_COLLECTOR;
	copy.phase = WIRE_PHASE_COMPLETE;
	if (!copy.time_ns)
		copy.time_ns = (uint64_t)now_ns;
	if (!copy.trace_id.n)
		copy.trace_id = or_slice(random, WIRE_AUDIT_TRACE_LEN);
	if (!copy.span_id.n)
		copy.span_id = or_slice(random + WIRE_AUDIT_TRACE_LEN, WIRE_AUDIT_SPAN_LEN);
	or_arena_clear(scratch);
	if (wire_audit_fit(&copy, scratch))
		return or_err_set(err, OR_FULL, "no room for a record of the collector's own");
	return wire_audit_encode(out, &copy, err);
}

enum or_code co_own_frame(struct or_buf *out, const struct co_own *own,
    const struct co_marks_key *key, const struct or_slice *records, size_t n, uint64_t seq,
    int64_t now_ns, struct or_err *err)
{
	uint8_t root[OR_CRYPTO_HASH_LEN];
	struct wire_frame f = {.cert = own->cert,
	    .epoch = key->epoch,
	    .stream = key->stream,
	    .seq_from = seq,
	    .seq_to = seq + n - 1,
	    .root = or_slice(root, sizeof(root)),
	    .sent_ns = (uint64_t)now_ns};

	wire_root_compute(root, records, n);
	return wire_frame_sign(out, &f, own->key, err);
}
