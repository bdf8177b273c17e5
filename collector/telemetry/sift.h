/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small queries over telemetry: terms that all must hold.
 *
 *   product=orders severity>=warn timeout since=1h body=*refused* limit=50
 *
 *   WORD or "quoted text"   the body (logs) or the name (metrics, spans) contains it, whatever its
 * case FIELD OP VALUE          = and !=, in which a bare word's * is a wildcard; < <= > >= for
 * numbers since= until= limit=    a duration back from now or an RFC 3339 time; rows, the newest
 * are kept
 *
 * Fields: product, service, scope, name, body, severity (trace debug info warn error fatal, or 1 to
 * 24; = takes a whole class), trace_id, span_id, unit, type, value; any other name is an attribute
 * of the row or, where it has none, of its resource (iostream stands for log.iostream). Pure: now
 * is an argument. Limits: CO_SIFT_TERMS_MAX terms, CO_SIFT_LIMIT_MAX rows.
 */
#ifndef COLLECTOR_TELEMETRY_SIFT_H
#define COLLECTOR_TELEMETRY_SIFT_H

#include "base/arena.h"
#include "base/jsonw.h"
#include "proto/otlp_row.h"

#define CO_SIFT_TEXT_MAX  4096
#define CO_SIFT_TERMS_MAX 32
#define CO_SIFT_LIMIT     200
#define CO_SIFT_LIMIT_MAX 10000

enum co_sift_op {
	CO_SIFT_HAS,
	CO_SIFT_EQ,
	CO_SIFT_NE,
	CO_SIFT_LT,
	CO_SIFT_LE,
	CO_SIFT_GT,
	CO_SIFT_GE,
};

struct co_sift_term {
	int field; /* of the table in sift.c; -1: an attribute */
	struct or_slice name;
	enum co_sift_op op;
	struct or_slice text;
	bool is_pattern;
	bool has_number;
	double number;
};

struct co_sift {
	enum wire_otlp_kind kind;
	struct co_sift_term terms[CO_SIFT_TERMS_MAX];
	size_t n;
	int64_t since_ns, until_ns; /* INT64_MIN, INT64_MAX: open; until is exclusive */
	size_t limit;
};

/* Everything lies in the arena. OR_PARSE: the message has the column and a caret. OR_FULL: a limit.
 */
OR_NODISCARD enum or_code co_sift_parse(struct co_sift *out, enum wire_otlp_kind kind,
    struct or_slice text, int64_t now_ns, struct or_arena *a, struct or_err *err);

bool co_sift_matches(
    const struct co_sift *s, const struct wire_otlp_row *row, struct or_slice product);

/* The row as one object: time, received, product, service, …, attributes, resource. */
void co_sift_put(struct or_jsonw *w, const struct wire_otlp_row *row, struct or_slice product,
    int64_t received_ns);

#endif
