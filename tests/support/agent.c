/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/agent.h"

#include "base/json.h"
#include "base/jsonw.h"
#include "base/str.h"
#include "proto/audit.h"
#include "proto/batch.h"
#include "proto/cert.h"
#include "proto/enrol.h"
#include "proto/frame.h"
#include "proto/root.h"

#include "tests/support/support.h"

void support_agent_init(struct support_agent *a)
{
	or_rng_uuid(a->id);
	ASSERT_CODE(or_crypto_key_new(&a->key, OR_CRYPTO_ED25519, NULL), OR_OK);
	or_buf_init(&a->cert, WIRE_CERT_MAX);
	a->epoch = 7;
	a->seq = 1;
}

void support_agent_done(struct support_agent *a)
{
	or_crypto_key_free(a->key);
	or_buf_done(&a->cert);
}

/* ---- enrolment */

static void put_base64(struct or_jsonw *w, const char *key, struct or_slice s)
{
	struct or_buf b;

	or_buf_init(&b, 1 << 20);
	or_str_base64_encode(&b, s);
	or_jsonw_kv_str(w, key, or_buf_slice(&b));
	or_buf_done(&b);
}

static void put_request(
    struct or_buf *out, const struct wire_enrol *e, bool by_token, struct or_slice proof)
{
	struct or_jsonw w;

	or_jsonw_init(&w, out, 0);
	or_jsonw_object(&w);
	if (by_token)
		or_jsonw_kv_str(&w, "join_token", e->credential);
	else
		put_base64(&w, "certificate", e->credential);
	or_jsonw_kv_str(&w, "agent_id", e->agent_id);
	put_base64(&w, "public_key", e->public_key);
	put_base64(&w, "proof", proof);
	or_jsonw_key(&w, "products");
	or_jsonw_array(&w);
	for (size_t i = 0; i < e->n_products; i++)
		or_jsonw_str(&w, e->products[i]);
	or_jsonw_end(&w);
	or_jsonw_end(&w);
}

void support_agent_enrol(
    struct or_buf *out, struct support_agent *a, const char *token, const char *product)
{
	const struct or_slice products[] = {or_slice_str(product)};
	struct wire_enrol e = {.credential = token ? or_slice_str(token) : or_buf_slice(&a->cert),
	    .agent_id = or_slice_str(a->id),
	    .products = products,
	    .n_products = 1};
	struct or_buf public, proof;

	or_buf_init(&public, OR_CRYPTO_ED25519_LEN);
	or_buf_init(&proof, OR_CRYPTO_SIG_MAX);
	ASSERT_CODE(or_crypto_key_public(&public, a->key), OR_OK);
	e.public_key = or_buf_slice(&public);
	ASSERT_CODE(wire_enrol_sign(&proof, &e, a->key), OR_OK);
	put_request(out, &e, token != NULL, or_buf_slice(&proof));
	or_buf_done(&public);
	or_buf_done(&proof);
}

void support_agent_take(struct support_agent *a, struct or_slice answer)
{
	struct or_arena *arena = or_arena_new(0);
	const struct or_json *j;
	struct or_err err;

	ASSERT_OK(or_json_parse(&j, answer, arena, &err), &err);
	or_buf_clear(&a->cert);
	ASSERT_CODE(or_str_base64_decode(&a->cert, or_json_get_str(j, "certificate")), OR_OK);
	assert_true(a->cert.n > 0);
	assert_non_null(or_json_get_str(j, "not_after").p);
	assert_non_null(or_json_get_str(j, "collector_id").p);
	or_arena_free(arena);
}

/* ---- shipping */

static void put_record(struct or_buf *out, const struct support_agent *a,
    const struct support_shipment *s, uint64_t seq)
{
	uint8_t uuid[WIRE_ENROL_UUID_LEN], trace[16] = {0xAB}, span[8] = {1};
	uint8_t hash[OR_CRYPTO_HASH_LEN];
	struct wire_audit r = {.time_ns = (uint64_t)s->now_ns + seq,
	    .agent_id = or_slice(uuid, sizeof(uuid)),
	    .epoch = a->epoch,
	    .stream = or_slice_str(s->stream),
	    .seq = seq,
	    .product = or_slice_str(s->product),
	    .kind = WIRE_KIND_ACCESS,
	    .front = WIRE_FRONT_PROXY,
	    .phase = WIRE_PHASE_COMPLETE,
	    .decision = seq % 2 ? WIRE_DECISION_ALLOW : WIRE_DECISION_DENY,
	    .principal = {OR_SLICE_LIT("User"), OR_SLICE_LIT("alice"), {0}},
	    .action = OR_SLICE_LIT("read"),
	    .trace_id = or_slice(trace, sizeof(trace)),
	    .span_id = or_slice(span, sizeof(span))};
	struct or_err err;

	trace[15] = (uint8_t)(seq / 2);
	if (s->inputs.n) {
		or_crypto_sha256(hash, s->inputs);
		r.inputs = or_slice(hash, sizeof(hash));
	}
	ASSERT_CODE(wire_enrol_uuid_parse(uuid, or_slice_str(a->id)), OR_OK);
	ASSERT_OK(wire_audit_encode(out, &r, &err), &err);
}

/* The records' root, which the frame signs. */
static void put_batch(struct or_buf *out, uint8_t root[OR_CRYPTO_HASH_LEN],
    const struct support_agent *a, uint64_t from, size_t n, const struct support_shipment *s)
{
	struct or_buf records[SUPPORT_AGENT_RECORDS_MAX];
	struct or_slice slices[SUPPORT_AGENT_RECORDS_MAX];

	assert_true(n <= SUPPORT_AGENT_RECORDS_MAX);
	wire_batch_begin(out);
	for (size_t i = 0; i < n; i++) {
		or_buf_init(&records[i], WIRE_AUDIT_MAX);
		put_record(&records[i], a, s, from + i);
		slices[i] = or_buf_slice(&records[i]);
		wire_batch_add_record(out, slices[i]);
	}
	if (s->inputs.n)
		wire_batch_add_inputs(out, s->inputs);
	wire_root_compute(root, slices, n);
	for (size_t i = 0; i < n; i++)
		or_buf_done(&records[i]);
}

void support_agent_ship(struct or_buf *batch, struct or_buf *frame, struct support_agent *a,
    size_t n, const struct support_shipment *s)
{
	uint8_t root[OR_CRYPTO_HASH_LEN];
	uint64_t from = s->again ? a->seq - n : a->seq;
	const struct wire_frame f = {.cert = or_buf_slice(&a->cert),
	    .epoch = a->epoch,
	    .stream = or_slice_str(s->stream),
	    .seq_from = from,
	    .seq_to = from + n - 1,
	    .root = or_slice(root, sizeof(root)),
	    .sent_ns = (uint64_t)s->now_ns};
	struct or_buf encoded;
	struct or_err err;

	or_buf_init(&encoded, WIRE_FRAME_MAX);
	put_batch(batch, root, a, from, n, s);
	ASSERT_OK(wire_frame_sign(&encoded, &f, a->key, &err), &err);
	if (s->flip)
		encoded.p[encoded.n - 1] ^= 1;
	or_str_base64_encode(frame, or_buf_slice(&encoded));
	if (!s->again)
		a->seq += n;
	or_buf_done(&encoded);
}
