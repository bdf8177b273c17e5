/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the probes' decoders: the bounded texts of a record. Pure; any thread.
 */
#ifndef EBPF_TEXT_H
#define EBPF_TEXT_H

#include "base/def.h"

/* Takes n bytes from the front of *rest into *part; false where there are fewer. */
bool tap_text_take(struct or_slice *part, struct or_slice *rest, size_t n);

/* Text with exactly one NUL, its last byte; or nothing at all, which gives "". out has room for
 * room bytes. False: it is neither, or does not fit. */
bool tap_text_copy(char *out, size_t room, struct or_slice raw);

/* Names from the file up to the root, each with its NUL, as a path from the root down: "/" and
 * joined by "/". Without the leading "/" where flags have TAP_PATH_DETACHED, and with "..." in its
 * place where they have TAP_CUT_PATH. False: malformed, or longer than room. */
bool tap_text_path(char *out, size_t room, struct or_slice raw, uint32_t flags);

#endif
