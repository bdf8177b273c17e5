/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection reads and writes, from the bytes on it: PostgreSQL, MySQL and MariaDB, Kafka,
 * and S3 over HTTP/1.1, all in the clear. Data sets are named as OpenLineage names them.
 *
 *   bytes of either side, with gaps ──frames──▶ messages ──▶ accesses: read or write, data set, how
 * sure
 *
 * The bytes are foreign. However they are cut into pieces, the same accesses come of them; what is
 * missing (a gap) costs at most the message it lies in, or the connection until a message begins
 * where a piece does. A statement or request counts when the server said that it was done. Pure but
 * for fn.
 *
 * Thread: whoever owns it. Owns: what it has buffered. Limits: TAP_WIRE_HEAD_MAX bytes of a message
 * are looked at, the rest is passed over; TAP_WIRE_PENDING messages under way, TAP_WIRE_STATEMENTS
 * prepared ones, which makes at most some 80 KiB a connection (nothing before the first message).
 */
#ifndef EBPF_WIRE_WIRE_H
#define EBPF_WIRE_WIRE_H

#include "base/def.h"

#define TAP_WIRE_HEAD_MAX   4096U
#define TAP_WIRE_PENDING    64U
#define TAP_WIRE_STATEMENTS 32U
#define TAP_WIRE_NAMESPACE  256U
#define TAP_WIRE_NAME       512U
#define TAP_WIRE_TOPICS     1024U
#define TAP_WIRE_FAILURES   3U

enum tap_wire_sure {
	TAP_WIRE_EXACT,
	TAP_WIRE_PREFIX, /* the message was longer than what was looked at: there may be more */
	TAP_WIRE_GUESS,  /* the beginning of the connection was not seen */
};

struct tap_wire_access {
	bool write;
	enum tap_wire_sure sure;
	const char *protocol; /* "postgres", "mysql", "kafka", "s3" */
	/* "postgres://127.0.0.1:5432" and "orders.public.lines"; "kafka://…" and the topic;
	 * "mysql://127.0.0.1:3306" and "orders.lines"; "s3://bucket" and the key. */
	const char *name_space, *name;
};
typedef void tap_wire_fn(void *arg, const struct tap_wire_access *access);

/* Kafka's topics by id, of all connections together: a client asks one broker and talks to another.
 */
struct tap_wire_topics;
struct tap_wire_topics *tap_wire_topics_new(void);
void tap_wire_topics_free(struct tap_wire_topics *topics);

struct tap_wire;

struct tap_wire_opt {
	const char *server; /* "127.0.0.1:5432", "[::1]:9092"; copied */
	bool late;          /* its beginning was missed */
	struct tap_wire_topics *topics;
	tap_wire_fn *fn;
	void *arg;
};

struct tap_wire *tap_wire_new(const struct tap_wire_opt *opt);
void tap_wire_free(struct tap_wire *w);

/* The next bytes of one side. */
void tap_wire_feed(struct tap_wire *w, bool from_client, struct or_slice bytes);
/* So many bytes of that side are not known. */
void tap_wire_gap(struct tap_wire *w, bool from_client, uint64_t n);
/* False: nothing more will come of it (TLS, another protocol, or none that made sense). */
bool tap_wire_is_of_use(const struct tap_wire *w);
/* "postgres", "mysql", "kafka", "http", "" while it is not known. */
const char *tap_wire_protocol(const struct tap_wire *w);

#endif
