/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What capture.files says: which files there are, and how each is read. Pure; any thread.
 */
#ifndef AGENT_CAPTURE_FILES_FILES_CONFIG_H
#define AGENT_CAPTURE_FILES_FILES_CONFIG_H

#include "agent/capture/files/batch.h"

#define AG_FILES_PATTERNS_MAX 64

struct ag_files_pattern {
	char *path; /* of glob(7) */
	struct ag_batch_format format;
};

struct ag_files_config {
	struct ag_files_pattern patterns[AG_FILES_PATTERNS_MAX];
	size_t n;
	struct ag_files_config *older; /* the owner's */
};

/* list: NULL is none. OR_INVAL: which one, and what is wrong with it. */
OR_NODISCARD enum or_code ag_files_config_init(
    struct ag_files_config *out, const struct or_json *list, struct or_err *err);
void ag_files_config_done(struct ag_files_config *c);

#endif
