/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/telemetry/search.h"

#include "base/mem.h"
#include "collector/telemetry/depot.h"

enum { SLICE_BYTES = 4 * 1024 * 1024, LINE_MAX_BYTES = 2 * 1024 * 1024 };

struct co_search {
	struct or_slow *slow;
	char *dir;
	const struct co_sift *sift;
	co_search_fn *fn;
	or_loop_fn *done;
	void *arg;
	bool is_cancelled; /* the loop's; the slice that runs ends by itself */
	bool is_over;
	struct co_depot_read *read;
	struct or_buf line;
	/* a ring of the newest lines */
	char **lines;
	size_t *lens;
	size_t first, n;
	size_t kept_bytes;
	struct co_search_end end;
	struct or_err err;
	/* of the group at hand */
	struct or_slice product;
	int64_t received_ns;
};

static void drop_oldest(struct co_search *s)
{
	s->kept_bytes -= s->lens[s->first];
	or_mem_free(s->lines[s->first]);
	s->lines[s->first] = NULL;
	s->first = (s->first + 1) % s->sift->limit;
	s->n--;
}

static void keep_line(struct co_search *s)
{
	size_t at;

	while (s->n && (s->n == s->sift->limit || s->kept_bytes + s->line.n > CO_SEARCH_BYTES_MAX))
		drop_oldest(s);
	at = (s->first + s->n++) % s->sift->limit;
	s->lines[at] = or_mem_dup(or_buf_slice(&s->line));
	s->lens[at] = s->line.n;
	s->kept_bytes += s->line.n;
}

static bool on_row(void *arg, const struct wire_otlp_row *row)
{
	struct co_search *s = arg;
	struct or_jsonw w;

	s->end.scanned++;
	if (!co_sift_matches(s->sift, row, s->product))
		return true;
	s->end.matched++;
	or_buf_clear(&s->line);
	or_jsonw_init(&w, &s->line, 0);
	co_sift_put(&w, row, s->product, s->received_ns);
	if (or_buf_ok(&s->line))
		keep_line(s);
	return true;
}

static void walk_group(struct co_search *s, struct co_depot_group *g)
{
	size_t topic = strlen(wire_otlp_topic(s->sift->kind)) + 1;
	struct co_depot_record r;

	if (g->key.stream.n < topic)
		return;
	s->product = or_slice_from(g->key.stream, topic);
	s->received_ns = g->received_ns;
	while (co_depot_next_record(&r, &g->records))
		wire_otlp_row_each(s->sift->kind, r.bytes, on_row, s);
}

/* On the slow thread. */
static void run_slice(void *arg)
{
	struct co_search *s = arg;
	enum or_code rc = OR_OK;
	uint64_t start;

	if (!s->read)
		rc = co_depot_read_open(&s->read, s->dir, s->sift->since_ns, &s->err);
	start = s->read ? co_depot_read_bytes(s->read) : 0;
	while (rc == OR_OK && co_depot_read_bytes(s->read) - start < SLICE_BYTES) {
		struct co_depot_group g;

		rc = co_depot_read_next(s->read, &g, &s->err);
		if (rc == OR_OK)
			walk_group(s, &g);
	}
	s->is_over = rc != OR_OK;
	s->end.rc = rc == OR_ABSENT ? OR_OK : rc;
}

static void free_search(struct co_search *s)
{
	for (size_t i = 0; s->lines && i < s->sift->limit; i++)
		or_mem_free(s->lines[i]);
	co_depot_read_close(s->read);
	or_buf_done(&s->line);
	or_mem_free(s->lines);
	or_mem_free(s->lens);
	or_mem_free(s->dir);
	or_mem_free(s);
}

static void give(struct co_search *s)
{
	struct or_slice *lines = or_mem_array(s->n + 1, sizeof(*lines));

	for (size_t i = 0; i < s->n; i++) {
		size_t at = (s->first + i) % s->sift->limit;

		lines[i] = or_slice(s->lines[at], s->lens[at]);
	}
	s->end.lines = lines;
	s->end.n = s->n;
	s->end.err = &s->err;
	if (s->read) {
		s->end.damaged = co_depot_read_damaged(s->read);
		s->end.bytes = co_depot_read_bytes(s->read);
	}
	s->fn(s->arg, &s->end);
	or_mem_free(lines);
}

static void on_slice(void *arg)
{
	struct co_search *s = arg;
	or_loop_fn *done = s->done;
	void *their = s->arg;
	enum or_code rc = OR_CLOSED;

	if (!s->is_over && !s->is_cancelled)
		rc = or_slow_submit(s->slow, run_slice, on_slice, s);
	if (rc == OR_OK)
		return;
	if (!s->is_over && !s->is_cancelled)
		s->end.rc = or_err_set(&s->err, rc, "the collector is busy or ending");
	if (!s->is_cancelled)
		give(s);
	free_search(s);
	done(their);
}

enum or_code co_search_start(struct co_search **out, struct or_slow *slow, const char *dir,
    const struct co_sift *sift, co_search_fn *fn, or_loop_fn *done, void *arg, struct or_err *err)
{
	struct co_search *s = or_mem_new(sizeof(*s));
	enum or_code rc;

	s->slow = slow;
	s->dir = or_mem_strdup(dir);
	s->sift = sift;
	s->fn = fn;
	s->done = done;
	s->arg = arg;
	s->lines = or_mem_array(sift->limit, sizeof(*s->lines));
	s->lens = or_mem_array(sift->limit, sizeof(*s->lens));
	or_buf_init(&s->line, LINE_MAX_BYTES);
	rc = or_slow_submit(slow, run_slice, on_slice, s);
	if (rc) {
		free_search(s);
		return or_err_set(err, rc, "the collector is busy");
	}
	*out = s;
	return OR_OK;
}

void co_search_cancel(struct co_search *search)
{
	if (search)
		search->is_cancelled = true;
}
