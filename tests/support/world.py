# SPDX-License-Identifier: Apache-2.0
"""A world for scenario tests: one state directory, the real programs, and nothing left behind.

    with World() as w:
        w.up()
        w.run_orders()
        answer = w.get("/orders", token=w.token("ana", clearance=2))
        rows = w.audit("decision=deny")

Every wait is for a condition with a deadline; no test sleeps for a while and hopes.
"""
import http.client
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from ports import free_port

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("OUTRIDER_BIN", os.path.join(ROOT, "build/dev/bin"))
ORDERS = os.path.join(ROOT, "examples/orders")
ISSUER = "https://issuer.example"
DEADLINE = 60.0


class Failed(Exception):
    pass


def wait_for(what, condition, deadline=DEADLINE):
    """Polls until condition() gives something true, and returns it."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"waited {deadline:.0f} s for {what}")
        select.select([], [], [], 0.02)


def check(condition, message):
    if not condition:
        raise Failed(message)


def check_has(text, needle):
    check(needle in text, f"expected {needle!r} in:\n{text}")


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit {self.code}\nstdout:\n{self.out}\nstderr:\n{self.err}"


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:300]!r}"


TELEMETRY = ("otlp_logs", "otlp_metrics", "otlp_spans", "openlineage")


class Kafka:
    """A real Kafka of one node (tools/kafka.sh), with the topics of audit records and telemetry."""

    def __init__(self, directory, partitions=1):
        self.dir = directory
        self.partitions = partitions
        self.start()
        if partitions:
            self.topics(partitions, "outrider.audit")
            self.topics(1, *TELEMETRY)

    def script(self, verb, *args):
        subprocess.run([os.path.join(ROOT, "tools/kafka.sh"), verb, self.dir, *args], check=True,
                       stdin=subprocess.DEVNULL, timeout=300)

    def start(self):
        self.script("start")

    def stop(self):
        self.script("stop")

    def kill(self):
        pid = int(self.read("pid"))
        os.kill(pid, signal.SIGKILL)
        wait_for("Kafka's end", lambda: not alive(pid))

    def path(self, name):
        return os.path.join(self.dir, name)

    def read(self, name):
        with open(os.path.join(self.dir, name)) as f:
            return f.read().strip()

    def topics(self, partitions, *names):
        subprocess.run([os.path.join(BIN, "kafka-topic-tool"), self.read("brokers"),
                        str(partitions), *names], check=True, timeout=120)

    def allow(self, user, *topics):
        """Lets that user write there."""
        self.script("allow", user, "Write", *topics)

    def ends(self, *places):
        """The offset that the next message of each (topic, partition) gets."""
        asked = [arg for topic, partition in places for arg in ("-t", f"{topic}:{partition}:-1")]
        p = subprocess.run(["kcat", "-b", self.read("brokers"), "-Q", *asked], check=True,
                           stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, timeout=60)
        found = {}
        for line in p.stdout.splitlines():  # "topic [0] offset 7"
            topic, partition, _, offset = line.split()
            found[topic, int(partition.strip("[]"))] = int(offset)
        return [found[place] for place in places]

    def end(self, topic, partition):
        return self.ends((topic, partition))[0]

    def environment(self, user=None, password=None):
        """What agents and collectors need to know; with a user over SASL_SSL."""
        if not user:
            return {"OUTRIDER_KAFKA_BROKERS": self.read("brokers")}
        return {"OUTRIDER_KAFKA_BROKERS": self.read("brokers.sasl"),
                "OUTRIDER_KAFKA_SECURITY": "sasl_ssl", "OUTRIDER_KAFKA_USERNAME": user,
                "OUTRIDER_KAFKA_PASSWORD_FILE": password or os.path.join(self.dir,
                                                                         user + ".password"),
                "OUTRIDER_KAFKA_CA_FILE": os.path.join(self.dir, "ca.pem")}


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().split(")")[1].split()[0] != "Z"
    except OSError:
        return False


class World:
    """With kafka (partitions of its topic) agents and collector meet there, else over HTTP."""

    def __init__(self, kafka=None):
        self.dir = tempfile.mkdtemp(prefix="outrider-world-")
        self.state = os.path.join(self.dir, "state")
        self.keep = False
        self.runs = []
        self.gate = None
        self.env = {}
        self.kafka = None
        if kafka is not None:
            try:
                self.kafka = Kafka(self.path("kafka"), kafka)
            except Exception:
                self.remove()
                raise
            self.env = self.kafka.environment()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            self.show_logs()
        for run in self.runs:
            if run.poll() is None:
                run.terminate()
        for run in self.runs:
            try:
                run.wait(40)
            except subprocess.TimeoutExpired:
                run.kill()
                run.wait()
        self.cli("down", check_code=None)
        self.remove()

    def remove(self):
        if os.path.exists(self.path("kafka", "pid")):
            subprocess.run([os.path.join(ROOT, "tools/kafka.sh"), "stop", self.path("kafka")])
        shutil.rmtree(self.dir, ignore_errors=True)

    def show_logs(self):
        for path in ("collector/collector.log", "agents/orders/agent.log", "../run.log"):
            full = os.path.join(self.state, path)
            if os.path.exists(full):
                with open(full, errors="replace") as f:
                    print(f"--- {path}\n" + "".join(f.readlines()[-25:]), file=sys.stderr)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    # ---- the command line

    def cli(self, *args, check_code=0, env=None, stdin=None, timeout=120):
        """Runs `outrider ARGS`; check_code None takes any exit code."""
        full = {**os.environ, "OUTRIDER_HOME": self.state, **self.env, **(env or {})}
        p = subprocess.run([os.path.join(BIN, "outrider"), *args], env=full, cwd=ROOT, text=True,
                           stdin=subprocess.DEVNULL if stdin is None else stdin,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
        result = Result(p.returncode, p.stdout, p.stderr)
        if check_code is not None:
            check(p.returncode == check_code,
                  f"outrider {' '.join(args)}: expected exit {check_code}, got {result}")
        return result

    def up(self, *args):
        listen = getattr(self, "collector_listen", None) or f"127.0.0.1:{free_port()}"
        self.cli("up", "--listen", listen, *args)
        endpoint = self.endpoint("collector")
        self.collector_listen = endpoint["url"].split("//")[1]
        return endpoint

    def endpoint(self, relative):
        with open(os.path.join(self.state, relative, "endpoint")) as f:
            return json.load(f)

    # ---- identities and policy

    def issuer(self, name="issuer", alg="EdDSA", url=ISSUER):
        directory = self.path(name)
        if not os.path.isdir(directory):
            self.cli("token", "issuer", "new", "--dir", directory, "--issuer", url, "--alg", alg)
        return directory

    def token(self, sub, *extra, groups="analysts", issuer="issuer", aud="orders", **claims):
        args = ["token", "mint", "--dir", self.path(issuer), "--sub", sub, "--aud", aud]
        if groups:
            args += ["--groups", groups]
        for name, value in claims.items():
            args += ["--claim", f"{name}={value}"]
        return self.cli(*args, *extra).out.strip()

    def bundle(self, revision, name="orders.bundle", key="bundle.key", product=None):
        if not os.path.exists(self.path(key)):
            self.cli("key", "new", "--out", self.path(key))
        path = self.path(name)
        self.cli("policy", "build", "--product", product or f"{ORDERS}/dataproduct.yaml", "--key",
                 self.path(key), "--revision", str(revision), "--out", path)
        return path

    # ---- agent and workload

    def run_orders(self, *args, product=None, command=None, wait=True, own_group=False):
        self.issuer()
        if not os.path.exists(self.path("orders.bundle")):
            self.bundle(1)
        log = open(self.path("run.log"), "a+", errors="replace")
        start = log.seek(0, os.SEEK_END)  # behind what an earlier life said
        argv = [os.path.join(BIN, "outrider"), "run", "--product",
                product or f"{ORDERS}/dataproduct.yaml", "--bundle", self.path("orders.bundle"),
                "--trust", self.path("bundle.key.pub"), "--issuer",
                f"{ISSUER}={self.path('issuer', 'jwks.json')}", "--listen", "127.0.0.1:0", *args,
                "--", *(command or [sys.executable, f"{ORDERS}/serve.py"])]
        env = dict(os.environ, OUTRIDER_HOME=self.state, **self.env)
        run = subprocess.Popen(argv, env=env, cwd=ROOT,
                               stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                               start_new_session=own_group)
        self.runs.append(run)
        if not wait:
            return run

        def guarded():
            log.seek(start)
            found = re.search(r"is guarded at http://(\S+) \(workload pid (\d+) on port (\d+)",
                              log.read())
            check(found or run.poll() is None, f"outrider run ended: see {log.name}")
            return found

        found = wait_for("outrider run", guarded)
        self.gate = found.group(1)
        self.workload_pid = int(found.group(2))
        self.workload_port = int(found.group(3))
        wait_for("the workload", lambda: self.port_answers(int(found.group(3))))
        return run

    def port_answers(self, port):
        try:
            c = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            c.request("GET", "/health")
            return c.getresponse().status == 200
        except OSError:
            return False

    def get(self, path, token=None, method="GET", headers=None, timeout=20, body=None):
        host, port = self.gate.rsplit(":", 1)
        c = http.client.HTTPConnection(host, int(port), timeout=timeout)
        try:
            all_headers = dict(headers or {})
            if token:
                all_headers["Authorization"] = "Bearer " + token
            c.request(method, path, headers=all_headers, body=body)
            r = c.getresponse()
            return Answer(r.status, dict(r.getheaders()), r.read().decode())
        finally:
            c.close()

    def agent_admin(self, path):
        admin = self.endpoint("agents/orders")["admin"]
        host, port = admin.replace("http://", "").rsplit(":", 1)
        c = http.client.HTTPConnection(host, int(port), timeout=10)
        try:
            c.request("GET", path)
            r = c.getresponse()
            return Answer(r.status, dict(r.getheaders()), r.read().decode())
        finally:
            c.close()

    def shipped(self):
        """Waits until the collector has everything that the agent holds."""
        def empty():
            try:
                return self.agent_admin("/v1/status").json()["spool"]["pending"] == 0
            except (OSError, ValueError, KeyError):
                return False
        wait_for("the spool to be shipped", empty)
        if self.kafka:
            wait_for("the collector to read what is in Kafka", self.is_read)

    def is_read(self):
        """True where the collector is done with all audit records that Kafka holds now."""
        said = self.collector_kafka().get("next", [])
        places = [("outrider.audit", i) for i in range(self.kafka.partitions)]
        return len(said) >= len(places) and \
            all(n >= end for n, end in zip(said, self.kafka.ends(*places)))

    def is_telemetry_read(self):
        """The same for telemetry."""
        said = self.collector_kafka().get("telemetry", [])
        places = [(r["topic"], i) for r in said for i in range(len(r["next"]))]
        return len(said) == len(TELEMETRY) and all(r["state"] == "up" for r in said) and \
            all(n >= end for n, end in zip([n for r in said for n in r["next"]],
                                           self.kafka.ends(*places)))

    def collector_kafka(self):
        """What the collector says of Kafka on /readyz."""
        host, port = self.collector_listen.rsplit(":", 1)
        c = http.client.HTTPConnection(host, int(port), timeout=10)
        try:
            c.request("GET", "/readyz")
            return json.loads(c.getresponse().read()).get("kafka", {})
        except (OSError, ValueError):
            return {}
        finally:
            c.close()

    # ---- the audit trail

    def audit(self, query, check_code=None):
        """The rows that `outrider audit` gives as JSON, without the summary."""
        result = self.cli("audit", "--json", query, check_code=None)
        check(result.code in (0, 1), f"audit {query}: {result}")
        rows = [json.loads(line) for line in result.out.splitlines()]
        check(rows and "summary" in rows[-1], f"audit {query}: no summary in {result}")
        if check_code is not None:
            check(result.code == check_code, f"audit {query}: {result}")
        return rows[:-1]

    def kill(self, pid):
        os.kill(pid, signal.SIGKILL)


def main(*tests):
    """Runs each test function; the last line counts them."""
    failed = 0
    for test in tests:
        start = time.monotonic()
        try:
            test()
            print(f"ok   {test.__name__} ({time.monotonic() - start:.1f} s)", flush=True)
        except Exception as e:
            failed += 1
            print(f"FAIL {test.__name__}: {type(e).__name__}: {e}", flush=True)
            if not isinstance(e, Failed):
                import traceback
                traceback.print_exc()
    print(f"{len(tests) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
