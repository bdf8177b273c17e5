/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes, as a request in protobuf and in JSON: what is taken is written as JSON and read back
 * to the same bytes, and its rows can be walked. */
#include "proto/otlp_json.h"
#include "proto/otlp_row.h"

enum { ROOM = 1 << 22 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool on_row(void *arg, const struct wire_otlp_row *row)
{
	struct or_jsonw w;

	or_buf_clear(arg);
	or_jsonw_init(&w, arg, 0);
	or_jsonw_object(&w);
	or_jsonw_key(&w, "body");
	wire_otlp_json_any(&w, row->body);
	or_jsonw_key(&w, "attributes");
	wire_otlp_json_pairs(&w, row->message, row->attributes);
	or_jsonw_end(&w);
	return true;
}

static void again(enum wire_otlp_kind kind, struct or_slice request, struct or_arena *a)
{
	struct or_buf json, back;
	struct or_jsonw w;
	uint64_t items;

	or_buf_init(&json, ROOM);
	or_buf_init(&back, ROOM);
	OR_ASSERT(wire_otlp_check(&items, kind, request, NULL) == OR_OK);
	or_jsonw_init(&w, &json, 0);
	wire_otlp_json_write(&w, kind, request);
	or_arena_clear(a);
	if (or_buf_ok(&json) &&
	    wire_otlp_json_read(&back, kind, or_buf_slice(&json), a, NULL) == OR_OK)
		OR_ASSERT(or_slice_eq(or_buf_slice(&back), request));
	or_buf_clear(&json);
	wire_otlp_row_each(kind, request, on_row, &json);
	or_buf_done(&json);
	or_buf_done(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_arena *a = or_arena_new(ROOM);
	struct or_slice in = or_slice(data, size);
	struct or_buf request, text;
	struct or_jsonw w;
	uint64_t items;

	or_buf_init(&request, ROOM);
	or_buf_init(&text, ROOM);
	for (enum wire_otlp_kind kind = WIRE_OTLP_LOGS; kind <= WIRE_OTLP_SPANS; kind++) {
		or_buf_clear(&request);
		or_arena_clear(a);
		if (wire_otlp_json_read(&request, kind, in, a, NULL) == OR_OK)
			again(kind, or_buf_slice(&request), a);
		if (wire_otlp_check(&items, kind, in, NULL) == OR_OK) {
			or_buf_clear(&text);
			or_jsonw_init(&w, &text, 0);
			wire_otlp_json_write(&w, kind, in);
			wire_otlp_row_each(kind, in, on_row, &text);
		}
	}
	or_buf_done(&request);
	or_buf_done(&text);
	or_arena_free(a);
	return 0;
}
