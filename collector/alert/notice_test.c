/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/alert/notice.h"

#include "tests/support/support.h"

#include <stdio.h>

#define S(n)  ((n)*OR_NS_PER_S)
#define START S(1000000)
#define RULES                                                                                      \
	"rules: [{name: A, expr: decision=deny, by: [principal.id, product], resolve_after: "      \
	"10s}]\n"
#define ROUTE                                                                                      \
	"route: {group_by: [product], group_wait: 2s, group_interval: 5s, repeat_interval: 1h}\n"
#define HOOK "receivers: [{name: ops, webhook_configs: [{url: 'http://127.0.0.1:1/a'}]}]\n"

struct fixture {
	struct co_rule_set *set;
	struct co_state *st;
	struct co_notice *ns;
	struct or_arena *arena;
	const struct or_json *body; /* of the last notice */
	size_t released;
	int64_t now;
};

static void on_phase(void *arg, struct co_state_alert *a)
{
	struct fixture *f = arg;

	if (a->phase == CO_STATE_FIRING || a->phase == CO_STATE_RESOLVED)
		co_notice_put(f->ns, a, f->now);
}

static void on_release(void *arg, struct co_notice_group *g)
{
	struct fixture *f = arg;

	assert_non_null(g->out);
	f->released++;
}

static void use(struct fixture *f, const char *rules)
{
	struct co_rule_set *old = f->set;
	struct or_err err;

	ASSERT_OK(co_rule_parse(&f->set, "a.yaml", or_slice_str(rules), &err), &err);
	co_state_set_rules(f->st, f->set, f->now);
	co_notice_set_rules(f->ns, f->set, OR_SLICE_LIT("http://c"), f->now, on_release, f);
	co_rule_free(old);
}

static void start(struct fixture *f, const char *rules)
{
	*f = (struct fixture){.now = START, .arena = or_arena_new(0), .ns = co_notice_new()};
	f->st = co_state_new(&(struct co_state_opt){.fn = on_phase, .arg = f});
	use(f, rules);
}

static void stop(struct fixture *f)
{
	co_notice_free(f->ns);
	co_state_free(f->st);
	co_rule_free(f->set);
	or_arena_free(f->arena);
}

/* A denial of a principal at a product, which fires. */
static void deny(struct fixture *f, const char *who, const char *product)
{
	const struct wire_audit r = {.time_ns = (uint64_t)f->now,
	    .decision = WIRE_DECISION_DENY,
	    .product = or_slice_str(product),
	    .principal = {.id = or_slice_str(who)}};

	co_state_feed(f->st, &r, f->now, false);
}

/* Time passes by `by`, as the owner lets it. */
static void pass(struct fixture *f, int64_t by)
{
	int64_t to = f->now + by;

	for (;;) {
		int64_t a = co_state_due_ns(f->st), b = co_notice_due_ns(f->ns);
		int64_t due = a < b ? a : b;

		if (due > to)
			break;
		f->now = due > f->now ? due : f->now;
		co_state_tick(f->st, f->now);
		co_notice_flush(f->ns, f->now);
	}
	f->now = to;
}

/* The notice under way, in group order; NULL: there is none. Its body is then in f->body. */
static struct co_notice_group *notice(struct fixture *f)
{
	struct co_notice_group *g = NULL;
	struct or_err err;

	while ((g = co_notice_next(f->ns, g)) && !g->out)
		;
	if (g)
		ASSERT_OK(or_json_parse(
			      &f->body, or_slice(g->out->body, g->out->body_len), f->arena, &err),
		    &err);
	return g;
}

static const char *status(const struct fixture *f)
{
	return or_slice_is(or_json_get_str(f->body, "status"), "firing") ? "firing" : "resolved";
}

static size_t n_alerts(const struct fixture *f)
{
	return or_json_get_type(f->body, "alerts", OR_JSON_ARRAY)->array.n;
}

static void drop_idle(struct fixture *f)
{
	struct co_notice_group *g, *next;

	for (g = co_notice_next(f->ns, NULL); g; g = next) {
		next = co_notice_next(f->ns, g);
		if (co_notice_is_idle(g))
			co_notice_drop(f->ns, g);
	}
}

static void flush__waits_groups_and_repeats(void **state)
{
	struct co_notice_group *g;
	struct fixture f;

	(void)state;
	start(&f, ROUTE HOOK "rules: [{name: A, expr: decision=deny, by: [principal.id, product], "
			     "resolve_after: 10h}]\n");
	deny(&f, "bob", "orders");
	pass(&f, S(1));
	deny(&f, "eve", "orders");
	deny(&f, "eve", "totals");
	assert_null(notice(&f));
	pass(&f, S(1)); /* group_wait of the first */
	g = notice(&f);
	assert_non_null(g);
	ASSERT_SLICE(g->group_key, "{}:{product=\"orders\"}");
	ASSERT_SLICE(or_json_get_str(f.body, "groupKey"), "{}:{product=\"orders\"}");
	assert_string_equal(status(&f), "firing");
	assert_int_equal(n_alerts(&f), 2);
	assert_null(or_json_get(or_json_get(f.body, "commonLabels"), "principal_id"));
	ASSERT_SLICE(or_json_get_str(or_json_get(f.body, "commonLabels"), "product"), "orders");
	co_notice_done(g, NULL, f.now);
	pass(&f, S(1));
	g = notice(&f);
	ASSERT_SLICE(g->group_key, "{}:{product=\"totals\"}");
	co_notice_done(g, NULL, f.now);

	/* The same alerts are no news, another one is, at the next look. */
	pass(&f, S(600));
	assert_null(notice(&f));
	deny(&f, "sue", "orders");
	pass(&f, S(5));
	assert_int_equal(n_alerts((notice(&f), &f)), 3);
	co_notice_done(notice(&f), NULL, f.now);
	pass(&f, S(3500));
	while ((g = notice(&f))) /* totals is told again before */
		co_notice_done(g, NULL, f.now);
	pass(&f, S(150));
	g = notice(&f);
	assert_non_null(g);
	assert_int_equal(n_alerts(&f), 3);
	stop(&f);
}

static void flush__tells_the_end_and_forgets(void **state)
{
	struct co_notice_group *g;
	struct fixture f;

	(void)state;
	start(&f, ROUTE HOOK RULES);
	deny(&f, "bob", "orders");
	pass(&f, S(2));
	co_notice_done(notice(&f), NULL, f.now);
	pass(&f, S(10));
	g = notice(&f);
	assert_string_equal(status(&f), "resolved");
	assert_int_equal(co_state_next(f.st, NULL)->held, 1);
	co_notice_done(g, NULL, f.now);
	assert_true(co_notice_is_idle(g));
	assert_int_equal(co_state_next(f.st, NULL)->held, 0);
	drop_idle(&f);
	assert_true(co_notice_due_ns(f.ns) == INT64_MAX);
	stop(&f);
}

static void flush__tells_what_came_and_went(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, "route: {group_wait: 30s}\n" HOOK RULES);
	deny(&f, "bob", "orders");
	pass(&f, S(29));
	assert_null(notice(&f));
	pass(&f, S(1));
	assert_non_null(notice(&f));
	assert_string_equal(status(&f), "resolved");
	stop(&f);
}

static void flush__without_send_resolved(void **state)
{
	static const char rules[] =
	    ROUTE "receivers: [{name: ops, webhook_configs: [{url: 'http://127.0.0.1:1/a', "
		  "send_resolved: false}]}]\n" RULES;
	struct co_notice_group *g;
	struct fixture f;

	(void)state;
	start(&f, rules);
	deny(&f, "bob", "orders");
	pass(&f, S(2));
	co_notice_done(notice(&f), NULL, f.now);
	pass(&f, S(8));
	deny(&f, "eve", "orders");
	pass(&f, S(5));
	g = notice(&f);
	assert_int_equal(n_alerts(&f), 1); /* eve alone: bob's end is nothing to tell */
	co_notice_done(g, NULL, f.now);
	pass(&f, S(60));
	assert_null(notice(&f));
	drop_idle(&f);
	assert_null(co_notice_next(f.ns, NULL));
	/* What fires next is news. */
	deny(&f, "eve", "orders");
	pass(&f, S(2));
	assert_non_null(notice(&f));
	stop(&f);
}

/* A receiver that is away for long hears everything in order: each state that was due. */
static void flush__has_one_notice_under_way(void **state)
{
	struct co_notice_group *g;
	struct fixture f;
	char first[64];

	(void)state;
	start(&f, ROUTE HOOK RULES);
	deny(&f, "bob", "orders");
	pass(&f, S(2));
	g = notice(&f);
	snprintf(first, sizeof(first), "%s", g->out->id);
	pass(&f, S(600)); /* resolved long since */
	assert_string_equal(notice(&f)->out->id, first);
	assert_string_equal(status(&f), "firing");
	co_notice_done(g, NULL, f.now);
	pass(&f, 0);
	assert_non_null(notice(&f));
	assert_string_equal(status(&f), "resolved");
	assert_string_not_equal(g->out->id, first);
	/* A refusal is not tried again, and remembered. */
	co_notice_done(g, "no", f.now);
	assert_string_equal(g->refused, "no");
	pass(&f, S(60));
	assert_null(notice(&f));
	stop(&f);
}

static void put__replaces_the_same_alert_of_before(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, "route: {group_interval: 60s, group_wait: 0s}\n" HOOK RULES);
	deny(&f, "bob", "orders");
	pass(&f, 0);
	co_notice_done(notice(&f), NULL, f.now);
	pass(&f, S(11));
	deny(&f, "bob", "orders"); /* resolved and again between two looks */
	pass(&f, S(1));
	assert_int_equal(co_notice_next(f.ns, NULL)->n_alerts, 1);
	pass(&f, S(60));
	assert_string_equal((notice(&f), status(&f)), "resolved");
	assert_int_equal(n_alerts(&f), 1);
	stop(&f);
}

static void set_rules__forms_groups_anew(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, ROUTE HOOK RULES);
	deny(&f, "bob", "orders");
	pass(&f, S(2));
	co_notice_done(notice(&f), NULL, f.now);
	/* The same route: nothing is told again. */
	use(&f, ROUTE HOOK RULES);
	pass(&f, S(6));
	assert_null(notice(&f));
	/* Another grouping is another group, and told. */
	use(&f, "route: {group_by: ['...'], group_wait: 0s}\n" HOOK RULES);
	drop_idle(&f);
	pass(&f, 0);
	assert_non_null(notice(&f));
	ASSERT_HAS(notice(&f)->key, "principal_id=\"bob\"");
	/* A receiver that is gone: its notice is given up. */
	assert_int_equal(f.released, 0);
	use(&f, "route: {receiver: b}\nreceivers: [{name: b}]\n" RULES);
	assert_int_equal(f.released, 1);
	drop_idle(&f);
	assert_null(co_notice_next(f.ns, NULL));
	assert_int_equal(co_state_next(f.st, NULL)->held, 0);
	stop(&f);
}

static void restore__knows_what_was_told(void **state)
{
	struct co_notice_group stored = {0}, *g;
	struct co_notice_out out = {.id = "some-id", .body = "{}", .body_len = 2};
	struct fixture f, after;

	(void)state;
	start(&f, ROUTE HOOK RULES);
	deny(&f, "bob", "orders");
	pass(&f, S(2));
	g = notice(&f);
	co_notice_done(g, NULL, f.now);

	start(&after, ROUTE HOOK RULES);
	stored = *g;
	assert_non_null(co_notice_restore(after.ns, &stored, after.now));
	deny(&after, "bob", "orders"); /* stands for the alert that is restored */
	pass(&after, S(7));
	assert_null(notice(&after));
	deny(&after, "eve", "orders");
	pass(&after, S(5));
	assert_non_null(notice(&after));
	stop(&after);

	/* One under way goes on as it was. */
	start(&after, ROUTE HOOK RULES);
	stored.out = &out;
	assert_non_null(co_notice_restore(after.ns, &stored, after.now));
	assert_string_equal(notice(&after)->out->id, "some-id");
	assert_true(notice(&after)->out->is_stored);
	stored.place = 1; /* a target that the rules have not */
	assert_null(co_notice_restore(after.ns, &stored, after.now));
	stop(&after);
	stop(&f);
}

static void body__is_cut_where_it_is_too_large(void **state)
{
	char who[CO_STATE_VALUE_MAX + 1];
	struct fixture f;
	size_t shown;

	(void)state;
	start(&f, "route: {group_wait: 0s}\n" HOOK RULES);
	for (int i = 0; i < CO_STATE_ALERTS_MAX; i++) {
		int n = snprintf(who, sizeof(who), "%d", i);

		memset(
		    who + n, '"', sizeof(who) - 1 - (size_t)n); /* longer as JSON, and in the URL */
		who[sizeof(who) - 1] = '\0';
		deny(&f, who, "orders");
	}
	pass(&f, 0);
	assert_non_null(notice(&f));
	assert_true(notice(&f)->out->body_len <= CO_SINK_BODY_MAX);
	shown = n_alerts(&f);
	assert_true(shown > 100 && shown < CO_STATE_ALERTS_MAX);
	assert_int_equal(or_json_get(f.body, "truncatedAlerts")->i, CO_STATE_ALERTS_MAX - shown);
	/* Those that were left out have been told of as well: the number says so. */
	assert_int_equal(notice(&f)->out->firing.n, CO_STATE_ALERTS_MAX);
	stop(&f);
}

static void set__reads_what_it_wrote(void **state)
{
	struct co_notice_set a = {0}, b = {0};
	struct or_buf text;

	(void)state;
	or_buf_init(&text, 1000);
	for (uint64_t i = 5; i > 0; i--)
		co_notice_set_add(&a, i * i * 0x0123456789ABCDEFULL);
	co_notice_set_add(&a, 0x0123456789ABCDEFULL);
	assert_int_equal(a.n, 5);
	co_notice_set_put(&text, &a);
	ASSERT_CODE(co_notice_set_read(&b, or_buf_slice(&text)), OR_OK);
	assert_true(co_notice_set_is_subset(&a, &b) && co_notice_set_is_subset(&b, &a));
	co_notice_set_add(&b, 7);
	assert_false(co_notice_set_is_subset(&b, &a));
	assert_true(co_notice_set_is_subset(&a, &b));
	ASSERT_CODE(co_notice_set_read(&b, OR_SLICE_LIT("0123")), OR_CORRUPT);
	ASSERT_CODE(co_notice_set_read(&b, OR_SLICE_LIT("012345678901234x")), OR_CORRUPT);
	assert_int_equal(b.n, 6);
	co_notice_set_done(&a);
	co_notice_set_done(&b);
	or_buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(flush__waits_groups_and_repeats),
	    cmocka_unit_test(flush__tells_the_end_and_forgets),
	    cmocka_unit_test(flush__tells_what_came_and_went),
	    cmocka_unit_test(flush__without_send_resolved),
	    cmocka_unit_test(flush__has_one_notice_under_way),
	    cmocka_unit_test(put__replaces_the_same_alert_of_before),
	    cmocka_unit_test(set_rules__forms_groups_anew),
	    cmocka_unit_test(restore__knows_what_was_told),
	    cmocka_unit_test(body__is_cut_where_it_is_too_large),
	    cmocka_unit_test(set__reads_what_it_wrote),
	};

	return cmocka_run_group_tests_name("collector/alert/notice", tests, NULL, NULL);
}
