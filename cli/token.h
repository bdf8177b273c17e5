/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `outrider token`: an issuer of signed tokens for development and tests. Not an identity provider:
 * whoever can read its directory can be anyone.
 *
 *   DIR/issuer.json   {"issuer": URL, "kid": the key that signs}
 *   DIR/<kid>.pem     private keys, mode 0600
 *   DIR/jwks.json     the public halves (RFC 7517), which the agent reads
 */
#ifndef CLI_TOKEN_H
#define CLI_TOKEN_H

#include "base/err.h"

/* argv[0] is "token": issuer new, issuer rotate, mint. Returns the exit code. */
int ctl_token_main(int argc, char **argv);

#endif
