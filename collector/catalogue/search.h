/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding products by words, and putting them as JSON.
 *
 * A word is found anywhere in a product's id, name, description, domain, owner, team, tags, ports,
 * contracts' names and columns, in any case (of ASCII); "column:mail" looks among columns alone.
 * All words must be found. Products that more principals read come first, then by name.
 * Thread: the slow thread. Limits: CO_SEARCH_WORDS_MAX words (OR_INVAL), CO_SEARCH_SHOWN products,
 * for each CO_SEARCH_LISTED readers and matches.
 */
#ifndef COLLECTOR_CATALOGUE_SEARCH_H
#define COLLECTOR_CATALOGUE_SEARCH_H

#include "base/db.h"
#include "base/jsonw.h"

#define CO_SEARCH_WORDS_MAX 8
#define CO_SEARCH_SHOWN     100
#define CO_SEARCH_LISTED    10

/* Puts {"products":[…],"matched":n,"known":n}. OR_INVAL: too many words, or "x:" with an unknown
 * x; the message names the nearest. */
OR_NODISCARD enum or_code co_search_put(
    struct or_jsonw *w, struct or_db *db, struct or_slice query, struct or_err *err);

#endif
