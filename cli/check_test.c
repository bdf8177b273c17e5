/* SPDX-License-Identifier: Apache-2.0 */
/* A log of real frames and records, built here, then damaged in each way that verify must name. */
#include "cli/check.h"
#include "proto/audit.h"
#include "proto/cert.h"
#include "proto/frame.h"
#include "proto/leaf.h"
#include "proto/root.h"
#include "tests/support/support.h"
#include "tlog/tree.h"

#include <stdio.h>

enum { LEAVES_MAX = 64 };

static const uint8_t agent_id[16] = {0xa1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

struct world {
	struct or_arena *a;
	struct or_crypto_key *enrolment, *agent;
	struct or_buf cert;
	struct or_slice leaves[LEAVES_MAX];
	size_t n;
};

static struct or_slice keep(struct world *w, struct or_buf *b)
{
	struct or_slice s = or_arena_dup(w->a, or_buf_slice(b));

	assert_true(or_buf_ok(b));
	or_buf_done(b);
	return s;
}

static int make_world(void **state)
{
	struct world *w = test_calloc(1, sizeof(*w));
	struct or_slice product = OR_SLICE_LIT("orders");
	struct or_buf public_key;
	struct wire_cert cert = {.agent_id = or_slice(agent_id, 16),
	    .products = &product,
	    .n_products = 1,
	    .not_before_ns = 1,
	    .not_after_ns = 1000};
	struct or_err err = {0};

	w->a = or_arena_new(0);
	or_buf_init(&public_key, 64);
	or_buf_init(&w->cert, WIRE_CERT_MAX);
	ASSERT_OK(or_crypto_key_new(&w->enrolment, OR_CRYPTO_ED25519, &err), &err);
	ASSERT_OK(or_crypto_key_new(&w->agent, OR_CRYPTO_ED25519, &err), &err);
	ASSERT_CODE(or_crypto_key_public(&public_key, w->agent), OR_OK);
	cert.public_key = or_buf_slice(&public_key);
	ASSERT_OK(wire_cert_issue(&w->cert, &cert, w->enrolment, &err), &err);
	or_buf_done(&public_key);
	*state = w;
	return 0;
}

static int end_world(void **state)
{
	struct world *w = *state;

	or_crypto_key_free(w->enrolment);
	or_crypto_key_free(w->agent);
	or_buf_done(&w->cert);
	or_arena_free(w->a);
	test_free(w);
	return 0;
}

static struct or_slice record(struct world *w, uint64_t seq)
{
	static const uint8_t trace[16] = {1}, span[8] = {2};
	struct wire_audit r = {.time_ns = 100 + seq,
	    .agent_id = or_slice(agent_id, 16),
	    .epoch = 7,
	    .stream = OR_SLICE_LIT("outrider.audit/orders"),
	    .seq = seq,
	    .product = OR_SLICE_LIT("orders"),
	    .kind = WIRE_KIND_ACCESS,
	    .front = WIRE_FRONT_PROXY,
	    .phase = WIRE_PHASE_COMPLETE,
	    .decision = WIRE_DECISION_ALLOW,
	    .trace_id = or_slice(trace, 16),
	    .span_id = or_slice(span, 8)};
	struct or_err err = {0};
	struct or_buf b;

	or_buf_init(&b, WIRE_AUDIT_MAX);
	ASSERT_OK(wire_audit_encode(&b, &r, &err), &err);
	return keep(w, &b);
}

static void put_leaf(struct world *w, enum wire_leaf_type type, struct or_slice content)
{
	struct or_buf b;

	assert_true(w->n < LEAVES_MAX);
	or_buf_init(&b, WIRE_LEAF_MAX);
	wire_leaf_encode(&b, type, content);
	w->leaves[w->n++] = keep(w, &b);
}

/* A batch as ingest stores it: the frame, then its records from..to. */
static void put_batch(struct world *w, uint64_t from, uint64_t to, const struct or_crypto_key *key)
{
	struct or_slice records[16] = {{0}};
	uint8_t root[32];
	struct wire_frame f = {.cert = or_buf_slice(&w->cert),
	    .epoch = 7,
	    .stream = OR_SLICE_LIT("outrider.audit/orders"),
	    .seq_from = from,
	    .seq_to = to,
	    .root = or_slice(root, 32),
	    .sent_ns = 500};
	struct or_err err = {0};
	struct or_buf b;

	for (uint64_t seq = from; seq <= to; seq++)
		records[seq - from] = record(w, seq);
	wire_root_compute(root, records, to - from + 1);
	or_buf_init(&b, WIRE_FRAME_MAX);
	ASSERT_OK(wire_frame_sign(&b, &f, key, &err), &err);
	put_leaf(w, WIRE_LEAF_FRAME, keep(w, &b));
	for (uint64_t seq = from; seq <= to; seq++)
		put_leaf(w, WIRE_LEAF_RECORD, records[seq - from]);
}

static void root_at(struct world *w, size_t n, struct tl_hash *root)
{
	struct tl_tree t;
	struct tl_hash h;

	tl_tree_init(&t);
	for (size_t i = 0; i < n; i++) {
		tl_hash_leaf(&h, w->leaves[i]);
		tl_tree_append(&t, &h, NULL, NULL);
	}
	tl_tree_root(root, &t);
}

static struct ctl_check_opt opt_for(struct world *w)
{
	struct ctl_check_opt opt = {
	    .size = w->n, .enrolment_keys = &w->enrolment, .n_enrolment_keys = 1};

	root_at(w, w->n, &opt.root);
	return opt;
}

/* Checks the leaves; the number of findings, and all their texts in *text. */
static uint64_t check_all(
    struct world *w, const struct ctl_check_opt *opt, const struct tl_hash *stored, char text[8192])
{
	struct ctl_check *c = ctl_check_new(opt);
	const struct ctl_check_report *r;
	uint64_t findings;
	size_t at = 0;

	for (size_t i = 0; i < w->n; i++)
		ctl_check_leaf(c, w->leaves[i], stored ? &stored[i] : NULL, NULL);
	r = ctl_check_end(c);
	text[0] = 0;
	for (size_t i = 0; i < r->n_texts; i++)
		at += (size_t)snprintf(text + at, 8192 - at, "%s\n", r->texts[i]);
	findings = r->findings;
	ctl_check_free(c);
	return findings;
}

static void check__a_whole_log_holds(void **state)
{
	struct world *w = *state;
	struct ctl_check_opt opt;
	char text[8192];

	put_batch(w, 1, 3, w->agent);
	put_batch(w, 4, 4, w->agent);
	put_batch(w, 5, 9, w->agent);
	opt = opt_for(w);
	opt.seen_size = 5;
	root_at(w, 5, &opt.seen_root);
	assert_int_equal(check_all(w, &opt, NULL, text), 0);
	assert_string_equal(text, "");
}

static void check__names_the_changed_leaf(void **state)
{
	struct world *w = *state;
	struct tl_hash stored[LEAVES_MAX];
	struct ctl_check_opt opt;
	char text[8192];

	put_batch(w, 1, 3, w->agent);
	opt = opt_for(w);
	for (size_t i = 0; i < w->n; i++)
		tl_hash_leaf(&stored[i], w->leaves[i]);
	w->leaves[2] = or_arena_dup(w->a, w->leaves[2]);
	/* The last byte of the span id: the record still decodes. */
	((uint8_t *)(uintptr_t)w->leaves[2].p)[w->leaves[2].n - 1] ^= 1;
	assert_true(check_all(w, &opt, stored, text) >= 3);
	ASSERT_HAS(text, "leaf 2: its bytes were changed");
	ASSERT_HAS(text, "records 1 to 3 are not those that the agent signed");
	ASSERT_HAS(text, "do not give the root of the signed checkpoint");
}

static void check__sees_rewritten_history(void **state)
{
	struct world *w = *state;
	struct ctl_check_opt opt;
	char text[8192];

	put_batch(w, 1, 3, w->agent);
	opt = opt_for(w);
	opt.seen_size = 2; /* of another log */
	memset(opt.seen_root.b, 1, sizeof(opt.seen_root.b));
	assert_int_equal(check_all(w, &opt, NULL, text), 1);
	ASSERT_HAS(text, "history was rewritten");
	opt.seen_size = 100;
	assert_int_equal(check_all(w, &opt, NULL, text), 1);
	ASSERT_HAS(text, "shorter (4) than the checkpoint seen before (100)");
}

static void check__sees_a_removed_record(void **state)
{
	struct world *w = *state;
	struct ctl_check_opt opt;
	char text[8192];

	put_batch(w, 1, 3, w->agent);
	memmove(&w->leaves[2], &w->leaves[3], sizeof(w->leaves[0]));
	w->n--;
	opt = opt_for(w); /* even where the whole log was rebuilt and signed anew */
	assert_true(check_all(w, &opt, NULL, text) > 0);
	ASSERT_HAS(text, "records 2 to 2 are missing");
}

static void check__sees_a_hole_between_batches(void **state)
{
	struct world *w = *state;
	struct ctl_check_opt opt;
	char text[8192];

	put_batch(w, 1, 2, w->agent);
	put_batch(w, 5, 6, w->agent);
	opt = opt_for(w);
	assert_int_equal(check_all(w, &opt, NULL, text), 1);
	ASSERT_HAS(text, "records 3 to 4 are missing");
}

static void check__takes_what_comes_late(void **state)
{
	struct world *w = *state;
	struct ctl_check_opt opt;
	char text[8192];

	put_batch(w, 1, 2, w->agent);
	put_batch(w, 7, 8, w->agent);
	put_batch(w, 5, 6, w->agent);
	put_batch(w, 3, 4, w->agent);
	put_batch(w, 9, 9, w->agent);
	opt = opt_for(w);
	assert_int_equal(check_all(w, &opt, NULL, text), 0);
	assert_string_equal(text, "");
	put_leaf(w, WIRE_LEAF_RECORD, record(w, 5));
	opt = opt_for(w);
	assert_true(check_all(w, &opt, NULL, text) > 0);
	ASSERT_HAS(text, "record 5 is there twice");
}

static void check__sees_a_record_twice(void **state)
{
	struct world *w = *state;
	struct ctl_check_opt opt;
	char text[8192];

	put_batch(w, 1, 2, w->agent);
	put_leaf(w, WIRE_LEAF_RECORD, record(w, 2));
	opt = opt_for(w);
	assert_true(check_all(w, &opt, NULL, text) > 0);
	ASSERT_HAS(text, "record 2 is there twice");
}

static void check__sees_a_forged_frame(void **state)
{
	struct world *w = *state;
	struct ctl_check_opt opt;
	char text[8192];

	put_batch(w, 1, 2, w->enrolment); /* signed with a key that the certificate does not name */
	opt = opt_for(w);
	assert_true(check_all(w, &opt, NULL, text) > 0);
	ASSERT_HAS(text, "leaf 0: the frame's signature is wrong");
	ASSERT_HAS(text, "record 1 lies under no frame of its agent");
}

static void check__sees_a_foreign_certificate(void **state)
{
	struct world *w = *state;
	struct ctl_check_opt opt;
	char text[8192];

	put_batch(w, 1, 2, w->agent);
	opt = opt_for(w);
	opt.enrolment_keys = &w->agent;
	assert_true(check_all(w, &opt, NULL, text) > 0);
	ASSERT_HAS(text, "leaf 0: the frame's certificate is not from this collector's");
}

static void check__an_empty_log_holds(void **state)
{
	struct world *w = *state;
	struct ctl_check_opt opt = opt_for(w);
	char text[8192];

	assert_int_equal(check_all(w, &opt, NULL, text), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(check__a_whole_log_holds, make_world, end_world),
	    cmocka_unit_test_setup_teardown(check__names_the_changed_leaf, make_world, end_world),
	    cmocka_unit_test_setup_teardown(check__sees_rewritten_history, make_world, end_world),
	    cmocka_unit_test_setup_teardown(check__sees_a_removed_record, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		check__sees_a_hole_between_batches, make_world, end_world),
	    cmocka_unit_test_setup_teardown(check__takes_what_comes_late, make_world, end_world),
	    cmocka_unit_test_setup_teardown(check__sees_a_record_twice, make_world, end_world),
	    cmocka_unit_test_setup_teardown(check__sees_a_forged_frame, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		check__sees_a_foreign_certificate, make_world, end_world),
	    cmocka_unit_test_setup_teardown(check__an_empty_log_holds, make_world, end_world),
	};

	return cmocka_run_group_tests_name("cli.check", tests, NULL, NULL);
}
