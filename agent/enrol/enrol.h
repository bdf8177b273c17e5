/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who this agent is: its id, its key, and the certificate that lets it speak for its product.
 *
 *   <state>/agent_id    a UUID, made once       <state>/agent.pem   Ed25519, 0600, made once
 *   <state>/agent.cert  what the collector's enrolment key certified
 *
 * Without a certificate the agent enrols with its join token, and renews when a third of the
 * certificate's life is left, each time with proof that it holds the key (proto/enrol.h). An
 * unreachable collector is asked again with back-off; until then records wait in the spool.
 *
 * Thread: the loop's. Owns: the key and the certificate; both are borrowed out.
 */
#ifndef AGENT_ENROL_ENROL_H
#define AGENT_ENROL_ENROL_H

#include "base/crypto.h"
#include "base/http_client.h"
#include "base/loop.h"

#define AG_ENROL_ID_LEN 16

struct ag_enrol;

struct ag_enrol_opt {
	const char *state_dir;
	const char *product;
	const char *origin;          /* the collector's address; NULL: nowhere to enrol */
	const char *join_token_file; /* may be NULL */
	struct or_http_client *client;
	/* A certificate has come, or another one. */
	void (*on_cert)(void *arg);
	void *arg;
};

/* Reads or makes id and key; enrolment goes on by itself. OR_CORRUPT, OR_PARSE: a damaged file,
 * named; OR_IO. */
OR_NODISCARD enum or_code ag_enrol_new(struct ag_enrol **out, struct or_loop *loop,
    const struct ag_enrol_opt *opt, struct or_err *err);
void ag_enrol_free(struct ag_enrol *e);

const uint8_t *ag_enrol_id(const struct ag_enrol *e); /* AG_ENROL_ID_LEN bytes */
const char *ag_enrol_id_text(const struct ag_enrol *e);
const struct or_crypto_key *ag_enrol_key(const struct ag_enrol *e);
/* Encoded (proto/cert.h); empty where there is none that is valid now. */
struct or_slice ag_enrol_cert(const struct ag_enrol *e);

/* Why there is no certificate, or why the last renewal failed; OR_OK where all is well. */
const struct or_err *ag_enrol_error(const struct ag_enrol *e);

#endif
