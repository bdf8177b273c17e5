/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte is the format, how lines belong together and what they say, the second where the
 * data is torn. */
#include "agent/capture/files/batch.h"

#include "proto/otlp.h"
#include "proto/otlp_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct ag_batch *b)
{
	struct or_buf request;
	uint64_t items = 0;

	or_buf_init(&request, 4U << 20);
	wire_otlp_log_request(
	    &request, OR_SLICE_LIT("p"), OR_SLICE_LIT("/a"), or_buf_slice(&b->logs));
	OR_ASSERT(wire_otlp_check(&items, WIRE_OTLP_LOGS, or_buf_slice(&request), NULL) == OR_OK);
	OR_ASSERT(items == b->records);
	OR_ASSERT(b->end <= b->reached);
	or_buf_done(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum ag_event_kind kinds[] = {
	    AG_EVENT_NONE, AG_EVENT_INDENT, AG_EVENT_JAVA, AG_EVENT_PYTHON, AG_EVENT_GO};
	struct ag_batch_format f = {.event = {.max_lines = 5, .max_bytes = 64}};
	struct or_slice text;
	struct ag_batch b;
	size_t torn, taken[AG_LINE_STREAMS];

	if (size < 2 || size > AG_BATCH_WINDOW)
		return 0;
	f.line = (enum ag_line_format)(data[0] % 3);
	f.event.kind = kinds[data[0] / 3 % OR_LEN(kinds)];
	f.decode = (enum ag_decode_kind)(data[0] / 15 % 4);
	text = or_slice(data + 2, size - 2);
	torn = text.n * data[1] / 256;
	ag_batch_init(&b, NULL);
	ag_batch_clear(&b);
	ag_batch_read(&b, &f, or_slice(text.p, torn));
	check(&b);
	for (size_t i = 0; i < AG_LINE_STREAMS; i++)
		taken[i] = b.streams[i].taken > b.end ? b.streams[i].taken - b.end : 0;
	text = or_slice_from(text, b.end);
	ag_batch_clear(&b);
	for (size_t i = 0; i < AG_LINE_STREAMS; i++)
		b.streams[i].taken = taken[i];
	ag_batch_read(&b, &f, text);
	ag_batch_finish(&b, &f, text);
	check(&b);
	OR_ASSERT(b.end == text.n);
	ag_batch_done(&b);
	return 0;
}
