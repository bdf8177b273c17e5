/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies in a collector's directory beside a shard's leaves and can be checked by itself: the
 * inputs of decisions (each file's name is the SHA-256 of its bytes), and that the directory's
 * small files say the same: collector_id, shards.json, log.json.
 *
 * Thread: one; blocks on the disk.
 */
#ifndef CLI_SOURCE_REST_H
#define CLI_SOURCE_REST_H

#include "cli/source.h"

/* Calls damage for each file that is not what it was. */
OR_NODISCARD enum or_code ctl_source_rest_check(const struct ctl_source *src,
    const struct ctl_source_shard *shard, ctl_source_damage_fn *damage, void *arg,
    struct or_err *err);

#endif
