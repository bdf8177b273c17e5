/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the product from its folder: the descriptor and the contracts beside it (product/folder.h).
 *
 * Thread: the main thread, at the start. The result lives in the caller's arena.
 */
#ifndef AGENT_FOLDER_H
#define AGENT_FOLDER_H

#include "product/folder.h"

/* path: the descriptor. Warnings are logged. OR_ABSENT, OR_IO: a file; OR_INVAL, OR_PARSE, OR_FULL:
 * what is in it, with file and line. */
OR_NODISCARD enum or_code ag_folder_read(
    struct dp_folder *out, const char *path, struct or_arena *a, struct or_err *err);

#endif
