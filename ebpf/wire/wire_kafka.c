/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka's protocol: Produce and Fetch name topics, by name or (Produce v13, Fetch v13; KIP-516) by
 * id, which Metadata responses (v10) resolve. Topics precede records: the first is always seen,
 * more of them as far as what is looked at goes. A fetch session's later requests name nothing new.
 */
#include "ebpf/wire/wire_impl.h"

#include <stdio.h>
#include <string.h>

enum { PRODUCE = 0, FETCH = 1, METADATA = 3, KEY_MAX = 100, VERSION_MAX = 25 };
enum { SIZE_MIN = 8, TOPICS_MAX = 64 };

#define SIZE_LIMIT (256U << 20)
#define FACTS_MAX  2048U

static bool is_request(struct or_slice s)
{
	struct tap_wire_cursor c = {.s = s};
	uint64_t size = tap_wire_uint(&c, 4), key = tap_wire_uint(&c, 2),
		 version = tap_wire_uint(&c, 2);

	return !c.past && size >= SIZE_MIN && size <= SIZE_LIMIT && key <= KEY_MAX &&
	       version <= VERSION_MAX;
}

static bool begins(const struct tap_wire *w, bool from_client, struct or_slice s)
{
	struct tap_wire_cursor c = {.s = s};
	const struct tap_wire_pending *p;
	uint64_t size;

	if (from_client)
		return is_request(s);
	/* A response to what was asked for, as far as that is known. */
	size = tap_wire_uint(&c, 4);
	p = w->queue.n ? &w->queue.items[w->queue.first] : NULL;
	return s.n >= 8 && size >= 4 && size <= SIZE_LIMIT && (!p || p->id == tap_wire_uint(&c, 4));
}

static size_t head(const struct tap_wire *w, bool from_client)
{
	(void)w;
	return from_client ? 8 : 4;
}

static uint64_t length(struct tap_wire *w, bool from_client, struct or_slice s)
{
	struct tap_wire_cursor c = {.s = s};
	uint64_t size = tap_wire_uint(&c, 4);

	(void)w;
	if (from_client && !is_request(s))
		return 0;
	return size < 4 || size > SIZE_LIMIT ? 0 : size + 4;
}

/* ---- types */

static uint64_t take_varint(struct tap_wire_cursor *c)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; shift < 35; shift += 7) {
		struct or_slice b = tap_wire_take(c, 1);

		if (!b.n)
			return 0;
		v |= (uint64_t)(b.p[0] & 0x7f) << shift;
		if (!(b.p[0] & 0x80))
			return v;
	}
	c->past = true;
	return 0;
}

/* Compact ones are one longer than they are, so that 0 is null. */
static struct or_slice take_text(struct tap_wire_cursor *c, bool flexible)
{
	uint64_t n = flexible ? take_varint(c) : tap_wire_uint(c, 2);

	if (flexible)
		return n ? tap_wire_take(c, n - 1) : OR_SLICE_NONE;
	return n == 0xffff ? OR_SLICE_NONE : tap_wire_take(c, n);
}

static uint64_t take_count(struct tap_wire_cursor *c, bool flexible)
{
	uint64_t n = flexible ? take_varint(c) : tap_wire_uint(c, 4);

	if (flexible)
		return n ? n - 1 : 0;
	return n == UINT32_MAX ? 0 : n;
}

static void skip_tags(struct tap_wire_cursor *c, bool flexible)
{
	uint64_t n = flexible ? take_varint(c) : 0;

	for (uint64_t i = 0; i < n && !c->past; i++) {
		take_varint(c);
		tap_wire_take(c, take_varint(c));
	}
}

/* ---- topics */

static bool is_topic(struct or_slice name)
{
	if (!name.n || name.n > 249)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		uint8_t c = name.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '.' && c != '_' && c != '-')
			return false;
	}
	return true;
}

/* Kafka's own bookkeeping is no data set. */
static bool is_internal(struct or_slice name)
{
	return name.n > 2 && name.p[0] == '_' && name.p[1] == '_';
}

static void put_id(
    const struct tap_wire *w, struct tap_wire_facts *f, bool write, const uint8_t id[16])
{
	const char *name = w->topics ? tap_wire_topics_find(w->topics, id) : NULL;
	char text[64] = "topic-id:";
	size_t n = strlen(text);

	if (name) {
		tap_wire_facts_put(f, FACTS_MAX, write, name);
		return;
	}
	for (size_t i = 0; i < 16; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%02x",
		    i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", id[i]);
	tap_wire_facts_put(f, FACTS_MAX, write, text);
}

/* False: what stands here is no topic. */
static bool take_topic(const struct tap_wire *w, struct tap_wire_cursor *c,
    struct tap_wire_facts *f, bool write, bool by_id, bool flexible)
{
	char text[256];
	struct or_slice name;

	if (by_id) {
		name = tap_wire_take(c, 16);
		if (name.n)
			put_id(w, f, write, name.p);
		return name.n > 0;
	}
	name = take_text(c, flexible);
	if (!is_topic(name))
		return false;
	snprintf(text, sizeof(text), "%.*s", OR_SLICE_FMT(name));
	if (!is_internal(name))
		tap_wire_facts_put(f, FACTS_MAX, write, text);
	return true;
}

static void skip_produced(struct tap_wire_cursor *c, bool flexible)
{
	uint64_t n = take_count(c, flexible);

	for (uint64_t i = 0; i < n && !c->past; i++) {
		tap_wire_take(c, 4);
		tap_wire_take(c, take_count(c, flexible)); /* the records: null or so many bytes */
		skip_tags(c, flexible);
	}
	skip_tags(c, flexible);
}

static void skip_fetched(struct tap_wire_cursor *c, uint64_t version, bool flexible)
{
	uint64_t n = take_count(c, flexible);
	uint64_t each = 4 + 8 + 4; /* partition, offset, max bytes */

	each += version >= 9 ? 4 : 0;
	each += version >= 12 ? 4 : 0;
	each += version >= 5 ? 8 : 0;
	for (uint64_t i = 0; i < n && !c->past; i++) {
		tap_wire_take(c, each);
		skip_tags(c, flexible);
	}
	skip_tags(c, flexible);
}

static void on_produce(
    struct tap_wire *w, struct tap_wire_cursor *c, uint64_t version, struct tap_wire_facts *f)
{
	bool flexible = version >= 9;
	uint64_t n;

	if (version >= 3)
		take_text(c, flexible);
	tap_wire_take(c, 2 + 4); /* acks, timeout */
	n = take_count(c, flexible);
	for (uint64_t i = 0; i < n && i < TOPICS_MAX && !c->past; i++) {
		if (!take_topic(w, c, f, true, version >= 13, flexible))
			break;
		skip_produced(c, flexible);
	}
	f->cut |= c->past;
}

static void on_fetch(
    struct tap_wire *w, struct tap_wire_cursor *c, uint64_t version, struct tap_wire_facts *f)
{
	bool flexible = version >= 12;
	uint64_t n;

	tap_wire_take(c, (version < 15 ? 4U : 0U) + 4U + 4U); /* replica, max wait, min bytes */
	tap_wire_take(
	    c, (version >= 3 ? 4U : 0U) + (version >= 4 ? 1U : 0U) + (version >= 7 ? 8U : 0U));
	n = take_count(c, flexible);
	for (uint64_t i = 0; i < n && i < TOPICS_MAX && !c->past; i++) {
		if (!take_topic(w, c, f, false, version >= 13, flexible))
			break;
		skip_fetched(c, version, flexible);
	}
	f->cut |= c->past;
}

/* ---- Metadata's response */

static void skip_ints(struct tap_wire_cursor *c, bool flexible)
{
	uint64_t n = take_count(c, flexible);

	tap_wire_take(c, n * 4);
}

static void skip_partitions(struct tap_wire_cursor *c, uint64_t version, bool flexible)
{
	uint64_t n = take_count(c, flexible);

	for (uint64_t i = 0; i < n && !c->past; i++) {
		tap_wire_take(c, 2 + 4 + 4 + (version >= 7 ? 4 : 0));
		skip_ints(c, flexible);
		skip_ints(c, flexible);
		if (version >= 5)
			skip_ints(c, flexible);
		skip_tags(c, flexible);
	}
}

static void on_metadata(struct tap_wire *w, struct tap_wire_cursor *c, uint64_t version)
{
	bool flexible = version >= 9;
	uint64_t n;

	skip_tags(c, flexible); /* of the header */
	tap_wire_take(c, 4);    /* throttle time */
	n = take_count(c, flexible);
	for (uint64_t i = 0; i < n && !c->past; i++) {
		tap_wire_take(c, 4);
		take_text(c, flexible);
		tap_wire_take(c, 4);
		take_text(c, flexible);
		skip_tags(c, flexible);
	}
	take_text(c, flexible);
	tap_wire_take(c, 4);
	n = take_count(c, flexible);
	for (uint64_t i = 0; i < n && !c->past; i++) {
		struct or_slice name, id;

		tap_wire_take(c, 2);
		name = take_text(c, flexible);
		id = tap_wire_take(c, 16);
		if (id.n && is_topic(name) && w->topics)
			tap_wire_topics_put(w->topics, id.p, name);
		tap_wire_take(c, 1);
		skip_partitions(c, version, flexible);
		tap_wire_take(c, 4);
		skip_tags(c, flexible);
	}
}

/* ---- messages */

static void on_request(struct tap_wire *w, struct tap_wire_cursor c, bool cut)
{
	char name_space[TAP_WIRE_NAMESPACE];
	struct tap_wire_facts *f;
	uint64_t key, version, id;

	tap_wire_take(&c, 4);
	key = tap_wire_uint(&c, 2);
	version = tap_wire_uint(&c, 2);
	id = tap_wire_uint(&c, 4);
	take_text(&c, false); /* client id: never compact */
	if (key == METADATA && version >= 10)
		tap_wire_facts_push(w, (int)version, (uint32_t)id, NULL);
	if (key != PRODUCE && key != FETCH)
		return;
	f = tap_wire_facts_new(FACTS_MAX);
	skip_tags(&c, version >= (key == PRODUCE ? 9 : 12));
	if (key == PRODUCE)
		on_produce(w, &c, version, f);
	else
		on_fetch(w, &c, version, f);
	f->cut |= cut && c.past;
	snprintf(name_space, sizeof(name_space), "kafka://%s", w->server);
	tap_wire_facts_tell(w, f, "kafka", name_space);
	tap_wire_facts_unref(f);
}

static void on_response(struct tap_wire *w, struct tap_wire_cursor c)
{
	struct tap_wire_pending *p;
	uint64_t id;

	tap_wire_take(&c, 4);
	id = tap_wire_uint(&c, 4);
	p = tap_wire_facts_front(w);
	if (!p || p->id != id)
		return;
	on_metadata(w, &c, (uint64_t)p->kind);
	tap_wire_facts_pop(w);
}

static void message(struct tap_wire *w, bool from_client, struct or_slice got, uint64_t total)
{
	struct tap_wire_cursor c = {.s = got};

	if (from_client)
		on_request(w, c, total > got.n);
	else
		on_response(w, c);
}

const struct tap_wire_protocol tap_wire_kafka_protocol = {
    .name = "kafka",
    .begins = begins,
    .head = head,
    .length = length,
    .message = message,
};
