/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/alert/ledger.h"

#include "base/db.h"
#include "collector/alert/webhook/webhook.h"
#include "tests/support/support.h"

#include <stdio.h>

struct fixture {
	char *dir;
	const char *path;
	struct or_loop *loop;
	struct or_slow *slow;
	struct co_ledger *l;
	struct or_err err;
	bool done;
	enum or_code rc;
	/* what was read */
	char read[4096];
};

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){.dir = support_tmpdir_new()};
	f.path = support_path(f.dir, "alert.db");
	ASSERT_OK(or_loop_new(&f.loop, NULL, &f.err), &f.err);
	ASSERT_OK(or_slow_new(&f.slow, f.loop, 16, &f.err), &f.err);
	ASSERT_OK(co_ledger_open(&f.l, f.path, &f.err), &f.err);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	or_slow_free(f->slow);
	co_ledger_close(f->l);
	or_loop_free(f->loop);
	support_tmpdir_remove(f->dir);
	return 0;
}

static void on_committed(void *arg, enum or_code rc, const struct or_err *err)
{
	struct fixture *f = arg;

	f->done = true;
	f->rc = rc;
	if (rc)
		f->err = *err;
}

static enum or_code commit(struct fixture *f)
{
	f->done = false;
	ASSERT_CODE(co_ledger_commit(f->l, f->slow, on_committed, f), OR_OK);
	while (!f->done)
		or_loop_turn(f->loop, false);
	return f->rc;
}

static void OR_PRINTF(2, 3) say(struct fixture *f, const char *fmt, ...)
{
	size_t n = strlen(f->read);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->read + n, sizeof(f->read) - n, fmt, ap);
	va_end(ap);
}

static void on_place(void *arg, const struct co_ledger_place *p)
{
	say(arg, "place %u %llu %llu;", p->shard, (unsigned long long)p->done,
	    (unsigned long long)p->from);
}

static void on_alert(void *arg, const struct co_state_alert *a, bool held)
{
	say(arg, "alert %016llx %.*s %s %d %lld %lld %lld %lld %u %d %.*s=%.*s %zu;",
	    (unsigned long long)a->fingerprint, OR_SLICE_FMT(a->rule), a->digest, (int)a->phase,
	    (long long)a->began_ns, (long long)a->starts_ns, (long long)a->ends_ns,
	    (long long)a->last_ns, a->record, held, OR_SLICE_FMT(a->labels.p[0].name),
	    OR_SLICE_FMT(a->labels.p[0].value), a->annotations.n);
}

static void on_group(void *arg, const struct co_notice_group *g)
{
	const struct co_notice_out *out = g->out;

	say(arg, "group %.*s %s %zu %d %lld %zu %zu '%s' %s;", OR_SLICE_FMT(g->receiver),
	    g->sink->name, g->place, g->told, (long long)g->told_ns, g->firing.n, g->resolved.n,
	    g->refused, out ? out->id : "-");
	if (out)
		say(arg, "out %.*s %zu %zu %llu;", (int)out->body_len, out->body, out->firing.n,
		    out->resolved.n, (unsigned long long)out->attempts);
}

static const char *read_back(struct fixture *f)
{
	const struct co_ledger_reader reader = {
	    .arg = f, .on_place = on_place, .on_alert = on_alert, .on_group = on_group};

	ASSERT_OK(co_ledger_commit_now(f->l, &f->err), &f->err);
	co_ledger_close(f->l);
	ASSERT_OK(co_ledger_open(&f->l, f->path, &f->err), &f->err);
	f->read[0] = '\0';
	ASSERT_OK(co_ledger_load(f->l, &reader, &f->err), &f->err);
	return f->read;
}

static const struct co_label label = {OR_SLICE_LIT("a"), OR_SLICE_LIT("x\"y\n")};

static struct co_state_alert make_alert(void)
{
	return (struct co_state_alert){.rule = OR_SLICE_LIT("R"),
	    .digest = "d",
	    .labels = {&label, 1},
	    .annotations = {&label, 1},
	    .fingerprint = 0xFEDCBA9876543210ULL,
	    .phase = CO_STATE_FIRING,
	    .began_ns = 10,
	    .starts_ns = 11,
	    .last_ns = 12,
	    .record = 2,
	    .held = 3};
}

static void load__gives_what_was_committed(void **state)
{
	struct fixture *f = *state;
	struct co_state_alert a = make_alert();
	const struct co_ledger_place place = {.shard = 1, .done = 9, .from = 4};

	assert_string_equal(read_back(f), "");
	co_ledger_put_place(f->l, &place);
	co_ledger_put_alert(f->l, &a);
	assert_true(co_ledger_has_changes(f->l));
	ASSERT_CODE(commit(f), OR_OK);
	assert_false(co_ledger_has_changes(f->l));
	assert_string_equal(
	    read_back(f), "place 1 9 4;alert fedcba9876543210 R d 1 10 11 0 12 2 1 a=x\"y\n 1;");
	a.phase = CO_STATE_RESOLVED;
	a.ends_ns = 13;
	a.record = a.held = 0;
	co_ledger_put_alert(f->l, &a);
	ASSERT_CODE(commit(f), OR_OK);
	assert_string_equal(
	    read_back(f), "place 1 9 4;alert fedcba9876543210 R d 2 10 11 13 12 0 0 a=x\"y\n 1;");
	co_ledger_drop_alert(f->l, &a);
	ASSERT_CODE(commit(f), OR_OK);
	assert_string_equal(read_back(f), "place 1 9 4;");
}

static void load__gives_notices_under_way(void **state)
{
	struct fixture *f = *state;
	uint64_t fp[] = {1, 0xFFFFFFFFFFFFFFFFULL};
	struct co_notice_out out = {
	    .id = "0a-b", .body = "{\"x\":1}", .body_len = 7, .attempts = 5};
	struct co_notice_group g = {.key = "k",
	    .receiver = OR_SLICE_LIT("ops"),
	    .sink = &co_webhook_sink,
	    .place = 2,
	    .labels = {&label, 1},
	    .told = true,
	    .told_ns = 99,
	    .firing = {fp, 2},
	    .refused = "why not",
	    .out = &out};

	out.resolved = (struct co_notice_set){fp, 1};
	co_ledger_put_group(f->l, &g);
	ASSERT_CODE(commit(f), OR_OK);
	assert_string_equal(
	    read_back(f), "group ops webhook 2 1 99 2 0 'why not' 0a-b;out {\"x\":1} 0 1 5;");
	g.out = NULL;
	co_ledger_put_group(f->l, &g);
	ASSERT_CODE(commit(f), OR_OK);
	assert_string_equal(read_back(f), "group ops webhook 2 1 99 2 0 'why not' -;");
	co_ledger_drop_group(f->l, "k");
	ASSERT_CODE(commit(f), OR_OK);
	assert_string_equal(read_back(f), "");
}

/* Somebody else has the database: nothing is lost, nor half there. */
static void commit__writes_again_what_failed(void **state)
{
	struct fixture *f = *state;
	const struct or_db_opt opt = {.path = f->path};
	struct co_state_alert a = make_alert();
	struct or_db *other;

	ASSERT_CODE(or_db_open(&other, &opt, &f->err), OR_STALE); /* it has no migrations */
	ASSERT_OK(
	    or_db_open(&other,
		&(struct or_db_opt){
		    .path = f->path, .migrations = (const char *const[]){""}, .n_migrations = 1},
		&f->err),
	    &f->err);
	ASSERT_OK(or_db_begin(other, &f->err), &f->err);
	co_ledger_put_alert(f->l, &a);
	ASSERT_CODE(commit(f), OR_BUSY);
	ASSERT_HAS(f->err.msg, "alert.db");
	assert_false(co_ledger_is_settled(f->l));
	assert_true(co_ledger_has_changes(f->l));
	co_ledger_put_place(f->l, &(struct co_ledger_place){.shard = 0, .done = 1});
	ASSERT_CODE(commit(f), OR_BUSY);
	or_db_rollback(other);
	or_db_close(other);
	ASSERT_CODE(commit(f), OR_OK);
	assert_true(co_ledger_is_settled(f->l));
	assert_true(co_ledger_has_changes(f->l)); /* what came later */
	ASSERT_CODE(commit(f), OR_OK);
	assert_false(co_ledger_has_changes(f->l));
	assert_string_equal(
	    read_back(f), "place 0 1 0;alert fedcba9876543210 R d 1 10 11 0 12 2 1 a=x\"y\n 1;");
}

static void load__refuses_rows_that_are_not_ours(void **state)
{
	struct fixture *f = *state;
	const struct co_ledger_reader reader = {
	    .arg = f, .on_place = on_place, .on_alert = on_alert, .on_group = on_group};
	struct or_db *db;

	ASSERT_OK(
	    or_db_open(&db,
		&(struct or_db_opt){
		    .path = f->path, .migrations = (const char *const[]){""}, .n_migrations = 1},
		&f->err),
	    &f->err);
	ASSERT_OK(
	    or_db_exec(db,
		"INSERT INTO alert VALUES (1, 1, 'R', 'd', '[]', '{}', 1, 1, 0, 1, 0, 0)", &f->err),
	    &f->err);
	or_db_close(db);
	ASSERT_CODE(co_ledger_load(f->l, &reader, &f->err), OR_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(load__gives_what_was_committed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(load__gives_notices_under_way, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(commit__writes_again_what_failed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		load__refuses_rows_that_are_not_ours, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("collector/alert/ledger", tests, NULL, NULL);
}
