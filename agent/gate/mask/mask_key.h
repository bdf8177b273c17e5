/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key of the mask `hash`: a file that several gates may share, so that their hashes join.
 *
 * Thread: the loop's, at the start. Limits: AG_MASK_KEY_MIN to AG_MASK_KEY_MAX bytes.
 */
#ifndef AGENT_GATE_MASK_MASK_KEY_H
#define AGENT_GATE_MASK_MASK_KEY_H

#include "base/buf.h"
#include "base/err.h"

#define AG_MASK_KEY_MIN 16
#define AG_MASK_KEY_MAX 4096

/*
 * Appends the bytes of the file; where path is NULL, of "mask.key" in state_dir, which is made with
 * 32 random bytes and mode 0600 where it is not there.
 * OR_INVAL: shorter than AG_MASK_KEY_MIN. OR_FULL: longer. OR_ABSENT, OR_IO.
 */
OR_NODISCARD enum or_code ag_mask_key_read(
    struct or_buf *out, const char *path, const char *state_dir, struct or_err *err);

#endif
