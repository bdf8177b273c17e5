/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masks carried out on an answer's content (agent/gate/filter.h): JSON, NDJSON and CSV, plain or
 * packed with gzip, which is unpacked and packed again.
 *
 * An answer of another type or coding is refused at its first byte of content, so that one without
 * content passes. CSV that says it has no header row cannot be masked; nor can a charset other than
 * UTF-8 and US-ASCII. The first AG_MASK_FILTER_HOLD bytes of JSON and CSV are held back: what is
 * wrong by then refuses the answer instead of cutting it. NDJSON is not held, it may be slow.
 *
 * Thread: the loop's. Owns: its buffers. Memory: some 100 KiB for usual answers, 2 MiB at most.
 */
#ifndef AGENT_GATE_MASK_MASK_FILTER_H
#define AGENT_GATE_MASK_MASK_FILTER_H

#include "agent/gate/decide.h"

#define AG_MASK_FILTER_HOLD (32U * 1024)

/* ag_decide_opt.oblige, with this as its argument; borrowed for the core's life. */
struct ag_mask_filter_conf {
	struct or_slice hash_key;
};

/*
 * The masks that the decision owes, as a plan. OR_UNSUPPORTED: something else is owed as well.
 * OR_INVAL: a mask that cannot be read. OR_FULL: the arena.
 */
OR_NODISCARD enum or_code ag_mask_filter_oblige(void *arg, const struct ag_filter_plan **out,
    const struct pol_decision *decision, const struct ag_decide_result *so_far, struct or_arena *a);

#endif
