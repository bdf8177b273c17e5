/* SPDX-License-Identifier: Apache-2.0 */
/* The spool's state file, for the files of agent/spool alone: two slots, written in turn, of which
 * the newer valid one counts. What is in it and why: agent/spool/spool_state.c. */
#ifndef AGENT_SPOOL_SPOOL_STATE_H
#define AGENT_SPOOL_SPOOL_STATE_H

#include "agent/spool/spool_inside.h"

#define AG_SPOOL_SLOT (64 * 1024)

/* Encodes what is to be remembered into one slot. */
void ag_spool_state_encode(struct or_buf *out, const struct ag_spool *spool, uint64_t generation);
uint64_t ag_spool_state_offset(uint64_t generation);
OR_NODISCARD enum or_code ag_spool_state_reserve(int fd, struct or_err *err);

struct spool_state_stream {
	struct or_slice name;
	uint64_t next_seq;
	uint64_t prev_seq;
	struct ag_spool_mark acked;
};

struct spool_state {
	uint64_t generation; /* 0: there was none */
	uint64_t epoch;
	uint64_t prev_epoch;
	uint64_t last_number; /* of the newest segment that there was; 0: none */
	uint64_t next_number; /* was not used yet */
	struct spool_state_stream streams[AG_SPOOL_STREAMS_MAX];
	size_t n_streams;
	struct spool_place places[AG_SPOOL_PLACES_MAX];
	size_t n_places;
};

/* The newer valid slot of the file; names point into it. OR_ABSENT: nothing was ever written.
 * OR_CORRUPT: neither is valid. */
OR_NODISCARD enum or_code ag_spool_state_decode(struct spool_state *out, struct or_slice file);

#endif
