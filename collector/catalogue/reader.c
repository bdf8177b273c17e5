/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/catalogue/reader.h"

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "collector/catalogue/facts.h"
#include "collector/ingest/inputs.h"
#include "proto/leaf.h"

enum { ARENA_MAX = 16 * 1024 * 1024, INPUTS_MAX = 256 * 1024, KEY_MAX = 16 * 1024 };

#define TEXT   co_facts_text
#define NUMBER co_facts_number

struct seen {
	struct or_slice product, port, type, id, issuer;
	uint8_t inputs[OR_CRYPTO_HASH_LEN]; /* of the last read that names some */
	bool has_inputs;
	int64_t reads;
	int64_t first_ns, last_ns;
	char first[WIRE_LEAF_ID_LEN + 1], last[WIRE_LEAF_ID_LEN + 1];
};

struct co_reader {
	const char *inputs_dir;
	struct or_arena *arena; /* of what was gathered */
	struct or_map readers;  /* struct seen */
	struct or_buf key;
};

struct co_reader *co_reader_new(const char *inputs_dir)
{
	struct co_reader *r = or_mem_new(sizeof(*r));

	r->inputs_dir = inputs_dir;
	r->arena = or_arena_new(ARENA_MAX);
	or_map_init(&r->readers, CO_READER_GATHER_MAX);
	or_buf_init(&r->key, KEY_MAX);
	return r;
}

void co_reader_free(struct co_reader *r)
{
	if (!r)
		return;
	or_map_done(&r->readers);
	or_arena_free(r->arena);
	or_buf_done(&r->key);
	or_mem_free(r);
}

static bool is_allowed_read(const struct wire_audit *r)
{
	return r->kind == WIRE_KIND_ACCESS && r->decision == WIRE_DECISION_ALLOW &&
	       r->phase != WIRE_PHASE_OUTCOME && r->principal.id.n &&
	       or_slice_is(r->action, "read");
}

/* Lengths keep texts apart, whatever bytes they hold. */
static struct or_slice key_of(struct co_reader *r, const struct wire_audit *a)
{
	const struct or_slice parts[] = {
	    a->product, a->port, a->principal.type, a->principal.id, a->principal.issuer};

	or_buf_clear(&r->key);
	for (size_t i = 0; i < OR_LEN(parts); i++) {
		or_buf_put_u64(&r->key, parts[i].n);
		or_buf_put_byte(&r->key, ':');
		or_buf_put_slice(&r->key, parts[i]);
	}
	return or_buf_slice(&r->key);
}

static struct seen *add(struct co_reader *r, struct or_slice key, const struct wire_audit *a)
{
	struct seen *s = or_arena_alloc(r->arena, sizeof(*s));
	struct or_slice own = or_arena_dup(r->arena, key);

	if (!s || !own.p)
		return NULL;
	*s = (struct seen){.product = or_arena_dup(r->arena, a->product),
	    .port = or_arena_dup(r->arena, a->port),
	    .type = or_arena_dup(r->arena, a->principal.type),
	    .id = or_arena_dup(r->arena, a->principal.id),
	    .issuer = or_arena_dup(r->arena, a->principal.issuer)};
	if (or_arena_is_full(r->arena) || or_map_put(&r->readers, own, s))
		return NULL;
	return s;
}

enum or_code co_reader_take(struct co_reader *r, const struct wire_audit *a, const char *id)
{
	int64_t at = (int64_t)a->time_ns;
	struct or_slice key;
	struct seen *s;

	if (!is_allowed_read(a))
		return OR_OK;
	key = key_of(r, a);
	s = or_map_find(&r->readers, key);
	if (!s)
		s = add(r, key, a);
	if (!s)
		return OR_FULL;
	if (s->reads == 0 || at < s->first_ns) {
		s->first_ns = at;
		memcpy(s->first, id, sizeof(s->first));
	}
	if (s->reads == 0 || at >= s->last_ns) {
		s->last_ns = at;
		memcpy(s->last, id, sizeof(s->last));
	}
	if (a->inputs.n == sizeof(s->inputs)) {
		memcpy(s->inputs, a->inputs.p, sizeof(s->inputs));
		s->has_inputs = true;
	}
	s->reads++;
	return OR_OK;
}

/* ---- writing */

/* The claim "domain" that the decision saw, put into the arena; none where it saw none. */
static struct or_slice domain_of(struct co_reader *r, const struct seen *s)
{
	struct or_arena *a = or_arena_new(ARENA_MAX);
	struct or_slice domain = OR_SLICE_NONE;
	const struct or_json *j;
	struct or_buf text;

	or_buf_init(&text, INPUTS_MAX);
	if (s->has_inputs && co_inputs_get(&text, r->inputs_dir, s->inputs, NULL) == OR_OK &&
	    or_json_parse(&j, or_buf_slice(&text), a, NULL) == OR_OK)
		domain = or_json_get_str(or_json_get(j, "attributes"), "domain");
	domain = domain.n ? or_arena_dup(r->arena, domain) : OR_SLICE_NONE;
	or_buf_done(&text);
	or_arena_free(a);
	return domain;
}

#define WHERE " WHERE product = ?1 AND port = ?2 AND type = ?3 AND id = ?4 AND issuer = ?5"

static enum or_code insert(
    struct co_reader *r, struct or_db *db, const struct seen *s, struct or_err *err)
{
	const struct co_facts_value row[] = {TEXT(s->product), TEXT(s->port), TEXT(s->type),
	    TEXT(s->id), TEXT(s->issuer), TEXT(domain_of(r, s)), NUMBER(s->reads),
	    NUMBER(s->first_ns), TEXT(or_slice_str(s->first)), NUMBER(s->last_ns),
	    TEXT(or_slice_str(s->last))};

	return co_facts_run(db,
	    "INSERT INTO reader VALUES (?1, coalesce(?2, ''), coalesce(?3, ''), ?4,"
	    " coalesce(?5, ''), ?6, ?7, ?8, ?9, ?10, ?11)",
	    row, OR_LEN(row), err);
}

/* *known: there is a row, which has been brought up to date. */
static enum or_code update(
    struct co_reader *r, struct or_db *db, const struct seen *s, bool *known, struct or_err *err)
{
	struct co_facts_value row[] = {TEXT(s->product),
	    TEXT(s->port.p ? s->port : OR_SLICE_LIT("")),
	    TEXT(s->type.p ? s->type : OR_SLICE_LIT("")), TEXT(s->id),
	    TEXT(s->issuer.p ? s->issuer : OR_SLICE_LIT("")), NUMBER(s->reads), NUMBER(s->last_ns),
	    TEXT(or_slice_str(s->last)), TEXT(OR_SLICE_NONE)};
	int64_t has_domain = 0;
	bool found;
	enum or_code rc = co_facts_get(
	    &has_domain, 1, &found, db, "SELECT domain IS NOT NULL FROM reader" WHERE, row, 5, err);

	if (rc)
		return rc;
	*known = found;
	if (!found)
		return OR_OK;
	if (!has_domain)
		row[8] = TEXT(domain_of(r, s));
	return co_facts_run(db,
	    "UPDATE reader SET reads = reads + ?6, last_ns = max(last_ns, ?7),"
	    " last_record = iif(?7 >= last_ns, ?8, last_record), domain = coalesce(domain, "
	    "?9)" WHERE,
	    row, OR_LEN(row), err);
}

/* rows: of the product, before; named: a row was added; unnamed: there was no room for one. */
static enum or_code count(
    struct or_db *db, const struct seen *s, bool named, bool unnamed, struct or_err *err)
{
	const struct co_facts_value row[] = {TEXT(s->product), NUMBER(s->reads), NUMBER(named),
	    NUMBER(unnamed ? s->reads : 0), NUMBER(s->last_ns), TEXT(or_slice_str(s->last))};

	return co_facts_run(db,
	    "INSERT INTO access VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET"
	    " reads = reads + ?2, rows = rows + ?3, unnamed = unnamed + ?4,"
	    " last_record = iif(?5 >= last_ns, ?6, last_record), last_ns = max(last_ns, ?5)",
	    row, OR_LEN(row), err);
}

static enum or_code write_one(
    struct co_reader *r, struct or_db *db, const struct seen *s, struct or_err *err)
{
	const struct co_facts_value product = TEXT(s->product);
	bool known = false, has_row, room = false;
	int64_t rows = 0;
	enum or_code rc = update(r, db, s, &known, err);

	if (!rc && !known) {
		rc = co_facts_get(&rows, 1, &has_row, db,
		    "SELECT rows FROM access WHERE product = ?1", &product, 1, err);
		room = rows < CO_READER_MAX;
		if (!rc && room)
			rc = insert(r, db, s, err);
	}
	return rc ? rc : count(db, s, !known && room, !known && !room, err);
}

enum or_code co_reader_write(struct co_reader *r, struct or_db *db, struct or_err *err)
{
	struct or_map_entry *e;
	enum or_code rc = OR_OK;
	size_t at = 0;

	while (!rc && (e = or_map_next(&r->readers, &at)))
		rc = write_one(r, db, e->value, err);
	or_map_clear(&r->readers);
	or_arena_clear(r->arena);
	return rc;
}
