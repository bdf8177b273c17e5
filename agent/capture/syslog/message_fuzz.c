/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/syslog/message.h"

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ag_message m;
	struct or_arena *a = or_arena_new(1 << 18);

	ag_message_read(&m, or_slice(data, size), 1795518000000000000, a);
	OR_ASSERT(m.severity < 8 && m.facility < 24 && m.n <= AG_MESSAGE_PARAMS);
	OR_ASSERT(m.text.n <= size && !(m.is_5424 && m.is_malformed));
	for (size_t i = 0; i < m.n; i++) {
		OR_ASSERT(m.params[i].id.n && m.params[i].id.n <= 32);
		OR_ASSERT(or_str_is_utf8(m.params[i].value));
	}
	or_arena_free(a);
	return 0;
}
