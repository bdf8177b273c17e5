/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers from the kernel (getrandom), and UUIDs (RFC 9562 version 4). Any thread.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include "base/def.h"

#define OR_RNG_UUID_LEN 36

void or_rng_fill(void *p, size_t n);
/* The same for ids that are made often (n <= OR_RNG_ID_MAX): the kernel is asked for many at a
 * time. What was given out is wiped, and a forked child starts anew. Not for keys. */
#define OR_RNG_ID_MAX 32
void or_rng_id(void *p, size_t n);
uint64_t or_rng_u64(void);
/* Lower-case text with a NUL behind it. */
void or_rng_uuid(char out[OR_RNG_UUID_LEN + 1]);

#endif
