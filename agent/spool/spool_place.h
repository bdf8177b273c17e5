/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places: how far something has been read that a spool's records come from (a file).
 *
 * A place lies in the record's own entry: after a crash either both are there or neither. The last
 * one of each id is remembered when the record is gone.
 *
 * Thread: the spool's loop. Limits: AG_SPOOL_PLACES_MAX ids, AG_SPOOL_PLACE_MAX bytes of a value.
 */
#ifndef AGENT_SPOOL_SPOOL_PLACE_H
#define AGENT_SPOOL_SPOOL_PLACE_H

#include "agent/spool/spool.h"

#define AG_SPOOL_PLACES_MAX 256
#define AG_SPOOL_PLACE_ID   16
#define AG_SPOOL_PLACE_MAX  96

struct ag_spool_place {
	uint8_t id[AG_SPOOL_PLACE_ID];
	struct or_slice value;
};

/* As ag_spool_append. OR_FULL also where so many are remembered as may be. */
OR_NODISCARD enum or_code ag_spool_place_append(struct ag_spool *spool, uint16_t stream,
    struct or_slice record, const struct ag_spool_place *place);
/* The i-th that is remembered, in no order; borrowed until the next append. False: there are fewer.
 */
bool ag_spool_place_get(struct ag_spool_place *out, const struct ag_spool *spool, size_t i);
/* What is read from there is gone, and will not come again. After a crash it may be remembered
 * once more. */
void ag_spool_place_forget(struct ag_spool *spool, const uint8_t id[AG_SPOOL_PLACE_ID]);

#endif
