/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/record.h"

#include "base/crypto.h"
#include "base/mem.h"

#include <stdio.h>

#define KNOWN_INPUTS 256
#define FIT_ARENA    (256U * 1024)
/* What a record and its inputs may take, with their frames. */
#define ROOM (2U * WIRE_AUDIT_MAX)

/* Inputs that lie in the spool, by a part of their hash. */
struct known {
	uint8_t sha256[OR_CRYPTO_HASH_LEN];
	uint64_t epoch;
	int64_t at_ns;
};

struct ag_record {
	struct ag_spool *spool;
	struct or_loop *loop;
	uint8_t agent_id[WIRE_AUDIT_AGENT_LEN];
	char stream_name[AG_SPOOL_NAME_MAX];
	struct or_slice product;
	char *workload;
	uint16_t stream;
	struct or_buf record;
	struct or_buf leaf;
	struct or_arena *arena; /* for what has to be cut */
	uint64_t owed;          /* bytes of records to come */
	int64_t refused_ns;     /* when the spool last refused, 0: it did not */
	struct known known[KNOWN_INPUTS];
	struct or_metric_counter *put;
	struct or_metric_counter *refused;
};

static const char topic[] = "outrider.audit/";

static void make_metrics(struct ag_record *rec, struct or_metric_registry *reg)
{
	static struct or_metric_counter nobody;

	rec->put = rec->refused = &nobody;
	if (!reg)
		return;
	rec->put = or_metric_counter_get(reg, "outrider_gate_records_total",
	    "Audit records that the gate has put into the spool.", NULL);
	rec->refused = or_metric_counter_get(reg, "outrider_gate_records_refused_total",
	    "Audit records that the spool did not take.", NULL);
}

enum or_code ag_record_new(
    struct ag_record **out, const struct ag_record_opt *opt, struct or_err *err)
{
	struct ag_record *rec = or_mem_new(sizeof(*rec));
	int n = snprintf(rec->stream_name, sizeof(rec->stream_name), "%s%s", topic, opt->product);
	enum or_code rc = OR_OK;

	if (n < 0 || (size_t)n >= sizeof(rec->stream_name))
		rc = or_err_set(err, OR_INVAL, "the product's id is too long");
	else
		rc = ag_spool_stream(&rec->stream, opt->spool, rec->stream_name, err);
	if (rc) {
		or_mem_free(rec);
		return rc;
	}
	rec->spool = opt->spool;
	rec->loop = opt->loop;
	rec->product = or_slice_str(rec->stream_name + sizeof(topic) - 1);
	rec->workload = opt->workload ? or_mem_strdup(opt->workload) : NULL;
	memcpy(rec->agent_id, opt->agent_id, sizeof(rec->agent_id));
	or_buf_init(&rec->record, WIRE_AUDIT_MAX);
	or_buf_init(&rec->leaf, WIRE_LEAF_MAX);
	rec->arena = or_arena_new(FIT_ARENA);
	make_metrics(rec, opt->registry);
	*out = rec;
	return OR_OK;
}

void ag_record_free(struct ag_record *rec)
{
	if (!rec)
		return;
	or_buf_done(&rec->record);
	or_buf_done(&rec->leaf);
	or_arena_free(rec->arena);
	or_mem_free(rec->workload);
	or_mem_free(rec);
}

struct ag_spool_wait *ag_record_sync(struct ag_record *rec, ag_spool_sync_fn *fn, void *arg)
{
	return ag_spool_sync(rec->spool, fn, arg);
}

static void complete(struct ag_record *rec, struct wire_audit *r)
{
	if (!r->time_ns)
		r->time_ns = (uint64_t)or_loop_wall_ns(rec->loop);
	r->agent_id = or_slice(rec->agent_id, sizeof(rec->agent_id));
	r->epoch = ag_spool_epoch(rec->spool);
	r->stream = or_slice_str(rec->stream_name);
	r->seq = ag_spool_next_seq(rec->spool, rec->stream);
	r->product = rec->product;
	r->workload = or_slice_str(rec->workload);
}

static enum or_code append_inputs(
    struct ag_record *rec, struct or_slice sha256, struct or_slice inputs)
{
	struct known *known;
	uint64_t epoch = ag_spool_epoch(rec->spool);
	int64_t now = or_loop_now_ns(rec->loop);
	enum or_code rc;

	if (!inputs.n)
		return OR_OK;
	OR_ASSERT(sha256.n == OR_CRYPTO_HASH_LEN);
	known = &rec->known[sha256.p[0] % KNOWN_INPUTS];
	if (known->epoch == epoch && now - known->at_ns < AG_RECORD_INPUTS_NS &&
	    memcmp(known->sha256, sha256.p, sha256.n) == 0)
		return OR_OK;
	rc = ag_spool_append_inputs(rec->spool, rec->stream, inputs);
	if (rc)
		return rc;
	memcpy(known->sha256, sha256.p, sha256.n);
	known->epoch = epoch;
	known->at_ns = now;
	return OR_OK;
}

static void name_record(struct ag_record *rec, char id[WIRE_LEAF_ID_LEN + 1])
{
	uint8_t hash[OR_CRYPTO_HASH_LEN];
	struct or_slice parts[2];

	or_buf_clear(&rec->leaf);
	wire_leaf_encode(&rec->leaf, WIRE_LEAF_RECORD, or_buf_slice(&rec->record));
	parts[0] = or_slice("\0", 1); /* RFC 6962 §2.1: a leaf's hash */
	parts[1] = or_buf_slice(&rec->leaf);
	or_crypto_sha256_parts(hash, parts, 2);
	wire_leaf_id(id, hash);
}

enum or_code ag_record_put(struct ag_record *rec, struct wire_audit *r, struct or_slice inputs,
    char id[WIRE_LEAF_ID_LEN + 1])
{
	enum or_code rc;

	complete(rec, r);
	or_buf_clear(&rec->record);
	or_arena_clear(rec->arena);
	rc = wire_audit_fit(r, rec->arena);
	if (!rc)
		rc = wire_audit_encode_fitted(&rec->record, r, NULL);
	if (!rc)
		rc = append_inputs(rec, r->inputs, inputs);
	if (!rc)
		rc = ag_spool_append(rec->spool, rec->stream, or_buf_slice(&rec->record));
	if (rc) {
		rec->refused_ns = or_loop_now_ns(rec->loop);
		or_metric_add(rec->refused, 1);
		return rc;
	}
	rec->refused_ns = 0;
	or_metric_add(rec->put, 1);
	if (id)
		name_record(rec, id);
	return OR_OK;
}

bool ag_record_has_room(const struct ag_record *rec)
{
	struct ag_spool_info info;

	if (rec->refused_ns && or_loop_now_ns(rec->loop) - rec->refused_ns < OR_NS_PER_S)
		return false;
	ag_spool_get_info(&info, rec->spool);
	return info.bytes + rec->owed + ROOM <= info.quota_bytes;
}

bool ag_record_has_spare(const struct ag_record *rec)
{
	struct ag_spool_info info;

	ag_spool_get_info(&info, rec->spool);
	return info.bytes + rec->owed <= info.quota_bytes / 2 && ag_record_has_room(rec);
}

void ag_record_owe(struct ag_record *rec, uint64_t bytes)
{
	rec->owed += bytes;
}

void ag_record_pay(struct ag_record *rec, uint64_t bytes)
{
	OR_ASSERT(bytes <= rec->owed);
	rec->owed -= bytes;
}
