/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/postgres/statements.h"

#include "agent/gate/trace.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>

enum {
	PER_TURN = 4,
	REDACTED_MAX = 64 * 1024,
	CUT_WORD_MAX = 512,
	ATTRIBUTES = AG_STATEMENTS_PARTS + 3,
};

struct item {
	const char *method;
	struct or_slice name, text; /* of its own */
	int64_t time_ns;
	uint64_t more; /* repeats that no record tells yet */
	bool cut;
	bool told; /* once */
};

struct ag_statements {
	struct ag_statements_opt opt;
	struct item items[AG_STATEMENTS_WINDOW]; /* the oldest first */
	size_t n;
	struct or_loop_timer *timer;
	bool deferred;
	struct ag_statements_counts counts;
};

/* -- one record -- */

/* Ends where a character begins. */
static size_t part_of(struct or_slice text, size_t max)
{
	size_t n = text.n < max ? text.n : max;

	while (n < text.n && n > max - 4 && (text.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* "statement", "statement.2"…: an attribute's value is short. The last says that more was there. */
static size_t put_text(struct wire_attribute *to, char keys[][16], struct or_slice text, bool cut,
    uint8_t hash[OR_CRYPTO_HASH_LEN])
{
	struct or_slice rest = text;
	size_t n = 0;

	while (n < AG_STATEMENTS_PARTS && (rest.n || n == 0)) {
		size_t part = part_of(rest, AG_STATEMENTS_PART);

		snprintf(keys[n], 16, n ? "statement.%zu" : "statement", n + 1);
		to[n].key = or_slice_str(keys[n]);
		to[n].value = or_slice(rest.p, part);
		rest = or_slice_from(rest, part);
		n++;
	}
	if (rest.n || cut) {
		or_crypto_sha256(hash, text);
		to[n - 1].cut = true;
		to[n - 1].sha256 = or_slice(hash, OR_CRYPTO_HASH_LEN);
	}
	return n;
}

/* A secret that the cut went through would no longer look like one: the last word goes too. */
static struct or_slice whole_words(struct or_slice text)
{
	size_t n = text.n;

	while (n && text.n - n < CUT_WORD_MAX && text.p[n - 1] > ' ')
		n--;
	return or_slice(text.p, n);
}

static struct or_slice redact(
    const struct ag_statements *s, struct or_buf bufs[2], struct or_slice text)
{
	struct ag_redact *const steps[] = {s->opt.passwords, s->opt.redact};

	for (size_t i = 0; i < OR_LEN(steps); i++) {
		or_buf_init(&bufs[i], REDACTED_MAX);
		if (ag_redact_text(steps[i], &bufs[i], OR_SLICE_NONE, text))
			text = or_buf_ok(&bufs[i]) ? or_buf_slice(&bufs[i])
						   : OR_SLICE_LIT("[redacted]");
	}
	return text;
}

static void record(struct ag_statements *s, const struct item *item, uint64_t count)
{
	struct wire_attribute attributes[ATTRIBUTES] = {
	    {.key = OR_SLICE_LIT("decision"), .value = or_slice_str(s->opt.decision_id)}};
	struct wire_audit r = s->opt.session;
	struct or_slice text = item->cut ? whole_words(item->text) : item->text;
	char keys[AG_STATEMENTS_PARTS][16], times[24];
	uint8_t hash[OR_CRYPTO_HASH_LEN];
	struct ag_trace trace;
	struct or_buf bufs[2];
	size_t n = 1;

	text = redact(s, bufs, text);
	ag_trace_start(&trace); /* for its span alone */
	if (item->name.n)
		attributes[n++] =
		    (struct wire_attribute){.key = OR_SLICE_LIT("name"), .value = item->name};
	if (count > 1) {
		snprintf(times, sizeof(times), "%llu", (unsigned long long)count);
		attributes[n++] = (struct wire_attribute){
		    .key = OR_SLICE_LIT("count"), .value = or_slice_str(times)};
	}
	if (item->text.n)
		n += put_text(attributes + n, keys, text, item->cut, hash);
	r.time_ns = (uint64_t)item->time_ns;
	r.phase = WIRE_PHASE_COMPLETE;
	r.reason = OR_SLICE_LIT("statement");
	r.request.method = or_slice_str(item->method);
	r.span_id = or_slice(trace.span, sizeof(trace.span));
	r.attributes = attributes;
	r.n_attributes = n;
	if (!ag_record_has_spare(s->opt.record) ||
	    ag_record_put(s->opt.record, &r, OR_SLICE_NONE, NULL))
		s->counts.lost += count;
	or_buf_done(&bufs[0]);
	or_buf_done(&bufs[1]);
}

/* -- the window -- */

static void tell(struct ag_statements *s, struct item *item)
{
	uint64_t count = item->more + !item->told;

	item->told = true;
	item->more = 0;
	if (count)
		record(s, item, count);
}

static void drop_first(struct ag_statements *s)
{
	tell(s, &s->items[0]);
	or_mem_free((void *)(uintptr_t)s->items[0].name.p);
	or_mem_free((void *)(uintptr_t)s->items[0].text.p);
	s->n--;
	memmove(s->items, s->items + 1, s->n * sizeof(s->items[0]));
}

/* The second is over: what came again is told. */
static void on_second(void *arg)
{
	struct ag_statements *s = arg;

	s->timer = NULL;
	while (s->n)
		drop_first(s);
}

/* Those that are new, a few at a time. */
static void on_turn_end(void *arg)
{
	struct ag_statements *s = arg;
	size_t told = 0;

	s->deferred = false;
	for (size_t i = 0; i < s->n; i++) {
		if (s->items[i].told)
			continue;
		if (told++ == PER_TURN) {
			s->deferred = true;
			or_loop_defer(s->opt.loop, on_turn_end, s);
			return;
		}
		tell(s, &s->items[i]);
	}
}

static struct item *find(struct ag_statements *s, const struct ag_statements_what *what)
{
	for (size_t i = 0; i < s->n; i++) {
		struct item *item = &s->items[i];

		if (item->method == what->method && item->cut == what->cut &&
		    or_slice_eq(item->name, what->name) && or_slice_eq(item->text, what->text))
			return item;
	}
	return NULL;
}

static struct or_slice own(struct or_slice s)
{
	return or_slice(or_mem_dup(s), s.n);
}

void ag_statements_put(struct ag_statements *s, const struct ag_statements_what *what)
{
	struct item *item = find(s, what);

	s->counts.seen++;
	if (item) {
		item->more++;
		return;
	}
	if (s->n == AG_STATEMENTS_WINDOW)
		drop_first(s);
	s->items[s->n++] = (struct item){.method = what->method,
	    .name = own(what->name),
	    .text = own(what->text),
	    .time_ns = or_loop_wall_ns(s->opt.loop),
	    .cut = what->cut};
	if (!s->deferred) {
		s->deferred = true;
		or_loop_defer(s->opt.loop, on_turn_end, s);
	}
	if (!s->timer)
		s->timer = or_loop_timer_start(s->opt.loop, OR_NS_PER_S, on_second, s);
}

struct ag_statements *ag_statements_new(const struct ag_statements_opt *opt)
{
	struct ag_statements *s = or_mem_new(sizeof(*s));

	s->opt = *opt;
	return s;
}

struct ag_statements_counts ag_statements_flush(struct ag_statements *s)
{
	while (s->n)
		drop_first(s);
	return s->counts;
}

void ag_statements_free(struct ag_statements *s)
{
	if (!s)
		return;
	or_loop_timer_cancel(s->timer);
	if (s->deferred)
		or_loop_defer_cancel(s->opt.loop, on_turn_end, s);
	(void)ag_statements_flush(s);
	or_mem_free(s);
}
