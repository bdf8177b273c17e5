/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol of MySQL and MariaDB ("Client/Server Protocol", version 10 of the handshake, 4.1 of
 * the rest).
 *
 * A packet is its length (three bytes, little-endian), its number within the exchange, its bytes.
 * The server greets; what the client sends with number 0 is a command, with a higher one the rest
 * of an exchange (authentication, a file's content, more than 16 MiB). The first packet of the
 * answer has number 1 and says whether the server refused. It tells for all statements of a text.
 * Later ones count on, past 255 from 0, so one with number 1 behind one with number 0 belongs to
 * the answer under way.
 */
#include "base/str.h"
#include "ebpf/wire/wire_impl.h"

#include <stdio.h>
#include <string.h>

enum { OTHER, RUN, PREPARE, USE }; /* kinds of what is pending */
enum {
	COM_QUIT = 1,
	COM_INIT_DB = 2,
	COM_QUERY = 3,
	COM_CHANGE_USER = 0x11,
	COM_BINLOG_DUMP = 0x12,
	COM_TABLE_DUMP = 0x13,
	COM_PREPARE = 0x16,
	COM_EXECUTE = 0x17,
	COM_LONG_DATA = 0x18,
	COM_CLOSE = 0x19,
	COM_LAST = 0x1f,
	COM_BULK_EXECUTE = 0xfa, /* MariaDB */
};
enum {
	WITH_DB = 1 << 3,
	COMPRESS = 1 << 5,
	PROTOCOL_41 = 1 << 9,
	TLS = 1 << 11,
	SECURE = 1 << 15,
	LENENC_AUTH = 1 << 21,
	ZSTD = 1 << 26,
	QUERY_ATTRIBUTES = 1 << 27,
};
enum { HEAD = 4, GREETING_VERSION = 10, TLS_REQUEST = 32 };

#define SQL_ARENA (1U << 20)
#define FACTS_MAX 2048U
#define PROGRESS  0xffffU     /* for the code of an error */
#define LAST_ONE  0xffffffffU /* MariaDB: the statement that was prepared last */

static bool is_command(uint8_t c)
{
	return (c >= COM_QUIT && c <= COM_LAST) || c == COM_BULK_EXECUTE;
}

static bool is_printable(uint8_t c)
{
	return (c >= ' ' && c < 0x7f) || c == '\n' || c == '\t' || c == '\r';
}

static bool begins_as_client(struct or_slice s)
{
	if (s.p[3] || !is_command(s.p[4]))
		return false;
	if (s.p[4] != COM_QUERY && s.p[4] != COM_PREPARE)
		return true;
	for (size_t i = 5; i < s.n && i < 8; i++)
		if (!is_printable(s.p[i]))
			return false;
	return true;
}

/* At once, or where its beginning was missed by a command that cannot be any bytes. */
static bool is_clients(const struct tap_wire *w, struct or_slice s, bool known)
{
	if (!known && !(w->late && (s.p[4] == COM_QUERY || s.p[4] == COM_PREPARE)))
		return false;
	return begins_as_client(s);
}

static bool is_greeting(struct or_slice s, uint64_t len)
{
	return s.n > 5 && s.p[3] == 0 && s.p[4] == GREETING_VERSION && len >= 20 && len <= 512 &&
	       s.p[5] >= '0' && s.p[5] <= '9';
}

static bool begins(const struct tap_wire *w, bool from_client, struct or_slice s)
{
	struct tap_wire_cursor c = {.s = s};
	uint64_t len = tap_wire_little(&c, 3);
	bool known = w->protocol == &tap_wire_mysql_protocol;

	if (s.n < 5 || len == 0)
		return false;
	if (from_client)
		return is_clients(w, s, known);
	return known ? s.p[3] == 1 && w->queue.n : is_greeting(s, len);
}

static size_t head(const struct tap_wire *w, bool from_client)
{
	(void)w;
	(void)from_client;
	return HEAD;
}

static uint64_t length(struct tap_wire *w, bool from_client, struct or_slice s)
{
	struct tap_wire_cursor c = {.s = s};

	if (!w->mysql.greeted && !w->mysql.started && from_client) {
		w->mysql.started = true;
		w->side[0].lost = true; /* an answer to something earlier may be under way */
	}
	return tap_wire_little(&c, 3) + HEAD;
}

void tap_wire_mysql_done(struct tap_wire *w)
{
	tap_wire_statements_done(&w->mysql.statements);
}

/* An integer of one to nine bytes. */
static uint64_t take_lenenc(struct tap_wire_cursor *c)
{
	uint64_t first = tap_wire_little(c, 1);

	switch (first) {
	case 0xfc: return tap_wire_little(c, 2);
	case 0xfd: return tap_wire_little(c, 3);
	case 0xfe: return tap_wire_little(c, 8);
	default: return first;
	}
}

/* ---- names */

static bool is_system(struct or_slice name)
{
	static const char *const schemas[] = {
	    "information_schema.", "performance_schema.", "mysql.", "sys."};

	for (size_t i = 0; i < OR_LEN(schemas); i++)
		if (name.n > strlen(schemas[i]) &&
		    strncasecmp((const char *)name.p, schemas[i], strlen(schemas[i])) == 0)
			return true;
	return false;
}

static void put_names(struct tap_wire_facts *f, bool write, const struct tap_sql_names *names)
{
	char text[TAP_WIRE_NAME];

	for (size_t i = 0; i < names->n; i++) {
		const struct tap_sql_name *name = &names->items[i];

		if (name->external || name->text.n >= sizeof(text) || is_system(name->text))
			continue;
		snprintf(text, sizeof(text), "%.*s", OR_SLICE_FMT(name->text));
		tap_wire_facts_put(f, FACTS_MAX, write, text);
	}
}

/* What it chooses with USE holds once the server says so. */
static struct tap_wire_facts *read_sql(struct tap_wire *w, struct or_slice sql, bool cut)
{
	const struct tap_sql_opt opt = {.dialect = TAP_SQL_MYSQL, .cut = cut};
	struct or_arena *a = or_arena_new(SQL_ARENA);
	struct tap_sql_facts facts = {.more = false};
	struct tap_wire_facts *f = tap_wire_facts_new(FACTS_MAX);

	w->mysql.wanted = w->mysql.use;
	(void)!tap_sql_read(&facts, &w->mysql.wanted, sql, &opt, a);
	put_names(f, false, &facts.in);
	put_names(f, true, &facts.out);
	f->cut |= cut || facts.more;
	or_arena_free(a);
	return f;
}

/* ---- the client's packets */

static bool has(const struct tap_wire *w, uint32_t flag)
{
	return w->mysql.flags & flag;
}

/* One value of a query attribute, in the binary protocol's form. */
static void skip_value(struct tap_wire_cursor *c, unsigned int type)
{
	switch (type & 0xff) {
	case 6: break;                                    /* NULL */
	case 1: tap_wire_take(c, 1); break;               /* TINY */
	case 2:                                           /* SHORT */
	case 13: tap_wire_take(c, 2); break;              /* YEAR */
	case 3:                                           /* LONG */
	case 4:                                           /* FLOAT */
	case 9: tap_wire_take(c, 4); break;               /* INT24 */
	case 5:                                           /* DOUBLE */
	case 8: tap_wire_take(c, 8); break;               /* LONGLONG */
	default: tap_wire_take(c, take_lenenc(c)); break; /* text, and dates with their length */
	}
}

/* What stands before the text where both sides know query attributes. */
static void skip_attributes(struct tap_wire_cursor *c)
{
	enum { ATTRIBUTES_MAX = 64 };
	unsigned int types[ATTRIBUTES_MAX];
	uint64_t n = take_lenenc(c);
	struct or_slice nulls;

	take_lenenc(c); /* how many sets there are: one */
	if (n == 0)
		return;
	nulls = tap_wire_take(c, (n + 7) / 8);
	if (n > ATTRIBUTES_MAX || tap_wire_little(c, 1) != 1)
		c->past = true;
	for (size_t i = 0; i < n && !c->past; i++) {
		types[i] = (unsigned int)tap_wire_little(c, 2);
		tap_wire_take(c, take_lenenc(c));
	}
	for (size_t i = 0; i < n && !c->past; i++)
		if (!(nulls.p[i / 8] >> i % 8 & 1))
			skip_value(c, types[i]);
}

static void choose(struct tap_sql_use *use, struct or_slice database)
{
	*use = (struct tap_sql_use){.database = ""};
	if (database.n < sizeof(use->schema))
		snprintf(use->schema, sizeof(use->schema), "%.*s", OR_SLICE_FMT(database));
}

/* HandshakeResponse41, or the request for TLS that stands for it. */
static void on_login(struct tap_wire *w, struct tap_wire_cursor c)
{
	struct tap_wire_mysql *m = &w->mysql;
	bool bare = c.s.n == TLS_REQUEST;

	m->started = true;
	m->flags = (uint32_t)tap_wire_little(&c, 4);
	if (!(m->flags & PROTOCOL_41) || (m->flags & TLS && bare) ||
	    m->flags & m->offers & (COMPRESS | ZSTD)) {
		w->useless = true;
		return;
	}
	tap_wire_take(&c, TLS_REQUEST - 4);
	tap_wire_text(&c);
	if (has(w, LENENC_AUTH))
		tap_wire_take(&c, take_lenenc(&c));
	else if (has(w, SECURE))
		tap_wire_take(&c, tap_wire_little(&c, 1));
	else
		tap_wire_text(&c);
	if (has(w, WITH_DB))
		choose(&m->use, tap_wire_text(&c));
}

static struct or_slice id_text(char out[16], uint64_t id)
{
	return or_slice(out, (size_t)snprintf(out, 16, "%u", (unsigned int)id));
}

static void on_query(struct tap_wire *w, struct tap_wire_cursor c, bool cut)
{
	struct tap_wire_facts *f;

	if (has(w, QUERY_ATTRIBUTES) && w->mysql.offers & QUERY_ATTRIBUTES)
		skip_attributes(&c);
	f = read_sql(w, c.past ? OR_SLICE_NONE : c.s, cut || c.past);
	tap_wire_facts_push(w,
	    memcmp(&w->mysql.use, &w->mysql.wanted, sizeof(w->mysql.use)) == 0 ? RUN : USE, 0, f);
}

static void on_change_user(struct tap_wire *w, struct tap_wire_cursor c)
{
	tap_wire_text(&c);
	if (has(w, SECURE))
		tap_wire_take(&c, tap_wire_little(&c, 1));
	else
		tap_wire_text(&c);
	choose(&w->mysql.use, tap_wire_text(&c)); /* the old one is gone, whatever comes */
	tap_wire_statements_done(&w->mysql.statements);
	tap_wire_facts_push(w, OTHER, 0, NULL);
}

/* What a prepared statement touches; the last one may still be under way. */
static struct tap_wire_facts *prepared(struct tap_wire *w, uint64_t id)
{
	const struct tap_wire_queue *q = &w->queue;
	char text[16];

	for (size_t i = id == LAST_ONE ? q->n : 0; i > 0; i--) {
		const struct tap_wire_pending *p = &q->items[(q->first + i - 1) % TAP_WIRE_PENDING];

		if (p->kind == PREPARE)
			return tap_wire_facts_ref(p->facts);
	}
	return tap_wire_statements_get(&w->mysql.statements, id_text(text, id));
}

static void on_command(struct tap_wire *w, uint8_t command, struct tap_wire_cursor c, bool cut)
{
	struct tap_wire_mysql *m = &w->mysql;
	char id[16];

	switch (command) {
	case COM_QUERY: on_query(w, c, cut); break;
	case COM_INIT_DB:
		choose(&m->wanted, c.s);
		tap_wire_facts_push(w, USE, 0, NULL);
		break;
	case COM_CHANGE_USER: on_change_user(w, c); break;
	case COM_PREPARE: tap_wire_facts_push(w, PREPARE, 0, read_sql(w, c.s, cut)); break;
	case COM_EXECUTE:
	case COM_BULK_EXECUTE:
		tap_wire_facts_push(w, RUN, 0, prepared(w, tap_wire_little(&c, 4)));
		break;
	case COM_CLOSE:
		tap_wire_statements_drop(&m->statements, id_text(id, tap_wire_little(&c, 4)));
		break;
	case COM_QUIT:
	case COM_LONG_DATA: break; /* no answer comes */
	case COM_BINLOG_DUMP:
	case COM_TABLE_DUMP: w->useless = true; break;
	default: tap_wire_facts_push(w, OTHER, 0, NULL); break;
	}
}

static void on_client(struct tap_wire *w, uint8_t number, struct tap_wire_cursor c, bool cut)
{
	struct tap_wire_mysql *m = &w->mysql;
	uint8_t command;

	if (!m->started) {
		on_login(w, c);
		return;
	}
	if (number != 0 || c.s.n == 0)
		return;
	command = tap_wire_take(&c, 1).p[0];
	if (!is_command(command)) {
		w->useless = true;
		return;
	}
	if (w->side[0].lost) /* what was asked before was answered unseen */
		while (w->queue.n)
			tap_wire_facts_pop(w);
	if (!w->queue.n)
		m->in_result = m->awaited = false;
	on_command(w, command, c, cut);
}

/* ---- the server's */

static void on_greeting(struct tap_wire *w, struct tap_wire_cursor c)
{
	tap_wire_take(&c, 1);
	tap_wire_text(&c);        /* its version */
	tap_wire_take(&c, 4 + 9); /* the connection, a nonce's beginning, a filler */
	w->mysql.offers = (uint32_t)tap_wire_little(&c, 2);
	tap_wire_take(&c, 3);
	w->mysql.offers |= (uint32_t)tap_wire_little(&c, 2) << 16;
	w->mysql.greeted = true;
}

static void keep_prepared(
    struct tap_wire *w, struct tap_wire_facts *facts, struct tap_wire_cursor c)
{
	struct tap_wire_statements *list = &w->mysql.statements;
	char id[16];

	tap_wire_statements_put(list, TAP_WIRE_STATEMENTS, id_text(id, tap_wire_little(&c, 4)),
	    tap_wire_facts_ref(facts));
	tap_wire_statements_put(
	    list, TAP_WIRE_STATEMENTS, id_text(id, LAST_ONE), tap_wire_facts_ref(facts));
}

/* The first packet of an answer. */
static void on_answer(struct tap_wire *w, struct tap_wire_cursor c)
{
	struct tap_wire_pending *p = tap_wire_facts_front(w);
	uint64_t first = tap_wire_little(&c, 1);
	char name_space[TAP_WIRE_NAMESPACE];

	/* A file is asked for, or MariaDB reports progress: the answer is yet to come. */
	w->mysql.awaited = (first == 0xfb && (p->kind == RUN || p->kind == USE)) ||
			   (first == 0xff && tap_wire_little(&c, 2) == PROGRESS);
	if (w->mysql.awaited)
		return;
	if (first != 0xff && !c.past) {
		if (p->kind == PREPARE) {
			keep_prepared(w, p->facts, c);
		} else {
			if (p->kind == USE)
				w->mysql.use = w->mysql.wanted;
			snprintf(name_space, sizeof(name_space), "mysql://%s", w->server);
			tap_wire_facts_tell(w, p->facts, "mysql", name_space);
		}
	}
	tap_wire_facts_pop(w);
}

static void on_server(struct tap_wire *w, uint8_t number, struct tap_wire_cursor c)
{
	struct tap_wire_mysql *m = &w->mysql;
	struct tap_wire_pending *p = tap_wire_facts_front(w);
	bool goes_on = m->in_result && (uint8_t)(m->number + 1) == number;

	if (!m->greeted && !m->started) {
		on_greeting(w, c);
		return;
	}
	m->in_result = true;
	m->number = number;
	if (p && (m->awaited || (number == 1 && !goes_on)))
		on_answer(w, c);
}

static void message(struct tap_wire *w, bool from_client, struct or_slice got, uint64_t total)
{
	struct tap_wire_cursor c = {.s = got};
	uint8_t number;

	tap_wire_take(&c, 3);
	number = (uint8_t)tap_wire_little(&c, 1);
	if (from_client)
		on_client(w, number, c, total > got.n);
	else
		on_server(w, number, c);
}

const struct tap_wire_protocol tap_wire_mysql_protocol = {
    .name = "mysql",
    .server_begins = true,
    .begins = begins,
    .head = head,
    .length = length,
    .message = message,
};
