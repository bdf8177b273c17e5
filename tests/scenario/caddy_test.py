# SPDX-License-Identifier: Apache-2.0
"""A real Caddy with forward_auth in front of the product: it asks the agent and does what it says. Caddy is
built from its Go module, once, by ./dev peers; where that has not been done, or without Go, the test is skipped."""
import http.client
import os
import socket
import subprocess

import gopeer
from ports import free_port
from world import Answer, World, check, main, wait_for

CONF = """
{{
    admin off
    persist_config off
    auto_https off
}}
http://127.0.0.1:{port} {{
    forward_auth {decide} {{
        uri /auth/forward
        copy_headers X-Outrider-Principal>X-Who
    }}
    reverse_proxy 127.0.0.1:{app}
}}
"""


class Caddy:
    def __init__(self, w, program):
        self.port = free_port()
        conf = w.path("Caddyfile")
        with open(conf, "w") as f:
            f.write(CONF.format(port=self.port, app=w.workload_port, decide=w.endpoint("agents/orders")["decide"]))
        env = dict(os.environ, HOME=w.dir, XDG_CONFIG_HOME=w.dir, XDG_DATA_HOME=w.dir)
        self.process = subprocess.Popen([program, "run", "--config", conf, "--adapter", "caddyfile"], env=env,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("Caddy", self.listens)

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            check(self.process.poll() is None, "Caddy ended")
            return False

    def ask(self, path, token=None, method="GET", headers=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            fields = dict(headers or {})
            if token:
                fields["Authorization"] = "Bearer " + token
            c.request(method, path, headers=fields)
            r = c.getresponse()
            return Answer(r.status, dict(r.getheaders()), r.read().decode())
        finally:
            c.close()

    def close(self):
        self.process.terminate()
        self.process.wait(60)


def caddy_asks_for_every_request():
    program, why = gopeer.built("caddy", gopeer.LARGE["caddy"], seconds=0)
    if not program:
        print(f"skipped: no Caddy here: {why}")
        return
    with World() as w:
        w.up()
        w.run_orders()
        front = Caddy(w, program)
        try:
            alice, bob = w.token("alice", clearance=2), w.token("bob", clearance=1)
            check(front.ask("/orders?limit=1", alice).status == 200, "alice may read")
            check(front.ask("/totals", bob).status == 200, "bob may read totals")
            denied = front.ask("/orders?limit=1", bob)
            check(denied.status == 403, denied)
            unknown = front.ask("/orders")
            check(unknown.status == 401, unknown)
            check(unknown.headers.get("Www-Authenticate") == "Bearer", unknown)
            # What a client says of the original request is not believed.
            forged = front.ask("/totals", bob, "DELETE", {"X-Forwarded-Method": "GET"})
            check(forged.status == 403, forged)
            forged = front.ask("/orders", bob, headers={"X-Forwarded-Uri": "/totals"})
            check(forged.status == 403, forged)
            for path in ("/totals/../orders", "/totals/%2e%2e/orders", "//orders", "/totals/..%2forders"):
                check(front.ask(path, bob).status == 403, f"{path} passed")
        finally:
            front.close()
        w.shipped()
        rows = [r["record"] for r in w.audit("front=forward_auth since=1h")]
        allowed = [r for r in rows if r["decision"] == "allow"]
        check(sorted(r["request.path"] for r in allowed) == ["/orders", "/totals"], rows)
        check(all(r["request.duration_ns"] > 0 for r in rows if r.get("principal.id")), rows)


main(caddy_asks_for_every_request)
