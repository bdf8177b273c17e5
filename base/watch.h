/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches one file by name: a call when it was written, replaced or made, once it is quiet.
 *
 * The folder is watched (inotify), not the file, since a rename puts another file in its place and
 * Kubernetes swaps a symbolic link beside it; so any change in the folder to that name, or to a
 * name that begins with "..", counts. A path that ends in '/' watches all names of that folder.
 * Thread: the loop's. Limits: one inotify instance each.
 */
#ifndef BASE_WATCH_H
#define BASE_WATCH_H

#include "base/loop.h"

#define OR_WATCH_SETTLE_NS (20 * OR_NS_PER_MS)

struct or_watch;

/* path is copied. OR_IO: the folder cannot be watched. */
OR_NODISCARD enum or_code or_watch_start(struct or_watch **out, struct or_loop *loop,
    const char *path, or_loop_fn *fn, void *arg, struct or_err *err);
void or_watch_cancel(struct or_watch *w);

#endif
