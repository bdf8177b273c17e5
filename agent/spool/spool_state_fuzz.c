/* SPDX-License-Identifier: Apache-2.0 */
/* Reads foreign bytes as a state file; what is accepted keeps the limits of a spool. */
#include "agent/spool/spool_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct spool_state state;

	if (ag_spool_state_decode(&state, or_slice(data, size)) != OR_OK)
		return 0;
	OR_ASSERT(state.generation > 0 && state.n_streams <= AG_SPOOL_STREAMS_MAX);
	for (size_t i = 0; i < state.n_streams; i++)
		OR_ASSERT(
		    state.streams[i].name.n <= AG_SPOOL_NAME_MAX && state.streams[i].next_seq > 0);
	return 0;
}
