/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4), in hardware where the processor has SSE 4.2.
 * Any thread.
 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include "base/def.h"

/* crc: 0 at the start, or the result of the bytes before. */
uint32_t or_crc32c(uint32_t crc, struct or_slice s);

/* The same from tables, as on processors without the instruction; for tests. */
uint32_t or_crc32c_portable(uint32_t crc, struct or_slice s);

#endif
