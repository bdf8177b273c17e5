/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of ebpf/wire/ only: wire.c cuts the bytes into messages, a wire_x.c each knows a protocol.
 */
#ifndef EBPF_WIRE_WIRE_IMPL_H
#define EBPF_WIRE_WIRE_IMPL_H

#include "ebpf/sql/sql.h"
#include "ebpf/wire/wire.h"
#include "ebpf/wire/wire_cursor.h"

/* What a message said, until the server says that it was done. */
struct tap_wire_facts {
	unsigned int refs;
	bool cut;
	size_t n;    /* bytes of text */
	char text[]; /* 'r' or 'w', a name, NUL; and so on */
};

struct tap_wire_pending {
	struct tap_wire_facts *facts; /* NULL: nothing, or a mark */
	int kind;                     /* the protocol's */
	uint32_t id;
};

struct tap_wire_queue {
	struct tap_wire_pending *items; /* TAP_WIRE_PENDING, once there is one */
	size_t first, n;
};

/* One side. */
struct tap_wire_side {
	uint8_t *buf; /* TAP_WIRE_HEAD_MAX */
	size_t n;
	uint64_t skip; /* bytes of the message that nobody looks at */
	bool lost;     /* where the next message begins is not known */
};

struct tap_wire_statement {
	char *name;
	struct tap_wire_facts *facts;
	uint64_t used;
};

/* Zeroed at the start; no memory before the first one. */
struct tap_wire_statements {
	struct tap_wire_statement *items;
	size_t n;
	uint64_t clock;
};

struct tap_wire_pg {
	bool started, ssl_asked;
	char database[128];
	struct tap_sql_use use;
	struct tap_wire_statements statements, portals;
};

struct tap_wire_mysql {
	uint32_t offers, flags; /* capabilities of the server, and what the client chose */
	bool greeted, started;  /* the server's greeting was seen, the client has spoken */
	bool in_result;         /* a packet of the server's came since the client's last command */
	uint8_t number;         /* that packet's */
	bool awaited;           /* the next one answers, whatever its number */
	struct tap_sql_use use, wanted;        /* the second once the server says so */
	struct tap_wire_statements statements; /* by the server's number for them, as text */
};

struct tap_wire_http {
	uint64_t chunk[2];
	int state[2];
};

struct tap_wire_protocol {
	const char *name;
	bool server_begins; /* the server speaks first */
	/* Whether a message may begin so; bytes may be few. */
	bool (*begins)(const struct tap_wire *w, bool from_client, struct or_slice bytes);
	/* Bytes needed to know how long the message is. */
	size_t (*head)(const struct tap_wire *w, bool from_client);
	/* Of the whole message; 0: it makes no sense; UINT64_MAX: not known before more bytes. */
	uint64_t (*length)(struct tap_wire *w, bool from_client, struct or_slice head);
	/* got is shorter than total where the message is long or has a gap. */
	void (*message)(struct tap_wire *w, bool from_client, struct or_slice got, uint64_t total);
};

struct tap_wire {
	char server[96];
	bool late, useless;
	bool heard; /* the server spoke first, and was none of those that do */
	unsigned int failures;
	struct tap_wire_topics *topics;
	tap_wire_fn *fn;
	void *arg;
	const struct tap_wire_protocol *protocol;
	struct tap_wire_side side[2]; /* the server's, the client's */
	struct tap_wire_queue queue;
	union {
		struct tap_wire_pg pg;
		struct tap_wire_mysql mysql;
		struct tap_wire_http http;
	};
};

extern const struct tap_wire_protocol tap_wire_pg_protocol, tap_wire_mysql_protocol,
    tap_wire_kafka_protocol, tap_wire_http_protocol;
void tap_wire_pg_done(struct tap_wire *w);
void tap_wire_mysql_done(struct tap_wire *w);

/* ---- wire_facts.c */

/* n bytes of text at most. */
struct tap_wire_facts *tap_wire_facts_new(size_t n);
void tap_wire_facts_put(struct tap_wire_facts *f, size_t room, bool write, const char *name);
struct tap_wire_facts *tap_wire_facts_ref(struct tap_wire_facts *f);
void tap_wire_facts_unref(struct tap_wire_facts *f);
/* Each as an access. */
void tap_wire_facts_tell(const struct tap_wire *w, const struct tap_wire_facts *f,
    const char *protocol, const char *name_space);

/* Takes facts over; where there is no room the oldest goes. */
void tap_wire_facts_push(struct tap_wire *w, int kind, uint32_t id, struct tap_wire_facts *facts);
struct tap_wire_pending *tap_wire_facts_front(struct tap_wire *w);
void tap_wire_facts_pop(struct tap_wire *w);

/* ---- wire_statements.c: prepared ones and the like by name; the longest unused makes room */

/* Takes facts over; room is how many there may be, the same each time. */
void tap_wire_statements_put(struct tap_wire_statements *list, size_t room, struct or_slice name,
    struct tap_wire_facts *facts);
/* A reference of the caller's own; NULL: not known, or nothing. */
struct tap_wire_facts *tap_wire_statements_get(
    struct tap_wire_statements *list, struct or_slice name);
void tap_wire_statements_drop(struct tap_wire_statements *list, struct or_slice name);
void tap_wire_statements_done(struct tap_wire_statements *list);

/* ---- wire_topics.c: sixteen bytes of id each */

void tap_wire_topics_put(struct tap_wire_topics *t, const uint8_t id[16], struct or_slice name);
/* NULL: not known. */
const char *tap_wire_topics_find(const struct tap_wire_topics *t, const uint8_t id[16]);

#endif
