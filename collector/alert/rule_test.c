/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/alert/rule.h"

#include "base/mem.h"
#include "tests/support/support.h"

#define RULE "rules:\n  - name: A\n    expr: decision=deny\n"

static const char full[] =
    "external_url: http://collector:8470\n"
    "route: {receiver: ops, group_by: [alertname], group_wait: 1s,\n"
    "        group_interval: 5s, repeat_interval: 1h}\n"
    "receivers:\n"
    "  - name: ops\n"
    "    webhook_configs:\n"
    "      - url: http://127.0.0.1:9000/hook?a=b\n"
    "        timeout: 2s\n"
    "      - {url: 'http://localhost', send_resolved: false, max_alerts: 7}\n"
    "  - name: nobody\n"
    "rules:\n"
    "  - name: DeniedReads\n"
    "    expr: decision=deny action=read\n"
    "    by: [principal.id, request.status]\n"
    "    threshold: 5\n"
    "    window: 1m\n"
    "    for: 10s\n"
    "    resolve_after: 2m\n"
    "    labels: {severity: warning}\n"
    "    annotations:\n"
    "      summary: '{{principal_id}}: {{ threshold }} in {{window}}{{severity}}'\n"
    "  - name: Gap\n"
    "    expr: kind=gap\n";

static struct co_rule_set *parse(const char *text)
{
	struct co_rule_set *set;
	struct or_err err;

	ASSERT_OK(co_rule_parse(&set, "alerts.yaml", or_slice_str(text), &err), &err);
	return set;
}

static void refuses(const char *text, const char *message)
{
	struct co_rule_set *set = NULL;
	struct or_err err = {0};

	assert_int_not_equal(co_rule_parse(&set, "alerts.yaml", or_slice_str(text), &err), OR_OK);
	assert_null(set);
	ASSERT_HAS(err.msg, message);
}

static void parse__reads_everything(void **state)
{
	struct co_rule_set *set = parse(full);
	const struct co_rule *r = &set->rules[0];
	const struct co_sink_target *t = set->receivers[0].targets;

	(void)state;
	ASSERT_SLICE(set->external_url, "http://collector:8470");
	assert_ptr_equal(set->route.receiver, &set->receivers[0]);
	assert_int_equal(set->route.n_group_by, 1);
	assert_int_equal(set->route.group_wait_ns, OR_NS_PER_S);
	assert_int_equal(set->route.repeat_interval_ns, 3600 * OR_NS_PER_S);
	assert_int_equal(set->receivers[0].n_targets, 2);
	assert_string_equal(t[0].url, "http://127.0.0.1:9000/hook?a=b");
	assert_string_equal(t[0].shown, "http://127.0.0.1:9000");
	assert_int_equal(t[0].timeout_ns, 2 * OR_NS_PER_S);
	assert_true(t[0].send_resolved);
	assert_string_equal(t[1].url, "http://localhost");
	assert_string_equal(t[1].shown, "http://localhost");
	assert_false(t[1].send_resolved);
	assert_int_equal(t[1].max_alerts, 7);
	assert_int_equal(set->n_rules, 2);
	assert_int_equal(r->threshold, 5);
	assert_int_equal(r->window_ns, 60 * OR_NS_PER_S);
	assert_int_equal(r->for_ns, 10 * OR_NS_PER_S);
	assert_int_equal(r->resolve_after_ns, 120 * OR_NS_PER_S);
	assert_int_equal(r->n_by, 2);
	ASSERT_SLICE(r->by_labels[0], "principal_id");
	ASSERT_SLICE(r->by_labels[1], "request_status");
	assert_ptr_equal(co_rule_find(set, OR_SLICE_LIT("Gap")), &set->rules[1]);
	assert_null(co_rule_find(set, OR_SLICE_LIT("gap")));
	co_rule_free(set);
}

static void parse__takes_alertmanagers_defaults(void **state)
{
	struct co_rule_set *set = parse(RULE);

	(void)state;
	assert_null(set->route.receiver);
	assert_int_equal(set->route.n_group_by, 0);
	assert_int_equal(set->route.group_wait_ns, 30 * OR_NS_PER_S);
	assert_int_equal(set->route.group_interval_ns, 300 * OR_NS_PER_S);
	assert_int_equal(set->route.repeat_interval_ns, 4 * 3600 * OR_NS_PER_S);
	assert_int_equal(set->rules[0].threshold, 1);
	assert_int_equal(set->rules[0].window_ns, 60 * OR_NS_PER_S);
	assert_int_equal(set->rules[0].resolve_after_ns, 60 * OR_NS_PER_S);
	co_rule_free(set);
}

static void parse__says_where_and_what(void **state)
{
	(void)state;
	refuses("rules: [", "alerts.yaml");
	refuses("ruls: []\n", "alerts.yaml:1: the file of rules has no key \"ruls\"; did you mean "
			      "\"rules\"?");
	refuses(RULE "    treshold: 5\n",
	    "alerts.yaml:4: a rule has no key \"treshold\"; did you mean \"threshold\"?");
	refuses(RULE "    threshold: many\n", "alerts.yaml:4: threshold is a whole number from 1");
	refuses(RULE "    threshold: 0\n", "from 1 to 1000");
	refuses(RULE "    window: 60\n", "alerts.yaml:4: window is a duration");
	refuses(RULE "    window: 2d\n", "window is from");
	refuses(RULE "    by: principal.id\n", "by is a list");
	refuses(RULE "    by: [principle.id]\n",
	    "alerts.yaml:4: no field is called \"principle.id\"; did you mean \"principal.id\"?");
	refuses(RULE "    by: [policies]\n", "a list or a time");
	refuses(RULE "    by: [product, product]\n", "twice");
	refuses(RULE "    labels: {alertname: x}\n", "has its value from the rule's name");
	refuses(RULE "    labels: {product: x}\n    by: [product]\n", "has its value from by");
	refuses(RULE "    labels: {a-b: x}\n", "letters, digits and _");
	refuses(RULE "    labels: {severity: 1}\n", "write it in quotes");
	refuses(RULE "    annotations: {s: '{{principal_id}}'}\n    by: [principal.type]\n",
	    "{{principal_id}} is no label of this rule; did you mean \"principal_type\"?");
	refuses(RULE "    annotations: {s: 'a {{ b'}\n", "{{ without }}");
	refuses(RULE "  - name: A\n    expr: kind=gap\n", "alerts.yaml:4: there are two rules");
	refuses("rules: [{name: A}]\n", "a rule needs \"expr\"");
	refuses("rules: [{expr: kind=gap}]\n", "a rule needs \"name\"");
	refuses("rules: [x]\n", "a rule is a map, not string");
}

static void parse__shows_where_a_query_is_wrong(void **state)
{
	static const char wrong[] = "rules:\n  - name: A\n    expr: decision=denied action=read\n";
	struct co_rule_set *set = NULL;
	struct or_err err = {0};

	(void)state;
	ASSERT_CODE(co_rule_parse(&set, "alerts.yaml", or_slice_str(wrong), &err), OR_PARSE);
	ASSERT_HAS(err.msg, "alerts.yaml:3: expr: ");
	ASSERT_HAS(err.msg, "did you mean \"deny\"?");
	ASSERT_HAS(err.msg, "\n  decision=denied action=read\n           ^");
	refuses("rules: [{name: A, expr: 'kind=gap | count by product'}]\n", "a filter alone");
	refuses("rules: [{name: A, expr: 'kind=gap since=1h'}]\n", "window says how long");
}

static void parse__refuses_receivers_it_cannot_reach(void **state)
{
	(void)state;
	refuses("receivers: [{name: a, slack_configs: []}]\n", "has no key \"slack_configs\"");
	refuses("receivers: [{name: a, webhook_configs: [{}]}]\n", "a webhook needs \"url\"");
	refuses("receivers: [{name: a, webhook_configs: [{url: 'ftp://127.0.0.1/'}]}]\n",
	    "only http:// and https:// are supported");
	refuses(
	    "receivers: [{name: a, webhook_configs: [{url: 'http://127.0.0.1/a b'}]}]\n", "%XX");
	refuses("receivers: [{name: a}, {name: a}]\n", "two receivers");
	refuses("receivers: [{name: a}, {name: b}]\n", "say which one");
	refuses("route: {receiver: c}\nreceivers: [{name: a}]\n", "no receiver is called \"c\"");
	refuses("route: {routes: []}\n", "route has no key \"routes\"");
	refuses("route: {group_by: ['...', alertname]}\n", "stands alone");
}

static void digest__changes_with_what_is_counted(void **state)
{
	struct co_rule_set *a = parse(RULE);
	struct co_rule_set *same =
	    parse(RULE "    annotations: {summary: x}\n    resolve_after: 5m\n");
	struct co_rule_set *other = parse(RULE "    threshold: 2\n");
	struct co_rule_set *labelled = parse(RULE "    labels: {severity: page}\n");

	(void)state;
	assert_string_equal(a->rules[0].digest, same->rules[0].digest);
	assert_string_not_equal(a->rules[0].digest, other->rules[0].digest);
	assert_string_not_equal(a->rules[0].digest, labelled->rules[0].digest);
	co_rule_free(a);
	co_rule_free(same);
	co_rule_free(other);
	co_rule_free(labelled);
}

static void expand__puts_values(void **state)
{
	struct co_rule_set *set = parse(full);
	const struct co_rule *r = &set->rules[0];
	const struct co_label labels[] = {{OR_SLICE_LIT("principal_id"), OR_SLICE_LIT("x#bob")},
	    {OR_SLICE_LIT("severity"), OR_SLICE_LIT("!")}};
	struct or_buf out;

	(void)state;
	or_buf_init(&out, 1000);
	co_rule_expand(
	    &out, r, r->annotations.p[0].value, (struct co_label_set){labels, OR_LEN(labels)});
	assert_string_equal(or_buf_text(&out), "x#bob: 5 in 1m!");
	or_buf_clear(&out);
	co_rule_expand(&out, r, OR_SLICE_LIT("{ {{}} } {{nothing}}."), (struct co_label_set){0});
	assert_string_equal(or_buf_text(&out), "{  } .");
	or_buf_done(&out);
	co_rule_free(set);
}

/* The first two are Prometheus' own (model/signature_test.go). */
static void fingerprint__is_prometheus(void **state)
{
	struct co_label two[] = {{OR_SLICE_LIT("name"), OR_SLICE_LIT("garland, briggs")},
	    {OR_SLICE_LIT("fear"), OR_SLICE_LIT("love is not enough")}};

	(void)state;
	assert_true(co_label_fingerprint((struct co_label_set){0}) == 14695981039346656037ULL);
	co_label_sort(two, 2);
	assert_true(co_label_fingerprint((struct co_label_set){two, 2}) == 5799056148416392346ULL);
}

static void load__needs_the_file(void **state)
{
	struct co_rule_set *set;
	struct or_err err;

	(void)state;
	ASSERT_CODE(co_rule_load(&set, "/nonexistent/alerts.yaml", &err), OR_ABSENT);
	ASSERT_HAS(err.msg, "/nonexistent/alerts.yaml");
}

static void load__takes_the_example(void **state)
{
	struct co_rule_set *set;
	struct or_err err;

	(void)state;
	ASSERT_OK(co_rule_load(&set, "examples/orders/alerts.yaml", &err), &err);
	assert_int_equal(co_rule_find(set, OR_SLICE_LIT("DeniedReads"))->threshold, 5);
	assert_non_null(set->route.receiver);
	co_rule_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parse__reads_everything),
	    cmocka_unit_test(parse__takes_alertmanagers_defaults),
	    cmocka_unit_test(parse__says_where_and_what),
	    cmocka_unit_test(parse__shows_where_a_query_is_wrong),
	    cmocka_unit_test(parse__refuses_receivers_it_cannot_reach),
	    cmocka_unit_test(digest__changes_with_what_is_counted),
	    cmocka_unit_test(expand__puts_values),
	    cmocka_unit_test(fingerprint__is_prometheus),
	    cmocka_unit_test(load__needs_the_file),
	    cmocka_unit_test(load__takes_the_example),
	};

	return cmocka_run_group_tests_name("collector/alert/rule", tests, NULL, NULL);
}
