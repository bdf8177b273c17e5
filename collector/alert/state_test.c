/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/alert/state.h"

#include "tests/support/support.h"

#include <stdio.h>

#define S(n)  ((n)*OR_NS_PER_S)
#define START S(1000000)

enum { TOLD_MAX = 4096 };

static const char basic[] = "rules:\n"
			    "  - name: Denied\n"
			    "    expr: decision=deny action=read\n"
			    "    by: [principal.id]\n"
			    "    threshold: 5\n"
			    "    window: 1m\n"
			    "    labels: {severity: warning}\n"
			    "    annotations: {summary: '{{principal_id}} {{severity}}'}\n";

struct fixture {
	struct co_rule_set *set;
	struct co_state *st;
	char told[TOLD_MAX]; /* "firing bob;resolved bob;" */
};

static void on_change(void *arg, struct co_state_alert *a)
{
	static const char *const names[] = {"pending", "firing", "resolved", "lapsed"};
	struct or_slice who = co_label_get(a->labels, OR_SLICE_LIT("principal_id"));
	struct fixture *f = arg;
	size_t n = strlen(f->told);

	snprintf(f->told + n, TOLD_MAX - n, "%s %.*s;", names[a->phase], OR_SLICE_FMT(who));
}

static void use(struct fixture *f, const char *rules, int64_t now)
{
	struct co_rule_set *old = f->set;
	struct or_err err;

	ASSERT_OK(co_rule_parse(&f->set, "alerts.yaml", or_slice_str(rules), &err), &err);
	co_state_set_rules(f->st, f->set, now);
	co_rule_free(old);
}

static void start(struct fixture *f, const char *rules, size_t bytes)
{
	*f = (struct fixture){0};
	f->st =
	    co_state_new(&(struct co_state_opt){.rule_bytes = bytes, .fn = on_change, .arg = f});
	use(f, rules, START);
}

static void stop(struct fixture *f)
{
	co_state_free(f->st);
	co_rule_free(f->set);
}

/* A denied read. */
static void feed_at(struct fixture *f, const char *who, int64_t at, int64_t now, bool replay)
{
	const struct wire_audit r = {.time_ns = (uint64_t)at,
	    .kind = WIRE_KIND_ACCESS,
	    .decision = WIRE_DECISION_DENY,
	    .action = OR_SLICE_LIT("read"),
	    .principal = {.id = or_slice_str(who)}};

	co_state_feed(f->st, &r, now, replay);
}

static void feed(struct fixture *f, const char *who, int64_t now)
{
	feed_at(f, who, now, now, false);
}

static void feed_n(struct fixture *f, const char *who, int n, int64_t now)
{
	for (int i = 0; i < n; i++)
		feed(f, who, now);
}

static void told(struct fixture *f, const char *what)
{
	assert_string_equal(f->told, what);
	f->told[0] = '\0';
}

/* Goes from due to due up to `to`, as the loop does. */
static void run_to(struct fixture *f, int64_t to)
{
	int64_t due;

	while ((due = co_state_due_ns(f->st)) <= to)
		co_state_tick(f->st, due);
	co_state_tick(f->st, to);
}

static void feed__fires_at_the_threshold_for_each_group(void **state)
{
	struct co_state_alert *a;
	struct fixture f;

	(void)state;
	start(&f, basic, 0);
	feed_n(&f, "bob", 4, START);
	feed_n(&f, "eve", 4, START + S(1));
	told(&f, "");
	assert_true(co_state_due_ns(f.st) == INT64_MAX);
	feed(&f, "bob", START + S(60));
	told(&f, "firing bob;");
	feed_n(&f, "bob", 3, START + S(60));
	told(&f, "");
	a = co_state_next(f.st, NULL);
	assert_null(co_state_next(f.st, a));
	assert_int_equal(a->phase, CO_STATE_FIRING);
	assert_true(a->starts_ns == START + S(60) && !a->ends_ns);
	ASSERT_SLICE(co_label_get(a->labels, OR_SLICE_LIT("alertname")), "Denied");
	ASSERT_SLICE(co_label_get(a->labels, OR_SLICE_LIT("severity")), "warning");
	ASSERT_SLICE(a->annotations.p[0].value, "bob warning");
	assert_true(a->fingerprint == co_label_fingerprint(a->labels));
	stop(&f);
}

static void feed__counts_only_what_lies_within_the_window(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, basic, 0);
	for (int i = 0; i < 100; i++)
		feed(&f, "bob", START + S(16 * i)); /* never five in 61 s */
	told(&f, "");
	feed_n(&f, "bob", 1, START + S(16 * 99 + 1));
	feed_n(&f, "bob", 1, START + S(16 * 99 + 2));
	told(&f, "firing bob;");
	stop(&f);
}

static void feed__ignores_what_the_rule_does_not_ask_for(void **state)
{
	struct wire_audit r = {.time_ns = (uint64_t)START,
	    .decision = WIRE_DECISION_ALLOW,
	    .action = OR_SLICE_LIT("read")};
	struct fixture f;

	(void)state;
	start(&f, basic, 0);
	for (int i = 0; i < 10; i++)
		co_state_feed(f.st, &r, START, false);
	told(&f, "");
	r.decision = WIRE_DECISION_DENY;
	for (int i = 0; i < 5; i++) /* nobody is a group too, without the label */
		co_state_feed(f.st, &r, START, false);
	told(&f, "firing ;");
	assert_int_equal(co_state_next(f.st, NULL)->labels.n, 2);
	stop(&f);
}

/* A spool that was away for an hour brings one record for every twelve minutes: no burst. */
static void feed__goes_by_the_records_own_time(void **state)
{
	struct co_state_stats stats;
	struct fixture f;

	(void)state;
	start(&f, basic, 0);
	for (int i = 0; i < 5; i++)
		feed_at(&f, "bob", START - S(3600 - 720 * i), START, false);
	told(&f, "");
	/* The same in any order; five within a minute an hour ago are told now. */
	for (int i = 4; i >= 0; i--)
		feed_at(&f, "eve", START - S(3600 - 10 * i), START, false);
	told(&f, "firing eve;");
	/* A clock that is ahead counts as now. */
	for (int i = 0; i < 5; i++)
		feed_at(&f, "sue", START + S(1000000 * i), START, false);
	told(&f, "firing sue;");
	/* Late ones are counted against those that the group keeps, older ones are only counted. */
	for (int i = 0; i < 10; i++)
		feed_at(&f, "zoe", START + S(100 * i), START + S(1000), false);
	feed_at(&f, "zoe", START - S(1), START + S(1000), false);
	co_state_stats(&stats, f.st, SIZE_MAX);
	assert_int_equal(stats.late, 1);
	told(&f, "");
	stop(&f);
}

static void tick__resolves_when_it_was_quiet(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, basic, 0);
	feed_n(&f, "bob", 5, START);
	told(&f, "firing bob;");
	assert_true(co_state_due_ns(f.st) == START + S(60));
	feed(&f, "bob", START + S(30)); /* six within the minute: it goes on */
	assert_true(co_state_due_ns(f.st) == START + S(90));
	co_state_tick(f.st, START + S(90) - 1);
	told(&f, "");
	run_to(&f, START + S(90));
	told(&f, "resolved bob;");
	assert_true(co_state_next(f.st, NULL)->ends_ns == START + S(90));
	assert_true(co_state_due_ns(f.st) == INT64_MAX);
	/* It counts on: four more are not enough, and five make another alert. */
	feed_n(&f, "bob", 4, START + S(100));
	told(&f, "");
	feed(&f, "bob", START + S(100));
	told(&f, "firing bob;");
	co_state_forget(f.st, co_state_next(f.st, NULL));
	assert_int_equal(co_state_next(f.st, NULL)->phase, CO_STATE_FIRING);
	stop(&f);
}

static void tick__waits_as_long_as_for_says(void **state)
{
	struct fixture f;

	(void)state;
	start(&f,
	    "rules: [{name: A, expr: decision=deny, by: [principal.id], threshold: 2, window: 10s, "
	    "for: 25s, resolve_after: 5s}]\n",
	    0);
	feed_n(&f, "bob", 2, START);
	feed_n(&f, "eve", 2, START);
	told(&f, "pending bob;pending eve;");
	for (int i = 1; i <= 4; i++) {
		run_to(&f, START + S(6 * i));
		feed(&f, "eve", START + S(6 * i));
	}
	told(&f, "lapsed bob;");
	run_to(&f, START + S(25));
	told(&f, "firing eve;");
	assert_true(co_state_next(f.st, NULL)->starts_ns == START + S(25));
	assert_true(co_state_next(f.st, NULL)->began_ns == START);
	run_to(&f, START + S(40));
	told(&f, "resolved eve;");
	stop(&f);
}

static void feed__keeps_its_memory_bounded(void **state)
{
	struct co_state_stats stats;
	char who[32];
	struct fixture f;

	(void)state;
	start(&f, basic, 64UL * 1024);
	feed_n(&f, "bob", 4, START);
	for (int i = 0; i < 10000; i++) {
		snprintf(who, sizeof(who), "user-%d", i);
		feed(&f, who, START + S(1));
		co_state_stats(&stats, f.st, 0);
		assert_true(stats.bytes <= 64UL * 1024);
	}
	assert_true(stats.evicted > 9000);
	assert_int_equal(stats.groups + stats.evicted, 10001);
	/* Whoever comes again and again stays: the quiet ones go. */
	for (int i = 0; i < 5; i++) {
		feed(&f, "eve", START + S(2));
		for (int k = 0; k < 50; k++) {
			snprintf(who, sizeof(who), "other-%d-%d", i, k);
			feed(&f, who, START + S(2));
		}
	}
	told(&f, "firing eve;");
	/* After a window without them nothing is left. */
	feed(&f, "bob", START + S(100));
	co_state_stats(&stats, f.st, SIZE_MAX);
	assert_int_equal(stats.groups, 2); /* bob's, and eve's with its alert */
	stop(&f);
}

static void feed__counts_alerts_beyond_the_limit(void **state)
{
	struct co_state_stats stats;
	char who[32];
	struct fixture f;

	(void)state;
	start(&f, "rules: [{name: A, expr: decision=deny, by: [principal.id]}]\n", 0);
	for (int i = 0; i < CO_STATE_ALERTS_MAX + 7; i++) {
		f.told[0] = '\0';
		snprintf(who, sizeof(who), "user-%d", i);
		feed(&f, who, START);
	}
	co_state_stats(&stats, f.st, SIZE_MAX);
	assert_int_equal(stats.firing, CO_STATE_ALERTS_MAX);
	assert_int_equal(stats.overflow, 7);
	f.told[0] = '\0';
	stop(&f);
}

static void set_rules__keeps_what_did_not_change(void **state)
{
	static const char other[] = "rules:\n"
				    "  - {name: New, expr: kind=gap}\n"
				    "  - name: Denied\n"
				    "    expr: decision=deny action=read\n"
				    "    by: [principal.id]\n"
				    "    threshold: 5\n"
				    "    resolve_after: 10s\n"
				    "    labels: {severity: warning}\n";
	struct fixture f;

	(void)state;
	start(&f, basic, 0);
	feed_n(&f, "bob", 5, START);
	feed_n(&f, "eve", 4, START);
	told(&f, "firing bob;");
	use(&f, other, START + S(1));
	told(&f, "");
	feed(&f, "eve", START + S(2));
	told(&f, "firing eve;");
	run_to(&f, START + S(12));
	told(&f, "resolved bob;resolved eve;");
	feed_n(&f, "sue", 5, START + S(20));
	told(&f, "firing sue;");
	use(&f, "rules: []\n", START + S(21));
	told(&f, "resolved sue;");
	stop(&f);
}

static void restore__goes_on_with_a_stored_alert(void **state)
{
	struct co_state_alert *a, stored;
	struct fixture f, after;

	(void)state;
	start(&f, basic, 0);
	feed_n(&f, "bob", 5, START);
	told(&f, "firing bob;");
	stored = *co_state_next(f.st, NULL);

	/* A restart long after: nobody listened, so that it was quiet means nothing. */
	start(&after, basic, 0);
	a = co_state_restore(after.st, &stored, START + S(600));
	assert_non_null(a);
	assert_true(a->starts_ns == START && a->fingerprint == stored.fingerprint);
	for (int i = 0; i < 5; i++) /* what was counted before the restart is read again */
		feed_at(&after, "bob", START, START + S(600), true);
	feed_n(&after, "bob", 5, START + S(601));
	told(&after, "");
	run_to(&after, START + S(661));
	told(&after, "resolved bob;");
	stop(&after);

	/* Its rule is another one now. */
	start(&after, "rules: [{name: Denied, expr: kind=gap}]\n", 0);
	a = co_state_restore(after.st, &stored, START + S(600));
	assert_int_equal(a->phase, CO_STATE_RESOLVED);
	told(&after, "resolved bob;");
	stop(&after);

	stored.phase = CO_STATE_PENDING;
	start(&after, "rules: []\n", 0);
	assert_null(co_state_restore(after.st, &stored, START + S(600)));
	told(&after, "lapsed bob;");
	stop(&after);
	stop(&f);
}

static void replay__fills_the_window_without_an_alert(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, basic, 0);
	for (int i = 0; i < 9; i++)
		feed_at(&f, "bob", START, START, true);
	told(&f, "");
	feed(&f, "bob", START + S(1));
	told(&f, "firing bob;");
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(feed__fires_at_the_threshold_for_each_group),
	    cmocka_unit_test(feed__counts_only_what_lies_within_the_window),
	    cmocka_unit_test(feed__ignores_what_the_rule_does_not_ask_for),
	    cmocka_unit_test(feed__goes_by_the_records_own_time),
	    cmocka_unit_test(tick__resolves_when_it_was_quiet),
	    cmocka_unit_test(tick__waits_as_long_as_for_says),
	    cmocka_unit_test(feed__keeps_its_memory_bounded),
	    cmocka_unit_test(feed__counts_alerts_beyond_the_limit),
	    cmocka_unit_test(set_rules__keeps_what_did_not_change),
	    cmocka_unit_test(restore__goes_on_with_a_stored_alert),
	    cmocka_unit_test(replay__fills_the_window_without_an_alert),
	};

	return cmocka_run_group_tests_name("collector/alert/state", tests, NULL, NULL);
}
