/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who reads a product: counts of allowed reads by principal and port, from the audit logs.
 *
 * A read that was allowed is a record of kind access, action "read", decision "allow", that is a
 * decision or complete (its outcome is another record of the same read). The reader's domain is the
 * token's claim "domain", where the decision's inputs hold one; else it is not known.
 * Records of a slice are gathered first, so that the database is touched once for each reader.
 *
 * Thread: the slow thread. Limits: CO_READER_MAX rows for a product, later readers are only counted
 * ("unnamed"); CO_READER_GATHER_MAX readers in a slice (OR_FULL: write, then go on).
 */
#ifndef COLLECTOR_CATALOGUE_READER_H
#define COLLECTOR_CATALOGUE_READER_H

#include "base/db.h"
#include "proto/audit.h"

#define CO_READER_MAX        10000
#define CO_READER_GATHER_MAX 1000

struct co_reader;

/* inputs_dir is borrowed for the reader's life (collector/ingest/inputs.h). */
struct co_reader *co_reader_new(const char *inputs_dir);
void co_reader_free(struct co_reader *r);

/* Gathers the record where it is an allowed read; id: as people name it (proto/leaf.h). */
OR_NODISCARD enum or_code co_reader_take(
    struct co_reader *r, const struct wire_audit *record, const char *id);

/* Writes what was gathered, inside the caller's transaction, and begins anew. */
OR_NODISCARD enum or_code co_reader_write(
    struct co_reader *r, struct or_db *db, struct or_err *err);

#endif
