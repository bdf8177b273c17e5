# SPDX-License-Identifier: Apache-2.0
"""Who asks, by certificate: X.509-SVIDs of two trust domains, roots that change while the gate serves, and
tokens that are bound to a certificate (RFC 8705)."""
import base64
import hashlib
import http.client
import os
import shutil
import ssl
import subprocess

import lone_agent
from world import ISSUER, World, check, main, wait_for

POLICY = """
@id("the-reporting-workload-reads")
permit (principal == Workload::"spiffe://one.test/reporting", action, resource);
@id("alice-reads")
permit (principal == User::"https://issuer.example#alice", action, resource);
"""
USAGE = "keyUsage=critical,digitalSignature\n"
NO_CA = "basicConstraints=critical,CA:false\n"
# name: (trust domain that signs, extensions, status)
LEAVES = {
    "good": ("one", NO_CA + USAGE + "subjectAltName=URI:spiffe://one.test/reporting\n", 200),
    "denied": ("one", NO_CA + USAGE + "subjectAltName=URI:spiffe://one.test/other\n", 403),
    "with-dns": ("one", NO_CA + USAGE + "subjectAltName=URI:spiffe://one.test/reporting,DNS:reporting\n", 200),
    "other-domain": ("two", NO_CA + USAGE + "subjectAltName=URI:spiffe://two.test/reporting\n", 403),
    "forged": ("two", NO_CA + USAGE + "subjectAltName=URI:spiffe://one.test/reporting\n", 401),
    "unknown-domain": ("one", NO_CA + USAGE + "subjectAltName=URI:spiffe://three.test/reporting\n", 401),
    "two-uris": ("one", NO_CA + USAGE + "subjectAltName=URI:spiffe://one.test/reporting,URI:spiffe://one.test/x\n", 401),
    "no-uri": ("one", NO_CA + USAGE + "subjectAltName=DNS:reporting\n", 401),
    "no-names": ("one", NO_CA + USAGE, 401),
    "no-path": ("one", NO_CA + USAGE + "subjectAltName=URI:spiffe://one.test\n", 401),
    "malformed-id": ("one", NO_CA + USAGE + "subjectAltName=URI:spiffe://one.test/a//b\n", 401),
    "https": ("one", NO_CA + USAGE + "subjectAltName=URI:https://one.test/reporting\n", 401),
    "a-ca": ("one", "basicConstraints=critical,CA:true\n" + USAGE + "subjectAltName=URI:spiffe://one.test/reporting\n", 401),
    "no-usage": ("one", NO_CA + "subjectAltName=URI:spiffe://one.test/reporting\n", 401),
    "usage-not-critical": ("one", NO_CA + "keyUsage=digitalSignature\nsubjectAltName=URI:spiffe://one.test/reporting\n", 401),
    "no-signing": ("one", NO_CA + "keyUsage=critical,keyAgreement\nsubjectAltName=URI:spiffe://one.test/reporting\n", 401),
    "certifies": ("one", NO_CA + "keyUsage=critical,digitalSignature,keyCertSign\n"
                  "subjectAltName=URI:spiffe://one.test/reporting\n", 401),
}


def openssl(w, *args):
    subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=w.dir)


def new_key(w, name):
    openssl(w, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}.key")


def root(w, name):
    new_key(w, name)
    openssl(w, "req", "-x509", "-new", "-key", f"{name}.key", "-subj", f"/CN={name}", "-days", "2", "-out", f"{name}.pem",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")


def leaf(w, name, ca, extensions):
    new_key(w, name)
    openssl(w, "req", "-new", "-key", f"{name}.key", "-subj", f"/CN={name}", "-out", f"{name}.csr")
    with open(w.path(f"{name}.ext"), "w") as f:
        f.write(extensions)
    openssl(w, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-days", "1", "-CAcreateserial",
            "-out", f"{name}.pem", "-extfile", f"{name}.ext")


def ask(w, name=None, token=None):
    context = ssl.create_default_context(cafile=w.path("one.pem"))
    if name:
        context.load_cert_chain(w.path(f"{name}.pem"), w.path(f"{name}.key"))
    host, port = w.gate.rsplit(":", 1)
    c = http.client.HTTPSConnection(host, int(port), timeout=20, context=context)
    try:
        c.request("GET", "/totals?limit=1", headers={"Authorization": f"Bearer {token}"} if token else {})
        return c.getresponse().status
    finally:
        c.close()


def thumbprint(w, name):
    with open(w.path(f"{name}.pem")) as f:
        der = ssl.PEM_cert_to_DER_cert(f.read())
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()


def svids(w):
    for name, (_, _, status) in LEAVES.items():
        got = ask(w, name)
        check(got == status, f"{name}: expected {status}, got {got}")
    check(ask(w) == 401, "without certificate and token")


def bound_tokens(w):
    bound = w.token("alice", "--claim", 'cnf={"x5t#S256":"%s"}' % thumbprint(w, "denied"))
    plain = w.token("alice")
    check(ask(w, "denied", bound) == 200, "a token over the certificate that it is bound to")
    check(ask(w, "good", bound) == 401, "over another certificate")
    check(ask(w, None, bound) == 401, "without one")
    check(ask(w, None, plain) == 200, "a token that is not bound")
    check(ask(w, "denied", plain) == 200, "the token says who asks, where there is one")
    check(ask(w, "good", "rubbish") == 401, "a certificate does not make up for a bad token")


def roots_change(w):
    """The roots of domain one become those of two, by a rename as spiffe-helper does it, and back."""
    for roots, status, forged in (("two", 401, 200), ("one", 200, 401)):
        shutil.copy(w.path(f"{roots}.pem"), w.path("new.pem"))
        os.rename(w.path("new.pem"), w.path("roots-one.pem"))
        wait_for(f"the roots of {roots}", lambda: ask(w, "good") == status)
        check(ask(w, "forged") == forged, f"with the roots of {roots}")
    with open(w.path("broken.pem"), "w") as f:
        f.write("no certificate")
    os.rename(w.path("broken.pem"), w.path("roots-one.pem"))

    def is_refused():
        with open(w.path("run.log")) as f:
            return "svid.roots_refused" in f.read()

    wait_for("the broken file", is_refused)
    check(ask(w, "good") == 200, "roots that cannot be read leave those before")


def certificates_say_who_asks():
    with World() as w:
        root(w, "one")
        root(w, "two")
        leaf(w, "gate", "one", NO_CA + USAGE + "subjectAltName=IP:127.0.0.1\n")
        for name, (domain, extensions, _) in LEAVES.items():
            leaf(w, name, domain, extensions)
        shutil.copy(w.path("one.pem"), w.path("roots-one.pem"))
        w.issuer()
        lone_agent.start(
            w, POLICY, [{"issuer": ISSUER, "jwks": w.path("issuer", "jwks.json")}],
            **{"cert-file": w.path("gate.pem"), "key-file": w.path("gate.key"), "trust-domains": [
                {"trust_domain": "one.test", "roots": w.path("roots-one.pem")},
                {"trust_domain": "two.test", "roots": w.path("two.pem")}]})
        svids(w)
        bound_tokens(w)
        roots_change(w)


if __name__ == "__main__":
    main(certificates_say_who_asks)
