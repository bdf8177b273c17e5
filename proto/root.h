/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Merkle tree hash of a batch (RFC 6962 §2.1, SHA-256): what a frame signs for its records.
 * Any thread. The room tlog has the tree that lasts; agents need this one function of it.
 */
#ifndef PROTO_ROOT_H
#define PROTO_ROOT_H

#include "base/crypto.h"

/* Of the records' bytes, in their order; n = 0 gives the hash of the empty string. */
void wire_root_compute(uint8_t out[OR_CRYPTO_HASH_LEN], const struct or_slice *records, size_t n);

#endif
