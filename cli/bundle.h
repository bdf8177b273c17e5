/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy bundles from a folder: what `outrider policy build` signs, and what `outrider run` makes
 * for development.
 */
#ifndef CLI_BUNDLE_H
#define CLI_BUNDLE_H

#include "cli/state.h"

struct ctl_bundle_opt {
	const char *product_path; /* the descriptor; its policy/ folder lies beside it */
	const char *key_path;     /* PEM, private, Ed25519 */
	const char *out_path;
	uint64_t revision;      /* 0: the Unix time in seconds */
	int64_t life_ns;        /* until it is not valid any more */
	const char *policy_dir; /* NULL: policy/ beside the descriptor */
};

struct ctl_bundle_built {
	uint64_t revision;
	size_t n_policies;
	char sha256[65];
	const char *product; /* in the state's arena */
};

/* Reads, checks (everything parses, validates against the schema), signs and writes. OR_PARSE: the
 * message points into the policy with a caret. */
OR_NODISCARD enum or_code ctl_bundle_build(struct ctl_bundle_built *out, struct ctl_state *s,
    const struct ctl_bundle_opt *opt, struct or_err *err);

/* Whether an agent that trusts these keys (PEM files) takes the file for the product: the errors of
 * pol_bundle_open, and those of reading the files. */
OR_NODISCARD enum or_code ctl_bundle_check(
    const char *path, const char *const *trust, size_t n, const char *product, struct or_err *err);

/* A development bundle in dir, signed with <state>/keys/bundle.key, which is made where it is
 * missing. Both paths are in the state's arena. */
OR_NODISCARD enum or_code ctl_bundle_develop(const char **bundle, const char **public_key,
    struct ctl_state *s, const char *product_path, const char *dir, struct or_err *err);

#endif
