/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SPIFFE IDs (SPIFFE-ID §2): spiffe://trust-domain/path. Pure; any thread.
 */
#ifndef AGENT_GATE_IDENTITY_SPIFFE_H
#define AGENT_GATE_IDENTITY_SPIFFE_H

#include "base/def.h"

#define AG_IDENTITY_SPIFFE_MAX        2048 /* §2.3 */
#define AG_IDENTITY_SPIFFE_DOMAIN_MAX 255  /* §2.1 */

/* Borrows from the text. */
struct ag_identity_spiffe {
	struct or_slice trust_domain;
	struct or_slice path; /* with its slash; empty: the ID is the trust domain's own */
};

enum ag_identity_spiffe_fault {
	AG_IDENTITY_SPIFFE_OK = 0,
	AG_IDENTITY_SPIFFE_LONG,
	AG_IDENTITY_SPIFFE_SCHEME,      /* not spiffe:// */
	AG_IDENTITY_SPIFFE_NO_DOMAIN,   /* empty */
	AG_IDENTITY_SPIFFE_DOMAIN_LONG, /* §2.1 */
	AG_IDENTITY_SPIFFE_DOMAIN_BYTE, /* not a-z 0-9 . - _ : so no port, user or capital */
	AG_IDENTITY_SPIFFE_SEGMENT,     /* §2.2: an empty one, or a slash at the end */
	AG_IDENTITY_SPIFFE_DOTS,        /* §2.2: "." or ".." */
	AG_IDENTITY_SPIFFE_PATH_BYTE,   /* not a-z A-Z 0-9 . - _ : so no %, query or fragment */
};

/* "ok", "too_long", "scheme", "no_trust_domain"… */
const char *ag_identity_spiffe_fault_name(enum ag_identity_spiffe_fault fault);

OR_NODISCARD enum ag_identity_spiffe_fault ag_identity_spiffe_parse(
    struct ag_identity_spiffe *out, struct or_slice text);

/* A trust domain alone, as configurations name it. */
OR_NODISCARD enum ag_identity_spiffe_fault ag_identity_spiffe_domain(struct or_slice name);

#endif
