/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL's protocol 3 (frontend/backend protocol, chapters "Message Flow" and "Message
 * Formats").
 *
 * Client: StartupMessage, then Q (simple query), P B E C S (parse, bind, execute, close, sync).
 * What a statement touches waits in the queue until the server's CommandComplete; an ErrorResponse
 * drops all up to the next Sync. Names are completed by the session's database and schema.
 */
#include "base/str.h"
#include "ebpf/wire/wire_impl.h"

#include <stdio.h>
#include <string.h>

enum { RUN, SYNC }; /* kinds of what is pending: something to be done, the end of a unit */
enum { PORTALS = 8, SSL_REQUEST = 80877103, GSS_REQUEST = 80877104, CANCEL = 80877102 };

#define SQL_ARENA (1U << 20)
#define FACTS_MAX 2048U
#define LEN_MAX   (1U << 30)

static bool is_startup(uint64_t code)
{
	return code >> 16 == 3 || code == SSL_REQUEST || code == GSS_REQUEST || code == CANCEL;
}

static bool begins(const struct tap_wire *w, bool from_client, struct or_slice s)
{
	struct tap_wire_cursor c = {.s = s};
	uint64_t first, len;

	if (s.n < 5)
		return false;
	first = s.p[0];
	len = tap_wire_uint(&c, 4);
	if (from_client && s.n >= 8 && len >= 8 && len <= 10000 && is_startup(tap_wire_uint(&c, 4)))
		return true;
	if (!first || !strchr(from_client ? "QPBECSDH" : "CDERTSZ123nstIKNAGH", (int)first))
		return false;
	c = (struct tap_wire_cursor){.s = or_slice_from(s, 1)};
	len = tap_wire_uint(&c, 4);
	return len >= 4 && len < (1U << 24) && (w->late || !from_client);
}

static size_t head(const struct tap_wire *w, bool from_client)
{
	if (!from_client && w->pg.ssl_asked)
		return 1;
	return from_client && !w->pg.started && !w->late ? 8 : 5;
}

static uint64_t length(struct tap_wire *w, bool from_client, struct or_slice s)
{
	struct tap_wire_cursor c = {.s = s};
	uint64_t len;

	if (!from_client && w->pg.ssl_asked)
		return 1;
	if (from_client && !w->pg.started) {
		if (s.n < 8 && s.p[0] == 0) /* no type: it may be a late startup all the same */
			return UINT64_MAX;
		len = tap_wire_uint(&c, 4);
		if (is_startup(tap_wire_uint(&c, 4)) && len >= 8 && len <= 10000)
			return len;
		if (!w->late)
			return 0;
		c = (struct tap_wire_cursor){.s = s};
	}
	tap_wire_take(&c, 1);
	len = tap_wire_uint(&c, 4);
	return len < 4 || len > LEN_MAX ? 0 : len + 1;
}

/* ---- names */

static bool is_system(struct or_slice name)
{
	return or_str_has_prefix(name, "pg_") || or_str_has_prefix(name, "information_schema.");
}

/* "table", "schema.table" or all three, as PostgreSQL would find them. */
static void put_name(
    const struct tap_wire *w, struct tap_wire_facts *f, bool write, const struct tap_sql_name *name)
{
	const struct tap_wire_pg *pg = &w->pg;
	char text[TAP_WIRE_NAME], folded[TAP_WIRE_NAME];
	size_t dots = 0;

	if (name->external || name->text.n >= 256 || is_system(name->text))
		return;
	for (size_t i = 0; i < name->text.n; i++) {
		char c = (char)name->text.p[i];

		dots += c == '.';
		folded[i] = !name->exact && c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
	folded[name->text.n] = '\0';
	snprintf(text, sizeof(text), "%s%s%s%s", dots >= 2 ? "" : pg->database,
	    dots >= 2 || !pg->database[0] ? "" : ".", dots ? "" : "public.", folded);
	tap_wire_facts_put(f, FACTS_MAX, write, text);
}

/* SET [SESSION] search_path TO|= a[, …]: the first is where names without a schema are found. */
static void follow_search_path(struct tap_wire *w, struct or_slice sql)
{
	char text[256], *at;

	if (sql.n >= sizeof(text))
		return;
	memcpy(text, sql.p, sql.n);
	text[sql.n] = '\0';
	at = strcasestr(text, "search_path");
	if (!at || strncasecmp(text, "set", 3) != 0)
		return;
	at += strlen("search_path");
	at += strspn(at, " =\t");
	if (strncasecmp(at, "to", 2) == 0)
		at += 2;
	at += strspn(at, " \t\"'");
	at[strcspn(at, " ,;\"'\t\n")] = '\0';
	if (*at && strcasecmp(at, "default") != 0 && *at != '$')
		snprintf(w->pg.use.schema, sizeof(w->pg.use.schema), "%s", at);
	else
		w->pg.use.schema[0] = '\0';
}

static struct tap_wire_facts *read_sql(struct tap_wire *w, struct or_slice sql, bool cut)
{
	const struct tap_sql_opt opt = {.dialect = TAP_SQL_POSTGRES, .cut = cut};
	struct or_arena *a = or_arena_new(SQL_ARENA);
	struct tap_sql_facts facts = {.more = false};
	struct tap_wire_facts *f = tap_wire_facts_new(FACTS_MAX);

	follow_search_path(w, sql);
	(void)!tap_sql_read(&facts, &w->pg.use, sql, &opt, a);
	for (size_t i = 0; i < facts.in.n; i++)
		put_name(w, f, false, &facts.in.items[i]);
	for (size_t i = 0; i < facts.out.n; i++)
		put_name(w, f, true, &facts.out.items[i]);
	f->cut |= cut || facts.more;
	or_arena_free(a);
	return f;
}

void tap_wire_pg_done(struct tap_wire *w)
{
	tap_wire_statements_done(&w->pg.statements);
	tap_wire_statements_done(&w->pg.portals);
}

/* ---- the client's messages */

static void on_startup(struct tap_wire *w, struct tap_wire_cursor c)
{
	char user[sizeof(w->pg.database)] = "";
	uint64_t code;

	tap_wire_take(&c, 4);
	code = tap_wire_uint(&c, 4);
	if (code == SSL_REQUEST || code == GSS_REQUEST) {
		w->pg.ssl_asked = true;
		return;
	}
	if (code == CANCEL) {
		w->useless = true;
		return;
	}
	w->pg.started = true;
	while (c.s.n > 1 && !c.past) {
		struct or_slice key = tap_wire_text(&c), value = tap_wire_text(&c);

		if (or_slice_is(key, "database"))
			snprintf(
			    w->pg.database, sizeof(w->pg.database), "%.*s", OR_SLICE_FMT(value));
		else if (or_slice_is(key, "user"))
			snprintf(user, sizeof(user), "%.*s", OR_SLICE_FMT(value));
	}
	if (!w->pg.database[0]) /* it is called as the user is */
		snprintf(w->pg.database, sizeof(w->pg.database), "%s", user);
}

static void on_client(struct tap_wire *w, char type, struct tap_wire_cursor c, bool cut)
{
	struct tap_wire_pg *pg = &w->pg;
	struct or_slice name, text;

	switch (type) {
	case 'Q':
		tap_wire_facts_push(w, RUN, 0, read_sql(w, tap_wire_text(&c), cut));
		tap_wire_facts_push(w, SYNC, 0, NULL);
		break;
	case 'P':
		name = tap_wire_text(&c);
		text = tap_wire_text(&c);
		tap_wire_statements_put(
		    &pg->statements, TAP_WIRE_STATEMENTS, name, read_sql(w, text, cut && c.past));
		break;
	case 'B':
		name = tap_wire_text(&c);
		text = tap_wire_text(&c);
		tap_wire_statements_put(
		    &pg->portals, PORTALS, name, tap_wire_statements_get(&pg->statements, text));
		break;
	case 'E':
		tap_wire_facts_push(
		    w, RUN, 0, tap_wire_statements_get(&pg->portals, tap_wire_text(&c)));
		break;
	case 'S': tap_wire_facts_push(w, SYNC, 0, NULL); break;
	default: break;
	}
}

/* ---- the server's */

static void tell(struct tap_wire *w, const struct tap_wire_facts *f)
{
	char name_space[TAP_WIRE_NAMESPACE];

	snprintf(name_space, sizeof(name_space), "postgres://%s", w->server);
	tap_wire_facts_tell(w, f, "postgres", name_space);
}

/* Done; of a simple query with several statements the first one tells for all. */
static void on_complete(struct tap_wire *w)
{
	struct tap_wire_pending *p = tap_wire_facts_front(w);

	if (!p || p->kind != RUN)
		return;
	tell(w, p->facts);
	tap_wire_facts_pop(w);
}

static void drop_unit(struct tap_wire *w)
{
	struct tap_wire_pending *p;

	while ((p = tap_wire_facts_front(w)) && p->kind != SYNC)
		tap_wire_facts_pop(w);
}

static void on_server(struct tap_wire *w, char type)
{
	switch (type) {
	case 'C':
	case 's': on_complete(w); break;
	case 'I': /* an empty query */
		if (tap_wire_facts_front(w) && tap_wire_facts_front(w)->kind == RUN)
			tap_wire_facts_pop(w);
		break;
	case 'E': drop_unit(w); break;
	case 'Z':
		drop_unit(w);
		tap_wire_facts_pop(w);
		break;
	default: break;
	}
}

static void message(struct tap_wire *w, bool from_client, struct or_slice got, uint64_t total)
{
	struct tap_wire_cursor c = {.s = got};
	char type;

	if (!from_client && w->pg.ssl_asked) {
		w->pg.ssl_asked = false;
		w->useless = got.p[0] == 'S' || got.p[0] == 'G'; /* the rest is encrypted */
		return;
	}
	if (from_client && !w->pg.started && got.n >= 8) {
		tap_wire_take(&c, 4);
		if (is_startup(tap_wire_uint(&c, 4))) {
			on_startup(w, (struct tap_wire_cursor){.s = got});
			return;
		}
		c = (struct tap_wire_cursor){.s = got};
	}
	type = (char)tap_wire_take(&c, 1).p[0];
	tap_wire_take(&c, 4);
	if (from_client)
		on_client(w, type, c, total > got.n);
	else
		on_server(w, type);
}

const struct tap_wire_protocol tap_wire_pg_protocol = {
    .name = "postgres",
    .begins = begins,
    .head = head,
    .length = length,
    .message = message,
};
