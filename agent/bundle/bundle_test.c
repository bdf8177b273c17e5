/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/bundle/bundle.h"
#include "base/sys.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <unistd.h>

#define NOW_NS (1800000000LL * OR_NS_PER_S)
#define DAY_NS (86400LL * OR_NS_PER_S)

struct world {
	char *dir;
	char file[512], public_key[512];
	const char *keys[1];
	struct or_loop *loop;
	struct or_crypto_key *key;
	struct ag_bundle_opt opt;
	int changes;
	enum or_code last;
};

static void on_change(void *arg, struct pol_bundle *in_force, const struct or_err *err)
{
	struct world *w = arg;

	(void)in_force;
	w->changes++;
	w->last = err->code;
}

static int make_world(void **state)
{
	struct world *w = test_calloc(1, sizeof(*w));
	struct or_loop_opt clock = {.virtual_clock = true, .virtual_wall_ns = NOW_NS};
	struct or_buf pem;

	w->dir = support_tmpdir_new();
	snprintf(w->file, sizeof(w->file), "%s/orders.bundle", w->dir);
	snprintf(w->public_key, sizeof(w->public_key), "%s/key.pub", w->dir);
	ASSERT_CODE(or_loop_new(&w->loop, &clock, NULL), OR_OK);
	ASSERT_CODE(or_crypto_key_new(&w->key, OR_CRYPTO_ED25519, NULL), OR_OK);
	or_buf_init(&pem, 4096);
	ASSERT_CODE(or_crypto_key_to_pem(&pem, w->key, false), OR_OK);
	ASSERT_CODE(or_sys_write_file(w->public_key, or_buf_slice(&pem), 0600, NULL), OR_OK);
	or_buf_done(&pem);
	w->keys[0] = w->public_key;
	w->opt = (struct ag_bundle_opt){.product = "orders",
	    .file = w->file,
	    .state_dir = w->dir,
	    .keys = {.items = w->keys, .n = 1},
	    .on_change = on_change,
	    .arg = w};
	*state = w;
	return 0;
}

static int end_world(void **state)
{
	struct world *w = *state;

	or_crypto_key_free(w->key);
	or_loop_free(w->loop);
	support_tmpdir_remove(w->dir);
	test_free(w);
	return 0;
}

static void write_bundle(struct world *w, uint64_t revision, const struct or_crypto_key *key,
    const char *product, const char *policy)
{
	struct pol_bundle_policy file = {.name = "p.cedar", .text = or_slice_str(policy)};
	struct pol_bundle_source src = {.product = product,
	    .revision = revision,
	    .not_before_ns = NOW_NS - DAY_NS,
	    .not_after_ns = NOW_NS + DAY_NS,
	    .policies = &file,
	    .n_policies = 1};
	struct or_buf bytes, id;
	struct or_err err = {0};

	or_buf_init(&bytes, OR_MIB);
	or_buf_init(&id, 64);
	ASSERT_CODE(pol_bundle_key_id(&id, key), OR_OK);
	ASSERT_OK(pol_bundle_build(&bytes, &src, key, or_buf_slice(&id), NULL, &err), &err);
	ASSERT_CODE(or_sys_write_file(w->file, or_buf_slice(&bytes), 0600, NULL), OR_OK);
	or_buf_done(&bytes);
	or_buf_done(&id);
}

static uint64_t revision_of(const struct ag_bundle *b)
{
	return ag_bundle_get(b) ? pol_bundle_revision(ag_bundle_get(b)) : 0;
}

#define PERMIT "permit (principal, action, resource);"
#define FORBID "forbid (principal, action, resource);"

static struct ag_bundle *open_bundle(struct world *w)
{
	struct ag_bundle *b;
	struct or_err err = {0};

	ASSERT_OK(ag_bundle_new(&b, w->loop, &w->opt, &err), &err);
	return b;
}

static void bundle__none_is_in_force_without_a_file(void **state)
{
	struct world *w = *state;
	struct ag_bundle *b = open_bundle(w);

	assert_null(ag_bundle_get(b));
	assert_int_equal(ag_bundle_error(b)->code, OR_ABSENT);
	write_bundle(w, 3, w->key, "orders", PERMIT);
	ag_bundle_reload(b);
	assert_int_equal(revision_of(b), 3);
	assert_int_equal(w->last, OR_OK);
	ag_bundle_free(b);
}

static void bundle__what_is_refused_leaves_the_old_one(void **state)
{
	struct world *w = *state;
	struct or_crypto_key *stranger;
	struct ag_bundle *b;

	write_bundle(w, 5, w->key, "orders", PERMIT);
	b = open_bundle(w);
	assert_int_equal(revision_of(b), 5);

	write_bundle(w, 4, w->key, "orders", FORBID);
	ag_bundle_reload(b);
	assert_int_equal(ag_bundle_error(b)->code, OR_STALE);

	ASSERT_CODE(or_crypto_key_new(&stranger, OR_CRYPTO_ED25519, NULL), OR_OK);
	write_bundle(w, 6, stranger, "orders", FORBID);
	ag_bundle_reload(b);
	assert_int_equal(ag_bundle_error(b)->code, OR_DENIED);
	or_crypto_key_free(stranger);

	write_bundle(w, 6, w->key, "payments", FORBID);
	ag_bundle_reload(b);
	assert_int_equal(ag_bundle_error(b)->code, OR_DENIED);

	write_bundle(w, 5, w->key, "orders", FORBID);
	ag_bundle_reload(b);
	assert_int_equal(ag_bundle_error(b)->code, OR_STALE);
	ASSERT_HAS(ag_bundle_error(b)->msg, "in force already with other content");

	ASSERT_CODE(or_sys_write_file(w->file, OR_SLICE_LIT("{}"), 0600, NULL), OR_OK);
	ag_bundle_reload(b);
	assert_int_equal(ag_bundle_error(b)->code, OR_PARSE);

	assert_int_equal(revision_of(b), 5);
	write_bundle(w, 7, w->key, "orders", PERMIT);
	ag_bundle_reload(b);
	assert_int_equal(revision_of(b), 7);
	assert_int_equal(ag_bundle_error(b)->code, OR_OK);
	ag_bundle_free(b);
}

static void bundle__a_restart_keeps_bundle_and_floor(void **state)
{
	struct world *w = *state;
	struct ag_bundle *b;

	write_bundle(w, 9, w->key, "orders", PERMIT);
	ag_bundle_free(open_bundle(w));

	ASSERT_CODE(or_sys_unlink(w->file, NULL), OR_OK);
	b = open_bundle(w);
	assert_int_equal(revision_of(b), 9);
	ag_bundle_free(b);

	write_bundle(w, 8, w->key, "orders", PERMIT);
	b = open_bundle(w);
	assert_int_equal(revision_of(b), 9);
	assert_int_equal(ag_bundle_error(b)->code, OR_STALE);
	ag_bundle_free(b);

	/* Even where the kept bundle is gone the lower revision stays refused. */
	ASSERT_CODE(or_sys_unlink(support_path(w->dir, "bundle.good"), NULL), OR_OK);
	b = open_bundle(w);
	assert_null(ag_bundle_get(b));
	ag_bundle_free(b);
}

static void bundle__ends_with_its_time(void **state)
{
	struct world *w = *state;
	struct ag_bundle *b;

	write_bundle(w, 1, w->key, "orders", PERMIT);
	b = open_bundle(w);
	assert_int_equal(revision_of(b), 1);
	or_loop_advance(w->loop, DAY_NS);
	assert_null(ag_bundle_get(b));
	ag_bundle_free(b);
}

/* The real inotify, on a virtual clock that moves once the event is there. */
static void bundle__is_taken_when_the_file_changes(void **state)
{
	struct world *w = *state;
	struct ag_bundle *b;

	write_bundle(w, 1, w->key, "orders", PERMIT);
	b = open_bundle(w);
	write_bundle(w, 2, w->key, "orders", PERMIT);
	for (int i = 0; i < 1000 && revision_of(b) != 2; i++) {
		or_loop_turn(w->loop, true);
		or_loop_advance(w->loop, 20 * OR_NS_PER_MS);
	}
	assert_int_equal(revision_of(b), 2);
	ag_bundle_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		bundle__none_is_in_force_without_a_file, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		bundle__what_is_refused_leaves_the_old_one, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		bundle__a_restart_keeps_bundle_and_floor, make_world, end_world),
	    cmocka_unit_test_setup_teardown(bundle__ends_with_its_time, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		bundle__is_taken_when_the_file_changes, make_world, end_world),
	};

	return cmocka_run_group_tests_name("agent.bundle", tests, NULL, NULL);
}
