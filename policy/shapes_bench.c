/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decision costs in sets of other shapes than roles and groups: 10, 1,000 and 10,000
 * policies that differ in one test each. Requests ask for users, documents and values all over the
 * range; each is decided once to warm up and then timed. `found`: policies that were satisfied or
 * erred, on average; nobody can be quicker than these are many.
 */
#include "policy/authorize.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { RANGE = 10000, USERS = 200, REQUESTS = 2000, TEXT_MAX = 64 << 20 };

/* $i: the policy's number, of 0 to 9,999; $h: i / 100; $l: i % 100. */
static const struct {
	const char *name, *policy;
} SHAPES[] = {
    {"attribute", "permit (principal, action, resource) when { principal.dept == \"d$i\" };"},
    {"guarded", "permit (principal, action, resource) when { principal has dept && "
		"principal.dept == \"d$i\" };"},
    {"missing", "permit (principal, action, resource) when { principal has nick && "
		"principal.nick == \"d$i\" };"},
    {"one of", "permit (principal, action, resource) when { [\"d$i\", \"e$i\"].contains("
	       "principal.dept) };"},
    {"either", "permit (principal, action, resource) when { principal.dept == \"d$i\" || "
	       "principal.dept == \"e$i\" };"},
    {"contains",
	"permit (principal, action, resource) when { principal.groups.contains(\"d$i\") };"},
    {"owner", "permit (principal, action, resource) when { resource.owner == User::\"u$i\" };"},
    {"owner's group", "permit (principal, action, resource) when { resource.owner in "
		      "Group::\"g$i\" };"},
    {"editors", "permit (principal in Group::\"g$i\", action, resource) when { principal in "
		"resource.editors };"},
    {"same", "@n(\"$i\") permit (principal, action, resource) when { principal in "
	     "resource.editors };"},
    {"pairs", "permit (principal in Group::\"g$l\", action, resource in Folder::\"f$h\");"},
    {"actions", "permit (principal is User, action in [Action::\"a$i\", Action::\"b$i\"], "
		"resource is Doc);"},
    {"context", "permit (principal, action == Action::\"read\", resource) when { context.tenant "
		"== \"d$i\" && principal.level > 3 };"},
    {"forbid unless", "forbid (principal, action, resource) when { resource.folder == \"d$i\" } "
		      "unless { principal in Group::\"g$i\" };"},
    {"levels", "permit (principal, action, resource) when { principal.level >= $i };"},
    {"paths", "permit (principal, action, resource) when { context.path like \"/d$i/*\" };"},
    {"patterns", "permit (principal, action, resource) when { context.path like \"/d$i/*/y*\" };"},
    {"expiry", "permit (principal == User::\"u$h\", action, resource) when { context.now < "
	       "datetime(\"2024-01-01\").offset(duration(\"1d\")) && $i >= 0 };"},
    {"long", "permit (principal, action, resource) when { principal has dept && principal has "
	     "level && principal has groups && principal.level < 100 && principal.level > -1 && "
	     "principal.level != 77 && principal.dept == \"d$i\" };"},
    {"this or that", "permit (principal, action, resource) when { principal == User::\"u$i\" || "
		     "resource.owner == User::\"v$i\" };"},
    {"many actions", "permit (principal, action in [Action::\"a$i\", Action::\"b$i\", "
		     "Action::\"c$i\", Action::\"d$i\", Action::\"e$i\", Action::\"f$i\"], "
		     "resource);"},
    {"errs", "permit (principal, action, resource) when { resource.owner == User::\"u$i\" && "
	     "principal.missing };"},
};

struct bench {
	struct or_arena *arena;
	struct pol_entities *es;
	struct pol_ctx *ctx;
	struct or_buf text;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * OR_NS_PER_S + t.tv_nsec;
}

static struct pol_uid uid(struct bench *b, const char *type, const char *prefix, int i)
{
	return pol_uid_make(
	    or_slice_str(type), or_slice_str(or_arena_printf(b->arena, "%s%d", prefix, i)));
}

static struct pol_value text(struct bench *b, const char *prefix, int i)
{
	return pol_value_string(or_slice_str(or_arena_printf(b->arena, "%s%d", prefix, i)));
}

static struct pol_value entity(struct bench *b, struct pol_uid u)
{
	struct pol_uid *own = or_arena_alloc(b->arena, sizeof(*own));

	*own = u;
	return pol_value_entity(own);
}

static void add(struct bench *b, struct pol_uid u, const struct pol_field *fields, size_t n,
    struct pol_uid parent)
{
	const struct pol_record *attrs = NULL;

	OR_ASSERT(pol_value_record(&attrs, b->arena, fields, n) == OR_OK);
	OR_ASSERT(pol_entities_add(b->es, &u, attrs, NULL, &parent, 1) == OR_OK);
}

/* Users and documents, each in a group or folder, whose values are spread over the policies'. */
static void make_entities(struct bench *b)
{
	b->es = pol_entities_new(0);
	for (int i = 0; i < USERS; i++) {
		int k = i * (RANGE / USERS);
		struct pol_value groups, items[] = {text(b, "d", k), text(b, "x", i)};
		struct pol_field user[] = {{OR_SLICE_LIT("dept"), text(b, "d", k)},
		    {OR_SLICE_LIT("level"), pol_value_long(i % 8)},
		    {OR_SLICE_LIT("groups"), items[0]}};
		struct pol_field doc[] = {
		    {OR_SLICE_LIT("owner"), entity(b, uid(b, "User", "u", k))},
		    {OR_SLICE_LIT("folder"), text(b, "d", k)},
		    {OR_SLICE_LIT("editors"), entity(b, uid(b, "Group", "g", k))}};

		OR_ASSERT(pol_value_set(&groups, b->arena, items, OR_LEN(items)) == OR_OK);
		user[2].value = groups;
		add(b, uid(b, "User", "u", k), user, OR_LEN(user), uid(b, "Group", "g", k));
		add(b, uid(b, "Doc", "c", i), doc, OR_LEN(doc), uid(b, "Folder", "f", i % 100));
	}
	OR_ASSERT(pol_entities_seal(b->es, NULL) == OR_OK);
}

static uint64_t number_of(char which, int i)
{
	return (uint64_t)(which == 'i' ? i : which == 'h' ? i / 100 : i % 100);
}

static struct pol_set *make_set(struct bench *b, const char *policy, int n, int64_t *load_ns)
{
	struct pol_set *set = NULL;
	struct or_err err;

	or_buf_clear(&b->text);
	for (int i = 0; i < n; i++) {
		for (const char *p = policy; *p; p++) {
			if (*p == '$') {
				p++;
				or_buf_put_u64(&b->text, number_of(*p, i * (RANGE / n)));
			} else {
				or_buf_put_byte(&b->text, (uint8_t)*p);
			}
		}
		or_buf_put_byte(&b->text, '\n');
	}
	*load_ns = now_ns();
	if (pol_set_parse(&set, POL_IDS_NUMBERED, "s", or_buf_slice(&b->text), NULL, &err))
		fprintf(stderr, "bench_policy_shapes: %s\n", err.msg);
	OR_ASSERT(set);
	pol_set_compile(set);
	*load_ns = now_ns() - *load_ns;
	return set;
}

static struct pol_request any_request(struct bench *b, uint32_t i)
{
	struct pol_request req;
	int user = (int)(i * 7919 % USERS) * (RANGE / USERS), doc = (int)(i * 104729 % USERS);
	struct pol_field fields[] = {
	    {OR_SLICE_LIT("now"), pol_value_scaled(POL_DATETIME, 1700000000000)},
	    {OR_SLICE_LIT("tenant"), text(b, "d", user)},
	    {OR_SLICE_LIT("path"),
		pol_value_string(or_slice_str(or_arena_printf(b->arena, "/d%d/x", user)))}};

	/* One in ten is about what the user owns. */
	if (i % 10 == 0)
		doc = user / (RANGE / USERS);
	req = (struct pol_request){.principal = uid(b, "User", "u", user),
	    .action = i % 2 ? uid(b, "Action", "read", 0) : uid(b, "Action", "a", user),
	    .resource = uid(b, "Doc", "c", doc)};
	if (i % 2)
		req.action.id = OR_SLICE_LIT("read");
	req.action = pol_uid_make(req.action.type, req.action.id);
	OR_ASSERT(pol_value_record(&req.context, b->arena, fields, OR_LEN(fields)) == OR_OK);
	return req;
}

static int on_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static size_t decide(struct bench *b, const struct pol_set *set, const struct pol_request *req)
{
	const struct pol_entities *bases[] = {b->es};
	struct pol_decision d;

	pol_ctx_begin(b->ctx, bases, 1);
	OR_ASSERT(pol_authorize_request(&d, b->ctx, &set, 1, req) == OR_OK);
	return d.n_reasons + d.n_errors;
}

static void run(struct bench *b, const char *name, const char *policy, int n)
{
	static struct pol_request requests[REQUESTS];
	static int64_t times[REQUESTS];
	size_t found = 0;
	int64_t load_ns;
	struct pol_set *set = make_set(b, policy, n, &load_ns);

	for (uint32_t i = 0; i < REQUESTS; i++) {
		requests[i] = any_request(b, i);
		found += decide(b, set, &requests[i]);
	}
	for (size_t i = 0; i < REQUESTS; i++) {
		int64_t start = now_ns();

		decide(b, set, &requests[i]);
		times[i] = now_ns() - start;
	}
	qsort(times, REQUESTS, sizeof(times[0]), on_times);
	printf("{\"bench\":\"policy\",\"case\":\"shape\",\"shape\":\"%s\",\"policies\":%d,"
	       "\"p50_ns\":%lld,\"p99_ns\":%lld,\"found\":%.1f,\"load_ms\":%.1f}\n",
	    name, n, (long long)times[REQUESTS / 2], (long long)times[REQUESTS / 100 * 99],
	    (double)found / REQUESTS, (double)load_ns / (double)OR_NS_PER_MS);
	pol_set_free(set);
}

int main(void)
{
	struct bench b = {.arena = or_arena_new(0), .ctx = pol_ctx_new(64 * OR_MIB)};

	or_buf_init(&b.text, TEXT_MAX);
	make_entities(&b);
	for (size_t i = 0; i < OR_LEN(SHAPES); i++) {
		for (int n = 10; n <= RANGE; n = n == 10 ? 1000 : n * 10)
			run(&b, SHAPES[i].name, SHAPES[i].policy, n);
	}
	pol_entities_free(b.es);
	pol_ctx_free(b.ctx);
	or_arena_free(b.arena);
	or_buf_done(&b.text);
	return 0;
}
