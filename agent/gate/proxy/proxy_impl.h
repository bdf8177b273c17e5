/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this folder share: proxy.c (the front as a whole), exchange.c (one request up
 * to its decision), forward.c (an allowed request on its way) and answer.c (its way back). Nobody
 * else includes it.
 *
 *   begin ─▶ ask ─▶ deny: record (sync) ─▶ answer
 *                └▶ allow ─▶ strict: record, sync ─▶ forward ─▶ outcome record ─▶ last byte
 *                          └▶ async:                forward ─▶ record ─────────▶ last byte
 */
#ifndef AGENT_GATE_PROXY_PROXY_IMPL_H
#define AGENT_GATE_PROXY_PROXY_IMPL_H

#include "agent/gate/identity_svid.h"
#include "agent/gate/proxy/proxy.h"
#include "agent/gate/refusal.h"
#include "agent/gate/trace.h"
#include "base/http_client.h"

#define AG_PROXY_CHALLENGE_MAX 320

struct ag_proxy_metrics {
	struct or_metric_counter *allowed;
	struct or_metric_counter *denied;
	struct or_metric_counter *unauthenticated;
	struct or_metric_counter *malformed;
	struct or_metric_counter *unavailable;
	struct or_metric_counter *upstream_failed;
	struct or_metric_counter *client_gone;
	struct or_metric_counter *unrecorded;
	struct or_metric_histogram *seconds; /* NULL: no registry */
};

struct ag_proxy {
	struct or_loop *loop;
	struct ag_proxy_opt opt;
	char origin[OR_NET_TEXT_MAX];
	struct or_http_server *server;
	struct or_http_client *client;
	struct ag_identity_svid *svids;  /* NULL: no trust domain is configured */
	struct ag_certs *certs;          /* towards clients; NULL: plain */
	struct ag_certs *upstream_certs; /* towards the app; NULL: plain */
	char *upstream_host;
	struct ag_refusal *refusals;
	struct or_buf path;     /* scratch */
	struct or_buf filtered; /* scratch */
	struct ag_proxy_metrics metrics;
};

/* One request; it lies in the request's arena. */
struct ag_exchange {
	struct ag_proxy *proxy;
	struct or_http_req *req;
	struct ag_trace trace;
	struct ag_decide_result decision;
	struct or_slice upgrade; /* the protocol that is asked for; empty: none that is passed */
	struct or_slice target;  /* what is forwarded: canonical path, raw query */
	int64_t start_ns;        /* monotonic */
	struct ag_spool_wait *wait;
	struct or_http_client_call *call;
	char id[WIRE_LEAF_ID_LEN + 1]; /* of the record of a deny */

	/* The answer's head, and what it owes; NULL: it passes as it is. */
	struct or_http_field *fields;
	size_t n_fields;
	struct ag_filter *filter;
	struct or_buf rest; /* content that waits for the filter because the client is full */
	bool filter_more;   /* the filter is to be run again */

	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t left; /* of an answer whose length is known */
	uint64_t owed; /* room in the spool that its last record will want */
	unsigned int status;
	bool parted;      /* a decision record was put: the last one is an outcome */
	bool counted;     /* left is known */
	bool ends_by_eof; /* nothing but the connection's end will say that the answer is over */
	bool holds;       /* held is a byte of it that the client has not got */
	uint8_t held;
	bool started;     /* the answer's head went to the client */
	bool app_done;    /* the app's answer came whole */
	bool recorded;    /* the last record was put */
	bool is_body_end; /* the client's content came whole */
};

/* -- in exchange.c -- */
void ag_exchange_begin(struct ag_proxy *proxy, struct or_http_req *req);
/* Fills in what is known now and puts the record. reason NULL: the decision's own. */
OR_NODISCARD enum or_code ag_exchange_put(
    struct ag_exchange *x, enum wire_phase phase, const char *reason);
/* The last record of an allowed request; false where it could not be put and the product does not
 * go on without. */
OR_NODISCARD bool ag_exchange_conclude(struct ag_exchange *x, const char *reason);
/* The same where nothing is left to be held back. */
void ag_exchange_end(struct ag_exchange *x, const char *reason);
/* 503 with Retry-After, unrecorded: there is no room to record it. */
void ag_exchange_answer_full(struct ag_exchange *x);

/* -- in forward.c -- */
void ag_forward_start(struct ag_exchange *x);

/* -- in answer.c -- */
void ag_answer_head(void *exchange, const struct or_http_msg *msg);
void ag_answer_body(void *exchange, struct or_slice piece);
void ag_answer_end(void *exchange);
void ag_answer_room(void *exchange); /* the client takes more */
/* There is none, or it breaks off. The exchange is gone afterwards. */
void ag_answer_fail(struct ag_exchange *x, unsigned int status, const char *reason);
/* What is owed to the answer cannot be done to it. */
void ag_answer_refuse(struct ag_exchange *x, const char *reason);
/* The app is asked no longer. */
void ag_answer_drop(struct ag_exchange *x);
/* Frees what the answer held; once, when the exchange is recorded. */
void ag_answer_done(struct ag_exchange *x);

#endif
