/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "ebpf/wire/wire_impl.h"

#include <stdio.h>

static const struct tap_wire_protocol *const protocols[] = {&tap_wire_http_protocol,
    &tap_wire_pg_protocol, &tap_wire_mysql_protocol, &tap_wire_kafka_protocol};

/* Enough of a first message to tell a protocol by; always so many, however the bytes come. */
enum { GUESS_BYTES = 8 };

struct tap_wire *tap_wire_new(const struct tap_wire_opt *opt)
{
	struct tap_wire *w = or_mem_new(sizeof(*w));

	snprintf(w->server, sizeof(w->server), "%s", opt->server);
	w->late = opt->late;
	w->topics = opt->topics;
	w->fn = opt->fn;
	w->arg = opt->arg;
	return w;
}

void tap_wire_free(struct tap_wire *w)
{
	if (!w)
		return;
	while (tap_wire_facts_front(w))
		tap_wire_facts_pop(w);
	if (w->protocol == &tap_wire_pg_protocol)
		tap_wire_pg_done(w);
	if (w->protocol == &tap_wire_mysql_protocol)
		tap_wire_mysql_done(w);
	or_mem_free(w->queue.items);
	or_mem_free(w->side[0].buf);
	or_mem_free(w->side[1].buf);
	or_mem_free(w);
}

bool tap_wire_is_of_use(const struct tap_wire *w)
{
	return !w->useless;
}

const char *tap_wire_protocol(const struct tap_wire *w)
{
	return w->protocol ? w->protocol->name : "";
}

/* What does not make sense is something else: at once where all of it was seen, else the third
 * time. */
static void fail(struct tap_wire *w, struct tap_wire_side *side)
{
	side->n = 0;
	side->skip = 0;
	side->lost = true;
	if (!w->late || ++w->failures >= TAP_WIRE_FAILURES)
		w->useless = true;
}

/* Moves bytes into the buffer until it holds want. */
static bool fill(struct tap_wire_side *side, struct or_slice *bytes, size_t want)
{
	size_t n = want > side->n ? want - side->n : 0;

	if (!side->buf)
		side->buf = or_mem_array(1, TAP_WIRE_HEAD_MAX);
	if (n > bytes->n)
		n = bytes->n;
	if (n)
		memcpy(side->buf + side->n, bytes->p, n);
	side->n += n;
	*bytes = or_slice_from(*bytes, n);
	return side->n >= want;
}

static void finish(struct tap_wire *w, bool from_client, uint64_t total)
{
	struct tap_wire_side *side = &w->side[from_client];
	size_t got = side->n;

	side->n = 0;
	side->skip = total - got;
	w->protocol->message(w, from_client, or_slice(side->buf, got), total);
}

/* One step: false where more bytes are needed. */
static bool step(struct tap_wire *w, bool from_client, struct or_slice *bytes)
{
	struct tap_wire_side *side = &w->side[from_client];
	size_t head = w->protocol->head(w, from_client);
	uint64_t total;

	if (!fill(side, bytes, head))
		return false;
	for (;;) {
		total = w->protocol->length(w, from_client, or_slice(side->buf, side->n));
		if (total != UINT64_MAX)
			break;
		/* Its end shows byte by byte. */
		if (side->n == TAP_WIRE_HEAD_MAX) {
			fail(w, side);
			return true;
		}
		if (!fill(side, bytes, side->n + 1))
			return false;
	}
	if (total < side->n || total == 0) {
		fail(w, side);
		return true;
	}
	if (!fill(side, bytes, total < TAP_WIRE_HEAD_MAX ? (size_t)total : TAP_WIRE_HEAD_MAX))
		return false;
	finish(w, from_client, total);
	return true;
}

static void guess(struct tap_wire *w, bool from_client, struct or_slice bytes)
{
	for (size_t i = 0; i < OR_LEN(protocols); i++) {
		if ((from_client || protocols[i]->server_begins) &&
		    protocols[i]->begins(w, from_client, bytes)) {
			w->protocol = protocols[i];
			return;
		}
	}
	if (!from_client) { /* the client's first bytes may tell */
		w->heard = true;
		return;
	}
	fail(w, &w->side[from_client]);
	w->side[from_client].lost = false;
}

/* Before the protocol is known: the first bytes are collected, for they may come one by one. */
static void feed_first(struct tap_wire *w, bool from_client, struct or_slice bytes)
{
	struct tap_wire_side *side = &w->side[from_client];
	struct or_slice all;
	uint8_t first[GUESS_BYTES];

	if (!from_client && (w->heard || w->late))
		return;
	if (!fill(side, &bytes, GUESS_BYTES))
		return;
	memcpy(first, side->buf, side->n);
	all = or_slice(first, side->n);
	guess(w, from_client, all);
	w->side[0].n = 0;
	w->side[from_client].n = 0;
	if (!w->protocol)
		return;
	tap_wire_feed(w, from_client, all);
	tap_wire_feed(w, from_client, bytes);
}

void tap_wire_feed(struct tap_wire *w, bool from_client, struct or_slice bytes)
{
	struct tap_wire_side *side = &w->side[from_client];

	if (!w->protocol && !w->useless) {
		feed_first(w, from_client, bytes);
		return;
	}
	if (side->lost && bytes.n && !w->useless) {
		if (!w->protocol->begins(w, from_client, bytes))
			return;
		side->lost = false;
		w->failures = 0;
	}
	while (bytes.n && !w->useless && !side->lost) {
		if (side->skip) {
			size_t n = side->skip < bytes.n ? (size_t)side->skip : bytes.n;

			side->skip -= n;
			bytes = or_slice_from(bytes, n);
		} else if (!step(w, from_client, &bytes)) {
			return;
		}
	}
}

void tap_wire_gap(struct tap_wire *w, bool from_client, uint64_t n)
{
	struct tap_wire_side *side = &w->side[from_client];
	uint64_t total;

	if (!n || side->lost || w->useless || !w->protocol)
		return;
	if (!side->skip && side->n && side->n >= w->protocol->head(w, from_client)) {
		total = w->protocol->length(w, from_client, or_slice(side->buf, side->n));
		if (total != UINT64_MAX && total > side->n)
			finish(w, from_client, total);
	}
	if (side->skip >= n) {
		side->skip -= n;
		return;
	}
	side->n = 0;
	side->skip = 0;
	side->lost = true;
	w->late = true;
}
