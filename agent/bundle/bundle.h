/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy bundle that is in force: taken from a file, verified, and replaced as a whole.
 *
 *   - The file is looked at when it changes (inotify) and on ag_bundle_reload (SIGHUP).
 *   - What is taken is kept as <state>/bundle.good with the revision in <state>/bundle.revision, so
 *     that a restart without the file goes on, and a lower revision is refused for ever.
 *   - What is refused (a wrong signature, another product, a lower revision, a policy that does not
 *     parse) leaves the one in force as it is; the reason is kept for status and told on_change.
 *
 * Thread: the loop's. Owns: the bundle in force; ag_bundle_get borrows it until the next turn, a
 * longer user takes a reference of its own.
 */
#ifndef AGENT_BUNDLE_BUNDLE_H
#define AGENT_BUNDLE_BUNDLE_H

#include "base/loop.h"
#include "base/opt.h"
#include "policy/bundle.h"

struct ag_bundle;

struct ag_bundle_opt {
	const char *product;
	const char *file;
	const char *state_dir;
	struct or_opt_list keys; /* PEM files */
	uint64_t min_revision;
	/* After each attempt, the first one inside ag_bundle_new: result->code is OR_OK where
	 * another bundle came into force. in_force (borrowed) is the one that now is, NULL where
	 * none is. */
	void (*on_change)(void *arg, struct pol_bundle *in_force, const struct or_err *result);
	void *arg;
};

/* Reads the keys and takes the first bundle; that none is valid is no error here (ag_bundle_get is
 * then NULL). OR_ABSENT, OR_PARSE, OR_INVAL: a key. OR_IO: the state directory. */
OR_NODISCARD enum or_code ag_bundle_new(struct ag_bundle **out, struct or_loop *loop,
    const struct ag_bundle_opt *opt, struct or_err *err);
void ag_bundle_free(struct ag_bundle *b);

/* Reads the file again. */
void ag_bundle_reload(struct ag_bundle *b);

/* The one in force, NULL where there is none or its time is over. */
struct pol_bundle *ag_bundle_get(const struct ag_bundle *b);

/* Why the last attempt was refused; code OR_OK where it was not. */
const struct or_err *ag_bundle_error(const struct ag_bundle *b);

#endif
