/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `outrider verify ID`: that one record is in the log, without reading the rest of it: a proof of
 * at most 64 hashes from the log's tiles up to the signed root (RFC 9162 §2.1.3.2).
 */
#ifndef CLI_INCLUSION_H
#define CLI_INCLUSION_H

#include "cli/source.h"

/* src: from the API. pinned: --key, or NULL. Returns the exit code. */
int ctl_inclusion_main(const struct ctl_source *src, const char *id, const char *pinned, bool json);

#endif
