# SPDX-License-Identifier: Apache-2.0
"""What a workload reads and writes on real systems becomes lineage, exactly: PostgreSQL (psql, pgbench's
prepared statements), Kafka (librdkafka), objects over S3's HTTP. Then what nobody declared is found.

Needs a kernel that permits the probes, root, and each system's programs; what is not there is skipped,
with the reason.
"""
import glob
import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading
import urllib.request

from observed import edges, expect, graph, run
from ports import free_port
from telemetry import clients_python
from world import World, check, check_has, main, wait_for


class Postgres:
    """Debian's, in a folder of its own; outside of the workload's cgroup."""

    def __init__(self):
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="outrider-pg-")
        shutil.chown(self.dir, "postgres")
        os.chmod(self.dir, 0o755)
        self.port = free_port()
        data = os.path.join(self.dir, "data")
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        subprocess.run([*user, f"{self.bin}/initdb", "-D", data, "-A", "trust", "--no-sync"],
                       stdout=subprocess.DEVNULL, check=True)
        self.server = subprocess.Popen(
            [*user, f"{self.bin}/postgres", "-D", data, "-p", str(self.port), "-k", self.dir, "-F",
             "-c", "listen_addresses=127.0.0.1"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("PostgreSQL", lambda: subprocess.run(
            [f"{self.bin}/pg_isready", "-qh", "127.0.0.1", "-p", str(self.port)],
            check=False).returncode == 0)
        return self

    def url(self):
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres?sslmode=disable"

    def sql(self, text):
        subprocess.run([f"{self.bin}/psql", "-qv", "ON_ERROR_STOP=1", self.url(), "-c", text], check=True)

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait(30)
        shutil.rmtree(self.dir)


def postgres_is_seen_exactly():
    if os.geteuid() != 0 or not glob.glob("/usr/lib/postgresql/*/bin/postgres"):
        print("skip: no PostgreSQL is installed, or this is not root")
        return
    with World() as w, Postgres() as pg:
        pg.sql("CREATE SCHEMA mart; CREATE TABLE customers (id int, name text); CREATE TABLE mart.daily "
               "(id int, n int); CREATE TABLE lines (id int); CREATE TABLE events (id int); "
               "CREATE TABLE unread (id int)")
        w.up()
        with open(w.path("script.sql"), "w") as f:
            f.write("INSERT INTO events SELECT id FROM lines WHERE id > 0;\n")
        if not run(w, f"""
import subprocess
psql = [{pg.bin!r} + "/psql", "-q", {pg.url()!r}]
subprocess.run(psql + ["-c", "WITH c AS (SELECT * FROM customers) INSERT INTO mart.daily "
                             "SELECT id, count(*) FROM c GROUP BY id"], check=True)
subprocess.run(psql + ["-c", "SELECT * FROM unread JOIN absent USING (id)"], stderr=subprocess.DEVNULL)
subprocess.run([{pg.bin!r} + "/pgbench", "-n", "-M", "prepared", "-t", "3", "-f", {w.path("script.sql")!r},
                "-h", "127.0.0.1", "-p", {str(pg.port)!r}, "-U", "postgres", "postgres"],
               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
subprocess.run(psql + ["-c", "\\\\copy customers to /dev/null"], check=True)
"""):
            return
        # Somebody else's statements are none of the workload's.
        pg.sql("SELECT * FROM unread")
        name = f"postgres://127.0.0.1:{pg.port}:postgres."
        want = {("read", name + "public.customers"), ("write", name + "mart.daily"),
                ("read", name + "public.lines"), ("write", name + "public.events")}
        expect(w, want)
        # Nobody declared any of it: four findings, until a job says so.
        check(len(graph(w)["findings"]) == 4, graph(w)["findings"])
        declare(w, [n for d, n in want if d == "read"], [n for d, n in want if d == "write"][:1])
        wait_for("one finding", lambda: len(graph(w)["findings"]) == 1)
        check_has(w.cli("lineage", "orders").out, "undeclared output: dataset:postgres://")


def declare(w, inputs, outputs):
    """An OpenLineage event of the workload's own, through the agent's intake."""
    url = w.agent_admin("/v1/status").json()["telemetry"]["intake"]

    def sets(names):
        return [dict(zip(("namespace", "name"), n.rsplit(":", 1))) for n in names]
    event = {"eventType": "COMPLETE", "eventTime": "2026-11-24T12:00:00Z", "producer": "https://me",
             "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
             "run": {"runId": "0191f6a4-6a00-7000-8000-000000000001"},
             "job": {"namespace": "orders", "name": "daily"}, "inputs": sets(inputs),
             "outputs": sets(outputs)}
    urllib.request.urlopen(urllib.request.Request(
        url + "/api/v1/lineage", json.dumps(event).encode(), {"Content-Type": "application/json"}))


PSYCOPG = '''
import sys
import psycopg
with psycopg.connect(sys.argv[1], prepare_threshold=0, autocommit=True) as c:
    for i in range(3):
        c.execute("SELECT name FROM customers WHERE id = %s", (i,)).fetchall()
    with c.cursor().copy("COPY landing FROM STDIN") as copy:
        for i in range(1000):
            copy.write_row((i,))
    with c.pipeline():
        c.execute("INSERT INTO mart.daily SELECT id, %s FROM lines", (1,))
        c.execute("UPDATE events SET id = 2 WHERE id = %s", (1,))
    try:
        c.execute("SELECT * FROM unread JOIN absent USING (id)")
    except psycopg.errors.UndefinedTable:
        pass
    try:
        with c.transaction():
            c.execute("SET LOCAL search_path TO mart")
            c.execute("SELECT * FROM weekly")
            raise KeyError
    except KeyError:
        pass
'''


def psycopg_is_seen_exactly():
    """The extended protocol: statements prepared by the server, a pipeline, COPY, a transaction rolled back."""
    python = clients_python("psycopg[binary]")
    if os.geteuid() != 0 or not python or not glob.glob("/usr/lib/postgresql/*/bin/postgres"):
        print("skip: no PostgreSQL or psycopg is to be had, or this is not root")
        return
    with World() as w, Postgres() as pg:
        pg.sql("CREATE SCHEMA mart; CREATE TABLE customers (id int, name text); CREATE TABLE mart.daily "
               "(id int, n int); CREATE TABLE lines (id int); CREATE TABLE events (id int); "
               "CREATE TABLE landing (id int); CREATE TABLE unread (id int); CREATE TABLE mart.weekly (id int)")
        w.up()
        if not run(w, f"""
import subprocess
subprocess.run([{python!r}, "-c", {PSYCOPG!r}, {pg.url()!r}], check=True)
"""):
            return
        name = f"postgres://127.0.0.1:{pg.port}:postgres."
        expect(w, {("read", name + "public.customers"), ("write", name + "public.landing"),
                   ("read", name + "public.lines"), ("write", name + "mart.daily"),
                   ("write", name + "public.events"), ("read", name + "mart.weekly")})


def kafka_is_seen_exactly():
    """librdkafka with its own mock of a cluster: real requests on real sockets."""
    if not shutil.which("kcat"):
        print("skip: no kcat is installed")
        return
    with World() as w:
        w.up()
        if not run(w, """
import subprocess
subprocess.run(["kcat", "-X", "test.mock.num.brokers=1", "-b", "mock", "-t", "orders.v1", "-P", "-q"],
               input=b"one\\ntwo\\n", check=True, timeout=60)
"""):
            return
        found = wait_for("an edge", lambda: edges(w))
        check(len(found) == 1, found)
        (direction, name), = found
        check(direction == "write" and name.startswith("kafka://127.0.0.1:"), found)
        check(name.endswith(":orders.v1"), found)


class Store(http.server.BaseHTTPRequestHandler):
    """As much of S3 as a client of it sees."""
    protocol_version = "HTTP/1.1"
    objects = {}

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        self.objects[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200)

    def do_GET(self):
        body = self.objects.get(self.path)
        self.answer(200 if body is not None else 404, body or b"")

    def log_message(self, *_):
        pass


def objects_are_seen_exactly():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with World() as w:
        w.up()
        if not run(w, f"""
import http.client
c = http.client.HTTPConnection("127.0.0.1", {server.server_port})
signed = {{"Authorization": "AWS4-HMAC-SHA256 Credential=x", "x-amz-date": "20261124T000000Z"}}
for method, path, body in (("PUT", "/lake/out/part-0.parquet", b"x" * 300000), ("GET", "/lake/absent", None),
                           ("GET", "/lake/out/part-0.parquet", None)):
    c.request(method, path, body, signed)
    c.getresponse().read()
c.request("GET", "/lake/out/part-0.parquet?unsigned=1")
c.getresponse().read()
"""):
            return
        expect(w, {("write", "s3://lake:out/part-0.parquet"), ("read", "s3://lake:out/part-0.parquet")})
    server.shutdown()


main(postgres_is_seen_exactly, psycopg_is_seen_exactly, kafka_is_seen_exactly, objects_are_seen_exactly)
