/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this folder share: postgres.c (the front), session.c (one connection up to its
 * decision), dial.c (the way to the server) and relay.c (bytes both ways, and the end). Nobody else
 * includes it.
 *
 *   START ─▶ WAIT (the decision is on its way to the disk) ─▶ DIAL ─▶ OPEN ─▶ ENDING
 *     └──────┴─▶ denied, refused: ENDING                       CANCEL ─▶ ENDING
 *
 * A session is freed in one place, ag_session_free, which records its outcome where it was allowed.
 */
#ifndef AGENT_GATE_POSTGRES_POSTGRES_IMPL_H
#define AGENT_GATE_POSTGRES_POSTGRES_IMPL_H

#include "agent/gate/identity_svid.h"
#include "agent/gate/known.h"
#include "agent/gate/postgres/frames.h"
#include "agent/gate/postgres/postgres.h"
#include "agent/gate/postgres/startup.h"
#include "agent/gate/postgres/statements.h"
#include "agent/gate/proxy/certs.h"
#include "agent/gate/refusal.h"
#include "agent/gate/trace.h"
#include "base/conn.h"

#define AG_POSTGRES_LINGER_NS (10 * OR_NS_PER_S)

enum ag_session_phase {
	AG_SESSION_START,
	AG_SESSION_WAIT,
	AG_SESSION_DIAL,
	AG_SESSION_OPEN,
	AG_SESSION_CANCEL,
	AG_SESSION_ENDING,
};

struct ag_postgres {
	struct or_loop *loop;
	struct ag_front_env env;
	struct or_conn_hub *hub;
	int fd;
	struct or_loop_io *accept_io;
	char address[OR_NET_TEXT_MAX];
	char unix_path[OR_NET_TEXT_MAX];
	struct or_net_addr upstream;
	char *upstream_host;
	struct ag_certs *certs, *upstream_certs; /* NULL: plain */
	struct ag_identity_svid *svids;
	struct ag_known *users; /* NULL: nobody in particular */
	struct ag_redact *passwords, *redact;
	struct ag_refusal *refusals;
	struct ag_session *sessions;
	size_t n_sessions;
	struct or_loop_timer *sweep;
	bool draining, closing;
	or_loop_fn *drained;
	void *drained_arg;
	struct {
		struct or_metric_counter *allowed, *denied, *refused, *unrecorded, *cancelled;
		struct or_metric_counter *statements_lost;
	} metrics;
};

struct ag_session {
	struct ag_postgres *pg;
	struct ag_session *prev, *next;
	struct or_conn *client, *server; /* NULL: gone, or not there yet */
	enum ag_session_phase phase;
	struct or_net_addr peer;
	char peer_text[OR_NET_TEXT_MAX];
	struct or_arena *arena;
	struct ag_trace trace;
	int64_t start_ns, deadline_ns; /* monotonic; deadline 0: none */
	int64_t active_ns;             /* when bytes last passed */

	struct or_buf in; /* the packet that is coming; then what the server said, while edited */
	bool tls, asked_tls, asked_gss, direct;
	struct or_slice packet; /* the startup packet, for the server */
	struct ag_startup startup;
	struct ag_decide_result decision;
	bool decided; /* allowed, and its decision recorded: an outcome is owed */
	uint64_t owed;
	char id[WIRE_LEAF_ID_LEN + 1];
	struct ag_spool_wait *wait;

	struct ag_frames up, down;
	struct ag_statements *statements;
	bool edits;          /* agent/gate/postgres/mechanisms.h */
	bool ready;          /* the server waits for a query, and none is under way */
	bool authenticated;  /* the server says so */
	bool parsed_unnamed; /* the next Bind of "" is of what was told just now */
	uint32_t pid;
	struct or_slice key; /* for cancelling; empty: the server gave none */
	uint64_t bytes_in, bytes_out;
	const char *end; /* why it ended; NULL: as sessions do */
};

/* -- in postgres.c -- */
void ag_postgres_unlink(struct ag_session *s);
/* The session whose cancel key that is; NULL: none here. */
struct ag_session *ag_postgres_find_key(struct ag_postgres *pg, uint32_t pid, struct or_slice key);

/* -- in session.c -- */
void ag_session_start(struct ag_postgres *pg, int fd, const struct or_net_addr *peer);
void ag_session_free(struct ag_session *s);
/* A refusal that nobody's identity stands behind: recorded by address, reason and second; the
 * client hears message, where it is not NULL. */
void ag_session_refuse(
    struct ag_session *s, const char *reason, const char *sqlstate, const char *message);
/* ErrorResponse, then the end. */
void ag_session_fail(struct ag_session *s, const char *sqlstate, const char *message);
/* Ends an open one; the client hears of it where no answer is under way. */
void ag_session_close(struct ag_session *s, const char *why, const char *sqlstate);
/* Its time is up. */
void ag_session_expire(struct ag_session *s);

/* -- in dial.c -- */
/* Connects to the server, over TLS where that is configured; then sends the startup packet, or the
 * cancel request, and goes on. */
void ag_dial_start(struct ag_session *s);

/* -- in relay.c -- */
extern const struct or_conn_ops ag_relay_server_ops, ag_relay_cancel_ops;
/* The server is there: bytes pass from here on. */
void ag_relay_start(struct ag_session *s);
size_t ag_relay_from_client(struct ag_session *s, struct or_slice in);
/* One side is gone, or must go: what is under way to the other is still written. */
void ag_relay_end(struct ag_session *s, const char *why);

#endif
