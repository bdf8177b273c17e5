/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What decisions were made from (groups, attributes, context), once by content: the file
 * <dir>/<first two hex digits>/<the other 62> of the SHA-256. Blocking: for the slow thread.
 */
#ifndef COLLECTOR_INGEST_INPUTS_H
#define COLLECTOR_INGEST_INPUTS_H

#include "base/crypto.h"

/* Durable when it returns; one that is there already is left alone. */
OR_NODISCARD enum or_code co_inputs_put(
    const char *dir, struct or_slice inputs, struct or_err *err);

/* Puts what was stored. OR_ABSENT; OR_CORRUPT: the file is not what its name says. */
OR_NODISCARD enum or_code co_inputs_get(struct or_buf *out, const char *dir,
    const uint8_t hash[OR_CRYPTO_HASH_LEN], struct or_err *err);

#endif
