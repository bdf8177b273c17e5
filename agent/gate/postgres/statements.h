/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a PostgreSQL session was asked, as audit records that name the session's decision.
 *
 * Off the hot path: a message only puts its beginning into a small window, which is emptied between
 * turns of the loop: redacted (PASSWORD clauses, then agent/capture/redact/redact.h), cut to
 * AG_STATEMENTS_TEXT_MAX bytes, recorded. The same statement within a second is recorded once, and
 * its repeats as a count. Recording statements never costs a decision its place: while the spool is
 * more than half full they are counted as lost, and the session's outcome says how many.
 *
 * Thread: the loop's. Limits: AG_STATEMENTS_WINDOW different statements wait at a time.
 */
#ifndef AGENT_GATE_POSTGRES_STATEMENTS_H
#define AGENT_GATE_POSTGRES_STATEMENTS_H

#include "agent/capture/redact/redact.h"
#include "agent/gate/record.h"
#include "base/loop.h"

#define AG_STATEMENTS_WINDOW   32
#define AG_STATEMENTS_PART     512 /* bytes of an attribute */
#define AG_STATEMENTS_PARTS    8
#define AG_STATEMENTS_TEXT_MAX (AG_STATEMENTS_PART * AG_STATEMENTS_PARTS)

struct ag_statements;

struct ag_statements_opt {
	struct or_loop *loop;
	struct ag_record *record;
	struct ag_redact *passwords, *redact; /* in that order */
	/* What all records of the session have; its slices live as long as this. */
	struct wire_audit session;
	const char *decision_id;
};

struct ag_statements *ag_statements_new(const struct ag_statements_opt *opt);
/* Records what waits. */
void ag_statements_free(struct ag_statements *s);

struct ag_statements_what {
	const char *method;   /* "QUERY", "PARSE", "BIND", "FUNCTION", "CANCEL"; static text */
	struct or_slice name; /* of the prepared statement; may be empty */
	struct or_slice text; /* may be empty */
	bool cut;             /* text is only the beginning */
};

void ag_statements_put(struct ag_statements *s, const struct ag_statements_what *what);

struct ag_statements_counts {
	uint64_t seen, lost;
};
/* Records what waits; how many there were in all, and how many of them were not recorded. */
struct ag_statements_counts ag_statements_flush(struct ag_statements *s);

#endif
