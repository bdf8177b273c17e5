/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A product's folder as the commands read it: the descriptor and the contracts beside it.
 * Thread: the main thread. Everything lies in the caller's arena.
 */
#ifndef CLI_FOLDER_H
#define CLI_FOLDER_H

#include "product/folder.h"

/* path: the descriptor. What is wrong in the files goes to report, warnings too, as in
 * dp_folder_load. OR_FULL, OR_ABSENT, OR_IO: they could not be read. */
OR_NODISCARD enum or_code ctl_folder_read(struct dp_folder *out, const char *path,
    struct or_arena *a, struct or_buf *report, struct or_err *err);

#endif
