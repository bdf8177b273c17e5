/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link: how a batch travels to the collector. agent/ship/ship.h decides what is sent and when;
 * a link brings it there and says what became of it. There are two: agent/ship/link_http.h and
 * agent/ship/link_kafka.h.
 *
 * Thread: the loop's.
 */
#ifndef AGENT_SHIP_LINK_H
#define AGENT_SHIP_LINK_H

#include "base/err.h"

/* Borrowed; body until the answer, the rest for the call. */
struct ag_link_batch {
	struct or_slice topic; /* "outrider.audit" */
	struct or_slice key;   /* the product's id */
	struct or_slice frame; /* signed, encoded */
	struct or_slice body;  /* encoded AuditBatch, empty for a heartbeat; or the record itself */
};

struct ag_link_answer {
	/* OR_OK: it arrived for good. OR_DENIED: it is refused, and will be until somebody changes
	 * something. Anything else: try again later. */
	enum or_code code;
	int64_t wait_ns;    /* the other side asks for that long; 0: it does not */
	const char *detail; /* valid during the call */
};
typedef void ag_link_answer_fn(void *arg, const struct ag_link_answer *answer);

/* Something is wrong that no answer has told, and is tried again by the link itself. OR_DENIED:
 * somebody must look. OR_CLOSED: nobody is reached. OR_OK: it is well again. */
typedef void ag_link_trouble_fn(void *arg, enum or_code code, const char *detail);

struct ag_link {
	const char *name; /* "http", "kafka" */
	const char *peer; /* for people */
	/* Others read what it brings too, and know nothing of batches: a batch is one record, which
	 * is the body as it is, and there are no heartbeats. */
	bool is_bare;
	void *self;
	/* fn is called once, later. *call is gone when it has been called. OR_DENIED: refused.
	 * OR_AGAIN: the link is not ready yet. Any other error: later. */
	enum or_code (*send)(void *self, void **call, const struct ag_link_batch *batch,
	    ag_link_answer_fn *fn, void *arg, struct or_err *err);
	/* fn is not called; the batch may arrive all the same. NULL does nothing. */
	void (*cancel)(void *call);
	/* One watcher; NULL takes it away. May be NULL where each send has its answer. */
	void (*watch)(void *self, ag_link_trouble_fn *fn, void *arg);
};

#endif
