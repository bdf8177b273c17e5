/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/otlp_row.h"

#include "base/str.h"
#include "proto/pb.h"

/* Request, resource and scope nest alike for the three signals: lists are field 1, 2, 2; resource
 * and scope are field 1. */
enum { RESOURCE = 1, SCOPE = 1, INNER = 2, ATTRIBUTES = 1, SCOPE_NAME = 1 };

struct walk {
	wire_otlp_row_fn *fn;
	void *arg;
	struct wire_otlp_row row; /* what is known from further out */
	bool stopped;
};

static double as_double(uint64_t bits)
{
	double d;

	memcpy(&d, &bits, sizeof(d));
	return d;
}

static struct or_slice bytes_of(struct or_slice message, uint32_t num)
{
	struct or_slice found = OR_SLICE_NONE;
	struct wire_pb_field v;

	while (wire_pb_next(&v, &message) == OR_OK) {
		if (v.num == num && v.type == WIRE_PB_BYTES)
			found = v.s;
	}
	return found;
}

bool wire_otlp_row_find(
    struct or_slice *any, struct or_slice message, uint32_t num, struct or_slice key)
{
	struct wire_pb_field v;

	while (wire_pb_next(&v, &message) == OR_OK) {
		if (v.num == num && v.type == WIRE_PB_BYTES && or_slice_eq(bytes_of(v.s, 1), key)) {
			*any = bytes_of(v.s, 2);
			return true;
		}
	}
	return false;
}

struct or_slice wire_otlp_row_text(struct or_slice any)
{
	return bytes_of(any, 1);
}

static const char *const severities[] = {"trace", "debug", "info", "warn", "error", "fatal"};

const char *wire_otlp_row_severity(uint64_t number)
{
	return number == 0 || number > 24 ? "" : severities[(number - 1) / 4];
}

enum or_code wire_otlp_row_severity_find(uint64_t *out, struct or_slice name)
{
	for (size_t i = 0; i < OR_LEN(severities); i++) {
		if (or_str_eq_nocase(name, or_slice_str(severities[i]))) {
			*out = 4 * i + 1;
			return OR_OK;
		}
	}
	return OR_ABSENT;
}

static void give(struct walk *w, const struct wire_otlp_row *row)
{
	if (!w->stopped && !w->fn(w->arg, row))
		w->stopped = true;
}

static void walk_log(struct walk *w, struct or_slice message)
{
	struct wire_otlp_row row = w->row;
	struct wire_pb_field v;
	struct or_slice in = message;
	uint64_t observed = 0;

	row.message = message;
	row.attributes = 6;
	while (wire_pb_next(&v, &in) == OR_OK) {
		switch (v.num) {
		case 1: row.time_ns = v.v; break;
		case 2: row.severity = v.v; break;
		case 3: row.severity_text = v.s; break;
		case 5: row.body = v.s; break;
		case 9: row.trace_id = v.s; break;
		case 10: row.span_id = v.s; break;
		case 11: observed = v.v; break;
		case 12: row.name = v.s; break;
		default: break;
		}
	}
	if (!row.time_ns)
		row.time_ns = observed;
	give(w, &row);
}

static void walk_span(struct walk *w, struct or_slice message)
{
	struct wire_otlp_row row = w->row;
	struct wire_pb_field v;
	struct or_slice in = message;

	row.message = message;
	row.attributes = 9;
	while (wire_pb_next(&v, &in) == OR_OK) {
		switch (v.num) {
		case 1: row.trace_id = v.s; break;
		case 2: row.span_id = v.s; break;
		case 5: row.name = v.s; break;
		case 7: row.time_ns = v.v; break;
		case 8: row.end_ns = v.v; break;
		default: break;
		}
	}
	give(w, &row);
}

static void read_number(struct wire_otlp_row *row, const struct wire_pb_field *v)
{
	row->has_value = true;
	row->is_int = v->num == 6;
	row->i = (int64_t)v->v;
	row->value = row->is_int ? (double)row->i : as_double(v->v);
}

/* Data points of all types agree on 3 (time), and but for numbers on 4 (count) and 5 (sum). */
static void walk_point(struct walk *w, struct or_slice message, bool is_number)
{
	struct wire_otlp_row row = w->row;
	struct wire_pb_field v;
	struct or_slice in = message;

	row.message = message;
	while (wire_pb_next(&v, &in) == OR_OK) {
		if (v.num == 3) {
			row.time_ns = v.v;
		} else if (is_number && (v.num == 4 || v.num == 6)) {
			read_number(&row, &v);
		} else if (!is_number && v.num == 4) {
			row.has_count = true;
			row.count = v.v;
		} else if (!is_number && v.num == 5 && v.type == WIRE_PB_FIXED64) {
			row.has_sum = true;
			row.sum = as_double(v.v);
		}
	}
	give(w, &row);
}

struct data {
	uint32_t num; /* in Metric */
	uint32_t attributes;
	const char *type;
	bool is_number;
};

static const struct data datas[] = {{5, 7, "gauge", true}, {7, 7, "sum", true},
    {9, 9, "histogram", false}, {10, 1, "exponential_histogram", false}, {11, 7, "summary", false}};

static const struct data *data_of(uint32_t num)
{
	for (size_t i = 0; i < OR_LEN(datas); i++) {
		if (datas[i].num == num)
			return &datas[i];
	}
	return NULL;
}

static void walk_metric(struct walk *w, struct or_slice metric)
{
	struct wire_otlp_row outer = w->row;
	struct wire_pb_field v, point;
	struct or_slice in = metric;

	w->row.name = bytes_of(metric, 1);
	w->row.unit = bytes_of(metric, 3);
	while (!w->stopped && wire_pb_next(&v, &in) == OR_OK) {
		const struct data *data = data_of(v.num);
		struct or_slice points = v.s;

		if (!data)
			continue;
		w->row.type = data->type;
		w->row.attributes = data->attributes;
		while (!w->stopped && wire_pb_next(&point, &points) == OR_OK) {
			if (point.num == 1 && point.type == WIRE_PB_BYTES)
				walk_point(w, point.s, data->is_number);
		}
	}
	w->row = outer;
}

static void walk_scope(struct walk *w, struct or_slice in)
{
	struct wire_pb_field v;

	w->row.scope = bytes_of(bytes_of(in, SCOPE), SCOPE_NAME);
	while (!w->stopped && wire_pb_next(&v, &in) == OR_OK) {
		if (v.num != INNER || v.type != WIRE_PB_BYTES)
			continue;
		switch (w->row.kind) {
		case WIRE_OTLP_LOGS: walk_log(w, v.s); break;
		case WIRE_OTLP_METRICS: walk_metric(w, v.s); break;
		case WIRE_OTLP_SPANS: walk_span(w, v.s); break;
		}
	}
}

static void walk_resource(struct walk *w, struct or_slice in)
{
	struct or_slice any = OR_SLICE_NONE;
	struct wire_pb_field v;

	w->row.resource = bytes_of(in, RESOURCE);
	if (wire_otlp_row_find(&any, w->row.resource, ATTRIBUTES, OR_SLICE_LIT("service.name")))
		w->row.service = wire_otlp_row_text(any);
	else
		w->row.service = OR_SLICE_NONE;
	while (!w->stopped && wire_pb_next(&v, &in) == OR_OK) {
		if (v.num == INNER && v.type == WIRE_PB_BYTES)
			walk_scope(w, v.s);
	}
}

void wire_otlp_row_each(
    enum wire_otlp_kind kind, struct or_slice in, wire_otlp_row_fn *fn, void *arg)
{
	struct walk w = {.fn = fn, .arg = arg, .row = {.kind = kind}};
	struct wire_pb_field v;

	while (!w.stopped && wire_pb_next(&v, &in) == OR_OK) {
		if (v.num == 1 && v.type == WIRE_PB_BYTES)
			walk_resource(&w, v.s);
	}
}
