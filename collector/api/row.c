/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/api/row.h"

#include "base/str.h"
#include "collector/api/ocsf.h"
#include "proto/json.h"

enum { CELL_MAX = 256 * 1024 };

enum or_code co_row_form_parse(enum co_row_form *out, struct or_slice name)
{
	static const char *const names[] = {"json", "ocsf", "csv"};

	for (size_t i = 0; i < OR_LEN(names); i++) {
		if (or_slice_is(name, names[i])) {
			*out = (enum co_row_form)i;
			return OR_OK;
		}
	}
	return OR_ABSENT;
}

const char *co_row_type(enum co_row_form form)
{
	return form == CO_ROW_CSV ? "text/csv; charset=utf-8; header=present"
				  : "application/x-ndjson";
}

/* ---- CSV */

static void put_cell(struct or_buf *out, struct or_slice s)
{
	bool quoted = false, formula = s.n && memchr("=+-@\t\r", s.p[0], 6);

	for (size_t i = 0; i < s.n && !quoted; i++)
		quoted = s.p[i] == '"' || s.p[i] == ',' || s.p[i] == '\n' || s.p[i] == '\r';
	if (quoted)
		or_buf_put_byte(out, '"');
	if (formula)
		or_buf_put_byte(out, '\'');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			or_buf_put_byte(out, '"');
		or_buf_put_byte(out, s.p[i]);
	}
	if (quoted)
		or_buf_put_byte(out, '"');
}

static void put_value(struct or_buf *out, const struct wire_field_value *v)
{
	struct or_buf cell;
	struct or_jsonw w;

	or_buf_put_byte(out, ',');
	or_buf_init(&cell, CELL_MAX);
	switch (v->type) {
	case WIRE_FIELD_NONE: break;
	case WIRE_FIELD_INT: or_buf_put_u64(&cell, v->i); break;
	case WIRE_FIELD_TIME: or_str_time(&cell, (int64_t)v->i); break;
	case WIRE_FIELD_TEXT: or_buf_put_slice(&cell, v->s); break;
	case WIRE_FIELD_LIST:
		or_jsonw_init(&w, &cell, 0);
		wire_json_value(&w, v);
		break;
	}
	put_cell(out, or_buf_slice(&cell));
	or_buf_done(&cell);
}

/* Attributes have no end of names; who wants one says so in the query. */
static bool is_plain(const struct wire_field *f)
{
	return strncmp(wire_field_name(f), "attributes", 10) != 0;
}

static void put_csv(
    struct or_buf *out, const struct co_query *q, const char *id, const struct wire_audit *record)
{
	struct wire_field_value v;
	struct or_buf scratch;

	or_buf_init(&scratch, CELL_MAX);
	or_buf_put_str(out, id);
	for (size_t i = 0; i < q->n_fields; i++) {
		wire_field_get(&v, q->fields[i].field, record, q->fields[i].name, &scratch);
		put_value(out, &v);
	}
	for (const struct wire_field *f = q->n_fields ? NULL : wire_field_next(NULL); f;
	     f = wire_field_next(f)) {
		if (!is_plain(f))
			continue;
		wire_field_get(&v, f, record, or_slice_str(wire_field_name(f)), &scratch);
		put_value(out, &v);
	}
	or_buf_put_str(out, "\r\n");
	or_buf_done(&scratch);
}

void co_row_head(struct or_buf *out, enum co_row_form form, const struct co_query *q)
{
	if (form != CO_ROW_CSV)
		return;
	or_buf_put_str(out, "id");
	for (size_t i = 0; i < q->n_fields; i++) {
		or_buf_put_byte(out, ',');
		put_cell(out, q->fields[i].name);
	}
	for (const struct wire_field *f = q->n_fields ? NULL : wire_field_next(NULL); f;
	     f = wire_field_next(f)) {
		if (is_plain(f))
			or_buf_printf(out, ",%s", wire_field_name(f));
	}
	or_buf_put_str(out, "\r\n");
}

void co_row_put(struct or_buf *out, enum co_row_form form, const struct co_query *q, const char *id,
    const struct co_run_place *place, const struct wire_audit *record)
{
	struct or_jsonw w;

	switch (form) {
	case CO_ROW_JSON: co_run_put_record(out, q, id, place, record); return;
	case CO_ROW_OCSF:
		or_jsonw_init(&w, out, 0);
		co_ocsf_put(&w, id, record);
		or_buf_put_byte(out, '\n');
		return;
	case CO_ROW_CSV: put_csv(out, q, id, record); return;
	}
}
