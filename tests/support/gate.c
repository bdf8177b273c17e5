/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/gate.h"

#include "agent/folder.h"
#include "base/str.h"
#include "base/sys.h"
#include "tests/support/support.h"
#include "tests/support/token.h"

#include <stdio.h>
#include <time.h>

static struct or_slice read_all(struct support_gate *g, const char *path)
{
	struct or_buf b;
	struct or_slice s;
	struct or_err err = {0};

	or_buf_init(&b, OR_MIB);
	ASSERT_OK(or_sys_read_file(&b, path, &err), &err);
	s = or_arena_dup(g->lasting, or_buf_slice(&b));
	or_buf_done(&b);
	return s;
}

static void write_bundle(struct support_gate *g, const char *policy)
{
	struct pol_bundle_policy file = {
	    .name = "orders.cedar", .text = read_all(g, "examples/orders/policy/orders.cedar")};
	int64_t now_ns = (int64_t)time(NULL) * OR_NS_PER_S;
	struct pol_bundle_source src = {.product = "orders",
	    .revision = 7,
	    .not_before_ns = now_ns - 60 * OR_NS_PER_S,
	    .not_after_ns = now_ns + 3600 * OR_NS_PER_S,
	    .schema = read_all(g, "examples/orders/policy/schema.cedarschema"),
	    .policies = &file,
	    .n_policies = 1};
	struct or_buf bytes, id, pem;
	struct or_err err = {0};

	if (policy) {
		file.text = or_slice_str(policy);
		src.schema = OR_SLICE_NONE;
	}
	or_buf_init(&bytes, OR_MIB);
	or_buf_init(&id, 64);
	or_buf_init(&pem, 4096);
	ASSERT_CODE(pol_bundle_key_id(&id, g->signer), OR_OK);
	ASSERT_OK(pol_bundle_build(&bytes, &src, g->signer, or_buf_slice(&id), NULL, &err), &err);
	ASSERT_CODE(or_sys_write_file(g->file, or_buf_slice(&bytes), 0600, NULL), OR_OK);
	ASSERT_CODE(or_crypto_key_to_pem(&pem, g->signer, false), OR_OK);
	ASSERT_CODE(or_sys_write_file(g->public_key, or_buf_slice(&pem), 0600, NULL), OR_OK);
	or_buf_done(&bytes);
	or_buf_done(&id);
	or_buf_done(&pem);
}

static void open_identity(struct support_gate *g)
{
	struct ag_identity_issuer issuer = {.issuer = SUPPORT_GATE_ISSUER, .audience = "orders"};
	struct ag_jwks *set;
	struct or_buf jwks;
	struct or_err err = {0};

	or_buf_init(&jwks, 4096);
	or_buf_put_str(&jwks, "{\"keys\":[");
	support_token_jwk(&jwks, g->key, "k", NULL);
	or_buf_put_str(&jwks, "]}");
	ASSERT_OK(ag_identity_new(&g->identity, &issuer, 1, 16, &err), &err);
	ASSERT_OK(ag_jwks_parse(&set, or_buf_slice(&jwks), &err), &err);
	ag_identity_keys_put(g->identity, 0, set);
	or_buf_done(&jwks);
}

static void open_policy(struct support_gate *g, const struct support_gate_opt *how)
{
	struct ag_bundle_opt opt = {.product = "orders",
	    .file = g->file,
	    .state_dir = g->dir,
	    .keys = {.items = g->keys, .n = 1}};
	struct ag_decide_opt decide = {.folder = &g->folder,
	    .identity = g->identity,
	    .oblige = how->oblige,
	    .oblige_arg = how->oblige_arg};
	struct or_err err = {0};

	write_bundle(g, how->policy);
	if (how->no_bundle)
		ASSERT_CODE(or_sys_unlink(g->file, NULL), OR_OK);
	ASSERT_OK(ag_bundle_new(&g->bundle, g->loop, &opt, &err), &err);
	decide.bundle = g->bundle;
	ASSERT_OK(ag_decide_new(&g->decide, &decide, &err), &err);
}

static void open_spool(struct support_gate *g, uint64_t quota)
{
	static const uint8_t agent_id[WIRE_AUDIT_AGENT_LEN] = {9};
	struct ag_spool_opt opt = {.dir = g->spool_dir,
	    .loop = g->loop,
	    .slow = g->slow,
	    .quota_bytes = quota,
	    .segment_bytes = quota ? quota / 4 : 0};
	struct ag_record_opt record = {.loop = g->loop, .agent_id = agent_id, .product = "orders"};
	struct or_err err = {0};

	ASSERT_OK(ag_spool_open(&g->spool, &opt, &err), &err);
	record.spool = g->spool;
	ASSERT_OK(ag_record_new(&g->record, &record, &err), &err);
}

void support_gate_open(struct support_gate *g, const struct support_gate_opt *opt)
{
	static const struct support_gate_opt usual;
	struct or_err err = {0};

	opt = opt ? opt : &usual;
	*g = (struct support_gate){.dir = support_tmpdir_new(), .lasting = or_arena_new(0)};
	snprintf(g->file, sizeof(g->file), "%s/orders.bundle", g->dir);
	snprintf(g->public_key, sizeof(g->public_key), "%s/key.pub", g->dir);
	snprintf(g->spool_dir, sizeof(g->spool_dir), "%s/spool", g->dir);
	g->keys[0] = g->public_key;
	ASSERT_OK(or_loop_new(&g->loop, NULL, &err), &err);
	ASSERT_OK(or_slow_new(&g->slow, g->loop, 64, &err), &err);
	ASSERT_CODE(or_crypto_key_new(&g->key, OR_CRYPTO_ED25519, NULL), OR_OK);
	ASSERT_CODE(or_crypto_key_new(&g->signer, OR_CRYPTO_ED25519, NULL), OR_OK);
	ASSERT_OK(
	    ag_folder_read(&g->folder, "examples/orders/dataproduct.yaml", g->lasting, &err), &err);
	open_identity(g);
	open_policy(g, opt);
	open_spool(g, opt->quota);
}

void support_gate_close(struct support_gate *g)
{
	ag_record_free(g->record);
	ag_spool_close(g->spool);
	ag_decide_free(g->decide);
	ag_bundle_free(g->bundle);
	ag_identity_free(g->identity);
	or_crypto_key_free(g->key);
	or_crypto_key_free(g->signer);
	or_slow_free(g->slow);
	or_loop_free(g->loop);
	or_arena_free(g->lasting);
	support_tmpdir_remove(g->dir);
}

struct or_slice support_gate_bearer(
    struct support_gate *g, const char *sub, int clearance, int exp_in)
{
	char claims[512];
	struct or_buf t;
	struct or_slice s;

	snprintf(claims, sizeof(claims),
	    "{\"iss\":\"" SUPPORT_GATE_ISSUER "\",\"aud\":\"orders\",\"exp\":%lld,\"sub\":\"%s\","
	    "\"groups\":[\"analysts\"],\"clearance\":%d}",
	    (long long)time(NULL) + exp_in, sub, clearance);
	or_buf_init(&t, 8192);
	support_token_sign(&t, g->key, OR_CRYPTO_EDDSA,
	    OR_SLICE_LIT("{\"alg\":\"EdDSA\",\"kid\":\"k\"}"), or_slice_str(claims));
	s = or_slice_str(or_arena_printf(g->lasting, "Bearer %s", or_buf_text(&t)));
	or_buf_done(&t);
	return s;
}

static void on_sync(void *arg, enum or_code rc)
{
	ASSERT_CODE(rc, OR_OK);
	*(bool *)arg = true;
}

const struct wire_audit *support_gate_records(struct support_gate *g, size_t want)
{
	struct ag_spool_batch batch;
	struct wire_audit *list = or_arena_array(g->lasting, 100, sizeof(*list));
	struct or_err err = {0};
	bool synced = false;

	ag_record_sync(g->record, on_sync, &synced);
	while (!synced)
		or_loop_turn(g->loop, false);
	ASSERT_OK(ag_spool_read(&batch, g->spool, 0,
		      &(struct ag_spool_limit){.max_bytes = OR_MIB, .max_records = 100}, g->lasting,
		      &err),
	    &err);
	assert_int_equal(batch.n_records, want);
	for (size_t i = 0; i < batch.n_records; i++)
		ASSERT_OK(
		    wire_audit_decode(&list[i], NULL, batch.records[i], g->lasting, &err), &err);
	return list;
}
