/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents that can be laid out in several ways (Wadler, "A prettier printer"). Private to the
 * room.
 *
 * A group is set on one line where it fits, otherwise each line of it that is not in a group of its
 * own is broken. NULL is the empty document. Documents lie in an arena; when it is full the maker
 * gives NULL and or_arena_is_full tells.
 */
#ifndef POLICY_FORMAT_DOC_H
#define POLICY_FORMAT_DOC_H

#include "base/arena.h"
#include "base/buf.h"

struct pol_format_doc;

/* A line's end, or a blank (line), nothing (line0) where the group is set on one line. */
extern const struct pol_format_doc pol_format_doc_line, pol_format_doc_line0, pol_format_doc_hard,
    pol_format_doc_space;

/* Borrows the bytes. */
const struct pol_format_doc *pol_format_doc_text(struct or_arena *a, struct or_slice s);
const struct pol_format_doc *pol_format_doc_cat(
    struct or_arena *a, const struct pol_format_doc *left, const struct pol_format_doc *right);
const struct pol_format_doc *pol_format_doc_nest(
    struct or_arena *a, int indent, const struct pol_format_doc *d);
const struct pol_format_doc *pol_format_doc_group(
    struct or_arena *a, const struct pol_format_doc *d);

/* No blank lines and no blanks at lines' ends come out, but for those inside of texts. False: no
 * room to work in. */
bool pol_format_doc_render(struct or_buf *b, const struct pol_format_doc *d, int width);

#endif
