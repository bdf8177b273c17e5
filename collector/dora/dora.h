/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast a product's team delivers, from what was recorded: each figure with the events it comes
 * from, and what is not known is said not to be known.
 *
 *   deployment     the first record with action "start" of a (version, commit, modified or not)
 *   lead time      from that commit's time to the version's first COMPLETE run (OpenLineage)
 *   to first start from that commit's time to the deployment; what can be said without runs
 *   adoption       from the product's first deployment to the first allowed read by a principal
 *                  whose domain is known and is not the product's
 *
 * A version that was started from a folder with uncommitted changes has no commit time of its own,
 * so it counts as a deployment but has no lead time.
 * Thread: the slow thread. Limits: CO_DORA_SIGHTS_MAX deployments of a product are kept (later ones
 * are not), CO_DORA_SHOWN of them are listed.
 */
#ifndef COLLECTOR_DORA_DORA_H
#define COLLECTOR_DORA_DORA_H

#include "base/db.h"
#include "base/jsonw.h"
#include "proto/audit.h"

#define CO_DORA_SIGHTS_MAX 10000
#define CO_DORA_SHOWN      100

/* Keeps what the record says, inside the caller's transaction; id: as people name it. */
OR_NODISCARD enum or_code co_dora_take(
    struct or_db *db, const struct wire_audit *record, const char *id, struct or_err *err);

/* Puts the figures as an object. OR_ABSENT: nothing is known of the product. */
OR_NODISCARD enum or_code co_dora_put(
    struct or_jsonw *w, struct or_db *db, struct or_slice product, struct or_err *err);

#endif
