# SPDX-License-Identifier: Apache-2.0
"""A real HAProxy in front of the product: examples/haproxy/outrider.lua asks the agent for each request."""
import http.client
import os
import socket
import subprocess

from debian import program
from ports import free_port
from world import ROOT, Answer, World, check, main, wait_for

CONF = """
global
    nbthread 1
    lua-load-per-thread {lua}
defaults
    mode http
    timeout connect 20s
    timeout client 60s
    timeout server 60s
frontend in
    bind 127.0.0.1:{port}
    http-request lua.outrider
    http-request return status 401 hdr www-authenticate Bearer if {{ var(txn.outrider_status) -m int 401 }}
    http-request deny deny_status 503 if {{ var(txn.outrider_status) -m int 503 }}
    http-request deny deny_status 403 unless {{ var(txn.outrider_status) -m int 200 }}
    http-request set-header X-Who %[var(txn.outrider_principal)]
    default_backend app
backend app
    server app 127.0.0.1:{app}
"""


def ask(port, path, token=None, method="GET", headers=None):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        c.request(method, path, headers={**({"Authorization": "Bearer " + token} if token else {}),
                                         **(headers or {})})
        r = c.getresponse()
        return Answer(r.status, dict(r.getheaders()), r.read().decode())
    finally:
        c.close()


def haproxy_asks_for_every_request():
    binary = program("haproxy", "haproxy")
    if binary and not os.path.exists(binary):
        binary = binary.replace("/usr/bin/", "/usr/sbin/")
    if not binary or not os.path.exists(binary) or \
            subprocess.run([binary, "-v"], capture_output=True, check=False).returncode:
        print("skipped: no HAProxy here, and none to be had from the distribution")
        return
    with World() as w:
        w.up()
        w.run_orders()
        port = free_port()
        path = w.path("haproxy.cfg")
        with open(path, "w") as f:
            f.write(CONF.format(lua=os.path.join(ROOT, "examples/haproxy/outrider.lua"), port=port,
                                app=w.workload_port))
        env = dict(os.environ, OUTRIDER_DECIDE=w.endpoint("agents/orders")["decide"])
        haproxy = subprocess.Popen([binary, "-db", "-f", path], env=env, stdin=subprocess.DEVNULL)

        def listens():
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                check(haproxy.poll() is None, "HAProxy ended")
                return False
        try:
            wait_for("HAProxy", listens)
            alice, bob = w.token("alice", clearance=2), w.token("bob", clearance=1)
            allowed = ask(port, "/orders?limit=1", alice)
            check(allowed.status == 200 and "order_id" in allowed.body, allowed)
            # what the client says of itself is replaced before it is asked about
            spoofed = ask(port, "/orders?limit=1", bob, headers={
                "X-Forwarded-Uri": "/totals", "X-Forwarded-Method": "GET"})
            check(spoofed.status == 403, spoofed)
            unknown = ask(port, "/totals")
            check(unknown.status == 401, unknown)
            check(unknown.headers.get("www-authenticate") == "Bearer", unknown)
            check(ask(port, "/totals", bob, "DELETE").status == 403, "bob deleted totals")
            check(ask(port, "/totals/%2e%2e/orders", bob).status == 403, "a dotted path passed")
        finally:
            haproxy.terminate()
            haproxy.wait(60)
        w.shipped()
        rows = [r["record"] for r in w.audit("front=forward_auth decision=allow since=1h")]
        check(len(rows) == 1 and rows[0]["request.path"] == "/orders", rows)
        check(rows[0]["principal.id"].endswith("#alice"), rows)


main(haproxy_asks_for_every_request)
