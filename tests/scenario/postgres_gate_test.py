# SPDX-License-Identifier: Apache-2.0
"""The gate in front of a real PostgreSQL: psql, psycopg, pg_receivewal. Who may connect is decided by policy,
bytes pass both ways in the clear and over TLS, cancelling works, statements are in the audit trail."""
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys

import lone_agent
import pypeer
from postgres import PASSWORD, TLS, Postgres, programs
from world import World, check, check_has, main, wait_for

POLICY = """
@id("readers-connect")
permit (principal, action == Action::"connect", resource)
when { ["reader", "loader"].contains(context.user) && context.application_name != "forbidden" };
@id("etl-is-a-pipeline")
permit (principal in Group::"https://issuer.example#pipelines", action == Action::"connect", resource);
@id("replicas")
permit (principal == User::"postgres#replica", action == Action::"subscribe", resource);
"""
CONNECT = """
action connect appliesTo {
  principal: [User, Workload],
  resource: [Port],
  context: {
    method: String, path: String, query: Set<String>, client: ipaddr,
    user: String, database: String, application_name: String, transport: String,
  },
};
"""
ROLES = {"reader": "", "loader": "SUPERUSER", "etl": "", "stranger": "", "replica": "REPLICATION"}
USERS = {"etl": {"claims": {"iss": "https://issuer.example", "sub": "etl", "groups": ["pipelines"]}}}


def product(w):
    """The example with these policies, and a schema that knows of connections."""
    descriptor = lone_agent.product(w, POLICY)
    path = w.path("product/policy/schema.cedarschema")
    with open(path, "a") as f:
        f.write(CONNECT)
    return descriptor


class Gate:
    """outrider run with a gate for PostgreSQL; settings as the agent's configuration has them."""

    def __init__(self, w, pg, **settings):
        self.w = w
        users = w.path("users.yaml")
        with open(users, "w") as f:
            json.dump(USERS, f)
        settings = dict({"listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{pg.port}", "users": users}, **settings)
        env = {f"OUTRIDER_POSTGRES_{name.upper()}": value for name, value in settings.items()}
        w.env.update(env)
        descriptor = product(w)
        w.bundle(1, product=descriptor)
        w.run_orders(product=descriptor)
        self.port = int(w.endpoint("agents/orders")["postgres"].rsplit(":", 1)[1])
        self.bin = pg.bin

    def url(self, user="reader", database="totals", **params):
        params = "&".join(f"{k}={v}" for k, v in dict({"connect_timeout": 60}, **params).items())
        return f"postgresql://{user}:{PASSWORD}@localhost:{self.port}/{database}?hostaddr=127.0.0.1&{params}"

    def psql(self, sql, *args, **params):
        return subprocess.run([f"{self.bin}/psql", "-XqAtv", "ON_ERROR_STOP=1", *args, self.url(**params), "-c", sql],
                              check=False, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120)

    def says(self, want, sql, **params):
        done = self.psql(sql, **params)
        check(done.returncode == 0 and done.stdout.strip() == want, f"{sql}: {done}")


def rows(w):
    return [r["record"] for r in w.audit("front=postgres since=1h")]


def ended(w):
    """All records, once each allowed session has its outcome."""
    def complete():
        w.shipped()
        seen = rows(w)
        phases = [r["phase"] for r in seen]
        return seen if phases.count("decision") == phases.count("outcome") else None
    return wait_for("the outcome of every session", complete)


def policy_decides_who_connects():
    with World() as w:
        pg = PLAIN
        w.up()
        gate = Gate(w, pg)
        for mode in ("disable", "prefer"):
            gate.says("reader", "SELECT current_user", sslmode=mode)
        check(gate.psql("SELECT 1", sslmode="require").returncode != 0, "TLS without a certificate")
        gate.says("orders", "SELECT current_database()", database="orders")
        gate.says("1", "SELECT 1", user="etl")
        for denied in ({"user": "stranger"}, {"application_name": "forbidden"}, {"user": "postgres"},
                       {"database": "postgres"}):
            done = gate.psql("SELECT 1", **denied)
            check(done.returncode == 2, f"{denied}: {done}")
            check_has(done.stderr, "denied by policy (decision ")
        # The server's own refusals come through, and are told in the outcome.
        wrong = subprocess.run([f"{gate.bin}/psql", gate.url().replace(PASSWORD, "wrong"), "-c", "SELECT 1"],
                               check=False, text=True, stderr=subprocess.PIPE, timeout=120)
        check_has(wrong.stderr, "password authentication failed")
        # Replication is another action, whatever the user may do else.
        for user, works in (("replica", True), ("loader", False)):
            done = gate.psql("IDENTIFY_SYSTEM", user=user, replication="true")
            check((done.returncode == 0) == works, f"{user}: {done}")
        check(gate.psql("SELECT 1", user="replica").returncode == 2, "a replica reads")
        seen = ended(w)
        said = [(r["request.method"], r["decision"], r.get("principal.id"), r["reason"]) for r in seen
                if r["phase"] == "decision" or r["decision"] == "deny"]
        for want in (("CONNECT", "allow", "postgres#reader", "policy_permit"),
                     ("CONNECT", "allow", "https://issuer.example#etl", "policy_permit"),
                     ("CONNECT", "deny", "postgres#stranger", "no_permit"),
                     ("REPLICATE", "allow", "postgres#replica", "policy_permit"),
                     ("REPLICATE", "deny", "postgres#loader", "no_permit"),
                     ("CONNECT", "deny", "postgres#reader", "port_unknown")):
            check(want in said, f"{want} is not among {said}")
        outcomes = [r for r in seen if r["phase"] == "outcome"]
        check(any(r["reason"] == "not_authenticated" for r in outcomes), outcomes)
        check(all(r["request.duration_ns"] > 0 for r in outcomes), outcomes)


def direct_tls(gate, ca):
    """As PostgreSQL 17's clients do it: TLS at once, named by ALPN; nobody else gets in so."""
    body = b"\0\3\0\0user\0stranger\0database\0totals\0\0"
    for alpn, code in ((["postgresql"], b"C28000\0"), (None, b"C08P01\0")):
        context = ssl.create_default_context(cafile=ca)
        if alpn:
            context.set_alpn_protocols(alpn)
        with socket.create_connection(("127.0.0.1", gate.port), 60) as plain, \
                context.wrap_socket(plain, server_hostname="localhost") as s:
            s.sendall(struct.pack(">I", len(body) + 4) + body)
            answer = b""
            while piece := s.recv(4096):
                answer += piece
        check(answer[:1] == b"E" and code in answer, f"{alpn}: {answer}")


def tls_holds_on_both_sides():
    cert, key, ca = (os.path.join(TLS, n) for n in ("server.pem", "server.key", "ca.pem"))
    with Postgres(["orders", "totals"], ROLES, tls=True) as pg:
        with World() as w:
            w.up()
            gate = Gate(w, pg, cert_file=cert, key_file=key, upstream_host="localhost", upstream_ca_file=ca)
            # SCRAM binds to the server's certificate, which is the gate's too here.
            gate.says("t", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", sslmode="verify-full",
                      sslrootcert=ca)
            for mode in ("disable", "require"):
                gate.says("1", "SELECT 1", sslmode=mode)
            refused = gate.psql("SELECT 1", sslmode="verify-full", sslrootcert=os.path.join(TLS, "other.pem"))
            check_has(refused.stderr, "certificate verify failed")
            # What is sent behind a request for encryption is refused, not read as if it came over TLS.
            with socket.create_connection(("127.0.0.1", gate.port), 60) as s:
                s.sendall(struct.pack(">II", 8, 80877103) + b"stuffed")
                check(s.recv(64)[:1] in (b"E", b""), "stuffed bytes were taken")
            with socket.create_connection(("127.0.0.1", gate.port), 60) as s:
                s.sendall(struct.pack(">II", 8, 80877104))
                check(s.recv(1) == b"N", "GSS is not offered")
                s.sendall(struct.pack(">II", 8, 80877103))
                check(s.recv(1) == b"S", "TLS is")
            direct_tls(gate, ca)
        with World() as w:
            w.up()
            # The server cannot prove that name: nobody gets through, and no password goes there.
            gate = Gate(w, pg, upstream_host="elsewhere.test", upstream_ca_file=ca)
            done = gate.psql("SELECT 1")
            check(done.returncode == 2 and "cannot be reached" in done.stderr, done)
            reasons = [r["reason"] for r in ended(w)]
            check("upstream_certificate" in reasons, reasons)


def statements_are_recorded_and_cancelled():
    python = pypeer.python_with("psycopg[binary]==3.2.10")
    with World() as w:
        pg = PLAIN
        w.up()
        gate = Gate(w, pg)
        secret = "hunter2-hunter2"
        check(gate.psql(f"ALTER ROLE reader PASSWORD '{PASSWORD}'; COMMENT ON ROLE reader IS 'mail ada@shop.example'",
                        user="loader").returncode == 0, "alter")
        check(gate.psql(f"CREATE ROLE another PASSWORD '{secret}'", user="loader").returncode == 0, "create")
        gate.says("5", "SELECT count(*) FROM generate_series(1, 5)")
        # Cancelled by the client, over the gate: it would sleep for ten minutes.
        client = subprocess.Popen([f"{gate.bin}/psql", gate.url(), "-c", "SELECT pg_sleep(600)"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        wait_for("the query", lambda: pg.sql("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND "
                                             "state = 'active'"))
        client.send_signal(signal.SIGINT)
        check_has(client.communicate(timeout=60)[1], "canceling statement due to user request")
        # A key that is nobody's does nothing.
        with socket.create_connection(("127.0.0.1", gate.port), 60) as s:
            s.sendall(struct.pack(">IIII", 16, 80877102, 1, 1))
            check(s.recv(16) == b"", "an answer to a cancel request")
        if python:
            subprocess.run([python, "-c", PSYCOPG, gate.url()], check=True, timeout=120)
        else:
            print("skipped: psycopg cannot be installed here")
        everything = ended(w)
        seen = [r for r in everything if r["reason"] == "statement"]
        text = json.dumps(seen)
        check(secret not in text and PASSWORD not in text and "ada@shop.example" not in text, "a secret was recorded")
        for want in ("CREATE ROLE another [redacted:password]", "[redacted:mail]", "generate_series(1, 5)",
                     "SELECT pg_sleep(600)"):
            check_has(text, want)
        methods = [r["request.method"] for r in seen]
        check(methods.count("CANCEL") == 1, methods)
        if python:
            check_has(text, "SELECT $1::int + 1")
            check("PARSE" in methods and "BIND" in methods, methods)
        decisions = {r["trace_id"]: r for r in everything if r["phase"] == "decision"}
        check(all(r["trace_id"] in decisions for r in seen), "a statement without its decision")


PSYCOPG = """
import sys, psycopg
with psycopg.connect(sys.argv[1], prepare_threshold=0) as c:
    for i in range(5):
        assert c.execute("SELECT %s::int + 1", (i,)).fetchone() == (i + 1,)
"""


def data_passes_under_pressure():
    """COPY both ways, far more than any buffer holds, through a reader that stops; then the backend is killed."""
    # Two sockets of the kernel's take some ten MiB before anybody is held back.
    n, width = 40000, 1000
    with World() as w:
        pg = PLAIN
        w.up()
        gate = Gate(w, pg)
        pg.sql("CREATE TABLE t (id int, v text)", database="totals")
        make = subprocess.Popen([sys.executable, "-c", f"for i in range({n}): print(i, 'x' * {width}, sep='\\t')"],
                                stdout=subprocess.PIPE)
        subprocess.run([f"{gate.bin}/psql", "-Xq", gate.url(user="loader"), "-c", "\\copy t from stdin"],
                       stdin=make.stdout, check=True, timeout=200)
        check(make.wait(60) == 0, "the rows")
        total = pg.sql("SELECT count(*), sum(id), sum(length(v)) FROM t", database="totals")
        check(total == f"{n}|{n * (n - 1) // 2}|{n * width}", total)
        out = subprocess.Popen([f"{gate.bin}/psql", "-Xq", gate.url(user="loader"), "-c", "\\copy t to stdout"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        # Nobody reads: the server is held back.
        wait_for("back-pressure", lambda: pg.sql("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'COPY%' AND "
                                                 "wait_event = 'ClientWrite'"))
        lines = sum(1 for _ in out.stdout)
        check(out.wait(60) == 0 and lines == n, f"{lines} lines")
        client = subprocess.Popen([f"{gate.bin}/psql", gate.url(), "-c", "SELECT pg_sleep(600)"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        backend = wait_for("the query", lambda: pg.sql("SELECT pid FROM pg_stat_activity WHERE query LIKE "
                                                       "'SELECT pg_sleep%' AND state = 'active'"))
        os.kill(int(backend), signal.SIGKILL)
        check_has(client.communicate(timeout=60)[1], "server closed the connection unexpectedly")
        wait_for("PostgreSQL's recovery", lambda: gate.psql("SELECT 1").returncode == 0)
        reasons = [r["reason"] for r in ended(w)]
        check("upstream_closed" in reasons, reasons)


if programs():
    with Postgres(["orders", "totals"], ROLES) as PLAIN:
        main(policy_decides_who_connects, tls_holds_on_both_sides, statements_are_recorded_and_cancelled,
             data_passes_under_pressure)
else:
    print("skipped: no PostgreSQL here (package postgresql)")
