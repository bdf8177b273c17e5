# SPDX-License-Identifier: Apache-2.0
"""Every decision is in the trail, with how long it took, whatever happens at whichever step of a
request: the client hangs up, or the agent is killed (SIGKILL). /totals is recorded asynchronously,
/orders strictly. The app says at which step a request is: it has it, has sent a part of the answer,
or the client has all of it."""
import http.client
import json
import os
import socket
import textwrap

from world import World, alive, check, check_has, main, wait_for

APP = '''
import os, select
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOME = os.path.dirname(os.path.abspath(__file__))

def path(name):
    return os.path.join(HOME, name)

class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def held(self, name, step):
        """Tells the test where the request is, and goes on when it says so."""
        open(path(f"{step}.{name}"), "w").close()
        while not os.path.exists(path(f"go.{name}")):
            select.select([], [], [], 0.01)

    def answer(self, step, name):
        if step in ("asked", "upload"):
            self.held(name, step)
        self.send_response(200)
        self.send_header("Content-Length", "2000")
        self.end_headers()
        self.wfile.write(b"x" * 1000)
        self.wfile.flush()
        if step == "part":
            self.held(name, step)
        self.wfile.write(b"y" * 1000)

    def do_GET(self):
        if self.path == "/health":
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        step, name = self.path.split("/")[2:4]
        try:
            self.answer(step, name)
        except OSError:
            pass

    do_POST = do_GET

    def log_message(self, *args):
        pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), App).serve_forever()
'''

PORTS = ("totals", "orders")


class Gate:
    """A world with that app; requests have names, by which their records are found."""

    def __init__(self, w):
        self.w = w
        with open(w.path("app.py"), "w") as f:
            f.write(textwrap.dedent(APP))
        w.up()
        w.run_orders(command=["python3", w.path("app.py")])
        self.token = w.token("alice", clearance=2, domain="sales")

    def send(self, port, step, name, method="GET", token=None, content=b"", length=None):
        host, number = self.w.gate.rsplit(":", 1)
        s = socket.create_connection((host, int(number)), timeout=60)
        s.sendall((f"{method} /{port}/{step}/{name} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                   f"{token or self.token}\r\n" + (f"Content-Length: {length}\r\n" if length else "")
                   + "\r\n").encode() + content)
        return s

    def await_step(self, step, name):
        wait_for(f"{name} at {step}", lambda: os.path.exists(self.w.path(f"{step}.{name}")))

    def go(self, name):
        open(self.w.path("go." + name), "w").close()

    def records(self):
        """By the request's name, in order."""
        found = {}
        for row in self.w.audit("kind=access front=proxy since=1h"):
            r = row["record"]
            found.setdefault(r["request.path"].split("/")[-1], []).append(r)
        return {name: sorted(rows, key=lambda r: r["seq"]) for name, rows in found.items()}

    def settled(self, name, port):
        """The request's records, once the last of them is there."""
        last = "outcome" if port == "orders" else "complete"
        return wait_for(f"{name}'s last record", lambda: [
            rows for rows in [self.records().get(name, [])] if rows and rows[-1]["phase"] in (last, "complete")])[0]


def read(s, n):
    got = b""
    while len(got) < n:
        piece = s.recv(n - len(got))
        if not piece:
            return got
        got += piece
    return got


def check_rows(rows, port, decision, reasons, name):
    phases = [r["phase"] for r in rows]
    check(phases == (["decision", "outcome"] if port == "orders" and decision == "allow" else ["complete"]),
          f"{name}: {phases}")
    check(all(r["decision"] == decision for r in rows), f"{name}: {rows}")
    check(rows[-1]["reason"] in reasons, f"{name}: {rows[-1]['reason']}")
    check(all(r["request.duration_ns"] > 0 for r in rows), f"{name} without latency: {rows}")


def clients_hang_up_at_each_step():
    with World() as w:
        g = Gate(w)
        bob = w.token("bob", clearance=0)
        for port in PORTS:
            for step in ("asked", "part", "upload"):
                name = f"{step}-{port}"
                upload = {"method": "POST", "content": b"u" * 500, "length": 1000} if step == "upload" else {}
                s = g.send(port, step, name, **upload)
                g.await_step(step, name)
                if step == "part":
                    check_has(read(s, 700).decode("latin-1"), "200 OK")
                s.close()
                if step == "asked":  # who has asked in full may only have ended its side: it is answered
                    g.go(name)
                rows = g.settled(name, port)
                g.go(name)
                check_rows(rows, port, "allow", ("client_gone", "policy_permit") if step == "asked"
                           else ("client_gone",), name)
            # Denied, and gone before the answer.
            name = "denied-" + port
            g.send(port, "none", name, token=bob).close()
            rows = g.settled(name, port)
            check(rows[0]["decision"] == "deny" and rows[0]["request.duration_ns"] > 0, rows)
        check_has(w.cli("verify").out, "complete and unchanged")


def another_agent(w, pid):
    def is_there():
        try:
            now = w.endpoint("agents/orders")["pid"]
            return now != pid and alive(now) and w.agent_admin("/readyz").status == 200
        except (OSError, ValueError, http.client.HTTPException):
            return False
    wait_for("another agent", is_there)


def the_agent_is_killed_at_each_step():
    with World() as w:
        g = Gate(w)
        must = {}
        for port in PORTS:
            for step in ("asked", "part", "done"):
                name = f"killed-{step}-{port}"
                s = g.send(port, step, name)
                if step == "done":
                    read_head(s)
                    check(read(s, 2000).endswith(b"y" * 1000), "the whole answer")
                else:
                    g.await_step(step, name)
                pid = w.endpoint("agents/orders")["pid"]
                w.kill(pid)
                wait_for("its end", lambda: not alive(pid))
                s.close()
                g.go(name)
                another_agent(w, pid)
                # strict: before the app had it; async: before the client had its last byte.
                must[name] = ["decision"] if port == "orders" else ["complete"] if step == "done" else []
                if port == "orders" and step == "done":
                    must[name] = ["decision", "outcome"]
        # And one that nothing happens to, behind them all.
        s = g.send("totals", "done", "last")
        read_head(s)
        check(len(read(s, 2000)) == 2000, "the gate goes on")
        s.close()
        g.settled("last", "totals")
        w.shipped()
        rows = g.records()
        for name, phases in must.items():
            seen = [r["phase"] for r in rows.get(name, [])]
            check(seen[:len(phases)] == phases, f"{name}: {seen}, at least {phases}")
            check(len(seen) <= 2 and len(set(seen)) == len(seen), f"{name} twice: {seen}")
        check(not [r for r in w.audit("kind=gap since=1h")], "numbers are missing")
        check_has(w.cli("verify").out, "complete and unchanged")
        print(json.dumps({name: [r["phase"] for r in rows.get(name, [])] for name in must}))


def read_head(s):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = s.recv(1)
        check(byte, f"the head ends early: {head}")
        head += byte
    return head


main(clients_hang_up_at_each_step, the_agent_is_killed_at_each_step)
