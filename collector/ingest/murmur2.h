/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which shard a product lies in: as Kafka's Java client chooses a partition for a key (murmur2 with
 * seed 0x9747b28c, the sign bit cleared, modulo), so that both ways in agree. Any thread.
 */
#ifndef COLLECTOR_INGEST_MURMUR2_H
#define COLLECTOR_INGEST_MURMUR2_H

#include "base/def.h"

uint32_t co_murmur2_hash(struct or_slice s);

/* n > 0. */
uint32_t co_murmur2_partition(struct or_slice product, uint32_t n);

#endif
