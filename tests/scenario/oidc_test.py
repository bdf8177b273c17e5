# SPDX-License-Identifier: Apache-2.0
"""A real OpenID Connect provider whose keys rotate under load: no valid token is refused, and a
thousand made-up key ids cause one fetch. Skipped with a message where npm has no oidc-provider."""
import base64
import http.client
import json
import os
import re
import shutil
import subprocess
import threading
import urllib.parse
import urllib.request

import lone_agent
from world import ROOT, World, check, main, wait_for

PACKAGE = "oidc-provider@9.13.3"
POLICY = """
@id("reporting-reads")
permit (principal, action, resource)
when { principal in Group::"ISSUER#analysts" && principal has clearance && principal.clearance >= 2 };
"""

def modules():
    """The folder that holds node_modules with the provider; None: it is not to be had."""
    if not shutil.which("npm") or not shutil.which("node"):
        return None
    folder = os.path.join(ROOT, "build", "npm-oidc-provider")
    if os.path.isdir(os.path.join(folder, "node_modules", "oidc-provider")):
        return folder
    os.makedirs(folder, exist_ok=True)
    try:
        result = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", folder, PACKAGE],
                                timeout=120, capture_output=True)
    except subprocess.TimeoutExpired:
        return None
    return folder if result.returncode == 0 else None


class Provider:
    def __init__(self, w, folder):
        self.log = open(w.path("provider.log"), "w+")
        self.run = subprocess.Popen(["node", "tests/support/oidc_provider.mjs", folder], cwd=ROOT, stdout=self.log,
                                    stderr=subprocess.STDOUT)
        w.runs.append(self.run)
        self.issuer = wait_for("the provider", self.started)

    def started(self):
        with open(self.log.name) as f:
            found = re.search(r"ISSUER (\S+)", f.read())
        check(found or self.run.poll() is None, f"the provider ended: see {self.log.name}")
        return found and found.group(1)

    def ask(self, path, data=None, **headers):
        request = urllib.request.Request(self.issuer + path, data, headers)
        with urllib.request.urlopen(request, timeout=20) as r:
            return r.read()

    def token(self):
        basic = base64.b64encode(b"reporting:of-this-test").decode()
        body = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": "read"}).encode()
        return json.loads(self.ask("/token", body, Authorization=f"Basic {basic}"))["access_token"]

    def counts(self):
        return json.loads(self.ask("/test/counts"))


class Client(threading.Thread):
    """Asks on one connection, with a token that was just issued, until it is told to stop."""

    def __init__(self, w, provider):
        super().__init__()
        self.provider, self.gate = provider, w.gate
        self.statuses = {}
        self.stop = False

    def run(self):
        host, port = self.gate.rsplit(":", 1)
        c = http.client.HTTPConnection(host, int(port), timeout=30)
        while not self.stop:
            token = self.provider.token()
            for _ in range(5):
                c.request("GET", "/totals?limit=1", headers={"Authorization": f"Bearer {token}"})
                r = c.getresponse()
                r.read()
                self.statuses[r.status] = self.statuses.get(r.status, 0) + 1
        c.close()


def rotation(w, provider):
    clients = [Client(w, provider) for _ in range(4)]
    for c in clients:
        c.start()
    try:
        for turn in range(5):
            before = [c.statuses.get(200, 0) for c in clients]
            provider.ask("/test/rotate", b"")
            wait_for(f"answers after rotation {turn}",
                     lambda: all(c.statuses.get(200, 0) > b + 20 or c.statuses.keys() - {200}
                                 for c, b in zip(clients, before)))
    finally:
        for c in clients:
            c.stop = True
        for c in clients:
            c.join()
    for c in clients:
        check(c.statuses.keys() == {200}, f"answers under rotation: {c.statuses}, {provider.counts()}")


def encode(data):
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def bogus(w, provider):
    claims = provider.token().split(".")[1]
    before = provider.counts()
    host, port = w.gate.rsplit(":", 1)

    def ask(start):
        c = http.client.HTTPConnection(host, int(port), timeout=30)
        for i in range(start, 1000, 8):
            header = encode({"alg": "ES256", "typ": "at+jwt", "kid": f"made-up-{i}"})
            c.request("GET", "/totals", headers={"Authorization": f"Bearer {header}.{claims}.{'A' * 86}"})
            r = c.getresponse()
            r.read()
            statuses.append(r.status)
        c.close()

    statuses = []
    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    after = provider.counts()
    check(statuses == [401] * 1000, f"made-up keys: {set(statuses)}")
    check(after["jwks"] == before["jwks"] + 1, f"fetches for 1,000 made-up keys: {before} {after}")
    check(after["document"] == before["document"], f"documents: {before} {after}")


def keys_rotate_under_load():
    folder = modules()
    if not folder:
        print("skipped: npm or its package oidc-provider is not to be had here")
        return
    with World() as w:
        provider = Provider(w, folder)
        issuer = provider.issuer
        lone_agent.start(w, POLICY.replace("ISSUER", issuer), [
            {"issuer": issuer, "discovery": True, "algs": ["ES256"], "access_token": True}])
        check(w.get("/totals?limit=1", provider.token()).status == 200, "the first token")
        rotation(w, provider)
        bogus(w, provider)
        check(w.get("/totals?limit=1", provider.token()).status == 200, "a token afterwards")


if __name__ == "__main__":
    main(keys_rotate_under_load)
