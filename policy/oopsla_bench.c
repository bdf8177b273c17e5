/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The applications of the Cedar paper (OOPSLA 2024), and how a decision scales with the number of
 * policies, where DIR is the unpacked archive of the corpus cedar-oopsla:
 *
 *     bench_policy_oopsla apps DIR              one JSON line per application and size
 *     bench_policy_oopsla scale DIR POLICIES    one line; a process for each number, as what the
 *                                               policies add to a process's memory is measured
 *
 * Entities, policies and requests are loaded before. Each request is decided twice: first to
 * compare the answer with the recorded one, then to be timed, from pol_ctx_begin to the decision.
 */
#include "base/mem.h"
#include "policy/authorize.h"
#include "policy/entities_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { FILE_MAX = 256 << 20, HIERARCHIES = 20 };

struct bench {
	struct or_arena *arena; /* of one hierarchy */
	struct or_buf text;
	struct or_buf times; /* int64_t */
	struct pol_ctx *ctx;
	size_t requests, wrong;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * OR_NS_PER_S + t.tv_nsec;
}

static bool read_file(struct or_buf *b, const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t n = 1;

	or_buf_clear(b);
	while (f && n > 0) {
		uint8_t *to = or_buf_reserve(b, 65536);

		n = to ? fread(to, 1, 65536, f) : 0;
		if (to)
			or_buf_commit(b, n);
	}
	if (f)
		fclose(f);
	return f && or_buf_ok(b);
}

static const struct or_json *read_json(struct bench *b, const char *path)
{
	const struct or_json *j = NULL;
	struct pol_source src = {path, OR_SLICE_NONE, 0};

	if (!read_file(&b->text, path))
		return NULL;
	src.text = or_buf_slice(&b->text);
	if (pol_json_parse(&j, &src, b->arena, NULL))
		return NULL;
	return j;
}

/* The corpus calls a policy without @id "policyN". */
static struct or_slice name_of(const struct pol_policy *p)
{
	for (size_t i = 0; i < p->id.n; i++) {
		if (p->id.p[i] == '#')
			return or_slice_from(p->id, i + 1);
	}
	return p->id;
}

static bool as_recorded(const struct or_json *j, const struct pol_decision *d)
{
	const struct or_json *reasons = or_json_get(j, "reason");

	if (or_slice_is(or_json_get_str(j, "decision"), "allow") != d->allow || d->n_errors ||
	    !reasons || reasons->array.n != d->n_reasons)
		return false;
	for (size_t i = 0; i < d->n_reasons; i++) {
		bool found = false;

		for (size_t k = 0; k < reasons->array.n; k++)
			found |= or_slice_eq(reasons->array.items[k]->s, name_of(d->reasons[i]));
		if (!found)
			return false;
	}
	return true;
}

struct prepared {
	struct pol_request req;
	const struct or_json *recorded;
};

static bool prepare(struct bench *b, struct prepared *p, const struct or_json *j)
{
	struct pol_source src = {"requests.json", OR_SLICE_LIT(""), 0};

	*p = (struct prepared){.recorded = j};
	return pol_entities_json_uid(&p->req.principal, &src, or_json_get(j, "principal"), NULL) ==
		   OR_OK &&
	       pol_entities_json_uid(&p->req.action, &src, or_json_get(j, "action"), NULL) ==
		   OR_OK &&
	       pol_entities_json_uid(&p->req.resource, &src, or_json_get(j, "resource"), NULL) ==
		   OR_OK &&
	       pol_entities_json_context(&p->req.context, b->arena, &src, or_json_get(j, "context"),
		   NULL, NULL, NULL) == OR_OK;
}

static bool decide(struct bench *b, struct pol_decision *d, const struct pol_set *set,
    const struct pol_entities *es, const struct pol_request *req)
{
	pol_ctx_begin(b->ctx, &es, 1);
	return pol_authorize_request(d, b->ctx, &set, 1, req) == OR_OK;
}

static void time_requests(struct bench *b, const struct pol_set *set, const struct pol_entities *es,
    const struct or_json *requests)
{
	size_t n = requests ? requests->array.n : 0;
	struct prepared *all = or_arena_array(b->arena, n, sizeof(*all));
	struct pol_decision d;

	b->requests += n;
	for (size_t i = 0; i < n; i++) {
		if (!prepare(b, &all[i], requests->array.items[i]) ||
		    !decide(b, &d, set, es, &all[i].req) || !as_recorded(all[i].recorded, &d))
			b->wrong++;
	}
	for (size_t i = 0; i < n; i++) {
		int64_t start = now_ns(), spent;
		bool ok = decide(b, &d, set, es, &all[i].req);

		spent = now_ns() - start;
		b->wrong += !ok;
		or_buf_put(&b->times, &spent, sizeof(spent));
	}
}

static int on_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

struct figures {
	long long p50, p99, mean;
};

/* Forgets the times. */
static struct figures take_figures(struct bench *b)
{
	size_t n = b->times.n / sizeof(int64_t);
	int64_t *t = (int64_t *)(void *)b->times.p, sum = 0;
	struct figures f = {0, 0, 0};

	if (n == 0)
		return f;
	qsort(t, n, sizeof(*t), on_times);
	for (size_t i = 0; i < n; i++)
		sum += t[i];
	f = (struct figures){t[n / 2], t[n * 99 / 100], sum / (int64_t)n};
	or_buf_clear(&b->times);
	return f;
}

static struct pol_set *load_set(struct bench *b, const char *path)
{
	struct pol_set *set = NULL;
	struct or_err err;

	if (!read_file(&b->text, path))
		return NULL;
	if (pol_set_parse(&set, POL_IDS_ANNOTATED, "p", or_buf_slice(&b->text), NULL, &err))
		fprintf(stderr, "%s: %s\n", path, err.msg);
	else
		pol_set_compile(set);
	return set;
}

static struct pol_entities *load_entities(struct bench *b, const char *path)
{
	struct pol_entities *es = NULL;
	struct or_err err;

	if (!read_file(&b->text, path) ||
	    pol_entities_json_parse(&es, path, or_buf_slice(&b->text), NULL, NULL, &err))
		fprintf(stderr, "%s: cannot be loaded\n", path);
	return es;
}

static void link_all(struct bench *b, struct pol_set *set, const struct or_json *links)
{
	struct pol_source src = {"links.json", OR_SLICE_LIT(""), 0};

	for (size_t i = 0; links && i < links->array.n; i++) {
		const struct or_json *j = links->array.items[i], *p = or_json_get(j, "principal");
		const struct or_json *r = or_json_get(j, "resource");
		struct pol_uid principal, resource;

		if ((p && pol_entities_json_uid(&principal, &src, p, NULL)) ||
		    (r && pol_entities_json_uid(&resource, &src, r, NULL)) ||
		    pol_set_link(set, or_json_get_str(j, "template"), or_json_get_str(j, "id"),
			p ? &principal : NULL, r ? &resource : NULL, NULL))
			b->wrong++;
	}
}

static void run_hierarchy(struct bench *b, const char *app_dir, int n, int k)
{
	const char *dir, *path;
	struct pol_set *set;
	struct pol_entities *es;

	or_arena_clear(b->arena);
	dir = or_arena_printf(b->arena, "%s/n%d/%d", app_dir, n, k);
	path = or_arena_printf(b->arena, "%s/policies.cedar", app_dir);
	set = load_set(b, path);
	es = load_entities(b, or_arena_printf(b->arena, "%s/entities.json", dir));
	path = or_arena_printf(b->arena, "%s/links.json", dir);
	if (set && access(path, R_OK) == 0)
		link_all(b, set, read_json(b, path));
	if (set && es)
		time_requests(
		    b, set, es, read_json(b, or_arena_printf(b->arena, "%s/requests.json", dir)));
	pol_set_free(set);
	pol_entities_free(es);
}

static void run_apps(struct bench *b, const char *dir)
{
	static const char *const apps[] = {
	    "gdrive", "github", "tinytodo", "gdrive-templates", "github-templates"};
	static const int sizes[] = {5, 10, 20, 50};

	for (size_t i = 0; i < OR_LEN(apps) * OR_LEN(sizes); i++) {
		const char *app = apps[i / OR_LEN(sizes)];
		int n = sizes[i % OR_LEN(sizes)];
		struct or_buf path;
		struct figures f;

		or_buf_init(&path, 4096);
		or_buf_printf(&path, "%s/cases/%s", dir, app);
		for (int k = 0; k < HIERARCHIES; k++)
			run_hierarchy(b, or_buf_text(&path), n, k);
		or_buf_done(&path);
		f = take_figures(b);
		printf("{\"bench\":\"policy\",\"app\":\"%s\",\"n\":%d,\"engine\":\"outrider\","
		       "\"p50_ns\":%lld,\"p99_ns\":%lld,\"mean_ns\":%lld}\n",
		    app, n, f.p50, f.p99, f.mean);
	}
}

static double resident_mib(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long pages = 0;

	if (!f || fscanf(f, "%*s %ld", &pages) != 1)
		fprintf(stderr, "bench_policy_oopsla: /proc/self/statm cannot be read\n");
	if (f)
		fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / (double)OR_MIB;
}

static void run_scale(struct bench *b, const char *dir, const char *policies)
{
	const char *of = or_arena_printf(b->arena, "%s/scale/p%s", dir, policies);
	const char *paths[] = {or_arena_printf(b->arena, "%s/policies.cedar", of),
	    or_arena_printf(b->arena, "%s/entities.json", of),
	    or_arena_printf(b->arena, "%s/requests.json", of)};
	double before = resident_mib(), added, load_ms;
	int64_t start = now_ns();
	struct pol_set *set = load_set(b, paths[0]);
	struct pol_entities *es;

	load_ms = (double)(now_ns() - start) / (double)OR_NS_PER_MS;
	/* What was read is the caller's and goes. */
	or_buf_done(&b->text);
	or_mem_trim();
	added = resident_mib() - before;
	es = load_entities(b, paths[1]);
	if (set && es)
		time_requests(b, set, es, read_json(b, paths[2]));
	printf("{\"bench\":\"policy\",\"case\":\"scale\",\"policies\":%s,\"p50_ns\":%lld,"
	       "\"load_ms\":%.1f,\"rss_mib\":%.1f}\n",
	    policies, take_figures(b).p50, load_ms, added);
	pol_set_free(set);
	pol_entities_free(es);
}

int main(int argc, char **argv)
{
	struct bench b = {.arena = or_arena_new(0), .ctx = pol_ctx_new(0)};
	bool apps = argc == 3 && strcmp(argv[1], "apps") == 0;

	if (!apps && !(argc == 4 && strcmp(argv[1], "scale") == 0)) {
		fprintf(stderr, "bench_policy_oopsla: skipped, it needs: apps DIR, or scale DIR "
				"POLICIES\n");
		return 0;
	}
	or_buf_init(&b.text, FILE_MAX);
	or_buf_init(&b.times, FILE_MAX);
	if (apps)
		run_apps(&b, argv[2]);
	else
		run_scale(&b, argv[2], argv[3]);
	fprintf(
	    stderr, "bench_policy_oopsla: %zu answers, %zu of them wrong\n", b.requests, b.wrong);
	or_buf_done(&b.text);
	or_buf_done(&b.times);
	pol_ctx_free(b.ctx);
	or_arena_free(b.arena);
	return b.wrong || b.requests == 0 ? 1 : 0;
}
