/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of ebpf/wire/ only: wire.c cuts the bytes into messages, a wire_x.c each knows a protocol.
 */
#ifndef EBPF_WIRE_WIRE_IMPL_H
#define EBPF_WIRE_WIRE_IMPL_H

#include "ebpf/sql/sql.h"
#include "ebpf/wire/wire.h"

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

struct tap_wire_pg {
	bool started, ssl_asked;
	char database[128];
	struct tap_sql_use use;
	struct tap_wire_statement statements[TAP_WIRE_STATEMENTS];
	struct tap_wire_statement portals[8];
	uint64_t clock;
};

struct tap_wire_http {
	uint64_t chunk[2];
	int state[2];
};

struct tap_wire_protocol {
	const char *name;
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
	unsigned int failures;
	struct tap_wire_topics *topics;
	tap_wire_fn *fn;
	void *arg;
	const struct tap_wire_protocol *protocol;
	struct tap_wire_side side[2]; /* the server's, the client's */
	struct tap_wire_queue queue;
	union {
		struct tap_wire_pg pg;
		struct tap_wire_http http;
	};
};

extern const struct tap_wire_protocol tap_wire_pg_protocol, tap_wire_kafka_protocol,
    tap_wire_http_protocol;
void tap_wire_pg_done(struct tap_wire *w);

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

/* ---- wire_topics.c: sixteen bytes of id each */

void tap_wire_topics_put(struct tap_wire_topics *t, const uint8_t id[16], struct or_slice name);
/* NULL: not known. */
const char *tap_wire_topics_find(const struct tap_wire_topics *t, const uint8_t id[16]);

/* ---- a cursor over what was got: reading past the end gives zeros and says so */

struct tap_wire_cursor {
	struct or_slice s;
	bool past;
};

static inline struct or_slice tap_wire_take(struct tap_wire_cursor *c, uint64_t n)
{
	struct or_slice s = or_slice(c->s.p, n <= c->s.n ? (size_t)n : 0);

	if (n > c->s.n) {
		c->past = true;
		c->s.n = 0;
		return OR_SLICE_NONE;
	}
	c->s = or_slice_from(c->s, (size_t)n);
	return s;
}

/* Big-endian. */
static inline uint64_t tap_wire_uint(struct tap_wire_cursor *c, size_t bytes)
{
	struct or_slice s = tap_wire_take(c, bytes);
	uint64_t v = 0;

	for (size_t i = 0; i < s.n; i++)
		v = v << 8 | s.p[i];
	return v;
}

#endif
