/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds while requests are decided one after the other and side by side: no memory is taken
 * from the heap once a context is warm, and a set, its first program too, serves any number of
 * threads.
 */
#include "policy/authorize.h"
#include "policy/entities_json.h"
#include "tests/support/support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTED 0
#else
#define COUNTED 1
#endif

enum { WARM = 16, REQUESTS = 2000, THREADS = 4, ROUNDS = 200, PARENTS = 100 };

static const char POLICIES[] =
    "permit (principal in Group::\"g7\", action in [Action::\"read\", Action::\"list\"], resource)"
    " when { principal has clearance && principal.clearance >= resource.level };"
    "permit (principal, action, resource in Product::\"orders\")"
    " when { [context.tenant, \"x\"].contains(\"t\") && {a: context.n}.a >= 0 };"
    "forbid (principal, action, resource) when { resource.level > 5 } unless { context.mfa };"
    "permit (principal is User, action, resource) when { context.path like \"/a/*\" };"
    "permit (principal, action, resource) when { ip(context.ip).isLoopback() };"
    "forbid (principal, action == Action::\"write\", resource) when { principal.missing };";

static const char ENTITIES[] =
    "[{\"uid\":{\"type\":\"Port\",\"id\":\"out\"},\"attrs\":{\"level\":3},"
    "\"parents\":[{\"type\":\"Product\",\"id\":\"orders\"}]},"
    "{\"uid\":{\"type\":\"Group\",\"id\":\"g7\"},\"attrs\":{},"
    "\"parents\":[{\"type\":\"Group\",\"id\":\"all\"}]}]";

struct world {
	struct pol_set *set;
	struct pol_entities *es;
};

static _Atomic(size_t) heap_calls;

#if COUNTED
/* In place of the C library's own: what they do, counted. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *p, size_t n);
void *counted_new(size_t n) __asm__("malloc");
void *counted_array(size_t count, size_t n) __asm__("calloc");
void *counted_resize(void *p, size_t n) __asm__("realloc");

void *counted_new(size_t n)
{
	heap_calls++;
	return __libc_malloc(n);
}

void *counted_array(size_t count, size_t n)
{
	heap_calls++;
	return __libc_calloc(count, n);
}

void *counted_resize(void *p, size_t n)
{
	heap_calls++;
	return __libc_realloc(p, n);
}
#endif

static int setup(void **state)
{
	static struct world w;
	struct or_err err = {0};

	w = (struct world){.set = NULL};
	ASSERT_OK(
	    pol_set_parse(&w.set, POL_IDS_NUMBERED, "p", or_slice_str(POLICIES), NULL, &err), &err);
	ASSERT_OK(
	    pol_entities_json_parse(&w.es, "e", or_slice_str(ENTITIES), NULL, NULL, &err), &err);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	pol_set_free(w->set);
	pol_entities_free(w->es);
	return 0;
}

static struct pol_uid uid(const char *type, const char *id)
{
	return pol_uid_make(or_slice_str(type), or_slice_str(id));
}

/* The user comes with the request, with many groups, and so does a context of several values. */
static struct pol_decision decide(const struct world *w, struct pol_ctx *ctx, size_t i)
{
	static const char *const actions[] = {"read", "write", "list"};
	const struct pol_entities *bases[] = {w->es};
	const struct pol_set *sets[] = {w->set};
	struct pol_uid groups[PARENTS];
	char names[PARENTS][8];
	struct pol_field claims[] = {{OR_SLICE_LIT("clearance"), pol_value_long((int64_t)(i % 6))}};
	struct pol_field fields[] = {{OR_SLICE_LIT("tenant"), pol_value_string(OR_SLICE_LIT("t"))},
	    {OR_SLICE_LIT("n"), pol_value_long(1)},
	    {OR_SLICE_LIT("ip"), pol_value_string(OR_SLICE_LIT("127.0.0.1"))},
	    {OR_SLICE_LIT("path"), pol_value_string(OR_SLICE_LIT("/a/b"))}};
	struct pol_request req = {.principal = uid("User", "u"),
	    .action = uid("Action", actions[i % OR_LEN(actions)]),
	    .resource = uid("Port", "out")};
	const struct pol_record *attrs = NULL;
	struct pol_decision d;

	for (size_t k = 0; k < PARENTS; k++) {
		snprintf(names[k], sizeof(names[k]), "g%zu", (k * 37 + i) % PARENTS);
		groups[k] = uid("Group", names[k]);
	}
	pol_ctx_begin(ctx, bases, 1);
	ASSERT_CODE(pol_value_record(&attrs, pol_ctx_arena(ctx), claims, 1), OR_OK);
	ASSERT_CODE(
	    pol_value_record(&req.context, pol_ctx_arena(ctx), fields, OR_LEN(fields)), OR_OK);
	ASSERT_CODE(pol_ctx_put(ctx, &req.principal, attrs, groups, PARENTS), OR_OK);
	ASSERT_CODE(pol_authorize_request(&d, ctx, sets, 1, &req), OR_OK);
	return d;
}

static void request__takes_no_memory_once_warm(void **state)
{
	const struct world *w = *state;
	struct pol_ctx *ctx = pol_ctx_new(0);
	size_t before, permits = 0;

	for (size_t i = 0; i < WARM; i++)
		decide(w, ctx, i);
	before = heap_calls;
	for (size_t i = 0; i < REQUESTS; i++)
		permits += decide(w, ctx, i).n_reasons;
	assert_int_equal(heap_calls - before, 0);
	assert_true(permits > REQUESTS);
	/* That calls are seen at all. */
	pol_ctx_free(pol_ctx_new(0));
	assert_int_equal(heap_calls > before, COUNTED);
	pol_ctx_free(ctx);
}

static void *work(void *arg)
{
	const struct world *w = arg;
	struct pol_ctx *ctx = pol_ctx_new(0);
	size_t sum = 0;

	for (size_t i = 0; i < ROUNDS; i++) {
		struct pol_decision d = decide(w, ctx, i);

		sum = sum * 31 + d.n_reasons * 4 + d.n_errors * 2 + d.allow;
	}
	pol_ctx_free(ctx);
	return (void *)(uintptr_t)sum;
}

/* The program is not there yet: the threads race to make it. */
static void set__serves_many_threads(void **state)
{
	pthread_t threads[THREADS];
	void *sums[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, *state), 0);
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &sums[i]), 0);
		assert_ptr_equal(sums[i], sums[0]);
	}
	assert_ptr_equal(sums[0], work(*state));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(request__takes_no_memory_once_warm, setup, teardown),
	    cmocka_unit_test_setup_teardown(set__serves_many_threads, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
