/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is signed, as bytes: a domain, then each field behind its length, so that no two
 * messages and no two kinds of message give the same bytes. Used inside proto/ only.
 */
#ifndef PROTO_SIGNED_H
#define PROTO_SIGNED_H

#include "base/crypto.h"

void wire_signed_begin(struct or_buf *b, const char *domain);
void wire_signed_put(struct or_buf *b, struct or_slice s); /* 32-bit big-endian length, bytes */
void wire_signed_put_u64(struct or_buf *b, uint64_t v);    /* as 8 bytes, big-endian */

#endif
