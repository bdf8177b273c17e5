/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What base/http_client.c keeps: origins, their connections (links), the calls on them. Nobody else
 * includes it.
 */
#ifndef BASE_HTTP_CLIENT_IMPL_H
#define BASE_HTTP_CLIENT_IMPL_H

#include "base/buf.h"
#include "base/http_client.h"
#include "base/http_origin.h"

#define OR_HTTP_CLIENT_ORIGINS_MAX 64

struct origin {
	struct or_http_origin to;
	struct link *idle; /* newest first */
	size_t n_idle;
	size_t n_links; /* idle ones and others */
};

struct link {
	struct link *next; /* in the pool */
	struct or_http_client *client;
	struct origin *origin;
	struct or_conn *conn;
	struct or_http_parse *parse;
	struct or_http_client_call *call; /* NULL: idle */
	uint64_t max_body;
	int64_t idle_since_ns;
	bool used;     /* carried a call before this one */
	bool received; /* something of this call's answer */
	bool open, in_data;
	bool stale; /* holds a complete message that the next call steps over */
};

struct or_http_client_call {
	struct or_http_client_call *next, *prev; /* running ones; next also in the free list */
	struct or_http_client *client;
	struct link *link;
	struct origin *origin;
	const struct or_http_client_ops *ops;
	void *arg;
	struct or_buf head;
	struct or_slice body;
	uint64_t max_body;
	int64_t connect_by_ns, head_by_ns, total_by_ns; /* 0: none */
	int64_t head_ns;
	uint64_t left;         /* of counted streamed content */
	bool counted, chunked; /* how streamed content is framed */
	bool sent;             /* the request is complete */
	bool wrote;            /* streamed content */
	bool replayable, retried;
	bool upgrades, raw;     /* a 101 may be taken; it was */
	unsigned int status;    /* of the head that came; 0: none did */
	bool has_head, is_head; /* the answer's head came; the method is HEAD */
	bool paused, pump_due;

	struct or_buf collected;
	size_t collect_max;
	or_http_client_fn *collect_fn;
	void *collect_arg;
};

struct or_http_client {
	struct or_loop *loop;
	struct or_http_client_opt opt;
	struct or_conn_hub *hub;
	struct origin *origins[OR_HTTP_CLIENT_ORIGINS_MAX];
	size_t n_origins;
	size_t n_links;
	struct or_http_client_call *calls;
	struct or_http_client_call *sweep_next;
	struct or_http_client_call *spare;
	struct or_loop_timer *sweep;
	int64_t sweep_ns;
};

#endif
