/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long one decision takes: policies of the size of examples/orders, with a principal whose
 * groups and attributes come from a token, so that they are put in for every request.
 */
#include "policy/authorize.h"
#include "policy/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 200000 };

static const char POLICIES[] =
    "permit (principal in Group::\"i#analysts\", action in [Action::\"read\", "
    "Action::\"describe\"],"
    " resource in Product::\"orders\")"
    " when { principal has clearance && principal.clearance >= resource.level };"
    "forbid (principal, action, resource) when { resource.level >= 2 } unless {"
    " principal is User && principal has clearance && principal.clearance >= resource.level };"
    "permit (principal is User, action in [Action::\"read\", Action::\"write\"],"
    " resource in Domain::\"sales\")"
    " when { principal has domain && principal.domain == resource.domain };"
    "forbid (principal, action == Action::\"delete\", resource)"
    " unless { context.client.isLoopback() };";

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * OR_NS_PER_S + t.tv_nsec;
}

static int on_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static struct pol_uid uid(const char *type, const char *id)
{
	return pol_uid_make(or_slice_str(type), or_slice_str(id));
}

static struct pol_entities *base_store(void)
{
	struct pol_entities *es = pol_entities_new(0);
	struct pol_uid port = uid("Port", "orders/out"), product = uid("Product", "orders");
	struct pol_uid domain = uid("Domain", "sales");
	struct pol_field fields[] = {{OR_SLICE_LIT("level"), pol_value_long(2)},
	    {OR_SLICE_LIT("domain"), pol_value_string(OR_SLICE_LIT("sales"))}};
	struct or_arena *a = or_arena_new(0);
	const struct pol_record *attrs = NULL;

	OR_ASSERT(pol_value_record(&attrs, a, fields, OR_LEN(fields)) == OR_OK);
	OR_ASSERT(pol_entities_add(es, &port, attrs, NULL, &product, 1) == OR_OK);
	OR_ASSERT(pol_entities_add(es, &product, NULL, NULL, &domain, 1) == OR_OK);
	OR_ASSERT(pol_entities_seal(es, NULL) == OR_OK);
	or_arena_free(a);
	return es;
}

static void request(struct pol_ctx *ctx, const struct pol_entities *base, const struct pol_set *set)
{
	const struct pol_set *sets[] = {set};
	struct pol_uid group = uid("Group", "i#analysts");
	struct pol_field claims[] = {{OR_SLICE_LIT("clearance"), pol_value_long(3)},
	    {OR_SLICE_LIT("domain"), pol_value_string(OR_SLICE_LIT("finance"))}};
	struct pol_field fields[] = {
	    {OR_SLICE_LIT("method"), pol_value_string(OR_SLICE_LIT("GET"))},
	    {OR_SLICE_LIT("path"), pol_value_string(OR_SLICE_LIT("/orders"))}};
	struct pol_request req = {.principal = uid("User", "i#alice"),
	    .action = uid("Action", "read"),
	    .resource = uid("Port", "orders/out")};
	const struct pol_record *attrs = NULL;
	struct pol_decision d;

	pol_ctx_begin(ctx, &base, 1);
	OR_ASSERT(pol_value_record(&attrs, pol_ctx_arena(ctx), claims, OR_LEN(claims)) == OR_OK);
	OR_ASSERT(
	    pol_value_record(&req.context, pol_ctx_arena(ctx), fields, OR_LEN(fields)) == OR_OK);
	OR_ASSERT(pol_ctx_put(ctx, &req.principal, attrs, &group, 1) == OR_OK);
	OR_ASSERT(pol_authorize_request(&d, ctx, sets, 1, &req) == OR_OK);
	OR_ASSERT(d.allow && d.n_reasons == 1);
}

int main(void)
{
	static int64_t times[ROUNDS];
	struct pol_ctx *ctx = pol_ctx_new(0);
	struct pol_entities *base = base_store();
	struct pol_set *set = NULL;
	int64_t sum = 0;

	OR_ASSERT(pol_set_parse(&set, POL_IDS_NUMBERED, "bench", or_slice_str(POLICIES), NULL,
		      NULL) == OR_OK);
	for (int i = 0; i < ROUNDS; i++) {
		int64_t start = now_ns();

		request(ctx, base, set);
		times[i] = now_ns() - start;
		sum += times[i];
	}
	qsort(times, ROUNDS, sizeof(times[0]), on_times);
	printf("{\"bench\":\"policy\",\"app\":\"orders\",\"engine\":\"outrider\",\"policies\":%zu,"
	       "\"p50_ns\":%lld,\"p99_ns\":%lld,\"mean_ns\":%lld}\n",
	    pol_set_count(set), (long long)times[ROUNDS / 2], (long long)times[ROUNDS / 100 * 99],
	    (long long)(sum / ROUNDS));
	pol_set_free(set);
	pol_entities_free(base);
	pol_ctx_free(ctx);
	return 0;
}
