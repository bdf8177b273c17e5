/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an agent could send if somebody had its key: one record of any product, under the key and
 * certificate of a state directory. For scenarios; prints the frame and the batch, each in base64.
 *
 *   enrol-forge-tool STATE_DIR PRODUCT
 */
#include "base/str.h"
#include "base/sys.h"
#include "proto/audit.h"
#include "proto/batch.h"
#include "proto/cert.h"
#include "proto/frame.h"
#include "proto/root.h"

#include <stdio.h>
#include <time.h>

enum { STREAM_MAX = 256, KEY_MAX = 4096 };

struct forge {
	struct or_arena *a;
	struct or_crypto_key *key;
	struct or_buf cert;
	struct wire_cert parsed;
	char stream[STREAM_MAX];
	int64_t now_ns;
};

static enum or_code load(struct forge *f, const char *dir, struct or_err *err)
{
	struct or_buf pem;
	enum or_code rc;

	or_buf_init(&pem, KEY_MAX);
	or_buf_init(&f->cert, WIRE_CERT_MAX);
	rc = or_sys_read_file(&pem, or_arena_printf(f->a, "%s/agent.pem", dir), err);
	if (rc == OR_OK)
		rc = or_crypto_key_from_pem(&f->key, or_buf_slice(&pem), err);
	if (rc == OR_OK)
		rc = or_sys_read_file(&f->cert, or_arena_printf(f->a, "%s/agent.cert", dir), err);
	if (rc == OR_OK)
		rc = wire_cert_decode(&f->parsed, or_buf_slice(&f->cert), f->a, err);
	or_buf_done(&pem);
	return rc;
}

static enum or_code put_record(
    struct or_buf *out, const struct forge *f, const char *product, struct or_err *err)
{
	static const uint8_t trace[WIRE_AUDIT_TRACE_LEN] = {0xEE}, span[WIRE_AUDIT_SPAN_LEN] = {1};
	const struct wire_audit r = {.time_ns = (uint64_t)f->now_ns,
	    .agent_id = f->parsed.agent_id,
	    .epoch = 99,
	    .stream = or_slice_str(f->stream),
	    .seq = 1,
	    .product = or_slice_str(product),
	    .kind = WIRE_KIND_ACCESS,
	    .front = WIRE_FRONT_PROXY,
	    .phase = WIRE_PHASE_COMPLETE,
	    .decision = WIRE_DECISION_ALLOW,
	    .principal = {OR_SLICE_LIT("User"), OR_SLICE_LIT("forged"), OR_SLICE_NONE},
	    .action = OR_SLICE_LIT("read"),
	    .trace_id = or_slice(trace, sizeof(trace)),
	    .span_id = or_slice(span, sizeof(span))};

	return wire_audit_encode(out, &r, err);
}

static void print(struct or_slice bytes)
{
	struct or_buf text;

	or_buf_init(&text, 2 * WIRE_AUDIT_MAX);
	or_str_base64_encode(&text, bytes);
	puts(or_buf_text(&text));
	or_buf_done(&text);
}

static enum or_code forge(struct forge *f, const char *product, struct or_err *err)
{
	uint8_t root[OR_CRYPTO_HASH_LEN];
	const struct wire_frame frame = {.cert = or_buf_slice(&f->cert),
	    .epoch = 99,
	    .stream = or_slice_str(f->stream),
	    .seq_from = 1,
	    .seq_to = 1,
	    .root = or_slice(root, sizeof(root)),
	    .sent_ns = (uint64_t)f->now_ns};
	struct or_buf record, batch, bytes;
	struct or_slice one;
	enum or_code rc;

	or_buf_init(&record, WIRE_AUDIT_MAX);
	or_buf_init(&batch, WIRE_BATCH_MAX);
	or_buf_init(&bytes, WIRE_FRAME_MAX);
	rc = put_record(&record, f, product, err);
	if (rc == OR_OK) {
		one = or_buf_slice(&record);
		wire_batch_begin(&batch);
		wire_batch_add_record(&batch, one);
		wire_root_compute(root, &one, 1);
		rc = wire_frame_sign(&bytes, &frame, f->key, err);
	}
	if (rc == OR_OK) {
		print(or_buf_slice(&bytes));
		print(or_buf_slice(&batch));
	}
	or_buf_done(&record);
	or_buf_done(&batch);
	or_buf_done(&bytes);
	return rc;
}

int main(int argc, char **argv)
{
	struct forge f = {.now_ns = (int64_t)time(NULL) * OR_NS_PER_S};
	struct or_err err = {0};
	enum or_code rc;

	if (argc != 3) {
		fprintf(stderr, "usage: enrol-forge-tool STATE_DIR PRODUCT\n");
		return 2;
	}
	f.a = or_arena_new(0);
	snprintf(f.stream, sizeof(f.stream), "outrider.audit/%s", argv[2]);
	rc = load(&f, argv[1], &err);
	if (rc == OR_OK)
		rc = forge(&f, argv[2], &err);
	if (rc)
		fprintf(stderr, "enrol-forge-tool: %s\n", err.msg);
	or_crypto_key_free(f.key);
	or_buf_done(&f.cert);
	or_arena_free(f.a);
	return rc ? 1 : 0;
}
