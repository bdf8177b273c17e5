/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `outrider verify ID`: that one record is in the log, without reading the rest of it: a proof of
 * at most 64 hashes from the log's tiles up to the signed root (RFC 9162 §2.1.3.2). The same proof
 * as a file (C2SP tlog-proof, the leaf as its extra data) is what `outrider export --proof` writes,
 * and `outrider verify FILE` checks without asking anybody.
 */
#ifndef CLI_INCLUSION_H
#define CLI_INCLUSION_H

#include "cli/source.h"

/* src: from the API. pinned: --key, or NULL. Returns the exit code. */
int ctl_inclusion_main(const struct ctl_source *src, const char *id, const char *pinned, bool json);

/* Puts the file of a proof that has been verified. */
OR_NODISCARD enum or_code ctl_inclusion_export(struct or_buf *out, const struct ctl_source *src,
    const char *id, const char *pinned, struct or_err *err);

/* Checks a proof file. pinned: --key, or NULL: the key pinned for that log. Returns the exit code.
 */
int ctl_inclusion_file(struct ctl_state *s, const char *path, const char *pinned, bool json);

#endif
