/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/marks.h"

#include "base/map.h"
#include "base/mem.h"

#include <endian.h>

/*
 * Saved: for each stream, agent (16 bytes), epoch, length of the stream's name (16 bits), expected,
 * number of intervals (16 bits), the name, and the intervals as pairs. Numbers are little-endian.
 */
enum {
	KEY_HEAD = CO_MARKS_AGENT_LEN + 8,
	KEY_MAX = KEY_HEAD + CO_MARKS_STREAM_MAX,
	SAVED_HEAD = KEY_HEAD + 2 + 8 + 2,
	PAIR = 16,
};

struct interval {
	uint64_t from;
	uint64_t to;
};

struct stream {
	uint64_t expected;
	struct interval *list; /* ascending, with room between each two */
	size_t n, cap;
	size_t key_len;
	uint8_t key[];
};

struct co_marks {
	struct or_map map;
};

struct co_marks *co_marks_new(size_t max_streams)
{
	struct co_marks *m = or_mem_new(sizeof(*m));

	or_map_init(&m->map, max_streams);
	return m;
}

static void clear(struct co_marks *m)
{
	struct or_map_entry *e;
	size_t at = 0;

	while ((e = or_map_next(&m->map, &at))) {
		struct stream *s = e->value;

		or_mem_free(s->list);
		or_mem_free(s);
	}
	or_map_clear(&m->map);
}

void co_marks_free(struct co_marks *m)
{
	if (!m)
		return;
	clear(m);
	or_map_done(&m->map);
	or_mem_free(m);
}

size_t co_marks_streams(const struct co_marks *m)
{
	return m->map.n;
}

static struct or_slice key_bytes(uint8_t buf[KEY_MAX], const struct co_marks_key *key)
{
	uint64_t epoch = htole64(key->epoch);

	OR_ASSERT(key->agent.n == CO_MARKS_AGENT_LEN && key->stream.n <= CO_MARKS_STREAM_MAX);
	memcpy(buf, key->agent.p, CO_MARKS_AGENT_LEN);
	memcpy(buf + CO_MARKS_AGENT_LEN, &epoch, sizeof(epoch));
	if (key->stream.n)
		memcpy(buf + KEY_HEAD, key->stream.p, key->stream.n);
	return or_slice(buf, KEY_HEAD + key->stream.n);
}

static struct stream *find(const struct co_marks *m, const struct co_marks_key *key)
{
	uint8_t buf[KEY_MAX];

	return or_map_find(&m->map, key_bytes(buf, key));
}

/* The first interval that ends at or behind seq. */
static size_t search(const struct stream *s, uint64_t seq)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->list[mid].to < seq)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Intervals [first, end) are those that from..to touches or adjoins. */
static void touched(const struct stream *s, uint64_t from, uint64_t to, size_t *first, size_t *end)
{
	*first = search(s, from - 1);
	*end = *first;
	while (*end < s->n && s->list[*end].from <= to + 1)
		(*end)++;
}

bool co_marks_has_room(
    const struct co_marks *m, const struct co_marks_key *key, uint64_t from, uint64_t to)
{
	const struct stream *s = find(m, key);
	size_t first, end;

	if (!s)
		return m->map.n < m->map.max;
	if (to < from || s->n < CO_MARKS_INTERVALS_MAX)
		return true;
	touched(s, from, to, &first, &end);
	return first < end;
}

static struct stream *add_stream(struct co_marks *m, const struct co_marks_key *key)
{
	uint8_t buf[KEY_MAX];
	struct or_slice bytes = key_bytes(buf, key);
	struct stream *s = or_mem_new(sizeof(*s) + bytes.n);

	s->key_len = bytes.n;
	memcpy(s->key, bytes.p, bytes.n);
	if (or_map_put(&m->map, or_slice(s->key, s->key_len), s) == OR_OK)
		return s;
	or_mem_free(s);
	return NULL;
}

static void insert(struct stream *s, uint64_t from, uint64_t to)
{
	size_t first, end;

	touched(s, from, to, &first, &end);
	if (first == end) {
		if (s->n == s->cap) {
			s->cap = s->cap ? s->cap * 2 : 1;
			s->list = or_mem_resize(s->list, s->cap * sizeof(*s->list));
		}
		memmove(&s->list[first + 1], &s->list[first], (s->n - first) * sizeof(*s->list));
		s->list[first] = (struct interval){from, to};
		s->n++;
		return;
	}
	if (s->list[first].from < from)
		from = s->list[first].from;
	if (s->list[end - 1].to > to)
		to = s->list[end - 1].to;
	s->list[first] = (struct interval){from, to};
	memmove(&s->list[first + 1], &s->list[end], (s->n - end) * sizeof(*s->list));
	s->n -= end - first - 1;
}

enum or_code co_marks_add(
    struct co_marks *m, const struct co_marks_key *key, uint64_t from, uint64_t to)
{
	struct stream *s = find(m, key);

	OR_ASSERT(from > 0 && to >= from - 1 && to < UINT64_MAX);
	if (!co_marks_has_room(m, key, from, to))
		return OR_FULL;
	if (!s)
		s = add_stream(m, key);
	if (!s)
		return OR_FULL;
	if (to >= from)
		insert(s, from, to);
	if (to > s->expected)
		s->expected = to;
	return OR_OK;
}

bool co_marks_knows(const struct co_marks *m, const struct co_marks_key *key)
{
	return find(m, key) != NULL;
}

bool co_marks_has(const struct co_marks *m, const struct co_marks_key *key, uint64_t seq)
{
	const struct stream *s = find(m, key);
	size_t i = s ? search(s, seq) : 0;

	return s && i < s->n && s->list[i].from <= seq;
}

bool co_marks_covers(
    const struct co_marks *m, const struct co_marks_key *key, uint64_t from, uint64_t to)
{
	const struct stream *s = find(m, key);
	size_t i = s ? search(s, from) : 0;

	if (to < from)
		return true;
	return s && i < s->n && s->list[i].from <= from && to <= s->list[i].to;
}

uint64_t co_marks_expected(const struct co_marks *m, const struct co_marks_key *key)
{
	const struct stream *s = find(m, key);

	return s ? s->expected : 0;
}

static void put_number(struct or_buf *out, uint64_t v, size_t len)
{
	v = htole64(v);
	or_buf_put(out, &v, len);
}

static uint64_t get_number(const uint8_t *p, size_t len)
{
	uint64_t v = 0;

	memcpy(&v, p, len);
	return le64toh(v);
}

void co_marks_save(const struct co_marks *m, struct or_buf *out)
{
	struct or_map_entry *e;
	size_t at = 0;

	while ((e = or_map_next(&m->map, &at))) {
		const struct stream *s = e->value;

		or_buf_put(out, s->key, KEY_HEAD);
		put_number(out, s->key_len - KEY_HEAD, 2);
		put_number(out, s->expected, 8);
		put_number(out, s->n, 2);
		or_buf_put(out, s->key + KEY_HEAD, s->key_len - KEY_HEAD);
		for (size_t i = 0; i < s->n; i++) {
			put_number(out, s->list[i].from, 8);
			put_number(out, s->list[i].to, 8);
		}
	}
}

/* One stream as it was saved; slices point into it. */
struct saved {
	struct co_marks_key key;
	uint64_t expected;
	const uint8_t *pairs;
	size_t n;
};

/* Takes the next stream from the front of *in; false where it does not hold together. */
static bool take_saved(struct saved *out, struct or_slice *in)
{
	size_t name;

	if (in->n < SAVED_HEAD)
		return false;
	name = get_number(in->p + KEY_HEAD, 2);
	out->key.agent = or_slice(in->p, CO_MARKS_AGENT_LEN);
	out->key.epoch = get_number(in->p + CO_MARKS_AGENT_LEN, 8);
	out->key.stream = or_slice(in->p + SAVED_HEAD, name);
	out->expected = get_number(in->p + KEY_HEAD + 2, 8);
	out->n = get_number(in->p + KEY_HEAD + 10, 2);
	out->pairs = in->p + SAVED_HEAD + name;
	if (name > CO_MARKS_STREAM_MAX || out->n > CO_MARKS_INTERVALS_MAX ||
	    in->n - SAVED_HEAD < name + out->n * PAIR)
		return false;
	*in = or_slice_from(*in, SAVED_HEAD + name + out->n * PAIR);
	return true;
}

static struct interval get_pair(const struct saved *s, size_t i)
{
	return (struct interval){
	    get_number(s->pairs + i * PAIR, 8), get_number(s->pairs + i * PAIR + 8, 8)};
}

static enum or_code load_stream(struct co_marks *m, const struct saved *s)
{
	uint64_t last = 0;

	if (s->expected == UINT64_MAX || co_marks_knows(m, &s->key))
		return OR_CORRUPT;
	if (co_marks_add(m, &s->key, s->expected + 1, s->expected))
		return OR_FULL;
	for (size_t i = 0; i < s->n; i++) {
		struct interval v = get_pair(s, i);

		/* A number apart from the one before, or they would be one. */
		if (v.from == 0 || v.to < v.from || v.to == UINT64_MAX || (i && v.from <= last + 1))
			return OR_CORRUPT;
		if (co_marks_add(m, &s->key, v.from, v.to))
			return OR_FULL;
		last = v.to;
	}
	return OR_OK;
}

enum or_code co_marks_load(struct co_marks *m, struct or_slice saved, struct or_err *err)
{
	enum or_code rc = OR_OK;
	struct saved s;

	clear(m);
	while (saved.n && !rc)
		rc = take_saved(&s, &saved) ? load_stream(m, &s) : OR_CORRUPT;
	if (!rc)
		return OR_OK;
	clear(m);
	return or_err_set(err, rc,
	    rc == OR_FULL ? "more streams than this collector may know"
			  : "what was saved of the streams is malformed");
}

bool co_marks_saved_has(struct or_slice saved, const struct co_marks_key *key, uint64_t seq)
{
	struct saved s;

	while (saved.n && take_saved(&s, &saved)) {
		if (s.key.epoch != key->epoch || !or_slice_eq(s.key.agent, key->agent) ||
		    !or_slice_eq(s.key.stream, key->stream))
			continue;
		for (size_t i = 0; i < s.n; i++) {
			if (get_pair(&s, i).from <= seq && seq <= get_pair(&s, i).to)
				return true;
		}
		return false;
	}
	return false;
}
