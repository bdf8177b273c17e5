/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every front of the gate stands on, for tests: a loop, one issuer, the signed bundle of the
 * example product, the decision core, and a spool on disk from which records are read back. Failing
 * is a failed test. Thread: the test's.
 */
#ifndef TESTS_SUPPORT_GATE_H
#define TESTS_SUPPORT_GATE_H

#include "agent/gate/decide.h"
#include "agent/gate/record.h"
#include "base/slow.h"

#define SUPPORT_GATE_ISSUER "https://issuer.example"

struct support_gate {
	char *dir;
	struct or_arena *lasting;
	struct or_loop *loop;
	struct or_slow *slow;
	struct or_crypto_key *key, *signer; /* of the issuer, of the bundle */
	struct dp_folder folder;
	struct ag_bundle *bundle;
	struct ag_identity *identity;
	struct ag_decide *decide;
	struct ag_spool *spool;
	struct ag_record *record;
	char file[512], public_key[512], spool_dir[512];
	const char *keys[1];
};

struct support_gate_opt {
	bool no_bundle; /* none is in force */
	uint64_t quota; /* the spool's; 0: as it is by default */
	const char
	    *policy; /* instead of the example's, and without a schema; NULL: the example's */
	ag_decide_oblige_fn *oblige;
	void *oblige_arg;
};

/* opt may be NULL. */
void support_gate_open(struct support_gate *g, const struct support_gate_opt *opt);
void support_gate_close(struct support_gate *g);

/* "Bearer <token>" of an analyst with that clearance; exp_in in seconds from now. */
struct or_slice support_gate_bearer(
    struct support_gate *g, const char *sub, int clearance, int exp_in);

/* Everything recorded so far, decoded; the number of records is asserted. */
const struct wire_audit *support_gate_records(struct support_gate *g, size_t want);

#endif
