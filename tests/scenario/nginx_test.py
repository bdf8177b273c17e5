# SPDX-License-Identifier: Apache-2.0
"""A real nginx with auth_request in front of the product: it asks the agent and does what it says."""
import http.client
import os
import shutil
import socket
import subprocess

from ports import free_port
from world import Answer, World, check, main, wait_for

CONF = """
daemon off; worker_processes 1; pid {dir}/pid; error_log {dir}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
    uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
    server {{
        listen 127.0.0.1:{port};
        merge_slashes off;
        location / {{
            auth_request /outrider;
            auth_request_set $who $upstream_http_x_outrider_principal;
            proxy_set_header X-Who $who;
            proxy_pass http://127.0.0.1:{app};
        }}
        location = /outrider {{
            internal;
            proxy_pass http://{decide}/auth/nginx;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header X-Original-Method $request_method;
            proxy_set_header X-Original-URI $request_uri;
            proxy_set_header X-Forwarded-Host $host;
            proxy_set_header X-Forwarded-For $remote_addr;
        }}
    }}
}}
"""


def nginx():
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


class Nginx:
    def __init__(self, w):
        folder = w.path("nginx")
        os.makedirs(folder)
        self.port = free_port()
        agent = w.endpoint("agents/orders")
        conf = w.path("nginx.conf")
        with open(conf, "w") as f:
            f.write(CONF.format(dir=folder, port=self.port, app=w.workload_port,
                                decide=agent["decide"]))
        self.process = subprocess.Popen([nginx(), "-p", folder, "-c", conf],
                                        stdin=subprocess.DEVNULL)
        wait_for("nginx", self.listens)

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            check(self.process.poll() is None, "nginx ended")
            return False

    def ask(self, path, token=None, method="GET", headers=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
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
        self.process.wait(20)


def nginx_asks_for_every_request():
    if not nginx():
        print("skipped: no nginx here (package nginx-light)")
        return
    with World() as w:
        w.up()
        w.run_orders()
        front = Nginx(w)
        try:
            alice, bob = w.token("alice", clearance=2), w.token("bob", clearance=1)
            check(front.ask("/orders?limit=1", alice).status == 200, "alice may read")
            check(front.ask("/totals", bob).status == 200, "bob may read totals")
            denied = front.ask("/orders?limit=1", bob)
            check(denied.status == 403, denied)
            unknown = front.ask("/orders")
            check(unknown.status == 401, unknown)
            check(unknown.headers.get("WWW-Authenticate") == "Bearer", unknown)
            # The original method decides, whatever the subrequest's own or a client's header is.
            forged = front.ask("/totals", bob, "DELETE", {"X-Original-Method": "GET"})
            check(forged.status == 403, forged)
            for path in ("/totals/../orders", "/totals/%2e%2e/orders", "//orders",
                         "/totals/..%2forders"):
                check(front.ask(path, bob).status == 403, f"{path} passed")
        finally:
            front.close()
        w.shipped()
        rows = [r["record"] for r in w.audit("front=ext_authz since=1h")]
        allowed = [r for r in rows if r["decision"] == "allow"]
        check(sorted(r["request.path"] for r in allowed) == ["/orders", "/totals"], rows)
        decided = [r for r in rows if r.get("principal.id")]
        check(len(decided) == 4 and all(r["request.duration_ns"] > 0 for r in decided), rows)


main(nginx_asks_for_every_request)
