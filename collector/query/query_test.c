/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/query/query.h"

#include "base/str.h"
#include "collector/query/match.h"

#include "tests/support/support.h"

#include <stdio.h>

#define NOW 1800000000000000000LL /* 2027-01-15T08:00:00Z */

struct fixture {
	struct or_arena *arena;
	struct or_buf scratch;
	struct or_err err;
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->arena = or_arena_new(CO_QUERY_ARENA);
	or_buf_init(&f->scratch, CO_MATCH_SCRATCH);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	or_arena_free(f->arena);
	or_buf_done(&f->scratch);
	test_free(f);
	return 0;
}

static const struct or_slice policies[] = {
    {(const uint8_t *)"readers", 7}, {(const uint8_t *)"pii-forbid", 10}};
static const struct wire_attribute attributes[] = {
    {.key = {(const uint8_t *)"purpose", 7}, .value = {(const uint8_t *)"audit", 5}}};

static const struct wire_audit *record(void)
{
	static struct wire_audit r;

	r = (struct wire_audit){.time_ns = (uint64_t)NOW - 1800ULL * 1000000000ULL,
	    .agent_id = OR_SLICE_LIT("0123456789abcdef"),
	    .product = OR_SLICE_LIT("orders"),
	    .kind = WIRE_KIND_ACCESS,
	    .decision = WIRE_DECISION_DENY,
	    .principal = {OR_SLICE_LIT("User"), OR_SLICE_LIT("alice@example.org"), {0}},
	    .action = OR_SLICE_LIT("read"),
	    .resource = {OR_SLICE_LIT("Port"), OR_SLICE_LIT("orders/api")},
	    .policies = policies,
	    .n_policies = OR_LEN(policies),
	    .reason = OR_SLICE_LIT("no \"clearance\""),
	    .request = {.method = OR_SLICE_LIT("GET"),
		.path = OR_SLICE_LIT("/orders/17"),
		.status = 403,
		.duration_ns = 250000000},
	    .seq = 42,
	    .attributes = attributes,
	    .n_attributes = OR_LEN(attributes)};
	return &r;
}

static struct co_query parse(struct fixture *f, const char *text)
{
	struct co_query q;

	ASSERT_OK(co_query_parse(&q, or_slice_str(text), NOW, f->arena, &f->err), &f->err);
	return q;
}

static bool matches(struct fixture *f, const char *text)
{
	struct co_query q = parse(f, text);

	return co_match_record(&q, record(), &f->scratch);
}

struct expectation {
	const char *text;
	bool match;
};

static void check_all(struct fixture *f, const struct expectation *e, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (matches(f, e[i].text) != e[i].match)
			fail_msg("%s: expected %d", e[i].text, e[i].match);
	}
}

static void match__compares_text_numbers_lists_and_absent_fields(void **state)
{
	static const struct expectation all[] = {
	    {"", true},
	    {"decision=deny", true},
	    {"decision!=deny", false},
	    {"decision=allow", false},
	    {"principal.id=alice@example.org", true},
	    {"principal.id=\"alice@example.org\"", true},
	    {"principal=User::\"alice@example.org\"", true},
	    {"principal=\"User::\\\"alice@example.org\\\"\"", true},
	    {"principal=User::\"bob\"", false},
	    {"reason=\"no \\\"clearance\\\"\"", true},
	    {"request.status=403", true},
	    {"request.status=404", false},
	    {"request.status!=404", true},
	    {"request.status>=403", true},
	    {"request.status>403", false},
	    {"request.status<404", true},
	    {"request.status<=402", false},
	    {"request.duration_ns=250ms", true},
	    {"request.duration_ns>1s", false},
	    {"request.bytes_out=0", true},
	    {"request.bytes_out<1", true},
	    {"request.bytes_out>0", false},
	    {"policies=readers", true},
	    {"policies=pii-forbid", true},
	    {"policies=writers", false},
	    {"policies!=writers", true},
	    {"policies!=readers", false},
	    {"obligations=\"\"", true},
	    {"obligations=mask", false},
	    {"port=\"\"", true},
	    {"port!=\"\"", false},
	    {"principal.issuer!=x", true},
	    {"attributes.purpose=audit", true},
	    {"attributes.other=\"\"", true},
	    {"attributes.other=audit", false},
	    {"agent=30313233-3435-3637-3839-616263646566", true},
	};

	check_all(*state, all, OR_LEN(all));
}

static void match__takes_stars_as_wildcards_in_bare_words_only(void **state)
{
	static const struct expectation all[] = {
	    {"principal.id=*alice*", true},
	    {"principal.id=alice*", true},
	    {"principal.id=*.org", true},
	    {"principal.id=a*e@*.org", true},
	    {"principal.id=*bob*", false},
	    {"principal.id!=*bob*", true},
	    {"principal.id=\"alice*\"", false},
	    {"request.path=/orders/*", true},
	    {"request.status=4*", true},
	    {"request.status=5*", false},
	    {"time=2027-01-15T07:30*", true},
	    {"policies=pii*", true},
	    {"port=*", true}, /* absent, and * matches nothing too */
	    {"decision=*eny", true},
	};

	check_all(*state, all, OR_LEN(all));
}

static void glob__backtracks(void **state)
{
	(void)state;
	assert_true(co_match_glob(OR_SLICE_LIT("*aab"), OR_SLICE_LIT("aaaaab")));
	assert_true(co_match_glob(OR_SLICE_LIT("a**b*"), OR_SLICE_LIT("ab")));
	assert_true(co_match_glob(OR_SLICE_LIT("***"), OR_SLICE_NONE));
	assert_false(co_match_glob(OR_SLICE_NONE, OR_SLICE_LIT("a")));
	assert_false(co_match_glob(OR_SLICE_LIT("a*b"), OR_SLICE_LIT("aabc")));
}

static void match__in_is_any_of_its_values(void **state)
{
	static const struct expectation all[] = {
	    {"action in (read, write)", true},
	    {"action in (write, delete)", false},
	    {"not action in (write, delete)", true},
	    {"action in(re*)", true},
	    {"request.status in (401, 403)", true},
	    {"principal.id in (\"alice\", *@example.org)", true},
	    {"decision in (allow, would_allow)", false},
	};

	check_all(*state, all, OR_LEN(all));
}

/* t is true of the record, f false. */
#define T "action=read"
#define F "action=write"

static void match__and_binds_closer_than_or(void **state)
{
	static const struct expectation all[] = {
	    {T " " T, true},
	    {T " " F, false},
	    {T " and " T, true},
	    {F " or " T, true},
	    {F " or " F, false},
	    {T " or " F " " F, true},
	    {F " " F " or " T, true},
	    {"(" T " or " F ") " F, false},
	    {F " (" F " or " T ")", false},
	    {T " or " T " and " F, true},
	    {"not " F, true},
	    {"not not " T, true},
	    {"not " F " " F, false},
	    {"not (" F " or " F ")", true},
	    {"not (" T " " F ") " T, true},
	    {F " or " F " or " T " or " F, true},
	    {T " " T " " F " " T, false},
	    {T " (" F " or (" T " (" T " or " F ")))", true},
	};

	check_all(*state, all, OR_LEN(all));
}

static void match__since_and_until_bound_the_whole_query(void **state)
{
	static const struct expectation all[] = {
	    {"since=1h", true},
	    {"since=29m", false},
	    {"since=30m", true},  /* inclusive */
	    {"until=30m", false}, /* exclusive */
	    {"until=29m", true},
	    {"since=1h until=20m", true},
	    {"since=1h since=10m", false},
	    {"since=2027-01-15T07:00:00Z", true},
	    {"since=2027-01-15T09:00:00+01:00", false},
	    {"until=2027-01-15T07:30:00.000000001Z", true},
	    {"since=1h and decision=deny", true},
	    {"decision=deny and until=1h", false},
	    {"since=1h (" F " or " T ")", true},
	    {"time>=2027-01-15T07:30:00Z time<29m", true},
	    {"time>20m", false},
	};

	check_all(*state, all, OR_LEN(all));
}

static void parse__reads_the_stages(void **state)
{
	struct fixture *f = *state;
	struct co_query q =
	    parse(f, "decision=deny | count by principal, attributes.purpose | top 3");

	assert_true(q.is_count);
	assert_int_equal(q.limit, 3);
	assert_int_equal(q.n_fields, 2);
	assert_string_equal(wire_field_name(q.fields[0].field), "principal");
	ASSERT_SLICE(q.fields[1].name, "attributes.purpose");
	q = parse(f, "| count");
	assert_true(q.is_count && q.n_fields == 0 && !q.filter && q.limit == CO_QUERY_LIMIT);
	q = parse(f, "| limit 7 | fields time, action");
	assert_true(!q.is_count && q.n_fields == 2 && q.limit == 7);
	q = parse(f, "since=1h");
	assert_true(q.since_ns == NOW - 3600 * OR_NS_PER_S && q.until_ns == INT64_MAX);
}

static void match__takes_regular_expressions(void **state)
{
	static const struct expectation all[] = {
	    {"principal.id ~ \"^alice@\"", true},
	    {"principal.id ~ lic", true},
	    {"principal.id ~ \"^lic\"", false},
	    {"principal.id !~ \"^lic\"", true},
	    {"principal.id ~ \"(?i)ALICE@[a-z]+\\.ORG$\"", true},
	    {"principal.id ~ \"e.org\\d\"", false},
	    {"reason ~ \"\\\"clear\"", true},
	    {"policies ~ \"^pii\"", true},
	    {"policies !~ \"^pii\"", false},
	    {"request.status ~ \"^4..$\"", true},
	    {"time ~ \"^2027-01-15T07\"", true},
	    {"port ~ \"^$\"", true},
	    {"port ~ .", false},
	    {"port !~ .", true},
	    {"decision ~ \"^(deny|error)$\" action ~ \"^r\"", true},
	    {"| where action ~ \"^w\"", false},
	    {"action=read | where decision=deny | where request.status=403", true},
	    {"action=read or action=write | where decision=allow", false},
	};

	check_all(*state, all, OR_LEN(all));
}

static void match__takes_ranges_of_addresses(void **state)
{
	static const struct {
		const char *peer, *net;
		bool is;
	} all[] = {
	    {"10.1.2.3", "10.0.0.0/8", true},
	    {"10.1.2.3:443", "10.0.0.0/8", true},
	    {"11.1.2.3", "10.0.0.0/8", false},
	    {"10.1.2.3", "10.1.2.2/31", true},
	    {"10.1.2.3", "10.1.2.3", true},
	    {"10.1.2.4", "10.1.2.3/32", false},
	    {"10.1.2.4", "0.0.0.0/0", true},
	    {"::1", "0.0.0.0/0", false},
	    {"::ffff:10.1.2.4", "10.0.0.0/8", true},
	    {"10.1.2.4", "::/0", true},
	    {"2001:db8::1", "2001:db8::/32", true},
	    {"[2001:db8::1]:443", "2001:db8::/32", true},
	    {"[2001:db9::1]:443", "2001:db8::/32", false},
	    {"[2001:db8::1", "2001:db8::/32", false},
	    {"", "::/0", false},
	    {"unix", "::/0", false},
	    {"10.1.2", "::/0", false},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < OR_LEN(all); i++) {
		struct wire_audit r = {.peer = or_slice_str(all[i].peer)};
		char text[64];
		struct co_query q;

		snprintf(text, sizeof(text), "peer in (cidr(%s))", all[i].net);
		q = parse(f, text);
		if (co_match_record(&q, &r, &f->scratch) != all[i].is)
			fail_msg("%s in %s", all[i].peer, all[i].net);
		snprintf(text, sizeof(text), "peer!=cidr(\"%s\")", all[i].net);
		q = parse(f, text);
		assert_true(co_match_record(&q, &r, &f->scratch) != all[i].is);
	}
	assert_true(matches(f, "principal.id!=cidr"));
}

static void parse__reads_measures_buckets_and_orders(void **state)
{
	struct fixture *f = *state;
	struct co_query q = parse(f,
	    "explain | where action=read | count, sum(request.bytes_out), sum request.bytes_in as "
	    "in, quantile(0.990, request.duration_ns) by product, 5m | where "
	    "sum(request.bytes_out) "
	    "> 10 and in <= 1s | sort time desc, count, quantile | head 5");

	assert_true(q.is_explain && q.is_count && q.filter && q.having && q.limit == 5);
	assert_int_equal(q.n_measures, 4);
	ASSERT_SLICE(q.measures[1].name, "sum(request.bytes_out)");
	ASSERT_SLICE(q.measures[2].name, "in");
	ASSERT_SLICE(q.measures[3].name, "quantile");
	ASSERT_SLICE(q.measures[3].full, "quantile(0.99,request.duration_ns)");
	assert_int_equal(q.measures[3].millionths, 990000);
	assert_int_equal(q.fields[1].bucket_ns, 300 * OR_NS_PER_S);
	assert_int_equal(q.n_sorts, 3);
	assert_true(q.sorts[0].measure == -1 && q.sorts[0].descending);
	assert_true(q.sorts[1].measure == 0 && !q.sorts[1].descending);
	assert_int_equal(q.sorts[2].measure, 3);
	q = parse(f, "| dedup principal.id, action | sort request.duration_ns desc | limit 3");
	assert_true(!q.is_count && q.n_dedup == 2 && q.n_sorts == 1 && q.sorts[0].descending);
	q = parse(f, "| count by day");
	assert_int_equal(q.fields[0].bucket_ns, 86400 * OR_NS_PER_S);
}

static void parse__keeps_its_own_copy_of_the_text(void **state)
{
	struct fixture *f = *state;
	char text[] = "action=read";
	struct co_query q;

	ASSERT_OK(co_query_parse(&q, or_slice_str(text), NOW, f->arena, &f->err), &f->err);
	memset(text, 'x', sizeof(text) - 1);
	assert_true(co_match_record(&q, record(), &f->scratch));
}

static void check_error(struct fixture *f, const char *text, const char *message)
{
	struct co_query q = {.limit = 99};

	ASSERT_CODE(co_query_parse(&q, or_slice_str(text), NOW, f->arena, &f->err), OR_PARSE);
	assert_string_equal(f->err.msg, message);
	assert_int_equal(q.limit, 99);
}

static void parse__marks_the_place_of_an_error(void **state)
{
	struct fixture *f = *state;

	check_error(f, "decison=deny",
	    "column 1: no field is called \"decison\"; did you mean \"decision\"?\n"
	    "  decison=deny\n  ^");
	check_error(f, "action=read xyzzyxyzzy=3",
	    "column 13: no field is called \"xyzzyxyzzy\"\n"
	    "  action=read xyzzyxyzzy=3\n              ^");
	check_error(f, "decision=denied",
	    "column 10: this field never has the value \"denied\"; did you mean \"deny\"?\n"
	    "  decision=denied\n           ^");
	check_error(f, "reason=\"für\" x=1",
	    "column 14: no field is called \"x\"\n  reason=\"für\" x=1\n               ^");
	check_error(
	    f, "action=", "column 8: expected a word or \"quoted text\"\n  action=\n         ^");
	check_error(f, "action\tread",
	    "column 8: expected =, !=, <, <=, >, >=, ~, !~ or in (…)\n  action read\n         ^");
}

static void parse__cuts_a_long_query_around_the_error(void **state)
{
	struct fixture *f = *state;
	struct or_buf b;
	struct co_query q;

	or_buf_init(&b, 4096);
	for (int i = 0; i < 100; i++)
		or_buf_put_str(&b, "action=ö ");
	or_buf_put_str(&b, "nofield=1");
	for (int i = 0; i < 100; i++)
		or_buf_put_str(&b, " action=read");
	ASSERT_CODE(co_query_parse(&q, or_buf_slice(&b), NOW, f->arena, &f->err), OR_PARSE);
	ASSERT_HAS(f->err.msg, "column 901: no field is called \"nofield\"\n  …");
	ASSERT_HAS(f->err.msg, " nofield=1 action=read");
	ASSERT_HAS(f->err.msg, "…\n  ");
	assert_int_equal(f->err.msg[strlen(f->err.msg) - 1], '^');
	assert_true(or_str_is_utf8(or_slice_str(f->err.msg)));
	or_buf_done(&b);
}

static const struct {
	const char *text, *message;
} refused[] = {
    {"action==read", "column 7: write a single ="},
    {"action=~rea", "column 7: write ~ alone"},
    {"action ~ \"a(b\"", "column 12: this ( does not end"},
    {"action ~ \"a\\1\"", "column 12: references back are not taken"},
    {"action ~ re*+", "column 11: put ( ) around what is repeated twice"},
    {"action !~ (", "column 11: expected an expression in \"quotes\""},
    {"peer=cidr(10.0.0.1/8)", "column 11: expected a range of addresses"},
    {"peer=cidr(10.0.0.0/33)", "column 11: expected a range of addresses"},
    {"peer=cidr(\"\")", "column 11: expected a range of addresses"},
    {"peer=cidr(::/0", "column 15: expected )"},
    {"since~1h", "since and until take ="},
    {"action<>read", "write !="},
    {"a && b", "no field is called \"a\""},
    {"action=a && b", "column 10: write and"},
    {"action=a || b", "column 10: write or"},
    {"!action=a", "column 1: write not"},
    {"action='a'", "column 8: put text in \"double quotes\""},
    {"action=$x", "this character has no meaning here"},
    {"action=\"read", "column 8: this quote does not end"},
    {"action=\"read\\\"", "column 8: this quote does not end"},
    {"action in read", "column 11: expected ( after in"},
    {"action in (read", "column 16: expected , or )"},
    {"action in ()", "column 12: expected a word"},
    {"(action=read", "column 13: expected )"},
    {"action=read)", "column 12: expected | or the end"},
    {"and action=read", "column 1: expected the name of a field"},
    {"action=read and", "column 16: expected the name of a field"},
    {"action=read or or action=x", "column 16: expected the name of a field"},
    {"not", "column 4: expected the name of a field"},
    {"\"action\"=read", "column 1: expected the name of a field"},
    {"attributes=x", "name the attribute: attributes.KEY"},
    {"action<read", "column 7: only numbers and times have an order"},
    {"request.status<abc", "column 16: expected a whole number"},
    {"request.status=-1", "column 16: expected a whole number"},
    {"request.status<4*", "column 16: expected one value to compare with"},
    {"request.status=10ms", "expected a whole number"},
    {"time>yesterday", "expected a time like 2026-11-24T11:00:00Z"},
    {"since=yesterday", "column 7: expected how long ago, like 30s"},
    {"since>1h", "since and until take ="},
    {"not since=1h", "no field is called \"since\""},
    {"(since=1h)", "column 2: since= and until= hold for the whole query: write them"},
    {"action=a or since=1h", "column 13: since= and until= hold for the whole query"},
    {"since=1h or action=a", "column 10: since= and until= hold for the whole query: put"},
    {"since=1h action=b or action=a", "column 19: since= and until= hold"},
    {"| ", "column 3: expected a stage: where, count, dedup, sort, top, limit or fields"},
    {"| cuont", "no stage is called \"cuont\"; did you mean \"count\"?"},
    {"| count by", "column 11: expected the name of a field"},
    {"| count by actoin", "did you mean \"action\"?"},
    {"| count | count", "column 11: count is the first stage but where"},
    {"| summ seq", "did you mean \"sum\"?"},
    {"| sum action", "column 7: this field is no number"},
    {"| sum time", "this field is no number"},
    {"| avg(seq", "column 10: expected )"},
    {"| quantile seq", "column 12: expected (P, FIELD)"},
    {"| quantile(1.5, seq)", "column 12: expected a share from 0 to 1"},
    {"| quantile(.5, seq)", "expected a share from 0 to 1"},
    {"| quantile(0.1234567, seq)", "expected a share from 0 to 1"},
    {"| quantile(0.5 seq)", "column 16: expected , and the field"},
    {"| count, cuont", "column 10: no measure is called \"cuont\"; did you mean \"count\"?"},
    {"| count, count", "column 3: two columns are called \"count\""},
    {"| count as action by action", "two columns are called \"action\""},
    {"| sum seq as", "expected a name for this column"},
    {"| count by 5m, time", "the time stands once behind by"},
    {"| count by 5m, day", "the time stands once behind by"},
    {"| count by 0s", "column 12: no field is called \"0s\""},
    {"| count | where sum > 3", "column 17: no measure of these groups is called \"sum\""},
    {"| count as hits | where hist > 3", "did you mean \"hits\"?"},
    {"| count | where count ~ 3", "expected a whole number to compare with"},
    {"| count | where count > x", "column 25: expected a whole number to compare with"},
    {"| count | sort action", "column 16: no measure of these groups is called \"action\""},
    {"| count | sort count | top 3", "column 24: behind sort write limit"},
    {"| sort time | sort seq", "sort stands once, in front of top and limit"},
    {"| limit 3 | sort time", "sort stands once, in front of top and limit"},
    {"| sort time,seq,action,peer,port", "at most 4 fields to sort by"},
    {"| limit 3 | where action=a", "where stands in front of dedup, sort"},
    {"| dedup action | dedup seq", "dedup stands once, of records, in front"},
    {"| count | dedup action", "dedup stands once, of records, in front"},
    {"| dedup action | count", "count is the first stage but where"},
    {"| count, count as a, count as b, count as c, count as d, count as e, count as f, "
     "count as g, count as h",
	"at most 8 measures"},
    {"| limit 3 | count", "count is the first stage"},
    {"| count | fields time", "fields stands once, and not behind count"},
    {"| top 3", "top stands behind count; for records write limit"},
    {"| limit 0", "column 9: expected a number from 1 to 100000"},
    {"| limit 100001", "expected a number from 1 to 100000"},
    {"| limit 3 | limit 4", "the number of rows is limited already"},
    {"| count by time,time,time,time,time,time,time,time,time", "at most 8 fields"},
    {"| count top 3", "column 9: expected | or the end of the query"},
};

static void parse__says_what_is_expected(void **state)
{
	struct fixture *f = *state;
	struct co_query q;

	for (size_t i = 0; i < OR_LEN(refused); i++) {
		f->err.msg[0] = 0;
		if (co_query_parse(&q, or_slice_str(refused[i].text), NOW, f->arena, &f->err) !=
			OR_PARSE ||
		    !strstr(f->err.msg, refused[i].message))
			fail_msg("%s: %s", refused[i].text, f->err.msg);
	}
}

static void parse__bounds_nesting_size_and_encoding(void **state)
{
	struct fixture *f = *state;
	struct co_query q;
	struct or_buf b;

	or_buf_init(&b, CO_QUERY_TEXT_MAX + 1);
	for (int i = 0; i < CO_QUERY_DEPTH_MAX; i++)
		or_buf_put_byte(&b, '(');
	or_buf_put_str(&b, T);
	for (int i = 0; i < CO_QUERY_DEPTH_MAX; i++)
		or_buf_put_byte(&b, ')');
	assert_true(matches(f, or_buf_text(&b)));
	or_buf_clear(&b);
	for (int i = 0; i <= CO_QUERY_DEPTH_MAX; i++)
		or_buf_put_str(&b, "not ");
	or_buf_put_str(&b, T);
	ASSERT_CODE(co_query_parse(&q, or_buf_slice(&b), NOW, f->arena, &f->err), OR_PARSE);
	ASSERT_HAS(f->err.msg, "nested deeper than 64 levels");

	or_buf_clear(&b);
	while (b.n + 10 < CO_QUERY_TEXT_MAX)
		or_buf_put_str(&b, "seq=\"42\" ");
	assert_true(matches(f, or_buf_text(&b)));
	while (b.n <= CO_QUERY_TEXT_MAX)
		or_buf_put_byte(&b, ' ');
	ASSERT_CODE(co_query_parse(&q, or_buf_slice(&b), NOW, f->arena, &f->err), OR_FULL);
	or_buf_done(&b);
	ASSERT_CODE(
	    co_query_parse(&q, OR_SLICE_LIT("action=\xff"), NOW, f->arena, &f->err), OR_PARSE);
	assert_string_equal(f->err.msg, "the query is not UTF-8");
	ASSERT_CODE(
	    co_query_parse(&q, OR_SLICE_LIT("action=a\0b"), NOW, f->arena, &f->err), OR_PARSE);
}

static void parse__reports_an_arena_that_is_too_small(void **state)
{
	struct fixture *f = *state;

	for (size_t budget = 1; budget < 600; budget += 7) {
		struct or_arena *small = or_arena_new(budget);
		struct co_query q;
		enum or_code rc =
		    co_query_parse(&q, OR_SLICE_LIT(T " or not " F " \"x\""), NOW, small, &f->err);

		assert_true(rc == OR_FULL || rc == OR_PARSE);
		if (rc == OR_FULL)
			ASSERT_HAS(f->err.msg, "more memory than its budget");
		or_arena_free(small);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		match__compares_text_numbers_lists_and_absent_fields, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		match__takes_stars_as_wildcards_in_bare_words_only, setup, teardown),
	    cmocka_unit_test(glob__backtracks),
	    cmocka_unit_test_setup_teardown(match__in_is_any_of_its_values, setup, teardown),
	    cmocka_unit_test_setup_teardown(match__and_binds_closer_than_or, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		match__since_and_until_bound_the_whole_query, setup, teardown),
	    cmocka_unit_test_setup_teardown(match__takes_regular_expressions, setup, teardown),
	    cmocka_unit_test_setup_teardown(match__takes_ranges_of_addresses, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		parse__reads_measures_buckets_and_orders, setup, teardown),
	    cmocka_unit_test_setup_teardown(parse__reads_the_stages, setup, teardown),
	    cmocka_unit_test_setup_teardown(parse__keeps_its_own_copy_of_the_text, setup, teardown),
	    cmocka_unit_test_setup_teardown(parse__marks_the_place_of_an_error, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		parse__cuts_a_long_query_around_the_error, setup, teardown),
	    cmocka_unit_test_setup_teardown(parse__says_what_is_expected, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		parse__bounds_nesting_size_and_encoding, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		parse__reports_an_arena_that_is_too_small, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
