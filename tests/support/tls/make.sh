#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes the certificates that unit tests of TLS use, good for a hundred years; run it in this folder.
# ca.pem certifies server.pem (localhost, *.example.test, 127.0.0.1) and client.pem (a SPIFFE id);
# other.pem certifies nobody.
set -euo pipefail
cd "$(dirname "$0")"
new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }
root() { # NAME
    new_key "$1.key"
    openssl req -x509 -new -key "$1.key" -subj "/CN=$1 of tests" -days 36500 -out "$1.pem" \
        -addext "keyUsage=critical,keyCertSign,cRLSign"
}
leaf() { # NAME SAN USAGE
    new_key "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -days 36500 -out "$1.pem" -CAcreateserial \
        -extfile <(printf 'basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\n'
            printf 'extendedKeyUsage=%s\nsubjectAltName=%s\n' "$3" "$2") 2>/dev/null
    rm "$1.csr"
}
root ca
root other
leaf server DNS:localhost,DNS:*.example.test,IP:127.0.0.1 serverAuth
leaf client URI:spiffe://example.test/client clientAuth
rm -f ca.srl other.key
