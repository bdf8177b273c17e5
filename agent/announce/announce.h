/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells the collector what this agent guards: descriptor, contracts and the running version's
 * commit, as one document (product/document.h).
 *
 *   files ─▶ document ─▶ frame over its hash, signed with the agent's key ─▶ POST /v1/products
 *
 * At the start it also puts a record (kind pipeline, action "start", reason "version_started") with
 * version, commit and the document's hash: what runs since when, in the audit trail itself.
 * The document is sent at the start, when a file of the folder changes, and every
 * AG_ANNOUNCE_AGAIN_NS, so that a collector that lost its catalogue has it back. Files that are
 * wrong are said in the log; the last good document stays. The gate goes on with what it loaded.
 *
 * Thread: the loop's; files are small and read on it. Owns: a watch of the folder.
 */
#ifndef AGENT_ANNOUNCE_ANNOUNCE_H
#define AGENT_ANNOUNCE_ANNOUNCE_H

#include "agent/gate/record.h"
#include "base/crypto.h"
#include "base/http_client.h"
#include "product/document.h"

#define AG_ANNOUNCE_AGAIN_NS (10 * 60 * OR_NS_PER_S)

/* The frame's stream is "outrider.product/<product>". */
#define AG_ANNOUNCE_TOPIC "outrider.product"

struct ag_announce;

/* Everything is borrowed and outlives it. */
struct ag_announce_opt {
	const char *descriptor; /* its path */
	const char *product;
	struct dp_source source;
	const char *origin; /* the collector's address; NULL: nowhere to send to */
	struct or_http_client *client;
	struct ag_record *record;
	const struct or_crypto_key *key;
	struct or_slice (*cert)(void *arg); /* empty: none now */
	void *arg;
};

/* OR_INVAL, OR_PARSE, OR_ABSENT: the files; OR_FULL: they are too large; OR_IO: no watch. */
OR_NODISCARD enum or_code ag_announce_new(struct ag_announce **out, struct or_loop *loop,
    const struct ag_announce_opt *opt, struct or_err *err);
void ag_announce_free(struct ag_announce *a);

/* A certificate has come. */
void ag_announce_wake(struct ag_announce *a);

enum ag_announce_state {
	AG_ANNOUNCE_WAITING, /* for a certificate, or for the next try: see error */
	AG_ANNOUNCE_TAKEN,   /* the collector has this document */
	AG_ANNOUNCE_REFUSED, /* it does not want it: see error */
	AG_ANNOUNCE_NOWHERE, /* no collector is configured */
};
const char *ag_announce_state_name(enum ag_announce_state state);

struct ag_announce_info {
	enum ag_announce_state state;
	struct or_slice sha256;     /* of the document */
	const struct or_err *error; /* of the last try; OR_OK: none */
};
void ag_announce_get_info(struct ag_announce_info *out, const struct ag_announce *a);

#endif
