/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an OTLP request holds, row by row: log records, data points, spans.
 *
 * Pure; any thread; nothing is copied: slices point into the request, which wire_otlp_check took.
 */
#ifndef PROTO_OTLP_ROW_H
#define PROTO_OTLP_ROW_H

#include "proto/otlp.h"

struct wire_otlp_row {
	enum wire_otlp_kind kind;
	uint64_t time_ns;         /* of a span its start; 0: unknown */
	uint64_t end_ns;          /* of a span */
	struct or_slice resource; /* the Resource message; its attributes are field 1 */
	struct or_slice service;  /* service.name */
	struct or_slice scope;    /* its name */
	struct or_slice name;     /* of the event, metric or span */
	struct or_slice message;  /* the item itself */
	uint32_t attributes;      /* field of message that holds its attributes */
	struct or_slice trace_id, span_id;
	/* logs */
	struct or_slice body; /* an AnyValue */
	uint64_t severity;    /* 1 to 24; 0: not said */
	struct or_slice severity_text;
	/* metrics */
	const char *type; /* "gauge", "sum", "histogram", "exponential_histogram", "summary" */
	struct or_slice unit;
	bool has_value, is_int;
	int64_t i;
	double value; /* of number points; of an int too */
	bool has_count, has_sum;
	uint64_t count;
	double sum;
};

/* Calls fn for each; false ends the walk. */
typedef bool wire_otlp_row_fn(void *arg, const struct wire_otlp_row *row);
void wire_otlp_row_each(
    enum wire_otlp_kind kind, struct or_slice in, wire_otlp_row_fn *fn, void *arg);

/* The AnyValue of that key among the KeyValues that are field num of message. False: absent. */
bool wire_otlp_row_find(
    struct or_slice *any, struct or_slice message, uint32_t num, struct or_slice key);
/* An AnyValue that is text; the empty slice where it is not. */
struct or_slice wire_otlp_row_text(struct or_slice any);

/* "trace", "debug", "info", "warn", "error", "fatal"; "" for 0 and beyond 24. */
const char *wire_otlp_row_severity(uint64_t number);
/* The lowest number of that name. OR_ABSENT. */
OR_NODISCARD enum or_code wire_otlp_row_severity_find(uint64_t *out, struct or_slice name);

#endif
