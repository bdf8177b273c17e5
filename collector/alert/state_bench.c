/* SPDX-License-Identifier: Apache-2.0 */
/* What following the rules costs for each record: where nothing matches, and where everything does.
 */
#include "base/loop.h"
#include "collector/alert/state.h"

#include <stdio.h>
#include <time.h>

enum { RECORDS = 1000000, PRINCIPALS = 5000, RULES = 10 };

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * OR_NS_PER_S + t.tv_nsec;
}

static struct co_rule_set *make_rules(void)
{
	struct co_rule_set *set;
	struct or_buf text;
	struct or_err err;

	or_buf_init(&text, 65536);
	or_buf_put_str(&text, "rules:\n");
	for (int i = 0; i < RULES; i++)
		or_buf_printf(&text,
		    "  - {name: R%d, expr: 'decision=deny action=read port!=x%d', "
		    "by: [principal.id], threshold: 5, window: 1m}\n",
		    i, i);
	if (co_rule_parse(&set, "bench", or_buf_slice(&text), &err)) {
		fprintf(stderr, "%s\n", err.msg);
		return NULL;
	}
	or_buf_done(&text);
	return set;
}

static void run(const struct co_rule_set *set, const char *name, enum wire_decision decision)
{
	struct co_state *st = co_state_new(&(struct co_state_opt){.fn = NULL});
	struct co_state_stats stats;
	char who[64];
	int64_t ns;

	co_state_set_rules(st, set, 1);
	ns = cpu_ns();
	for (int i = 0; i < RECORDS; i++) {
		int64_t now = (1000000 + i / 1000) * OR_NS_PER_S; /* 1,000 a second */
		struct wire_audit r = {.time_ns = (uint64_t)now,
		    .decision = decision,
		    .action = OR_SLICE_LIT("read"),
		    .port = OR_SLICE_LIT("orders"),
		    .principal = {.type = OR_SLICE_LIT("User")}};

		snprintf(who, sizeof(who), "https://issuer.example#user-%d", i % PRINCIPALS);
		r.principal.id = or_slice_str(who);
		co_state_feed(st, &r, now, false);
	}
	ns = cpu_ns() - ns;
	co_state_stats(&stats, st, SIZE_MAX);
	printf("{\"bench\":\"collector/alert\",\"case\":\"%s\",\"rules\":%d,"
	       "\"ns_per_record_and_rule\":%lld,\"group_bytes\":%zu,\"firing\":%zu}\n",
	    name, RULES, (long long)(ns / RECORDS / RULES), stats.bytes, stats.firing);
	co_state_free(st);
}

int main(void)
{
	struct co_rule_set *set = make_rules();

	if (!set)
		return 1;
	run(set, "no_match", WIRE_DECISION_ALLOW);
	run(set, "all_match", WIRE_DECISION_DENY);
	co_rule_free(set);
	return 0;
}
