/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database of what is known about products: <state>/catalogue.db (base/db.h), its schema, and
 * short ways to run a statement. Who writes which table:
 *
 *   product port contract column_ term    collector/catalogue/entry.h, from agents' documents
 *   reader access                         collector/catalogue/reader.h, from the audit logs
 *   sight                                 collector/dora/dora.h, from the audit logs
 *   run                                   collector/dora/runs.h, from stored OpenLineage events
 *   place                                 collector/catalogue/feed.h: how far each log was read
 *
 * What comes from the logs is written in one transaction with its place, so each record counts
 * once; without the file everything is read again from the first leaf, and agents send their
 * documents again (agent/announce/announce.h). It is an index, not the truth.
 *
 * Thread: the slow thread, or before a loop runs. Limits: CO_FACTS_MAX bytes (OR_FULL).
 */
#ifndef COLLECTOR_CATALOGUE_FACTS_H
#define COLLECTOR_CATALOGUE_FACTS_H

#include "base/db.h"
#include "base/jsonw.h"

#define CO_FACTS_MAX (4ULL * 1024 * 1024 * 1024)

/* Errors are those of or_db_open; the message says that the file may be moved away. */
OR_NODISCARD enum or_code co_facts_open(struct or_db **out, const char *path, struct or_err *err);

/* One parameter: text, or where text.p is NULL and is_number, the number, else NULL. */
struct co_facts_value {
	struct or_slice text;
	int64_t number;
	bool is_number;
};

static inline struct co_facts_value co_facts_text(struct or_slice s)
{
	return (struct co_facts_value){.text = s};
}

static inline struct co_facts_value co_facts_number(int64_t n)
{
	return (struct co_facts_value){.number = n, .is_number = true};
}

/* Prepares and binds; on success *out is the caller's (or_db_stmt_free). */
OR_NODISCARD enum or_code co_facts_prepare(struct or_db_stmt **out, struct or_db *db,
    const char *sql, const struct co_facts_value *values, size_t n, struct or_err *err);
/* Runs it to its end. */
OR_NODISCARD enum or_code co_facts_run(struct or_db *db, const char *sql,
    const struct co_facts_value *values, size_t n, struct or_err *err);
/* The first row's numbers (at most n_out), 0 where NULL; *has_row false where there is none. */
OR_NODISCARD enum or_code co_facts_get(int64_t *out, size_t n_out, bool *has_row, struct or_db *db,
    const char *sql, const struct co_facts_value *values, size_t n, struct or_err *err);

/* Puts key and time as text; null where it is 0. */
void co_facts_put_time(struct or_jsonw *w, const char *key, int64_t unix_ns);
/* Puts key and the column's text; null where it has none. */
void co_facts_put_text(struct or_jsonw *w, const char *key, struct or_db_stmt *row, int column);

#endif
