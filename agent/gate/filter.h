/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands between an app's answer and the client where an obligation is owed (masks): the
 * interface between the decision that owes it, who carries it out, and the front that streams.
 *
 * A decision carries a plan (agent/gate/decide.h). When the head of the answer is there, the front
 * opens a filter by it, which may rewrite the head, and then runs it over the content as it comes.
 * The front sends nothing before the filter has given a byte or has ended, so a filter that fails
 * before that is answered 502; one that fails later cuts the answer. Both are recorded with its
 * reason. Backpressure: run gives at most about AG_FILTER_OUT bytes at a time, and is called again
 * once the client has taken them.
 * Thread: the loop's. Memory: the filter's own; freed when the exchange ends, however it ends.
 */
#ifndef AGENT_GATE_FILTER_H
#define AGENT_GATE_FILTER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/http_msg.h"

#define AG_FILTER_OUT        (64U * 1024)
#define AG_FILTER_OUT_MAX    (1024U * 1024) /* hard: beyond it the answer is cut */
#define AG_FILTER_FIELDS_NEW 8              /* fields that a filter may add to a head */

struct ag_filter;
struct ag_filter_plan;

/* The head of the answer. Framing fields and hop-by-hop fields are not in it: the front frames anew
 * (a filtered answer has no Content-Length). */
struct ag_filter_head {
	const struct or_http_msg *msg; /* as the app sent it */
	struct or_http_field
	    *fields;     /* what goes to the client: to be changed in place; room for */
	size_t n_fields; /* AG_FILTER_FIELDS_NEW more */
	unsigned int status;
	bool is_bodyless;       /* no content follows (HEAD, 204, 304) */
	struct or_arena *arena; /* the request's, for texts of new fields */
};

struct ag_filter_io {
	struct or_slice in; /* moved on by what was used */
	bool last;          /* nothing comes behind in */
	struct or_buf *out; /* appended to */
	bool more; /* set: run again before anything else, it has more to give or to read */
	const char *reason; /* static text; set where run fails */
};

struct ag_filter_ops {
	/* Uses in and gives out. Without `more` all of in must have been used, and with `last` all
	 * been given. Any failure refuses the answer, or cuts it. */
	enum or_code (*run)(struct ag_filter *f, struct ag_filter_io *io);
	void (*free)(struct ag_filter *f);
};

/* The first member of every filter. */
struct ag_filter {
	const struct ag_filter_ops *ops;
};

/* The first member of every plan; it lies in the request's arena. */
struct ag_filter_plan {
	/* Before a byte of the answer goes out. On failure *reason is static text, *out untouched.
	 */
	enum or_code (*open)(struct ag_filter **out, const struct ag_filter_plan *plan,
	    struct ag_filter_head *head, const char **reason);
	/* What the app may code the answer with where the client takes gzip, else identity. Range
	 * and conditional fields are taken out of the request, too: the app answers with the whole.
	 */
	const char *accept_encoding;
	/* What the record says was owed: "mask:email:redact". */
	const struct or_slice *obligations;
	size_t n_obligations;
	/* Added to the request (row filters), besides those that every request gets. */
	const struct or_http_field *fields;
	size_t n_fields;
};

#endif
