/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A product as it travels: descriptor, contracts and the running version's source in one JSON text.
 *
 *   {"contracts":[ODCS…],"product":ODPS,"source":{"commit","committed","modified"}}
 *
 * Canonical: members in the order of their names, contracts in the order of their ids, no blanks;
 * so the same files give the same bytes, and their hash names the content.
 * Thread: any. Owns: nothing. Limits: DP_DOCUMENT_MAX bytes (OR_FULL).
 */
#ifndef PRODUCT_DOCUMENT_H
#define PRODUCT_DOCUMENT_H

#include "product/folder.h"

#define DP_DOCUMENT_MAX        (1024U * 1024)
#define DP_DOCUMENT_COMMIT_MAX 64 /* characters: a SHA-256 in hex */

/* Where the running version was built from; p == NULL: not known. */
struct dp_source {
	struct or_slice commit;    /* hex, in lower case */
	struct or_slice committed; /* RFC 3339: when it was committed */
	bool modified;             /* the folder had changes that are in no commit */
};

struct dp_document {
	struct dp_folder folder;
	struct dp_source source;
};

/* Appends the text. OR_FULL; OR_INVAL: source. */
OR_NODISCARD enum or_code dp_document_put(struct or_buf *out, const struct dp_folder *folder,
    const struct dp_source *source, struct or_err *err);

/* Validates and loads, as dp_folder_load does. OR_PARSE, OR_INVAL: what is wrong, with its path;
 * OR_FULL: a limit, or the arena's. *out borrows from text and arena. */
OR_NODISCARD enum or_code dp_document_parse(
    struct dp_document *out, struct or_slice text, struct or_arena *a, struct or_err *err);

#endif
