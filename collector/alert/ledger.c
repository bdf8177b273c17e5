/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change is a statement and its parameters, copied into the batch's arena: the slow thread binds
 * and runs them, and knows nothing else.
 */
#include "collector/alert/ledger.h"

#include "base/db.h"
#include "base/mem.h"

#include <stdio.h>

enum { PARAMS_MAX = 16, SET_MAX = 4 * 1024 * 1024, LABELS_TEXT_MAX = 1024 * 1024 };

static const char *const migrations[] = {
    "CREATE TABLE place (shard INTEGER PRIMARY KEY, done INTEGER NOT NULL,"
    " replay INTEGER NOT NULL) STRICT;"
    "CREATE TABLE alert (fingerprint INTEGER NOT NULL, began_ns INTEGER NOT NULL,"
    " rule TEXT NOT NULL, digest TEXT NOT NULL, labels TEXT NOT NULL, annotations TEXT NOT NULL,"
    " phase INTEGER NOT NULL, starts_ns INTEGER NOT NULL, ends_ns INTEGER NOT NULL,"
    " last_ns INTEGER NOT NULL, record INTEGER NOT NULL, held INTEGER NOT NULL,"
    " PRIMARY KEY (fingerprint, began_ns)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE notice (key TEXT PRIMARY KEY, receiver TEXT NOT NULL, sink TEXT NOT NULL,"
    " place INTEGER NOT NULL, labels TEXT NOT NULL, told INTEGER NOT NULL,"
    " told_ns INTEGER NOT NULL, firing TEXT, resolved TEXT, refused TEXT, id TEXT, body BLOB,"
    " out_firing TEXT, out_resolved TEXT, made_ns INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL) STRICT",
};

enum statement { PUT_PLACE, PUT_ALERT, DROP_ALERT, PUT_GROUP, DROP_GROUP, N_STATEMENTS };

static const char *const statements[N_STATEMENTS] = {
    [PUT_PLACE] = "INSERT OR REPLACE INTO place VALUES (?1, ?2, ?3)",
    [PUT_ALERT] = "INSERT OR REPLACE INTO alert VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
		  " ?11, ?12)",
    [DROP_ALERT] = "DELETE FROM alert WHERE fingerprint = ?1 AND began_ns = ?2",
    [PUT_GROUP] = "INSERT OR REPLACE INTO notice VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
		  " ?11, ?12, ?13, ?14, ?15, ?16)",
    [DROP_GROUP] = "DELETE FROM notice WHERE key = ?1",
};

struct param {
	enum { INTEGER, TEXT, BLOB } type;
	int64_t i;
	struct or_slice s;
};

struct change {
	struct change *next;
	enum statement statement;
	struct param params[PARAMS_MAX];
	int n;
};

struct batch {
	struct or_arena *arena;
	struct change *first, *last;
};

struct co_ledger {
	struct or_db *db; /* the slow thread's while a commit runs */
	struct or_db_stmt *stmts[N_STATEMENTS];
	struct batch next; /* being collected */
	struct batch running;
	bool is_busy;
	enum or_code rc;
	struct or_err err;
	co_ledger_fn *fn;
	void *arg;
};

/* ---- collecting */

static struct change *add(struct co_ledger *l, enum statement statement)
{
	struct batch *b = &l->next;
	struct change *c;

	if (!b->arena)
		b->arena = or_arena_new(0);
	c = or_arena_alloc(b->arena, sizeof(*c));
	c->statement = statement;
	*(b->last ? &b->last->next : &b->first) = c;
	b->last = c;
	return c;
}

static void put_i64(struct change *c, int64_t i)
{
	c->params[c->n++] = (struct param){.type = INTEGER, .i = i};
}

static void put_slice(struct co_ledger *l, struct change *c, struct or_slice s)
{
	c->params[c->n++] = (struct param){.type = TEXT, .s = or_arena_dup(l->next.arena, s)};
}

static void put_labels(struct co_ledger *l, struct change *c, struct co_label_set set)
{
	struct or_jsonw w;
	struct or_buf text;

	or_buf_init(&text, LABELS_TEXT_MAX);
	or_jsonw_init(&w, &text, 0);
	co_label_put_json(&w, set);
	OR_ASSERT(or_buf_ok(&text));
	put_slice(l, c, or_buf_slice(&text));
	or_buf_done(&text);
}

static void put_set(struct co_ledger *l, struct change *c, const struct co_notice_set *set)
{
	struct or_buf text;

	or_buf_init(&text, SET_MAX);
	co_notice_set_put(&text, set);
	OR_ASSERT(or_buf_ok(&text));
	put_slice(l, c, or_buf_slice(&text));
	or_buf_done(&text);
}

void co_ledger_put_place(struct co_ledger *l, const struct co_ledger_place *place)
{
	struct change *c = add(l, PUT_PLACE);

	put_i64(c, place->shard);
	put_i64(c, (int64_t)place->done);
	put_i64(c, (int64_t)place->from);
}

void co_ledger_put_alert(struct co_ledger *l, const struct co_state_alert *a)
{
	struct change *c = add(l, PUT_ALERT);

	put_i64(c, (int64_t)a->fingerprint);
	put_i64(c, a->began_ns);
	put_slice(l, c, a->rule);
	put_slice(l, c, or_slice_str(a->digest));
	put_labels(l, c, a->labels);
	put_labels(l, c, a->annotations);
	put_i64(c, a->phase);
	put_i64(c, a->starts_ns);
	put_i64(c, a->ends_ns);
	put_i64(c, a->last_ns);
	put_i64(c, a->record);
	put_i64(c, a->held > 0);
}

void co_ledger_drop_alert(struct co_ledger *l, const struct co_state_alert *a)
{
	struct change *c = add(l, DROP_ALERT);

	put_i64(c, (int64_t)a->fingerprint);
	put_i64(c, a->began_ns);
}

void co_ledger_put_group(struct co_ledger *l, const struct co_notice_group *g)
{
	static const struct co_notice_out none;
	const struct co_notice_out *out = g->out ? g->out : &none;
	struct change *c = add(l, PUT_GROUP);

	put_slice(l, c, or_slice_str(g->key));
	put_slice(l, c, g->receiver);
	put_slice(l, c, or_slice_str(g->sink->name));
	put_i64(c, (int64_t)g->place);
	put_labels(l, c, g->labels);
	put_i64(c, g->told);
	put_i64(c, g->told_ns);
	put_set(l, c, &g->firing);
	put_set(l, c, &g->resolved);
	put_slice(l, c, or_slice_str(g->refused));
	put_slice(l, c, or_slice_str(out->id));
	put_slice(l, c, or_slice(out->body, out->body_len));
	c->params[c->n - 1].type = BLOB;
	put_set(l, c, &out->firing);
	put_set(l, c, &out->resolved);
	put_i64(c, out->made_ns);
	put_i64(c, (int64_t)out->attempts);
}

void co_ledger_drop_group(struct co_ledger *l, const char *key)
{
	put_slice(l, add(l, DROP_GROUP), or_slice_str(key));
}

bool co_ledger_has_changes(const struct co_ledger *l)
{
	return l->next.first || l->running.first;
}

bool co_ledger_is_busy(const struct co_ledger *l)
{
	return l->is_busy;
}

bool co_ledger_is_settled(const struct co_ledger *l)
{
	return !l->is_busy && !l->running.first;
}

/* ---- writing */

static enum or_code run_change(struct co_ledger *l, const struct change *c)
{
	struct or_db_stmt *stmt = l->stmts[c->statement];

	for (int i = 0; i < c->n; i++) {
		const struct param *p = &c->params[i];

		if (p->type == INTEGER)
			or_db_bind_i64(stmt, i + 1, p->i);
		else if (p->type == TEXT)
			or_db_bind_text(stmt, i + 1, p->s);
		else
			or_db_bind_blob(stmt, i + 1, p->s);
	}
	return or_db_run(stmt, &l->err);
}

/* Slow thread, or commit_now. */
static void write_batch(void *arg)
{
	struct co_ledger *l = arg;

	l->rc = or_db_begin(l->db, &l->err);
	if (l->rc)
		return;
	for (const struct change *c = l->running.first; c && !l->rc; c = c->next)
		l->rc = run_change(l, c);
	if (!l->rc)
		l->rc = or_db_commit(l->db, &l->err);
	if (l->rc)
		or_db_rollback(l->db);
}

static void free_batch(struct batch *b)
{
	or_arena_free(b->arena);
	*b = (struct batch){NULL, NULL, NULL};
}

static void on_written(void *arg)
{
	struct co_ledger *l = arg;

	l->is_busy = false;
	if (!l->rc)
		free_batch(&l->running);
	l->fn(l->arg, l->rc, &l->err);
}

/* What failed before comes first, and what was collected since then waits for it. */
static void take_batch(struct co_ledger *l)
{
	if (l->running.first)
		return;
	l->running = l->next;
	l->next = (struct batch){NULL, NULL, NULL};
}

enum or_code co_ledger_commit(
    struct co_ledger *l, struct or_slow *slow, co_ledger_fn *fn, void *arg)
{
	enum or_code rc;

	if (l->is_busy)
		return OR_BUSY;
	take_batch(l);
	l->fn = fn;
	l->arg = arg;
	rc = or_slow_submit(slow, write_batch, on_written, l);
	l->is_busy = rc == OR_OK;
	return rc;
}

enum or_code co_ledger_commit_now(struct co_ledger *l, struct or_err *err)
{
	OR_ASSERT(!l->is_busy);
	while (co_ledger_has_changes(l)) {
		take_batch(l);
		write_batch(l);
		if (l->rc) {
			if (err)
				*err = l->err;
			return l->rc;
		}
		free_batch(&l->running);
	}
	return OR_OK;
}

/* ---- opening */

enum or_code co_ledger_open(struct co_ledger **out, const char *path, struct or_err *err)
{
	const struct or_db_opt opt = {.path = path,
	    .migrations = migrations,
	    .n_migrations = OR_LEN(migrations),
	    .max_bytes = CO_LEDGER_BYTES};
	struct co_ledger *l = or_mem_new(sizeof(*l));
	enum or_code rc = or_db_open(&l->db, &opt, err);

	for (size_t i = 0; i < N_STATEMENTS && rc == OR_OK; i++)
		rc = or_db_prepare(&l->stmts[i], l->db, statements[i], err);
	if (rc)
		co_ledger_close(l);
	else
		*out = l;
	return rc;
}

void co_ledger_close(struct co_ledger *l)
{
	if (!l)
		return;
	OR_ASSERT(!l->is_busy);
	for (size_t i = 0; i < N_STATEMENTS; i++)
		or_db_stmt_free(l->stmts[i]);
	or_db_close(l->db);
	free_batch(&l->next);
	free_batch(&l->running);
	or_mem_free(l);
}

/* ---- loading */

static enum or_code read_place(
    struct or_db_stmt *row, const struct co_ledger_reader *reader, struct or_arena *a)
{
	const struct co_ledger_place place = {.shard = (uint32_t)or_db_column_i64(row, 0),
	    .done = (uint64_t)or_db_column_i64(row, 1),
	    .from = (uint64_t)or_db_column_i64(row, 2)};

	(void)a;
	reader->on_place(reader->arg, &place);
	return OR_OK;
}

static enum or_code read_alert(
    struct or_db_stmt *row, const struct co_ledger_reader *reader, struct or_arena *a)
{
	struct co_state_alert alert = {.fingerprint = (uint64_t)or_db_column_i64(row, 0),
	    .began_ns = or_db_column_i64(row, 1),
	    .rule = or_arena_dup(a, or_db_column_slice(row, 2)),
	    .digest = or_arena_strdup(a, or_db_column_slice(row, 3)),
	    .phase = (enum co_state_phase)or_db_column_i64(row, 6),
	    .starts_ns = or_db_column_i64(row, 7),
	    .ends_ns = or_db_column_i64(row, 8),
	    .last_ns = or_db_column_i64(row, 9),
	    .record = (unsigned int)or_db_column_i64(row, 10)};

	if (alert.phase > CO_STATE_RESOLVED ||
	    co_label_read_json(&alert.labels, or_db_column_slice(row, 4), a) ||
	    co_label_read_json(&alert.annotations, or_db_column_slice(row, 5), a))
		return OR_CORRUPT;
	reader->on_alert(reader->arg, &alert, or_db_column_i64(row, 11) != 0);
	return OR_OK;
}

static const struct co_sink *find_sink(struct or_slice name)
{
	for (size_t i = 0; co_sink_list[i]; i++) {
		if (or_slice_is(name, co_sink_list[i]->name))
			return co_sink_list[i];
	}
	return NULL;
}

static enum or_code read_out(struct co_notice_out *out, struct or_db_stmt *row, struct or_arena *a)
{
	struct or_slice body = or_arena_dup(a, or_db_column_slice(row, 11));

	snprintf(out->id, sizeof(out->id), "%.*s", OR_SLICE_FMT(or_db_column_slice(row, 10)));
	out->body = or_arena_strdup(a, body);
	out->body_len = body.n;
	out->made_ns = or_db_column_i64(row, 14);
	out->attempts = (uint64_t)or_db_column_i64(row, 15);
	if (co_notice_set_read(&out->firing, or_db_column_slice(row, 12)))
		return OR_CORRUPT;
	return co_notice_set_read(&out->resolved, or_db_column_slice(row, 13));
}

static enum or_code read_group(
    struct or_db_stmt *row, const struct co_ledger_reader *reader, struct or_arena *a)
{
	struct co_notice_out out = {0};
	struct co_notice_group g = {.receiver = or_arena_dup(a, or_db_column_slice(row, 1)),
	    .sink = find_sink(or_db_column_slice(row, 2)),
	    .place = (size_t)or_db_column_i64(row, 3),
	    .told = or_db_column_i64(row, 5) != 0,
	    .told_ns = or_db_column_i64(row, 6)};
	enum or_code rc = co_label_read_json(&g.labels, or_db_column_slice(row, 4), a);

	snprintf(g.refused, sizeof(g.refused), "%.*s", OR_SLICE_FMT(or_db_column_slice(row, 9)));
	if (!rc)
		rc = co_notice_set_read(&g.firing, or_db_column_slice(row, 7));
	if (!rc)
		rc = co_notice_set_read(&g.resolved, or_db_column_slice(row, 8));
	if (!rc)
		rc = read_out(&out, row, a);
	if (!rc && out.id[0])
		g.out = &out;
	if (!rc && g.sink) /* of a sink that is no longer there nothing can be sent */
		reader->on_group(reader->arg, &g);
	co_notice_set_done(&g.firing);
	co_notice_set_done(&g.resolved);
	co_notice_set_done(&out.firing);
	co_notice_set_done(&out.resolved);
	return rc;
}

typedef enum or_code read_fn(
    struct or_db_stmt *row, const struct co_ledger_reader *reader, struct or_arena *a);

static enum or_code read_rows(struct co_ledger *l, const char *sql, read_fn *read,
    const struct co_ledger_reader *reader, struct or_err *err)
{
	struct or_arena *a = or_arena_new(0);
	struct or_db_stmt *rows = NULL;
	bool has_row = true;
	enum or_code rc = or_db_prepare(&rows, l->db, sql, err);

	while (!rc && has_row) {
		rc = or_db_step(rows, &has_row, err);
		if (rc || !has_row)
			break;
		or_arena_clear(a);
		rc = read(rows, reader, a);
		if (rc)
			or_err_set(err, rc, "the state of alerts has a row that cannot be read");
	}
	or_db_stmt_free(rows);
	or_arena_free(a);
	return rc;
}

enum or_code co_ledger_load(
    struct co_ledger *l, const struct co_ledger_reader *reader, struct or_err *err)
{
	enum or_code rc = read_rows(l, "SELECT * FROM place", read_place, reader, err);

	if (!rc)
		rc = read_rows(l, "SELECT * FROM notice", read_group, reader, err);
	if (!rc)
		rc = read_rows(l, "SELECT * FROM alert ORDER BY began_ns", read_alert, reader, err);
	return rc;
}
