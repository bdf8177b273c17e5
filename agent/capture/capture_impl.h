/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of agent/capture share; nobody else includes it.
 *
 *	capture.c           routes, bodies, the way into the spool
 *	capture_otlp.c      OTLP
 *	capture_grpc.c      OTLP over gRPC
 *	capture_lineage.c   OpenLineage
 */
#ifndef AGENT_CAPTURE_CAPTURE_IMPL_H
#define AGENT_CAPTURE_CAPTURE_IMPL_H

#include "agent/capture/capture.h"
#include "agent/capture/redact/redact.h"
#include "base/grpc.h"
#include "base/http_server.h"
#include "proto/otlp.h"

enum ag_capture_topic {
	AG_CAPTURE_LOGS = WIRE_OTLP_LOGS,
	AG_CAPTURE_METRICS = WIRE_OTLP_METRICS,
	AG_CAPTURE_SPANS = WIRE_OTLP_SPANS,
	AG_CAPTURE_LINEAGE,
	AG_CAPTURE_TOPICS,
};

enum ag_capture_refusal {
	AG_CAPTURE_MALFORMED,
	AG_CAPTURE_TOO_LARGE,
	AG_CAPTURE_WRONG_TYPE,
	AG_CAPTURE_NO_ROOM,
	AG_CAPTURE_TOO_MANY,
	AG_CAPTURE_REFUSALS,
};

#define AG_CAPTURE_NO_ROOM_TEXT                                                                    \
	"the agent's telemetry spool has no room until the collector has taken more"

struct capture_stream {
	bool is_open;
	uint16_t id;
	struct or_metric_counter *requests; /* taken */
	struct or_metric_counter *items;    /* records, points, spans, events in them */
};

struct ag_capture {
	struct or_loop *loop;
	uint64_t rate;   /* 0: no limit */
	double left;     /* requests that may come now */
	int64_t left_ns; /* monotonic: as of then */
	struct or_http_server *server;
	struct or_grpc *grpc; /* NULL: nobody listens */
	struct ag_spool *spool;
	char *product;
	struct capture_stream streams[AG_CAPTURE_TOPICS];
	struct or_metric_counter *refused[AG_CAPTURE_REFUSALS];
	struct ag_redact *redact;                  /* NULL: nothing is taken out */
	struct or_buf unpacked, request, redacted; /* reused: one request is handled at a time */
};

struct capture_route;

/* One request; lives in its arena. */
struct capture_call {
	struct ag_capture *capture;
	const struct capture_route *route;
	bool is_json, is_gzip;
};

struct capture_route {
	const char *path;
	enum ag_capture_topic topic;
	/* A whole body, unpacked. */
	void (*take)(struct capture_call *call, struct or_http_req *req, struct or_slice body);
	/* Answers an error, each protocol in its own way. */
	void (*refuse)(struct capture_call *call, struct or_http_req *req, unsigned int status,
	    const char *message);
	bool takes_protobuf;
};

#define AG_CAPTURE_RATE_TEXT                                                                       \
	"more requests a second than capture.rate allows; send more at once, or later"
/* Takes one request out of the rate. False: there is none left for now. */
bool ag_capture_admit(struct ag_capture *c);

/* Appends one record and counts it. OR_FULL, OR_IO: nothing was appended. */
OR_NODISCARD enum or_code ag_capture_append(
    struct ag_capture *c, enum ag_capture_topic topic, struct or_slice record, uint64_t items);
/* Counts the refusal, and answers by the route's way. */
void ag_capture_refuse(
    struct capture_call *call, struct or_http_req *req, unsigned int status, const char *message);
/* As ag_capture_refuse, for an append that failed. */
void ag_capture_refuse_append(struct capture_call *call, struct or_http_req *req);

/*
 * One OTLP request, whichever way it came: into the spool, as protobuf, without what is to be taken
 * out. OR_PARSE: it is none. OR_FULL: it is too large. OR_BUSY: the spool has no room.
 */
OR_NODISCARD enum or_code ag_capture_otlp_put(struct ag_capture *c, enum ag_capture_topic topic,
    bool is_json, struct or_slice body, struct or_err *err);
/* Gives large buffers back; after each request. */
void ag_capture_rest(struct ag_capture *c);

/* OR_BUSY: the address is in use. */
OR_NODISCARD enum or_code ag_capture_grpc_open(
    struct ag_capture *c, struct or_loop *loop, const char *listen, struct or_err *err);

void ag_capture_otlp_take(struct capture_call *call, struct or_http_req *req, struct or_slice body);
void ag_capture_otlp_refuse(
    struct capture_call *call, struct or_http_req *req, unsigned int status, const char *message);
void ag_capture_lineage_take(
    struct capture_call *call, struct or_http_req *req, struct or_slice body);
void ag_capture_lineage_batch(
    struct capture_call *call, struct or_http_req *req, struct or_slice body);
void ag_capture_lineage_refuse(
    struct capture_call *call, struct or_http_req *req, unsigned int status, const char *message);

#endif
