/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A product's entry: what its agent's document says, in tables.
 *
 * Thread: the slow thread. One transaction for each document.
 * Limits: CO_ENTRY_PRODUCTS_MAX products; CO_ENTRY_TERMS_MAX things of one product can be searched
 * for (what is beyond is left out, and counted).
 */
#ifndef COLLECTOR_CATALOGUE_ENTRY_H
#define COLLECTOR_CATALOGUE_ENTRY_H

#include "base/db.h"
#include "product/document.h"

#define CO_ENTRY_PRODUCTS_MAX 100000
#define CO_ENTRY_TERMS_MAX    20000

struct co_entry {
	struct or_slice product; /* whom the frame's stream names */
	struct or_slice sha256;  /* of the document, hex */
	struct or_slice agent;   /* its UUID as text */
	int64_t sent_ns;         /* when it was signed */
	int64_t now_ns;
};

/* *is_new: the document differs from the one before. OR_STALE: signed before the one that is there.
 * OR_INVAL: it is about another product. OR_FULL: too many products, or the database. */
OR_NODISCARD enum or_code co_entry_put(bool *is_new, struct or_db *db, const struct co_entry *entry,
    const struct dp_document *document, struct or_err *err);

#endif
