/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agent as a collector sees it: a key, a certificate, and batches of records in signed frames.
 * What a test wants wrong, it says in struct support_shipment. Failing is a failed test.
 */
#ifndef TESTS_SUPPORT_AGENT_H
#define TESTS_SUPPORT_AGENT_H

#include "base/crypto.h"
#include "base/rng.h"

#define SUPPORT_AGENT_RECORDS_MAX 256

struct support_agent {
	char id[OR_RNG_UUID_LEN + 1];
	struct or_crypto_key *key;
	struct or_buf cert;
	uint64_t epoch;
	uint64_t seq; /* of the next record */
};

void support_agent_init(struct support_agent *a);
void support_agent_done(struct support_agent *a);

/* Puts the body of POST /v1/enrol, with a join token, or (NULL) the certificate it has. */
void support_agent_enrol(
    struct or_buf *out, struct support_agent *a, const char *token, const char *product);

/* Takes the certificate out of the answer. */
void support_agent_take(struct support_agent *a, struct or_slice answer);

struct support_shipment {
	const char *stream; /* "outrider.audit/orders" */
	const char *product;
	struct or_slice inputs; /* that every record names; empty: none */
	bool flip;              /* a bit of the frame */
	bool again;             /* numbers that were shipped before */
	int64_t now_ns;
};

/* Puts the batch of n records, and the frame in base64. Record seq: principal User::"alice", action
 * read, allow where seq is odd, else deny; trace id 0xab, zeros, seq / 2; time now_ns + seq. */
void support_agent_ship(struct or_buf *batch, struct or_buf *frame, struct support_agent *a,
    size_t n, const struct support_shipment *s);

#endif
